"""The headroom of the learning rate: its arithmetic, and what a run measures of it."""

import itertools

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.backends import backend
from keras_babysit.probes.headroom import MULTIPLES, SMALLER, Headroom, find_critical

NOISE = np.array([-1.0, 1.0, -0.5, 0.5])


def quadratic(critical, noise=0.0):
    """Return the loss of four slices along an update whose critical multiple is known."""
    return lambda m: 2.0 - m + (1 + noise * NOISE) * m**2 / critical


@pytest.mark.parametrize("critical", [0.02, 0.15, 0.7, 1.0, 3.3, 20.0])
def test_the_critical_multiple_of_a_quadratic_loss_is_exact(critical):
    found = find_critical(quadratic(critical))
    assert found.value == pytest.approx(critical, rel=1e-6)
    assert found.low == pytest.approx(critical) == found.high


def test_the_interval_holds_the_value_and_grows_with_the_spread_of_the_slices():
    narrow, wide = (find_critical(quadratic(3.0, noise)) for noise in (0.05, 0.3))
    for found in (narrow, wide):
        assert found.low < found.value < found.high
    assert wide.high - wide.low > narrow.high - narrow.low
    # By hand: the rise per multiple is -1 + (1 ± t s / 2) m / 3, with s the spread of the slices.
    half = 3.182 * 0.05 * NOISE.std(ddof=1) / 2
    assert narrow.low == pytest.approx(3 / (1 + half), rel=0.02)


def test_a_loss_that_never_rises_has_the_largest_multiple():
    assert find_critical(lambda m: np.full(4, 5.0) - m) == (32.0, 32.0, 32.0)


def test_a_loss_that_is_not_finite_has_risen():
    found = find_critical(lambda m: np.full(4, 1 - m if m < 4 else np.inf))
    assert found.value == pytest.approx(np.sqrt(2 * 4))


@pytest.mark.parametrize(
    "losses",
    [
        lambda m: np.full(4, np.nan),  # lost already
        lambda m: np.full(4, 1 + m),  # no step down the slope
        lambda m: np.ones(4),  # nothing moved
    ],
    ids=["not-finite", "uphill", "unmoved"],
)
def test_where_there_is_no_scale_there_is_no_headroom(losses):
    assert find_critical(losses) is None


def test_a_rise_within_the_rounding_is_none():
    def losses(m):
        return np.full(4, 1000.0) + (1e-4 if m == 0.25 else -m if m else 0)

    assert find_critical(losses).value == 32.0


@pytest.mark.parametrize(("critical", "passes"), [(0.7, 4), (200.0, 9)])
def test_no_more_passes_are_made_than_needed(critical, passes):
    asked = []

    def losses(m):
        asked.append(m)
        return quadratic(critical)(m)

    find_critical(losses)
    assert asked == [0.0, *MULTIPLES][:passes]
    assert len({*MULTIPLES, *SMALLER}) == len(MULTIPLES) + len(SMALLER)


X = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
Y = X @ np.arange(5.0, dtype="float32")[:, None]


def linear(rate):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model


def by_hand(model, rate):
    """Return 2 / (rate times the curvature along the gradient) of a linear regression."""
    kernel, bias = (np.asarray(one, float) for one in model.get_weights())
    design = np.hstack([X, np.ones((len(X), 1))]).astype(float)
    hessian = 2 * design.T @ design / len(X)
    gradient = 2 * design.T @ (X @ kernel + bias - Y) / len(X)
    curvature = (gradient.T @ hessian @ gradient).item() / float((gradient**2).sum())
    return 2 / (rate * curvature)


@pytest.mark.parametrize("rate", [0.03, 2.0])
def test_a_linear_regression_has_the_headroom_of_its_curvature(rate):
    model = linear(rate)
    model.optimizer.build(model.trainable_variables)
    headroom = Headroom(model, is_compiled=backend.COMPILES_EACH_SIZE)
    expected = by_hand(model, rate)
    known = headroom.before(None, (X, Y, None))
    model.train_on_batch(X, Y)
    trained = backend.state(model, None)[0]
    found = {one.quantity: one.value for one in headroom.after(known, trained, 0, 0)}
    assert found["optimizer/headroom"] == pytest.approx(expected, rel=1e-3)
    assert found["optimizer/headroom_low"] < expected < found["optimizer/headroom_high"]


def network():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(8, "relu", kernel_regularizer="l2"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "mse")
    return model


def fit(callbacks=()):
    model = network()
    model.fit(X, Y, batch_size=8, epochs=8, verbose=0, callbacks=list(callbacks))
    values = [one for group in backend.state(model, None) for one in group]
    return [backend.to_numpy(one) for one in values], backend.random_state()


def test_a_run_that_is_measured_ends_with_the_very_same_state():
    sitter = kb.Babysitter(verbose=0, rules=[])
    (expected, drawn), (found, also_drawn) = fit(), fit([sitter])
    measured = sitter.history.series("optimizer/headroom")
    assert measured.steps.tolist()[:3] == [0, 1, 4]
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in itertools.zip_longest(drawn or (), also_drawn or ()):
        np.testing.assert_array_equal(one, other)
