"""What rules say where the headroom of the learning rate was measured."""

import pytest

from keras_babysit import actions, rules
from keras_babysit.history import Measurement
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
