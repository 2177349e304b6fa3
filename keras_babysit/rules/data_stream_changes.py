"""Training data of later epochs that differs from that of the first one."""

import numpy as np

from keras_babysit.actions import LOOKS, OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above, require_count
from keras_babysit.rules._scores import Estimate
from keras_babysit.rules._texts import number
from keras_babysit.rules.effects import BLOWN_UP, POOR_FIT, STUCK
from keras_babysit.rules.rule import rule

MIN_LOOKS = 3
"""Batches of the first epoch that are needed to know how much batches differ, unless it has fewer
steps."""

MANY_LOOKS = 8
"""Batches of the first epoch from which on the most extreme one at either end does not count: Keras
reads the first batch of a data set twice, so that it may be changed before the others are."""

BY_CHANCE = 1e-6
"""Probability above which the targets of the latest batches may all be equal by chance, as often as
there are epochs to look at."""

MIN_BATCH, MAX_LOOK = 8, 64
"""Least number of examples of a look where the batch size is not known, and the most."""


@rule(
    title="Training data changes between epochs",
    explains=(
        *BLOWN_UP,
        *STUCK,
        *POOR_FIT,
        "overfitting",
        "batch_norm_mismatch",
        "validation_prepared_differently",
    ),
    needs=("inputs/rms",),
    silent=(
        "in the first epoch",
        "on batches of fewer than 8 examples",
        "if a batch of the first epoch was as large, as small or as uniform",
    ),
)
def data_stream_changes(
    history: History, *, ratio: float = 10.0, patience: int = 2
) -> list[Finding]:
    """Report inputs of later epochs on another scale, or batches that are all alike.

    A common cause is a generator that changes its arrays in place, such as `x /= 255`: each epoch
    divides again. Another one is a generator that is used up, and returns zeros or one class.

    The targets may change as well: then the loss of an epoch is far below that of the examples that
    were kept, `"logs/loss"` against `"score/loss"`, where the loss is a mean and no batch
    normalization is in between.

    Reads `"inputs/rms"`, `"inputs/spread"` and `"targets/most_frequent"`: size, spread and the most
    frequent target of the batches that were seen. The latest batches are compared with those of the
    first epoch. It is silent in the first epoch; on batches of fewer than 8 examples; and if a
    batch of the first epoch was as large, as small or as uniform; of 8 or more, two batches.

    Args:
        history: The history of the run.
        ratio: Factor between the latest batches and every batch of the first epoch from which on it
            is reported, above 1. Augmentation and a curriculum change the size by less than that.
        patience: Number of the latest batches that must all show it, at least 1.

    Returns:
        One WARNING per affected array; one for the whole model if the losses show it.

    Raises:
        ValueError: If `ratio` is not above 1, or `patience` below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> for step, size in enumerate([120, 124, 118, 121, 0.47, 0.0018]):
        ...     history.append(Measurement(step, step // 4, "inputs/rms", "inputs[0]", size))
        ...     history.append(Measurement(step, step // 4, "inputs/spread", "inputs[0]", size / 2))
        >>> data_stream_changes(history)[0].severity.name
        'WARNING'

    Reference:
        NumPy, "Copies and views": in-place operators change the array for all who hold it.
    """
    require_above("ratio", ratio, 1)
    require_count("patience", patience)
    found = _about_the_loss(history, ratio, patience)
    for target in history.targets("inputs/rms"):
        message, evidence = _about_inputs(history, target, ratio, patience)
        if message:
            found.append(_finding(target, message, evidence))
    for target in history.targets("targets/most_frequent"):
        first, later = _looks(history, "targets/most_frequent", target, patience)
        if later and min(later) == 1.0 and _are_mixed(history, first, patience):
            message = "All targets of the latest batches are equal; in the first epoch they differ."
            found.append(_finding(target, message, {"most_frequent_at_first": max(first)}))
    return found


