"""Weights and averages that do not change although they should, as a run shows them."""

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.findings import Severity

layers = keras.layers
rng = np.random.default_rng(0)
X = rng.normal(size=(256, 8, 8, 1)).astype("float32")
Y = (X[:, :4].mean(axis=(1, 2, 3)) > 0).astype("int32")


def watched(model, epochs=2, x=X):
    sitter = kb.Babysitter(verbose=0, every=2)
    model.fit(x, Y, batch_size=32, epochs=epochs, verbose=0, callbacks=[sitter])
    assert sitter.history.facts.broke_off is None
    return sitter


def found(sitter, rule):
    return [one for one in sitter.findings if one.rule == rule]


def classifier(optimizer="adam", *, hidden=None):
    hidden = hidden or [layers.Dense(8, "relu", name="first"), layers.Dense(8, "relu")]
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Flatten(), *hidden, layers.Dense(2, "softmax")]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


class LeavesOut(keras.optimizers.SGD):
    """An optimizer that does not know a part of the weights, as after a late `trainable`."""

    def update_step(self, gradient, variable, learning_rate):
        if tuple(variable.shape) != (64, 8):
            super().update_step(gradient, variable, learning_rate)


def test_weights_that_the_optimizer_does_not_reach_are_named():
    (one,) = found(watched(classifier(LeavesOut(0.1))), "unmoved_weights")
    assert (one.target, one.severity) == ("first", Severity.WARNING)


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.SGD(0.01),
        keras.optimizers.Adam(1e-4, clipnorm=1.0),
        keras.optimizers.SGD(0.1, gradient_accumulation_steps=4),
        keras.optimizers.Adam(1e-3, use_ema=True, ema_overwrite_frequency=3),
    ],
    ids=["plain", "clipped", "accumulated", "averaged"],
)
def test_optimizers_that_reach_all_weights_are_left_alone(optimizer):
    assert not found(watched(classifier(optimizer)), "unmoved_weights")


def test_a_learning_rate_of_zero_is_an_error():
    (one,) = found(watched(classifier(keras.optimizers.Adam(0.0))), "unmoved_weights")
    assert one.severity is Severity.ERROR
    assert "learning rate is 0" in one.message


@pytest.mark.parametrize(("rate", "is_lost"), [(1e-6, True), (0.3, False)])
def test_bfloat16_loses_short_steps(rate, is_lost):
    keras.config.set_dtype_policy("bfloat16")
    try:
        model = classifier(keras.optimizers.SGD(rate))
    finally:
        keras.config.set_dtype_policy("float32")
    sitter = watched(model)
    assert bool(found(sitter, "lost_updates")) == is_lost
    assert not found(sitter, "unmoved_weights")


@pytest.mark.parametrize("policy", ["float16", "mixed_float16"])
def test_adam_in_float16_is_reported_before_it_explodes(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = classifier(keras.optimizers.Adam(1e-3))
    finally:
        keras.config.set_dtype_policy("float32")
    known = found(watched(model), "epsilon_too_small")
    assert [one.step for one in known] == ([0] if policy == "float16" else [])


class CallsOutside(keras.Model):
    """A model with a layer that it hides in a function, and one that it holds twice nested."""

    def __init__(self, trainable=True):
        super().__init__()
        hidden = layers.Dense(8, "relu", name="hidden", trainable=trainable)
        hidden.build((None, 64))
        self.function = lambda x: hidden(x)
        self.nested = [[layers.Dense(8, "relu")], {"a": layers.Dense(2, "softmax")}]

    def call(self, x):
        x = self.function(keras.ops.reshape(x, (-1, 64)))
        return self.nested[1]["a"](self.nested[0][0](x))


@pytest.mark.parametrize("trainable", [True, False])
def test_weights_that_a_model_only_borrows_are_named(trainable):
    model = CallsOutside(trainable)
    model.compile("adam", "sparse_categorical_crossentropy")
    sitter = watched(model)
    names = sitter.history.facts.untracked_weights
    assert names == (("hidden/kernel", "hidden/bias") if trainable else ())
    assert bool(found(sitter, "untracked_weights")) == trainable


class InInference(layers.BatchNormalization):
    """A batch norm that is called in inference mode, as in a step without `training=True`."""

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=False, mask=mask)


