import functools

import keras
import numpy as np
import pytest
from keras import ops

from keras_babysit.initializers import lsuv
from keras_babysit.initializers.lsuv import LOST_SIGNAL
from keras_babysit.layers import ManualBatchNormalization, Maxout, MaxoutConv2D
from keras_babysit.rules import _network

X = np.random.default_rng(0).normal(2.0, 3.0, (64, 8, 8, 3)).astype("float32")
scaled = functools.partial(lsuv, force=True)
"""Most of these models are healthy: only where it is forced, their layers are scaled."""

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
        [
            keras.Input((4, 5)),
            keras.layers.LSTM(6),
            keras.layers.Dense(4, activation="relu"),
            keras.layers.Dense(3, activation="sigmoid"),
        ]
    )


MODELS = {
    "sequential": (sequential, FLAT, 3),
    "convolutional": (convolutional, X, 4),
    "nested-and-shared": (nested_and_shared, FLAT, 2),
    "subclassed": (Subclassed, FLAT, 3),
    "recurrent": (recurrent, FLAT.reshape(64, 4, 5), 1),
}
"""The models with inputs, and their number of hidden layers with a kernel."""


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(1)


def weights_of(model):
    return {v.path: ops.convert_to_numpy(v).copy() for v in model.variables}


def changed(model, before):
    return {
        path for path, now in weights_of(model).items() if not np.array_equal(now, before[path])
    }


def spread(tensor):
    """The deviation over examples of each unit and position, as the paper's follow-ups take it."""
    return float(np.sqrt(ops.convert_to_numpy(tensor).astype("float64").var(axis=0).mean()))


@pytest.mark.parametrize(("make", "x", "count"), MODELS.values(), ids=MODELS)
def test_every_hidden_kernel_gives_unit_variance(make, x, count):
    result = scaled(make(), x, seed=0)
    assert len(result.layers) == count
    for scale in result.layers:
        assert scale.after == pytest.approx(1.0, abs=0.02)
        assert scale.left_alone is None
    assert any(abs(scale.before - 1) > 0.1 for scale in result.layers)


def test_the_variance_is_one_when_measured_from_outside():
    model = sequential()
    scaled(model, FLAT)
    probe = keras.Sequential([keras.Input((20,)), *[clone_linear(one) for one in model.layers[:3]]])
    for layer, original in zip(probe.layers, model.layers[:3], strict=True):
        layer.set_weights(original.get_weights())
    hidden = FLAT
    for layer in probe.layers:
        z = layer(hidden)
        assert spread(z) == pytest.approx(1.0, abs=0.02)
        np.testing.assert_allclose(ops.convert_to_numpy(z).mean(axis=0), 0, atol=1e-3)
        hidden = ops.relu(z)


def clone_linear(layer):
    return keras.layers.Dense(layer.units)


@pytest.mark.parametrize(("make", "x", "count"), MODELS.values(), ids=MODELS)
def test_only_kernels_and_biases_change(make, x, count):
    model = make()
    model(x)
    before = weights_of(model)
    attributes = {layer: set(vars(layer)) for layer in model._flatten_layers()}
    scaled(model, x)
    paths = changed(model, before)
    assert sum(path.endswith("kernel") for path in paths) == count
    assert all(path.endswith(("kernel", "bias")) for path in paths)
    for layer, names in attributes.items():
        assert set(vars(layer)) == names, layer.name


def test_without_orthogonal_only_the_scale_of_kernels_changes():
    model = sequential()
    before = [w.copy() for w in model.get_weights()]
    result = scaled(model, FLAT, orthogonal=False)
    assert all(scale.after == pytest.approx(1.0, abs=0.02) for scale in result.layers)
    for old, new in list(zip(before[::2], model.get_weights()[::2], strict=True))[:3]:
        ratios = new / old
        np.testing.assert_allclose(ratios, ratios.flat[0], rtol=1e-4)


def test_kernels_are_orthogonal_but_for_their_scale():
    model = sequential()
    scaled(model, FLAT)
    kernel = model.layers[1].get_weights()[0]
    product = kernel.T @ kernel
    np.testing.assert_allclose(product, np.eye(16) * product[0, 0], atol=1e-4)


def test_the_seed_determines_the_kernels():
    kernels = []
    for seed in (0, 0, 1):
        model = sequential()
        scaled(model, FLAT, seed=seed)
        kernels.append(model.get_weights()[0])
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


# --- healthy networks --------------------------------------------------------------------------


def deep(depth=20, stddev=None, activation="silu", width=32):
    initializer = "glorot_uniform" if stddev is None else keras.initializers.RandomNormal(0, stddev)
    hidden = [
        keras.layers.Dense(width, activation, kernel_initializer=initializer) for _ in range(depth)
    ]
    return keras.Sequential([keras.Input((20,)), *hidden, keras.layers.Dense(1)])


