"""Ranges against KerasTuner's formulas in numpy, and their conversion to Optuna and back."""

import math

import hypothesis.strategies as st
import numpy as np
import optuna
import pytest
from hypothesis import example, given

from keras_babysit.search.space import Choice, Range, from_json, to_json
from keras_babysit.search.suggest import parameter_name, stored, suggest

VALUES = [
    (Range("a", 6, 13, step=3, is_int=True), [6, 9, 12]),
    (Range("a", 1, 4, is_int=True), [1, 2, 3, 4]),
    (Range("a", 2, 32, step=2, sampling="log", is_int=True), 2 ** np.arange(1, 6)),
    (Range("a", 0.1, 0.5, step=0.2), [0.1, 0.3, 0.5]),
    (Range("a", 1e-4, 1e-1, step=10, sampling="log"), [1e-4, 1e-3, 1e-2, 1e-1]),
    (Range("a", 1, 8, step=2, sampling="reverse_log"), 9 - 2.0 ** np.arange(4)[::-1]),
    (Range("a", 0.5, 0.5, step=0.1), [0.5]),
]


@pytest.mark.parametrize(("one", "expected"), VALUES)
def test_steps(one, expected):
    np.testing.assert_allclose(one.values, expected, rtol=1e-9)
    assert all(type(v) is (int if one.is_int else float) for v in one.values)


def test_a_float_without_step_has_infinitely_many_values():
    assert Range("a", 0.0, 1.0).values is None


def test_reverse_log_is_kerastuners():
    one = Range("momentum", 0.1, 0.9, sampling="reverse_log")
    fractions = np.linspace(0, 1, 5)
    low, high = one.axis
    ours = [one.from_axis(low + fraction * (high - low)) for fraction in fractions]
    np.testing.assert_allclose(ours, 0.9 + 0.1 - 0.1 * (0.9 / 0.1) ** (1 - fractions))


BAD = {
    "low-above-high": ({"low": 2.0, "high": 1.0}, "min_value <= max_value"),
    "log-from-zero": ({"low": 0.0, "high": 1.0, "sampling": "log"}, "must be above 0"),
    "log-from-below": ({"low": -1.0, "high": 1.0, "sampling": "reverse_log"}, "must be above 0"),
    "endless": ({"low": 0.0, "high": math.inf}, "finite ends"),
    "not-a-number": ({"low": math.nan, "high": 1.0}, "finite ends"),
    "unknown-sampling": ({"low": 1.0, "high": 2.0, "sampling": "cubic"}, "must be one of"),
    "no-step": ({"low": 0.0, "high": 1.0, "step": 0.0}, "`step` must be above 0"),
    "factor-of-one": (
        {"low": 1.0, "high": 2.0, "step": 1.0, "sampling": "log"},
        "`step` must be above 1",
    ),
}


@pytest.mark.parametrize(("arguments", "law"), BAD.values(), ids=BAD)
def test_bad_ranges(arguments, law):
    with pytest.raises(ValueError, match=law) as caught:
        Range("rate", **arguments)
    assert "Received: hp.Float('rate'" in str(caught.value)


def test_an_empty_choice():
    with pytest.raises(ValueError, match="at least one"):
        Choice("a", ())


@st.composite
def ranges(draw):
    sampling = draw(st.sampled_from(["linear", "log", "reverse_log"]))
    is_int = draw(st.booleans())
    numbers = st.integers(1, 500) if is_int else st.floats(1e-6, 1e3)
    low, high = sorted(draw(st.tuples(numbers, numbers)))
    steps = st.integers(2, 9) if is_int else st.floats(1.5, 9)
    return Range("a", low, high, draw(st.none() | steps), sampling, is_int)


@given(ranges(), st.floats(0, 1), st.floats(0, 1))
def test_narrower_ranges_keep_to_values(one, fraction, other):
    low, high = one.axis
    ends = sorted(one.from_axis(low + part * (high - low)) for part in (fraction, other))
    new = one.between(*(min(max(end, one.low), one.high) for end in ends))
    slack = 1e-9 * abs(one.high)
    assert one.low - slack <= new.low <= ends[0] + slack
    assert ends[1] - slack <= new.high <= one.high + slack or one.step is not None
    if one.values is not None and len(one.values) < 600:
        assert set(new.values) <= set(one.values)


@given(ranges())
@example(
    Range(
        "crowded",
        low=0.59432132025,
        high=1.28821027417,
        step=2.0,
        sampling="reverse_log",
        base=2.11764566155158e-05,
        mirror=1.2882314506272141,
    )
)
def test_json_and_back(one):
    assert from_json(to_json(one)) == one


@given(ranges(), st.integers(0, 10**6))
def test_stored_values_give_the_same_value_again(one, seed):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    value = suggest(study.ask(), one)
    assert one.low - 1e-9 * one.high <= value <= one.high * (1 + 1e-9)
    study.enqueue_trial({parameter_name(one): stored(one, value)})
    assert suggest(study.ask(), one) == pytest.approx(value, rel=1e-9)


def test_log_sampling_is_even_in_the_logarithm():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    one = Range("a", 1e-4, 1.0, sampling="log")
    logs = np.log10([suggest(study.ask(), one) for _ in range(400)])
    np.testing.assert_allclose(np.quantile(logs, [0.25, 0.5, 0.75]), [-3, -2, -1], atol=0.25)


def test_factors_are_sampled_evenly():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    one = Range("a", 1, 8, step=2, sampling="log", is_int=True)
    values, counts = np.unique([suggest(study.ask(), one) for _ in range(400)], return_counts=True)
    assert values.tolist() == [1, 2, 4, 8]
    assert counts.min() > 70
