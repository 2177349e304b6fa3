"""What stops a trial: per cause a history that it stops, and one that it does not."""

import pytest

from keras_babysit.facts import LayerFacts
from keras_babysit.findings import Severity
from keras_babysit.history import History, Measurement
from keras_babysit.search.causes import CAUSES


def history(*series, planned=(10, 40), kind="rectifier"):
    """Return a history of `(quantity, target, {step: value})`."""
    found = History()
    found.note(epochs=planned[0], steps_per_epoch=planned[1])
    found.note(layers={"dense": LayerFacts(activation_kind=kind, role="hidden")})
    for quantity, target, points in series:
        for step, value in points.items():
            found.append(Measurement(step, 0, quantity, target, value))
    return found


def steps(*values):
    return dict(zip((0, 10, 20, 30), values, strict=False))


KERNEL = ("updates/ratio", "dense/kernel")
START = ("loss/start", "", {0: 2.0})
TABLE = {
    "exploded": (history(START, ("loss/batch", "", steps(2, 7, 8, 9))), "loss_explosion"),
    "high-but-not-thrice": (history(START, ("loss/batch", "", steps(2, 5, 5, 5))), None),
    "one-bad-batch": (history(START, ("loss/batch", "", steps(2, 9, 2, 2))), None),
    "loss-nan": (history(("loss/batch", "", steps(2, float("nan")))), "non_finite_values"),
    "inputs-nan": (
        history(("inputs/nonfinite", "x", {0: 1.0}), ("loss/batch", "", steps(float("nan")))),
        "non_finite_inputs",
    ),
    "dead-through": (
        history(("activations/dead_fraction", "dense", steps(1, 1, 1))),
        "dead_units",
    ),
    "half-dead": (history(("activations/dead_fraction", "dense", steps(0.9, 0.9, 0.9))), None),
    "saturated-through": (
        history(("activations/saturated_fraction", "dense", steps(1, 1, 1)), kind="squashing"),
        "saturated_units",
    ),
    "mostly-saturated": (
        history(("activations/saturated_fraction", "dense", steps(0.9, 1, 1)), kind="squashing"),
        None,
    ),
    "still": (history((*KERNEL, steps(1e-6, 1e-6, 1e-6, 1e-6))), "no_update"),
    "slow-but-long": (
        history((*KERNEL, steps(1e-6, 1e-6, 1e-6, 1e-6)), planned=(100, 1000)),
        None,
    ),
    "healthy": (history((*KERNEL, steps(1e-3, 1e-3, 1e-3, 1e-3))), None),
    "one-layer-moves": (
        history((*KERNEL, steps(0, 0, 0, 0)), ("updates/ratio", "b/kernel", steps(1, 1, 1, 1))),
        None,
    ),
    "only-the-bias-moves": (
        history((*KERNEL, steps(0, 0, 0, 0)), ("updates/ratio", "a/bias", steps(1, 1, 1, 1))),
        "no_update",
    ),
    "warming-up": (
        history(
            (*KERNEL, steps(1e-7, 1e-6, 1e-6, 1e-6)),
            ("optimizer/learning_rate", "", steps(1e-6, 2e-6, 3e-6, 4e-6)),
        ),
        None,
    ),
    "converged": (
        history((*KERNEL, dict(zip(range(0, 80, 10), [1e-2] * 3 + [1e-7] * 5, strict=True)))),
        None,
    ),
    "too-early": (history((*KERNEL, {0: 0.0, 1: 0.0, 2: 0.0})), None),
    "length-unknown": (history((*KERNEL, steps(0, 0, 0, 0)), planned=(10, None)), None),
}


@pytest.mark.parametrize(("run", "expected"), TABLE.values(), ids=TABLE)
def test_causes(run, expected):
    found = [finding for rule in CAUSES for finding in rule(run)]
    errors = [finding.rule for finding in found if finding.severity == Severity.ERROR]
    assert errors[:1] == ([] if expected is None else [expected])


def test_every_cause_has_a_row():
    assert len({row[1] for row in TABLE.values() if row[1]}) == len(CAUSES)
