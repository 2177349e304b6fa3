import keras
import numpy as np
import pytest
from keras import ops

from keras_babysit.initializers import lsuv
from keras_babysit.layers import ManualBatchNormalization, Maxout, MaxoutConv2D

X = np.random.default_rng(0).normal(2.0, 3.0, (64, 8, 8, 3)).astype("float32")
FLAT = X.reshape(64, -1)[:, :20]


def sequential():
    return keras.Sequential(
        [keras.Input((20,)), *[keras.layers.Dense(16, activation="relu") for _ in range(4)]]
    )


def convolutional():
    return keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Conv2D(8, 3, activation="relu", bias_initializer="ones"),
            keras.layers.SeparableConv2D(8, 3, padding="same"),
            keras.layers.BatchNormalization(),
            MaxoutConv2D(8, 3),
            ManualBatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.GlobalAveragePooling2D(),
            Maxout(4, 3),
            keras.layers.Dense(2, activation=keras.layers.LeakyReLU()),
        ]
    )


def nested_and_shared():
    shared = keras.layers.Dense(20, activation="tanh")
    inner = keras.Sequential([keras.Input((20,)), shared, keras.layers.Dense(20)])
    inputs = keras.Input((20,))
    hidden = keras.layers.Add()([inner(shared(inputs)), inputs])
    return keras.Model(inputs, keras.layers.Dense(3)(hidden))


class Projection(keras.layers.Layer):
    """A custom layer that has nothing but a kernel."""

    def build(self, input_shape):
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], 7))

    def call(self, inputs):
        return ops.matmul(inputs, self.kernel)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [keras.layers.Dense(12, activation="gelu") for _ in range(3)]
        self.projection = Projection()

    def call(self, inputs, training=False):
        for block in self.blocks:
            inputs = block(inputs)
        return self.projection(inputs)


def recurrent():
    return keras.Sequential(
        [keras.Input((4, 5)), keras.layers.LSTM(6), keras.layers.Dense(3, activation="sigmoid")]
    )


MODELS = {
    "sequential": (sequential, FLAT, 4),
    "convolutional": (convolutional, X, 5),
    "nested-and-shared": (nested_and_shared, FLAT, 3),
    "subclassed": (Subclassed, FLAT, 4),
    "recurrent": (recurrent, FLAT.reshape(64, 4, 5), 1),
}


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(1)


@pytest.mark.parametrize(("make", "x", "count"), MODELS.values(), ids=MODELS)
def test_every_kernel_gives_unit_variance(make, x, count):
    result = lsuv(make(), x, seed=0)
    assert len(result) == count
    for scale in result:
        assert scale.after == pytest.approx(1.0, abs=0.02)
    assert any(abs(scale.before - 1) > 0.1 for scale in result)


@pytest.mark.parametrize(("make", "x", "count"), MODELS.values(), ids=MODELS)
def test_only_kernels_change(make, x, count):
    model = make()
    model(x)
    before = {v.path: ops.convert_to_numpy(v).copy() for v in model.variables}
    attributes = {layer: set(vars(layer)) for layer in model._flatten_layers()}
    lsuv(model, x)
    changed = {
        v.path
        for v in model.variables
        if not np.array_equal(before[v.path], ops.convert_to_numpy(v))
    }
    assert len(changed) == count
    assert all(path.endswith("kernel") for path in changed)
    for layer, names in attributes.items():
        assert set(vars(layer)) == names, layer.name


def test_without_orthogonal_only_the_scale_changes():
    model = sequential()
    before = [w.copy() for w in model.get_weights()]
    result = lsuv(model, FLAT, orthogonal=False)
    assert all(scale.after == pytest.approx(1.0, abs=0.02) for scale in result)
    for old, new in zip(before[::2], model.get_weights()[::2], strict=True):
        ratios = new / old
        np.testing.assert_allclose(ratios, ratios.flat[0], rtol=1e-4)


def test_kernels_are_orthogonal_but_for_their_scale():
    model = sequential()
    lsuv(model, FLAT)
    kernel = model.layers[1].get_weights()[0]
    product = kernel.T @ kernel
    np.testing.assert_allclose(product, np.eye(16) * product[0, 0], atol=1e-4)


def test_the_seed_determines_the_kernels():
    kernels = []
    for seed in (0, 0, 1):
        model = sequential()
        lsuv(model, FLAT, seed=seed)
        kernels.append(model.get_weights()[0])
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def test_frozen_layers_are_left_alone():
    model = sequential()
    model.layers[1].trainable = False
    before = model.layers[1].get_weights()[0].copy()
    result = lsuv(model, FLAT)
    np.testing.assert_array_equal(model.layers[1].get_weights()[0], before)
    assert len(result) == 3


def test_a_constant_preactivation_is_left_alone():
    model = sequential()
    (scale, *_) = lsuv(model, np.zeros_like(FLAT))
    assert (scale.before, scale.after) == (0.0, 0.0)
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_a_model_without_kernels_gives_nothing():
    assert lsuv(keras.Sequential([keras.Input((3,)), keras.layers.ReLU()]), FLAT[:, :3]) == []


def test_a_failing_call_changes_nothing():
    model = sequential()
    with pytest.raises(ValueError, match=r"incompatible|expected"):
        lsuv(model, FLAT[:, :7])
    assert all("call" not in vars(layer) for layer in model.layers)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tolerance": 0.0}, "`tolerance` must be above 0"),
        ({"max_iterations": 0}, "`max_iterations` must be at least 1"),
    ],
)
def test_invalid_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        lsuv(sequential(), FLAT, **arguments)
