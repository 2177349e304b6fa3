"""NaN or infinity in what the network is given."""

import math

import numpy as np

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules.effects import BLOWN_UP, POOR_FIT
from keras_babysit.rules.rule import rule

NAMES = {"inputs": "x", "targets": "y"}


@rule(
    title="NaN or infinity in the data",
    explains=(*BLOWN_UP, *POOR_FIT),
    needs=("facts/data | inputs/nonfinite",),
    silent=(
        "values that were measured do no harm to loss or weights",
        "batches that were not measured may hold others",
    ),
    severity=Severity.ERROR,
)
def non_finite_inputs(history: History) -> list[Finding]:
    """Advise when inputs or targets hold NaN or infinity, and training bears the marks of it.

    They are to blame whenever they were seen: the weights that they spoil often show first. Only
    where loss and weights come out of their step finite somebody has taken care of them: a gap in
    the labels that the loss leaves out, one in the inputs that a layer fills.

    Reads `"inputs/nonfinite"` and `"targets/nonfinite"`, numbers of entries that are not finite,
    `"inputs/nonfinite_example"` and `"targets/nonfinite_example"`, the first such example of its
    batch, and `"loss/batch"`, `"logs/loss"` and `"weights/norm"`. It stays silent where all that
    was seen is finite, or did no harm; batches that were not looked at may hold others.

    Args:
        history: What the probes recorded so far.

    Returns:
        One ERROR for each input or target that holds such entries.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.append(Measurement(8, 0, "inputs/nonfinite", "inputs[0]", 3.0))
        >>> history.append(Measurement(8, 0, "loss/batch", "", float("nan")))
        >>> non_finite_inputs(history)[0].target
        'inputs[0]'

    Reference:
        IEEE 754: every sum and product with a NaN is NaN, so that one bad entry reaches every
        weight within one step.
    """
    found = []
    for room in NAMES:
        for target in history.targets(f"{room}/nonfinite"):
            bad = [p for p in history.points(f"{room}/nonfinite", target) if not p.value <= 0]
            if not bad or not _has_marks(history):
                continue
            first = next((p for p in bad if not _is_harmless(history, p.step)), None)
            if first is not None:
                found.append(_finding(history, room, target, first.step, float(first.value)))
    return found


def _has_marks(history: History) -> bool:
    """Return whether anything that training makes of the data was ever not finite."""
    series = [history.series("loss/batch"), history.series("logs/loss")]
    series += [history.series("weights/norm", name) for name in history.targets("weights/norm")]
    return not all(np.isfinite(one.values).all() for one in series)


def _is_harmless(history: History, step: int) -> bool:
    """Return whether loss and weights came finite out of the step that began after `step` steps.

    The loss of its epoch, once there is one, holds that step and tells most.
    """
    losses = [float(p.value) for p in history.points("loss/batch") if p.step == step]
    if not all(map(math.isfinite, losses)):
        return False
    epoch = _next(history, "logs/loss", "", step)
    if epoch is not None:
        return math.isfinite(epoch)
    weights = [_next(history, "weights/norm", t, step) for t in history.targets("weights/norm")]
    known = [norm for norm in weights if norm is not None]
    return bool(known) and all(map(math.isfinite, known))


def _next(history: History, quantity: str, target: str, step: int) -> float | None:
    """Return the first value that was recorded after `step` steps."""
    points = history.points(quantity, target)
    return next((float(point.value) for point in points if point.step > step), None)


def _finding(history: History, room: str, target: str, step: int, entries: float) -> Finding:
    name = NAMES[room]
    example = history.last(f"{room}/nonfinite_example", target)
    where = "" if example is None else f", first in example {example:.0f} of the batch"
    find = f"bad = ~np.isfinite({name}).reshape(len({name}), -1).all(axis=1)\nnp.flatnonzero(bad)"
    return Finding(
        rule="non_finite_inputs",
        severity=Severity.ERROR,
        target=target,
        message=f"The {room} hold {entries:.0f} entries that are not finite{where}.",
        evidence={"first_seen": room, "seen_at_step": step, "entries": entries},
        measured_step=step,
        remedies=(
            Remedy("Find the rows.", find),
            Remedy("Leave them out, or fill the gaps.", "x, y = x[~bad], y[~bad]"),
        ),
        reference="IEEE 754: NaN spreads through every sum and product",
    )
