"""What rules say where the headroom of the learning rate was measured."""

import keras
import numpy as np
import pytest

from keras_babysit import actions, rules
from keras_babysit.facts import OptimizerFacts
from keras_babysit.history import History, Measurement
from keras_babysit.probes.optimizer_state import describe_settings
from keras_babysit.rules._headroom import BEST, built_up
from keras_babysit.rules._learning_rate import suggest_lower_rate
from tests.rules.table import FALLING, bearing, moving, poor


def test_a_rate_that_is_too_high_is_set_beside_what_the_network_bears():
    history = bearing(moving(0.3, [2.4]), (0.2, 0.1, 0.4))
    (finding,) = rules.learning_rate_too_high(history)
    assert (
        "is 5 times the highest stable one at step 0 (95 % interval: 2.5 to 10)." in finding.message
    )
    assert finding.evidence["headroom"] == pytest.approx(0.2)
    assert finding.remedies[0].change.rate == pytest.approx(2e-4)  # a tenth of 0.2 times 0.01
    assert "0.0002" in finding.remedies[0].text


def test_the_least_headroom_of_the_first_steps_counts():
    history = bearing(moving(0.3, [2.4] * 30), (9.0, 8.0, 10.0), (2.0, 1.0, 3.0), (6.0, 5.0, 7.0))
    (finding,) = rules.learning_rate_too_high(history)
    assert finding.remedies[0].change.rate == pytest.approx(2e-3)


def test_a_headroom_that_grows_asks_for_a_warm_up_after_a_lower_rate():
    measured = [(0.2, 0.1, 0.3), (0.3, 0.2, 0.4), (2.0, 1.0, 3.0)]
    history = bearing(moving(0.3, [2.4] * 30), *measured)
    history.note(optimizer="Adam")
    (finding,) = rules.learning_rate_too_high(history)
    first, second = finding.remedies[:2]
    assert first.text.startswith("Lower the learning rate")
    assert second.text.startswith("Raise the learning rate from 0 in the first tenth of the steps")
    assert "10 times as high at step 4 as at step 0" in second.text


def test_a_rate_that_is_not_borne_later_either_asks_for_no_warm_up():
    measured = [(0.05, 0.04, 0.06), (0.1, 0.08, 0.2), (0.5, 0.4, 0.6)]
    history = bearing(moving(0.3, [2.4] * 30), *measured)
    history.note(optimizer="Adam")
    (finding,) = rules.learning_rate_too_high(history)
    assert not any("Raise" in remedy.text for remedy in finding.remedies)


def test_a_headroom_that_grows_within_its_interval_does_not():
    measured = [(0.2, 0.1, 1.5), (0.3, 0.2, 0.4), (2.0, 1.0, 3.0)]
    (finding,) = rules.learning_rate_too_high(bearing(moving(0.3, [2.4] * 30), *measured))
    assert not any("Raise" in remedy.text for remedy in finding.remedies)


@pytest.mark.parametrize(
    ("ratio", "factor"), [(1e-6, 1000), (2e-5, 500), (9e-5, 100)], ids=["1e-6", "2e-5", "9e-5"]
)
def test_a_rate_that_is_too_low_is_raised_to_the_steps_of_networks_that_train(ratio, factor):
    (finding,) = rules.learning_rate_too_low(moving(ratio, [2.3] * 50))
    assert finding.remedies[0].change.rate == pytest.approx(0.01 * factor)


def test_a_rate_is_raised_as_far_as_the_kernel_with_the_longest_steps_bears():
    wide = {("updates/ratio", name): [5e-3 if name == "c/kernel" else 1e-6] * 50 for name in NAMES}
    (finding,) = rules.learning_rate_too_low(moving(1e-6, [2.3] * 50, more=wide))
    assert finding.evidence["factor"] == pytest.approx(20)


NAMES = ("a/kernel", "b/kernel", "c/kernel")


def still_learning(ratio, room):
    """Return a history of a poor fit, whose loss falls to the end."""
    made = poor([0.5] * 8, {"constant_error": 0.5}, FALLING)
    made.append(Measurement(8, 7, "updates/ratio", "a/kernel", ratio))
    made.append(Measurement(8, 7, "optimizer/learning_rate", "", 1e-3))
    return bearing(made, (room, room, room))


def test_longer_steps_are_suggested_before_more_of_them_where_they_are_borne():
    (finding,) = rules.underfitting(still_learning(2e-4, 32.0))
    raised, longer = (remedy.change for remedy in finding.remedies[:2])
    assert raised.rate == pytest.approx(0.05)
    assert longer == actions.TrainLonger(3, 24)


@pytest.mark.parametrize(("ratio", "room"), [(2e-4, 20.0), (1e-2, 32.0)], ids=["borne", "long"])
def test_longer_steps_are_not_suggested_where_they_are_long_enough(ratio, room):
    (finding,) = rules.underfitting(still_learning(ratio, room))
    assert finding.remedies[0].change == actions.TrainLonger(3, 24)


