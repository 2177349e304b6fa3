"""NaN or infinity in the inputs or targets."""

import math

import numpy as np

from keras_babysit.actions import LOOKS, RemoveNonFinite
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules.effects import BLOWN_UP, POOR_FIT
from keras_babysit.rules.rule import rule

VARIABLES = {"inputs": "x", "targets": "y"}
"""Per group of quantities the variable that holds the data in the code of the remedies."""


@rule(
    title="NaN or infinity in the data",
    explains=(*BLOWN_UP, *POOR_FIT),
    needs=("facts/data | inputs/nonfinite",),
    silent=(
        "if the values do no harm to the loss and the weights",
        "on batches that were not measured",
    ),
    severity=Severity.ERROR,
)
def non_finite_inputs(history: History) -> list[Finding]:
    """Report NaN and infinity in inputs or targets if they reach the loss or the weights.

    Such entries are the cause of any NaN in the loss or the weights, even if the weights were seen
    first. If the loss and the weights of that step stay finite, the model handles the entries: a
    loss may ignore missing labels, and a layer may fill missing inputs.

    Reads `"inputs/nonfinite"` and `"targets/nonfinite"`, numbers of entries that are not finite;
    `"inputs/nonfinite_example"` and `"targets/nonfinite_example"`, the first such example of the
    batch; and `"loss/batch"`, `"logs/loss"` and `"weights/norm"`. It is silent if all measured
    entries are finite or do no harm. Batches that were not measured may hold others.

    Args:
        history: The history of the run.

    Returns:
        One ERROR per input or target with such entries.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.append(Measurement(8, 0, "inputs/nonfinite", "inputs[0]", 3.0))
        >>> history.append(Measurement(8, 0, "loss/batch", "", float("nan")))
        >>> non_finite_inputs(history)[0].message
        '3 entries of the inputs are NaN or infinite.'

    Reference:
        IEEE 754: every sum and product with a NaN is NaN, so one bad entry reaches every weight
        within one step.
    """
    found = []
    for group in VARIABLES:
        for target in history.targets(f"{group}/nonfinite"):
            bad = [p for p in history.points(f"{group}/nonfinite", target) if not p.value <= 0]
            if not bad or not _has_spread(history):
                continue
            first = next((p for p in bad if not _is_harmless(history, p.step)), None)
            if first is not None:
                found.append(_finding(history, group, target, first.step, float(first.value)))
    return found


def _has_spread(history: History) -> bool:
    """Return whether the loss or a weight was ever NaN or infinite."""
    series = [history.series("loss/batch"), history.series("logs/loss")]
    series += [history.series("weights/norm", name) for name in history.targets("weights/norm")]
    return not all(np.isfinite(one.values).all() for one in series)


def _is_harmless(history: History, step: int) -> bool:
    """Return whether loss and weights stayed finite in the step that began after `step` steps.

    The mean loss of its epoch, once it is known, includes that step and decides.
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
    """Return the first value that was measured after `step` steps."""
    points = history.points(quantity, target)
    return next((float(point.value) for point in points if point.step > step), None)


def _finding(history: History, group: str, target: str, step: int, entries: float) -> Finding:
    name = VARIABLES[group]
    example = history.last(f"{group}/nonfinite_example", target)
    where = "" if example is None else f"; the first is in example {example:.0f} of the batch"
    count = "1 entry" if entries == 1 else f"{entries:.0f} entries"
    is_one_of_many = len(history.targets(f"{group}/nonfinite")) > 1
    remove = RemoveNonFinite(name, f"{name}: the array {target}" if is_one_of_many else "")
    return Finding(
        rule="non_finite_inputs",
        severity=Severity.ERROR,
        target=target,
        message=f"{count} of the {group} {'is' if entries == 1 else 'are'} NaN or infinite{where}.",
        evidence={"first_seen": group, "seen_at_step": step, "entries": entries},
        measured_step=step,
        remedies=(
            Remedy(
                "Find the examples that hold these entries.",
                f"{remove.finds}\nnp.flatnonzero(bad)",
                no_change_because=LOOKS,
            ),
            Remedy("Remove these examples, or impute the missing values.", change=remove),
        ),
        reference="IEEE 754: NaN spreads through every sum and product",
    )
