"""What rules say where the headroom of the learning rate was measured."""

import pytest

from keras_babysit import rules
from tests.rules.table import bearing, moving


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


def test_a_headroom_that_grows_asks_for_a_warm_up():
    measured = [(0.2, 0.1, 0.3), (0.3, 0.2, 0.4), (2.0, 1.0, 3.0)]
    history = bearing(moving(0.3, [2.4] * 30), *measured)
    history.note(optimizer="Adam")
    (finding,) = rules.learning_rate_too_high(history)
    first, second = finding.remedies[:2]
    assert first.text.startswith("Raise the learning rate from 0 in the first tenth of the steps")
    assert "10 times as high at step 4 as at step 0" in first.text
    assert second.text.startswith("Lower the learning rate")


def test_a_headroom_that_grows_within_its_interval_does_not():
    measured = [(0.2, 0.1, 1.5), (0.3, 0.2, 0.4), (2.0, 1.0, 3.0)]
    (finding,) = rules.learning_rate_too_high(bearing(moving(0.3, [2.4] * 30), *measured))
    assert "Raise" not in finding.remedies[0].text


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