def _about_the_loss(history: History, ratio: float, patience: int) -> list[Finding]:
    """Return the finding of epochs whose loss is far below that of the reference sample.

    Both are means over examples, the sample's with dropout off. Only averages of a batch
    normalization, or a loss that is no mean, make another difference. The lowest score and the
    least penalty count, because each is that of one step of its epoch.
    """
    facts = history.facts
    has_norms = facts.regularization.batch_normalizations or history.targets(
        "normalization/mean_lag"
    )
    if facts.loss_reduction != "mean" or facts.has_own_step or has_norms:
        return []
    running, scored = history.series("logs/loss"), _scored_by_epoch(history)
    means = dict(zip(running.epochs.tolist(), running.values.tolist(), strict=True))
    pairs = [(means[epoch], score) for epoch, score in scored.items() if epoch in means]
    later = pairs[-patience:]
    if len(later) < patience or history.epoch < 1:
        return []
    penalty = min(history.series("loss/penalty").values, default=0.0)
    # Of a loss that falls steeply, an epoch's mean is below the score at its start.
    lowest = min(score.low for _, score in later)
    if not all(mean > 0 and ratio * (mean - penalty) < lowest for mean, _ in later):
        return []
    mean, score = later[-1]
    return [
        _finding(
            "",
            f"The loss is {number(mean)} in the latest epoch but {number(score.value)} on examples "
            "of earlier batches: later batches hold other data.",
            {"epoch_loss": mean, "sample_loss": score.value},
        )
    ]


def _scored_by_epoch(history: History) -> dict[int, Estimate]:
    """Return the loss on the kept training examples by epoch; the latest of each."""
    losses = history.series("score/loss", "train")
    errors = history.series("score/loss_stderr", "train").values
    pairs = zip(losses.epochs.tolist(), losses.values.tolist(), errors.tolist(), strict=False)
    return {epoch: Estimate(value, error) for epoch, value, error in pairs}


def _about_inputs(
    history: History, target: str, ratio: float, patience: int
) -> tuple[str, dict[str, float]]:
    for quantity, what in (("inputs/rms", "large"), ("inputs/spread", "spread out")):
        first, later = _looks(history, quantity, target, patience)
        if not later or min(first) <= 0:
            continue
        start, now = float(np.median(first)), later[-1]
        evidence = {"first_epoch": start, "now": now}
        if max(later) == 0:
            values = "zero" if quantity == "inputs/rms" else "equal"
            return f"All inputs of the latest batches are {values}.", evidence
        low, high = _range(first)
        if min(later) >= ratio * high:
            times, how = number(now / start, 3), f"as {what} as"
        elif max(later) <= low / ratio:
            times, how = (
                number(start / now, 3),
                "smaller than" if what == "large" else "less spread out than",
            )
        else:
            continue
        name = "root mean square" if quantity == "inputs/rms" else "standard deviation"
        return (
            f"The inputs of the latest batches are {times} times {how} in the first epoch: "
            f"their {name} is {number(now, 3)} instead of {number(start, 3)}.",
            evidence,
        )
    return "", {}


def _are_mixed(history: History, first: list[float], patience: int) -> bool:
    """Return whether the targets of the latest batches cannot be equal by chance."""
    if max(first) == 1.0:
        return False
    examples = min(MAX_LOOK, max(MIN_BATCH, history.facts.batch_size or MIN_BATCH))
    return bool(float(np.mean(first)) ** (examples * patience) < BY_CHANCE)


def _range(values: list[float]) -> tuple[float, float]:
    """Return the least and the largest value, of many without the most extreme ones."""
    left_out = int(len(values) >= MANY_LOOKS)
    ordered = sorted(values)
    return ordered[left_out], ordered[-1 - left_out]


def _looks(
    history: History, quantity: str, target: str, patience: int
) -> tuple[list[float], list[float]]:
    """Return the values of the first epoch, and the latest ones after it; empty if too few."""
    series = history.series(quantity, target)
    values, epochs = series.values, series.epochs
    is_first = epochs == epochs[0] if len(epochs) else epochs
    first, later = values[is_first == 1], values[is_first == 0]
    needed = min(MIN_LOOKS, history.facts.steps_per_epoch or MIN_LOOKS)
    if len(first) < needed or len(later) < patience:
        return [], []
    return first.tolist(), later[-patience:].tolist()


def _finding(target: str, message: str, evidence: dict[str, float]) -> Finding:
    return Finding(
        rule="data_stream_changes",
        severity=Severity.WARNING,
        target=target,
        message=message,
        evidence=evidence,
        remedies=(
            Remedy(
                "Create a new array for each batch instead of changing one in place.",
                "batch = batch / 255  # batch: an array of your generator; not batch /= 255",
                no_change_because=OWN_CODE,
            ),
            Remedy(
                "Print the range of the values in some batches of each epoch.",
                "for x, y in generator:  # generator: what you pass to fit\n"
                "    print(x.min(), x.max(), np.unique(y))",
                no_change_because=LOOKS,
            ),
        ),
        reference="NumPy, Copies and views",
    )