@pytest.mark.parametrize(("make", "x", "count"), MODELS.values(), ids=MODELS)
def test_a_healthy_network_keeps_its_weights(make, x, count):
    model = make()
    model(x)
    before = weights_of(model)
    result = lsuv(model, x)
    assert changed(model, before) == set()
    assert not result.was_needed
    assert len(result.layers) == count
    for scale in result.layers:
        assert scale.after == scale.before
        assert scale.left_alone == "the signal neither vanishes nor explodes"
    low, high = min(s.before for s in result.layers), max(s.before for s in result.layers)
    assert str(result).startswith("Nothing to do: the layers have deviations ")
    assert f"{low:.2g}" in str(result)
    assert f"{high:.2g}" in str(result)
    assert "force=True" in str(result)


@pytest.mark.parametrize(
    ("model", "is_lost"),
    [
        (deep(20), True),
        (deep(3), False),
        (deep(5, 0.01, "relu"), True),
        (deep(6, 1.5, "linear"), True),
        (deep(3, 1.5, "linear"), False),
    ],
    ids=["vanishes", "does-not-vanish", "small-weights", "explodes", "grows"],
)
def test_what_is_lost_is_scaled(model, is_lost):
    result = lsuv(model, FLAT / 3)
    last = result.layers[-1]
    assert is_lost == (not 1e-3 <= last.before <= 1e3)
    assert result.was_needed == is_lost
    assert all((scale.left_alone is None) == is_lost for scale in result.layers)
    if is_lost:
        assert last.after == pytest.approx(1.0, abs=0.02)
        assert str(result).startswith(f"Scaled {len(result.layers)} of {len(result.layers)} layers")


def test_the_limit_is_that_of_the_rules():
    assert LOST_SIGNAL == _network.LOST_SIGNAL


def test_a_signal_that_recovers_is_not_lost():
    small = keras.initializers.RandomNormal(0, 1e-5)
    inputs = keras.Input((20,))
    hidden = keras.layers.Dense(20, kernel_initializer=small)(inputs)
    hidden = keras.layers.LayerNormalization(epsilon=1e-12)(hidden)
    outputs = keras.layers.Dense(1)(keras.layers.Dense(16, "relu")(hidden))
    result = lsuv(keras.Model(inputs, outputs), FLAT)
    assert result.layers[0].before < 1e-3
    assert not result.was_needed


def test_a_branch_that_is_zero_on_purpose_is_not_a_lost_signal():
    inputs = keras.Input((20,))
    branch = keras.layers.Dense(20, kernel_initializer="zeros")(keras.layers.Dense(20)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Add()([branch, inputs])))
    result = lsuv(model, FLAT)
    assert result.layers[-1].before == 0
    assert not result.was_needed


def test_the_result_says_in_words_what_was_done():
    assert str(lsuv(keras.Sequential([keras.Input((20,)), keras.layers.ReLU()]), FLAT)) == (
        "Nothing to do: there is no hidden layer with a kernel."
    )
    assert "no layer can be scaled on these examples" in str(lsuv(sequential(), 100 + 1e-3 * FLAT))
    forced = scaled(sequential(), 2e-3 * FLAT)  # arrives, but each kernel would grow 100-fold
    assert not forced.was_needed
    assert str(forced).startswith("Nothing was changed: no layer can be scaled")


# --- layers that keep their weights ------------------------------------------------------------


def test_the_output_keeps_its_weights():
    model = keras.Sequential(
        [keras.Input((20,)), keras.layers.Dense(8), keras.layers.Dense(3), keras.layers.Softmax()]
    )
    before = weights_of(model)
    scaled(model, FLAT)
    assert {path.split("/")[-2] for path in changed(model, before)} == {model.layers[0].name}


def test_every_one_of_several_outputs_keeps_its_weights():
    inputs = keras.Input((20,))
    hidden = keras.layers.Dense(8, activation="relu")(inputs)
    left = keras.layers.Dense(2, name="left")(hidden)
    right = keras.layers.Activation("tanh")(keras.layers.Dense(1, name="right")(hidden))
    result = scaled(keras.Model(inputs, {"a": left, "b": right}), FLAT)
    assert len(result.layers) == 1
    assert not {"left", "right"} & {scale.layer.split("/")[-1] for scale in result.layers}


def test_frozen_layers_are_left_alone():
    model = sequential()
    model.layers[1].trainable = False
    before = model.layers[1].get_weights()[0].copy()
    result = scaled(model, FLAT)
    np.testing.assert_array_equal(model.layers[1].get_weights()[0], before)
    assert len(result.layers) == 2


@pytest.mark.parametrize(
    "x",
    [np.zeros_like(FLAT), 100 + 1e-3 * FLAT, np.full_like(FLAT, np.inf)],
    ids=["zero", "offset", "infinite"],
)
def test_a_constant_or_infinite_preactivation_is_left_alone(x):
    model = sequential()
    before = weights_of(model)
    result = scaled(model, x)
    assert all("constant or not finite" in scale.left_alone for scale in result.layers)
    assert changed(model, before) == set()


def test_an_offset_of_the_inputs_is_no_variation():
    model = sequential()
    (first, *_) = scaled(model, 10 + FLAT).layers
    assert first.after == pytest.approx(1.0, abs=0.02)
    assert np.abs(model.layers[0].get_weights()[0]).max() < 1


