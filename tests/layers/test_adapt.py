"""The data that `adapt` of `ZeroCenter` and `Whitening` accepts and refuses."""

import pickle

import keras
import numpy as np
import pytest
from keras import ops

from keras_babysit.layers import Whitening, ZeroCenter

X = np.random.default_rng(0).normal(3.0, 2.0, (50, 2, 3)).astype("float32")
Y = np.zeros(50)
LAYERS = {"zero-center": lambda: ZeroCenter(axis=None), "whitening": Whitening}


class Pairs(keras.utils.PyDataset):
    def __len__(self):
        return 5

    def __getitem__(self, index):
        rows = slice(index * 10, index * 10 + 10)
        return X[rows], Y[rows]


class Endless(keras.utils.PyDataset):
    @property
    def num_batches(self):
        return None

    def __getitem__(self, index):
        return X[index * 10 :][:10], Y[:10]


def tf_dataset(*, repeat=1):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(7).repeat(repeat)


def torch_loader():
    torch = pytest.importorskip("torch")
    pairs = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    return torch.utils.data.DataLoader(pairs, batch_size=7)


SOURCES = {
    "array": lambda: X,
    "tensor": lambda: ops.convert_to_tensor(X),
    "list-of-batches": lambda: [X[:20], X[20:]],
    "generator-of-pairs": lambda: ((X[i : i + 1], Y[i]) for i in range(50)),
    "PyDataset": lambda: Pairs(),
    "tf.data": tf_dataset,
    "DataLoader": torch_loader,
}


@pytest.fixture(params=LAYERS.values(), ids=LAYERS)
def layer(request):
    return request.param()


def outputs(layer):
    return ops.convert_to_numpy(layer(X))


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_every_kind_of_data_gives_the_same(layer, source):
    data = source()
    expected = outputs(type(layer).from_config(layer.get_config()).adapt(X))
    assert layer.adapt(data) is layer
    np.testing.assert_allclose(outputs(layer), expected, rtol=1e-4, atol=1e-4)


def test_steps_end_endless_data(layer):
    layer.adapt(Endless(), steps=5)
    assert layer.statistics.count == 50


@pytest.mark.parametrize(
    "source", [Endless, lambda: tf_dataset(repeat=None)], ids=["PyDataset", "tf.data"]
)
def test_endless_data_needs_steps(layer, source):
    data = source()
    with pytest.raises(ValueError, match="`steps` must be given"):
        layer.adapt(data)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("position", [0, 49])
def test_data_must_be_finite(layer, bad, position):
    x = X.copy()
    x[position, 1, 2] = bad
    x[position - 1, 1, 2] = -bad
    with pytest.raises(ValueError, match=r"must be finite.*NaN or infinity"):
        layer.adapt(x)


@pytest.mark.parametrize("empty", [[], X[:0], [X[:0]]], ids=["no-batch", "no-row", "empty-batch"])
def test_data_must_not_be_empty(layer, empty):
    with pytest.raises(ValueError, match="at least one example"):
        layer.adapt(empty)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (3, TypeError, "an array, a dataset or an iterable"),
        (["text"], ValueError, "must hold numbers"),
        ([np.zeros(3)], ValueError, "must hold numbers"),
        ([X, X[:, :1]], ValueError, "must have the sizes"),
    ],
    ids=["number", "text", "vectors", "other-shape"],
)
def test_data_of_another_kind_is_refused(layer, data, error, message):
    with pytest.raises(error, match=message):
        layer.adapt(data)


def test_data_must_fit_the_built_layer(layer):
    layer.build((None, 2, 3))
    with pytest.raises(ValueError, match="must have the sizes"):
        layer.adapt(X[:, :, :2])


def test_a_second_adapt_replaces_the_first(layer):
    expected = outputs(type(layer).from_config(layer.get_config()).adapt(X))
    np.testing.assert_array_equal(outputs(layer.adapt(X * 5 + 1).adapt(X)), expected)


def test_statistics_of_several_parts_can_be_merged(layer):
    """Includes a part of one example, and parts that were pickled, far from the origin."""
    x = X + np.float32(1e3)
    new = type(layer).from_config
    shards = [new(layer.get_config()).adapt(x[rows]) for rows in (slice(1, 30), slice(30, 50))]
    sent = [pickle.loads(pickle.dumps(shard.statistics)) for shard in shards]
    merged = new(layer.get_config()).adapt(x[:1]).merge(*sent)
    whole = layer.adapt(x)
    assert merged.statistics.count == 50
    np.testing.assert_allclose(merged.statistics.mean, whole.statistics.mean, rtol=1e-12)
    np.testing.assert_allclose(
        ops.convert_to_numpy(merged(x)), ops.convert_to_numpy(whole(x)), atol=1e-3
    )


def test_only_an_adapted_layer_can_merge(layer):
    other = type(layer).from_config(layer.get_config()).adapt(X)
    with pytest.raises(ValueError, match="must be adapted"):
        layer.merge(other.statistics)


def test_a_layer_that_was_never_adapted_returns_nan(layer):
    assert np.isnan(outputs(layer)).all()


def test_integers_keep_their_range(layer):
    x = np.random.default_rng(0).integers(0, 256, (200, 2, 3)).astype("uint8")
    half = type(layer).from_config({**layer.get_config(), "dtype": "mixed_float16"})
    full = layer.adapt(x)
    half.adapt(x)
    np.testing.assert_allclose(
        ops.convert_to_numpy(half(x)), ops.convert_to_numpy(full(x)), rtol=2e-3, atol=2e-3
    )


def test_sizes_must_be_known(layer):
    with pytest.raises(ValueError, match="must have a known size"):
        layer.build((None, None, 3))
