"""A training loss that rises and falls from epoch to epoch."""

import numpy as np

from keras_babysit.actions import ScaleBatchSize, SetCallback
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._headroom import compared, headrooms, in_evidence
from keras_babysit.rules._learning_rate import lower_rate
from keras_babysit.rules._progress import constant_loss, curve, detrended, has_learnt_most
from keras_babysit.rules._scores import training_errors
from keras_babysit.rules._texts import change_rate
from keras_babysit.rules.rule import rule

BY_CHANCE = 0.83
"""Median jump of independent values, in their standard deviations: 0.6745, the median of the
absolute value of a normal variable, times the square root of 1.5, because two neighbours are
subtracted at a half each."""

BEYOND_CHANCE = 2.0
"""Multiple of that jump from which on it is more than the draw of the examples. The median of six
jumps varies by about 40 % itself."""

NEARLY_ALL = 0.9
"""Fraction of the examples that came again in a later epoch above which all did."""


@rule(
    title="Oscillating loss",
    explains=("plateau", "underfitting"),
    needs=("logs/loss | score/loss",),
    silent=(
        "if the jumps are small beside the distance of the initial loss from zero",
        "if each epoch draws other examples, and the jumps are no larger than such draws make them",
    ),
)
def oscillating_loss(
    history: History, *, fraction: float = 0.1, patience: int = 6
) -> list[Finding]:
    """Report a training loss that jumps up and down on the same examples.

    The loss is the mean of each epoch, or the score on the reference sample. Both use the same
    examples each time, so the jumps do not depend on which examples are in a batch. Where each
    epoch draws other examples, its mean varies by s / sqrt(n) with them, s being the standard
    deviation of the loss of a batch and n the number of batches. A jump is the
    distance of a point from the line through its two neighbours; the median of the latest jumps
    counts.

    Reads `"logs/loss"`, `"score/loss"` of target `"train"`, `"loss/start"`, `"loss/batch"`, and for
    the learning rate to try `"optimizer/headroom"`. It is silent while the jumps are small beside
    the range of the loss, as they are near the end of any run with a constant learning rate. The
    range is from the initial loss to zero, or to the lowest loss if that is negative.

    Args:
        history: The history of the run.
        fraction: Median jump from which on it is reported, as a fraction of that range, in (0, 1].
            With jumps of a tenth the final loss is known to a tenth of the range at best.
        patience: Number of latest jumps that count, at least 3.

    Returns:
        One WARNING with a learning rate to try, or nothing. A NOTE if the loss still falls: its
        mean over the later half of these epochs is below that over the earlier half by a jump or
        more. A NOTE as well if the network has learned more than half of what there is, and its
        error jumps by less than `fraction` of that of a constant prediction: what it answers is
        stable then.

    Raises:
        ValueError: If `fraction` lies outside (0, 1] or `patience` is below 3.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.append(Measurement(0, 0, "loss/start", "", 2.0))
        >>> for epoch in range(8):
        ...     loss = 0.5 + epoch % 2
        ...     history.append(Measurement(9, epoch, "score/loss", "train", loss))
        ...     history.append(Measurement(9, epoch, "score/loss_stderr", "train", 0.01))
        >>> oscillating_loss(history)[0].evidence["jump"]
        1.0

    Reference:
        CS231n, "Babysitting the learning process": the loss curve of a learning rate that is too
        high; Bottou, Curtis and Nocedal, "Optimization methods for large-scale machine learning",
        2018, section 4.2: with a constant learning rate the loss stays at a distance from its
        minimum that is proportional to the learning rate.
    """
    require_fraction("fraction", fraction)
    require_count("patience", patience)
    if patience < 3:
        raise ValueError(f"Argument `patience` must be at least 3. Received: patience={patience}")
    start = history.last("loss/start")
    losses = curve(history)
    if start is None or len(losses) < patience + 2:
        return []
    # What was trained before starts near its end: what it could lose is the range.
    full_range = max(start, constant_loss(history) or 0.0) - min(0.0, *losses)
    if not full_range > 0:
        return []
    recent = detrended(losses[-patience - 2 :])
    jump = float(np.median(np.abs(recent)))
    turns = int(np.sum(np.sign(recent[1:]) != np.sign(recent[:-1])))
    if jump < fraction * full_range or 2 * turns < patience - 1:
        return []
    if not jump > BEYOND_CHANCE * BY_CHANCE * _error_of_epochs(history, losses, patience + 2):
        return []
    is_harmless = _still_falls(losses[-patience - 2 :], jump) or not _costs(
        history, fraction, patience
    )
    severity = Severity.NOTE if is_harmless else Severity.WARNING
    return [_finding(history, severity, start, losses[-patience:], jump)]


def _error_of_epochs(history: History, losses: list[float], epochs: int) -> float:
    """Return by how much the latest losses vary with the examples of each epoch.

    0 if these are the same in each epoch; infinite if it is not known.
    """
    recurring, steps = history.facts.recurring_fraction, history.facts.steps_per_epoch
    means = history.series("logs/loss").values
    if recurring is None or recurring >= NEARLY_ALL or len(losses) != np.isfinite(means).sum():
        return 0.0
    since = history.epoch + 1 - epochs
    batches = [float(p.value) for p in history.points("loss/batch", "") if p.epoch >= since]
    if len(batches) < 3 or not steps:
        return float("inf")
    return float(np.std(batches, ddof=1) / np.sqrt(steps))


def _still_falls(losses: list[float], jump: float) -> bool:
    """Return whether the loss comes down by more than it jumps: the jumps do not hold it up."""
    half = len(losses) // 2
    return bool(np.mean(losses[:half]) - np.mean(losses[-half:]) >= jump)


def _costs(history: History, fraction: float, patience: int) -> bool:
    """Return whether the oscillation costs the network its score; True where that is not known.

    A crossentropy jumps by how sure a few wrong answers are, although hardly any answer changes.
    """
    errors = [one.value for one in training_errors(history)][-patience - 2 :]
    constant = history.last("reference/constant_error", "train")
    if len(errors) < patience + 2 or constant is None or not has_learnt_most(history):
        return True
    return bool(np.median(np.abs(detrended(errors))) >= fraction * constant)


def _finding(
    history: History, severity: Severity, start: float, recent: list[float], jump: float
) -> Finding:
    rate = history.last("optimizer/learning_rate")
    room = next(reversed(headrooms(history)), None)
    room = room if room is not None and room.high < 1 else None
    at_plateaus = Remedy(
        "Lower the learning rate whenever the loss plateaus.",
        change=SetCallback("ReduceLROnPlateau", "loss", (("patience", 3),), is_by_name=True),
    )
    # The callback cannot set what a schedule sets.
    lower_at_plateaus = [at_plateaus] if history.facts.learning_rate_schedule is None else []
    return Finding(
        rule="oscillating_loss",
        severity=severity,
        target="",
        message=f"The training loss oscillated between {min(recent):.3g} and {max(recent):.3g} in "
        f"the latest {len(recent)} epochs, on the same examples. The initial loss was {start:.3g}."
        + ("" if room is None else f" {compared(room)}"),
        evidence={"jump": jump, "loss_start": start}
        | ({} if rate is None else {"learning_rate": rate})
        | in_evidence(room),
        remedies=(
            change_rate(history, "Lower", lower_rate(rate, room and room.value) if rate else None),
            *lower_at_plateaus,
            Remedy("Use larger batches: their gradients vary less.", change=ScaleBatchSize()),
        ),
        reference="Bottou, Curtis and Nocedal, 2018, section 4.2: the distance from the minimum is "
        "proportional to the learning rate",
    )
