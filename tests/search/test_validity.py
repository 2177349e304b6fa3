"""Scores that say nothing: of networks that have diverged, and losses below their least value."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_babysit as kb
from keras_babysit.backends import to_array
from keras_babysit.probes.loss_facts import describe_loss
from keras_babysit.search.objective import read_objective
from keras_babysit.search.validity import find_flaw
from tests.search.models import blobs, compiled

pytestmark = pytest.mark.any_backend

HUGE = 1e20
"""A factor of a penalty beside which a loss of 1 is lost in float32."""

QUIET = {"objective": "val_accuracy", "cv": 3, "seed": 0, "verbose": 0}


class Activity(keras.layers.Layer):
    """Adds a negative loss."""

    def call(self, inputs):
        self.add_loss(-100.0 * ops.mean(ops.abs(inputs)))
        return inputs


class Infinite(keras.layers.Layer):
    """Makes a part of its inputs NaN or infinite."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def call(self, inputs):
        return ops.where(inputs > 0, self.value, inputs)


def ignoring(y_true, y_pred):
    """Return a squared error that leaves out what is not finite."""
    error = ops.square(y_true - y_pred)
    return ops.where(ops.isfinite(error), error, 0.0)


def below_zero(y_true, y_pred):
    return -ops.mean(ops.abs(y_pred))


@pytest.mark.each_backend
@pytest.mark.parametrize("is_eager", [True, False])
def test_the_loss_is_exact_beside_any_penalty(is_eager):
    x, y = blobs()
    losses, objective = [], read_objective("val_loss")
    for factor in (0.0, HUGE):
        keras.utils.set_random_seed(0)
        penalty = keras.regularizers.L2(factor)
        model = compiled(0.1, is_eager=is_eager, kernel_regularizer=penalty)
        whole = [model.evaluate(x, y, verbose=0, return_dict=True)["loss"]]
        losses.append([objective.score(model, (x, y, None), None) for _ in range(2)])
        whole.append(model.evaluate(x, y, verbose=0, return_dict=True)["loss"])
        assert whole[0] == whole[1]  # the function of `fit` still includes the penalty
    assert whole[0] > HUGE / 100
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)


def network(loss, *, last=(), metrics=(), units=1):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units), *last])
    model.compile("sgd", loss, metrics=list(metrics))
    return model


def with_nan_weights(loss, **options):
    model = network(loss, **options)
    kernel = to_array(model.layers[0].kernel).copy()
    kernel[0, 0] = np.nan
    model.layers[0].kernel.assign(kernel)
    return model


LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

ROWS = {
    "healthy": (lambda: network("mse"), "loss", None),
    "healthy-classes": (lambda: network(LOGITS, units=3), "loss", None),
    "nan-weights-hidden-by-the-loss": (lambda: with_nan_weights(ignoring), "loss", "non_finite"),
    "nan-weights-hidden-by-the-metric": (
        lambda: with_nan_weights(LOGITS, units=3, metrics=["accuracy"]),
        "accuracy",
        "non_finite",
    ),
    "nan-predictions-hidden-by-the-loss": (
        lambda: network(ignoring, last=[Infinite(np.nan)]),
        "loss",
        "non_finite",
    ),
    "infinite-predictions-hidden-by-a-hinge": (
        lambda: network("hinge", last=[Infinite(np.inf)]),
        "loss",
        "non_finite",
    ),
    "nan-predictions-hidden-by-the-metric": (
        lambda: network(LOGITS, last=[Infinite(np.nan)], units=3, metrics=["accuracy"]),
        "accuracy",
        "non_finite",
    ),
    "classes-left-out-by-minus-infinity": (
        lambda: network(lambda y, p: ops.mean(ops.maximum(p, 0.0)), last=[Infinite(-np.inf)]),
        "loss",
        None,
    ),
    "own-loss-below-0": (lambda: network(below_zero), "loss", None),
    "added-loss-below-0": (lambda: network("mse", last=[Activity()]), "loss", None),
}


@pytest.mark.parametrize(("make", "key", "expected"), ROWS.values(), ids=ROWS)
def test_scores_that_say_nothing(make, key, expected):
    x, y = blobs()
    model, objective = make(), read_objective(f"val_{key}", "min")
    y = y if model.output_shape[-1] > 1 else (y > 0).astype("float32")[:, None]
    metrics = objective.evaluate(model, (x, y, None), 32)
    found = find_flaw(model, (x, y, None), metrics, objective)
    assert (found and found.rule) == (expected and f"{expected}_score")