def test_a_kernel_that_would_have_to_grow_too_much_is_left_alone():
    model = sequential()
    before = weights_of(model)
    result = scaled(model, 1e-6 * FLAT)
    assert all("hardly vary" in scale.left_alone for scale in result.layers)
    assert changed(model, before) == set()


def test_a_layer_behind_long_padding_is_left_alone():
    x = np.zeros((64, 60, 5), "float32")
    x[:, :10] = X.reshape(64, -1)[:, :50].reshape(64, 10, 5)
    model = keras.Sequential(
        [keras.Input((60, 5)), *[keras.layers.LSTM(6), keras.layers.Dense(4, activation="relu")]]
    )
    model.add(keras.layers.Dense(1))
    (scale,) = scaled(model, x).layers
    assert "hardly vary" in scale.left_alone


def test_a_zero_kernel_stays_zero():
    inputs = keras.Input((20,))
    branch = keras.layers.Dense(16, activation="relu")(inputs)
    branch = keras.layers.Dense(20, kernel_initializer="zeros", name="branch")(branch)
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Add()([branch, inputs])))
    result = scaled(model, FLAT)
    assert [scale.left_alone for scale in result.layers] == [None, "its kernel is zero"]
    assert not model.get_layer("branch").get_weights()[0].any()


# --- constraints, precision, loss --------------------------------------------------------------


def test_constraints_hold():
    limit = keras.constraints.MaxNorm(0.5)
    model = keras.Sequential(
        [keras.Input((20,)), keras.layers.Dense(8, kernel_constraint=limit), keras.layers.Dense(1)]
    )
    scaled(model, 0.1 * FLAT)
    norms = np.linalg.norm(model.layers[0].get_weights()[0], axis=0)
    assert norms.max() <= 0.5 + 1e-6


def test_mixed_precision():
    model = keras.Sequential(
        [
            keras.Input((20,)),
            *[keras.layers.Dense(16, activation="relu", dtype="mixed_float16") for _ in range(2)],
            keras.layers.Dense(1, dtype="float32"),
        ]
    )
    result = scaled(model, FLAT)
    assert [scale.after for scale in result.layers] == pytest.approx([1, 1], abs=0.02)


def test_float16():
    hidden = [keras.layers.Dense(16, activation="relu", dtype="float16") for _ in range(2)]
    model = keras.Sequential([keras.Input((20,)), *hidden, keras.layers.Dense(1)])
    result = scaled(model, FLAT)
    assert [scale.after for scale in result.layers] == pytest.approx([1, 1], abs=0.02)


def test_the_loss_before_and_after_is_part_of_the_result():
    model = sequential()
    model.add(keras.layers.Dense(1))
    model.compile("sgd", "mse")
    y = FLAT[:, :1]
    before = model.evaluate(FLAT, y, verbose=0)
    result = scaled(model, FLAT, y)
    assert result.loss_before == pytest.approx(before, rel=1e-4)
    assert result.loss_after == pytest.approx(model.evaluate(FLAT, y, verbose=0), rel=1e-4)


def test_a_loss_that_rises_puts_all_weights_back():
    model = sequential()
    model.add(keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(100)))
    model.compile("sgd", "mse")
    x, y = 0.05 * FLAT, np.zeros((64, 1))
    for layer in model.layers[:4]:
        layer.kernel.assign(0.1 * layer.kernel)
    before = weights_of(model)
    result = scaled(model, x, y)
    assert result.was_taken_back
    assert result.loss_after > 3 * result.loss_before
    assert changed(model, before) == set()
    assert all(scale.after == scale.before for scale in result.layers)


def test_computing_the_loss_changes_no_metric():
    inputs = keras.Input((20,))
    hidden = keras.layers.Dense(8, activation="relu")(inputs)
    model = keras.Model(inputs, [keras.layers.Dense(1)(hidden), keras.layers.Dense(1)(hidden)])
    model.compile("sgd", ["mse", "mae"])
    y = [FLAT[:, :1], FLAT[:, 1:2]]
    model.train_on_batch(FLAT, y)
    before = [ops.convert_to_numpy(v).copy() for v in model.metrics_variables]
    scaled(model, FLAT, y)
    for old, new in zip(before, model.metrics_variables, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(new), old)


# --- bad input ---------------------------------------------------------------------------------


def test_a_model_without_kernels_gives_nothing():
    model = keras.Sequential([keras.Input((3,)), keras.layers.ReLU()])
    assert scaled(model, FLAT[:, :3]).layers == ()


def test_a_failing_call_changes_nothing():
    model = sequential()
    with pytest.raises(ValueError, match=r"incompatible|expected"):
        scaled(model, FLAT[:, :7])
    assert all("call" not in vars(layer) for layer in model.layers)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tolerance": 0.0}, "`tolerance` must be above 0"),
        ({"max_iterations": 0}, "`max_iterations` must be at least 1"),
        ({"y": FLAT[:, :1]}, "needs the loss of a compiled model"),
    ],
)
def test_invalid_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        scaled(sequential(), FLAT, **arguments)


def test_one_example_is_refused():
    with pytest.raises(ValueError, match="at least 2 examples"):
        scaled(sequential(), FLAT[:1])