@pytest.mark.parametrize(
    ("measured", "factor", "sentence"),
    [
        ((32.0, 32.0, 32.0), 1000, "at most 3.1 % of the highest stable one now."),
        ((20.0, 12.5, 32.0), 2, "5 % of the highest stable one now (95 % interval: 3.1 to 8)."),
    ],
)
def test_a_rate_that_is_too_low_is_raised_as_far_as_is_borne(measured, factor, sentence):
    history = bearing(moving(1e-6, [2.3] * 50), measured)
    (finding,) = rules.learning_rate_too_low(history)
    assert finding.evidence["factor"] == factor
    assert sentence in finding.message
    assert finding.remedies[0].change.rate == pytest.approx(0.01 * factor)


@pytest.mark.parametrize(("optimizer", "rate"), [("SGD", 7e-4), ("Adam", 2e-4), (None, 2e-4)])
def test_steps_along_the_gradient_may_be_longer_than_those_of_one_length(optimizer, rate):
    history = bearing(moving(0.3, [2.4]), (0.2, 0.1, 0.4))
    history.note(optimizer=optimizer)
    (finding,) = rules.learning_rate_too_high(history)
    # A third, or a tenth, of 0.2 times the learning rate of 0.01, of one digit.
    assert finding.remedies[0].change.rate == pytest.approx(rate)


def of_momentum(momentum, step, headroom, rate=0.01, **settings):
    """Return a history with one measured headroom."""
    history = History()
    history.note(optimizer_settings=OptimizerFacts(momentum=momentum, **settings))
    history.append(Measurement(step, 0, "optimizer/learning_rate", "", rate))
    for end in ("", "_low", "_high"):
        history.append(Measurement(step, 0, f"optimizer/headroom{end}", "", headroom))
    return history


def falls(rate, momentum, curvature, steps=2000):
    """Return whether a heavy ball comes to the minimum of a quadratic loss."""
    weight, velocity = 1.0, 0.0
    for _ in range(steps):
        velocity = momentum * velocity - rate * curvature * weight
        weight += velocity
    return abs(weight) < 1.0


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 0.99])
def test_a_suggested_rate_is_stable_on_a_quadratic_and_its_full_step_that_of_no_momentum(momentum):
    curvature, rate = 10.0, 0.05
    highest = 2 * (1 + momentum) / curvature  # of a heavy ball (Polyak, 1964)
    assert falls(0.99 * highest, momentum, curvature)
    assert not falls(1.01 * highest, momentum, curvature)
    headroom = 2 / curvature / rate  # of the first step, which has no velocity yet
    suggested = suggest_lower_rate(of_momentum(momentum, 0, headroom, rate))
    assert suggested < highest
    assert falls(suggested, momentum, curvature, 10_000)
    # Gradients that stay alike add up: the full step is that of gradient descent.
    assert suggested / (1 - momentum) == pytest.approx(BEST * 2 / curvature)


def step_lengths(momentum, steps, *, nesterov=False):
    """Return the lengths of Keras' steps for gradients that stay alike."""
    weight = keras.Variable(np.zeros(1, "float32"))
    optimizer = keras.optimizers.SGD(1.0, momentum=momentum, nesterov=nesterov)
    optimizer.build([weight])
    found = []
    for _ in range(steps):
        before = float(keras.ops.convert_to_numpy(weight.value)[0])
        optimizer.apply([keras.ops.convert_to_tensor(np.ones(1, "float32"))])
        found.append(before - float(keras.ops.convert_to_numpy(weight.value)[0]))
    return found


@pytest.mark.any_backend
@pytest.mark.parametrize("nesterov", [False, True])
def test_a_velocity_builds_up_as_that_of_keras_does(nesterov):
    settings = {"momentum": 0.9, "nesterov": nesterov}
    optimizer = keras.optimizers.SGD(1.0, **settings)
    history = History()
    history.note(optimizer_settings=describe_settings(optimizer))
    found = [built_up(history, step) / (1 - 0.9) for step in range(20)]
    assert step_lengths(0.9, 20, nesterov=nesterov) == pytest.approx(found, rel=1e-3)
    history.note(optimizer_settings=describe_settings(keras.optimizers.Adam()))
    assert built_up(history, 0) == 1.0


def test_what_is_suggested_does_not_depend_on_how_far_the_velocity_has_built_up():
    lengths = {step: sum(0.9**k for k in range(step + 1)) for step in (0, 4, 16)}
    found = {suggest_lower_rate(of_momentum(0.9, s, 4.0 / n)) for s, n in lengths.items()}
    assert len(found) == 1


def test_a_first_step_of_momentum_suggests_a_lower_rate_than_one_without():
    def suggested(momentum):
        made = moving(0.3, [2.4])
        made.note(optimizer_settings=OptimizerFacts(momentum=momentum))
        return suggest_lower_rate(made)

    assert suggested(0.9) == pytest.approx(suggested(None) / 10, rel=0.5)  # of one digit