def test_a_crossentropy_below_0_is_impossible():
    x, y = blobs()
    signs = np.where(y > 0, 1.0, -1.0).astype("float32")[:, None]
    model = network(keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(x, signs, epochs=40, verbose=0)
    objective = read_objective("val_loss")
    assert objective.score(model, (x, signs, None), None) < 0
    weights = np.ones(len(y), "float32")
    for given, is_possible in ((None, False), (weights, False), (-weights, True)):
        found = find_flaw(model, (x, signs, given), {"loss": -3.0}, objective)
        assert (found is None) is is_possible
    found = find_flaw(model, (x, signs, None), {"loss": -3.0}, objective)
    assert found.rule == "impossible_score"
    assert "-3" in found.message
    assert "range from -1 to 1" in found.message


@pytest.mark.each_backend
def test_no_loss_that_is_trusted_hides_a_nan():
    """`find_flaw` predicts once more only for losses that may hide what is not finite."""
    nan, names = np.full((6, 3), np.nan, "float32"), set()
    one_hot, numbers = np.eye(3, dtype="float32")[np.arange(6) % 3], np.arange(6) % 3
    for kind in vars(keras.losses).values():
        if not isinstance(kind, type) or kind in (keras.losses.Loss, keras.losses.CTC):
            continue
        if describe_loss(kind()).form not in ("categorical", "binary", "distance"):
            continue
        y = numbers if kind is keras.losses.SparseCategoricalCrossentropy else one_hot
        for options in ({}, {"from_logits": True}):
            if options and not hasattr(kind(), "from_logits"):
                continue
            try:
                value = to_array(kind(**options)(y, nan))
            except RuntimeError:  # PyTorch's binary crossentropy refuses it
                value = np.nan
            assert not np.isfinite(value)
            names.add(kind.__name__)
    assert {"MeanSquaredError", "BinaryCrossentropy", "SparseCategoricalCrossentropy"} <= names


@pytest.mark.parametrize("diagnose", [False, True])
def test_a_diverged_network_is_no_result_whatever_its_accuracy(diagnose):
    x, y = blobs()
    y = np.where(np.arange(len(y)) % 10, 0, y)  # the answer 0, of a row of NaN, is mostly right

    def sometimes_diverges(hp):
        return compiled(hp.Choice("learning_rate", [1e-6, 1e38]))

    search = kb.search.GridSearchCV(sometimes_diverges, **QUIET, diagnose=diagnose, max_stopped=0)
    search.fit(x, y, epochs=3)
    assert [record.state for record in search.records_] == ["complete", "stopped"]
    assert search.best_params_ == {"learning_rate": 1e-6}
    lost = search.records_[1]
    assert lost.cause in (("non_finite_score",) if not diagnose else ("non_finite_values",))
    assert diagnose or "NaN or infinity after the training" in lost.message
    assert lost.scores == ()


@pytest.mark.parametrize("diagnose", [False, True])
def test_a_loss_that_refuses_nan_does_not_end_the_search(diagnose):
    x, y = blobs()
    y = (y > 0).astype("float32")[:, None]

    def sometimes_diverges(hp):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(4)])
        model.add(keras.layers.Dense(1, activation="sigmoid"))
        optimizer = keras.optimizers.SGD(hp.Choice("learning_rate", [0.1, 1e25]))
        model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
        return model

    search = kb.search.GridSearchCV(sometimes_diverges, **QUIET, diagnose=diagnose)
    search.fit(x, y, epochs=2)
    assert [record.state for record in search.records_] == ["complete", "stopped"]
    assert search.records_[1].examples > 0


def test_an_exception_of_a_healthy_network_is_raised():
    class Breaks(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise RuntimeError("of the user's")

    def build(hp):
        return compiled(hp.Choice("learning_rate", [0.1]))

    with pytest.raises(RuntimeError, match="of the user's"):
        kb.search.GridSearchCV(build, **QUIET).fit(*blobs(), epochs=1, callbacks=[Breaks()])


@pytest.mark.parametrize("max_stopped", [0.0, 1.0])
def test_an_explosion_is_named_after_a_few_steps(max_stopped):
    """A training of two steps has too few batches for `loss_explosion`; overfitting is none."""

    def sometimes_explodes(hp):
        return compiled(hp.Choice("learning_rate", [0.01, 1e5]))

    search = kb.search.GridSearchCV(sometimes_explodes, **QUIET, max_stopped=max_stopped)
    search.fit(*blobs(), epochs=2, batch_size=60)
    causes = [(record.state, record.cause) for record in search.records_]
    state = "stopped" if max_stopped else "complete"
    assert causes == [("complete", ""), (state, "loss_explosion")]
    assert "times its value before the first step" in search.records_[1].message