def normalized(norm=layers.BatchNormalization):
    inputs = x = keras.Input((8, 8, 1))
    for _ in range(2):
        x = layers.Conv2D(4, 3, use_bias=False)(x)
        x = layers.ReLU()(norm()(x))
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x))


def with_head(base):
    model = keras.Sequential([keras.Input((8, 8, 1)), base, layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize(
    ("norm", "is_found"), [(layers.BatchNormalization, False), (InInference, True)]
)
def test_averages_that_training_never_moves_are_named(norm, is_found):
    sitter = watched(with_head(normalized(norm)))
    assert bool(found(sitter, "batch_norm_not_updating")) == is_found
    name = sitter.history.targets("normalization/averages_moved")[0]
    moved = sitter.history.series("normalization/averages_moved", name).values
    assert moved[0] == 0
    assert (moved[-1] == 0) == is_found


@pytest.mark.parametrize(
    ("factor", "is_found"), [(1.0, False), (1 / 255, True), (255.0, True), (0.5, False)]
)
def test_inputs_on_another_scale_than_a_frozen_base_knows(factor, is_found):
    base = normalized()
    with_head(base).fit(X, Y, epochs=40, batch_size=32, verbose=0)
    base.trainable = False
    sitter = watched(with_head(base), x=factor * X)
    mismatch = found(sitter, "frozen_norm_mismatch")
    assert bool(mismatch) == is_found
    assert not found(sitter, "untrained_frozen_layers")
    if is_found:
        code = "x = 255.0 * x" if factor < 1 else "x = x / 255.0"
        assert mismatch[0].remedies[0].code.startswith(code)


def test_a_frozen_base_that_was_never_trained_is_named():
    hidden = [layers.Dense(32, "relu", trainable=False) for _ in range(3)]
    sitter = watched(classifier(hidden=hidden))
    (one,) = found(sitter, "untrained_frozen_layers")
    assert one.evidence["layers"] == 3
    for layer in hidden:
        layer.bias.assign(np.full(32, 0.1))
    sitter = watched(classifier(hidden=hidden))
    assert not found(sitter, "untrained_frozen_layers")


def test_a_relu_in_a_recurrent_layer_is_the_cause_of_its_explosion():
    x = rng.normal(size=(256, 40, 2)).astype("float32")
    recurrent = layers.SimpleRNN(16, activation="relu", recurrent_initializer="he_normal")
    model = keras.Sequential([keras.Input((40, 2)), recurrent, layers.Dense(1)])
    recurrent.cell.recurrent_kernel.assign(3 * np.eye(16))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    sitter = kb.Babysitter(verbose=0, every=2)
    model.fit(x, x[:, -1, :1], batch_size=32, epochs=2, verbose=0, callbacks=[sitter])
    assert "unbounded_recurrence" in {one.rule for one in sitter.findings}


@pytest.mark.parametrize(("limit", "is_found"), [(1e-5, True), (1.0, False)])
def test_clipping_is_named_where_it_makes_the_steps_too_short(limit, is_found):
    sitter = watched(classifier(keras.optimizers.SGD(0.1, clipnorm=limit)), epochs=10)
    assert sitter.history.facts.optimizer_settings.clipnorm == limit
    assert bool(found(sitter, "clipping_too_tight")) == is_found
    if is_found:
        too_low = found(sitter, "learning_rate_too_low")
        assert {one.cause for one in too_low} == {"clipping_too_tight"}


@pytest.mark.parametrize(("rate", "is_found"), [(1.0, True), (1e-3, False)])
def test_a_second_fit_at_too_high_a_rate_loses_what_was_learned(rate, is_found):
    model = classifier(keras.optimizers.Adam(3e-3))
    model.fit(X, Y, epochs=60, batch_size=32, verbose=0)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    assert bool(found(watched(model), "pretrained_weights_lost")) == is_found
