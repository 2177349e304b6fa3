"""A run that ends at chance although nothing else was found."""

import math
from typing import NamedTuple

import numpy as np

from keras_babysit.actions import TrainLonger
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._experiments import LOOK, MEMORIZE, PERMUTE, TRY_REMEDIES
from keras_babysit.rules._progress import curve, is_current, is_falling, is_time, planned_steps
from keras_babysit.rules._scores import Z_95, Estimate, advantages, beats_constant, rankings
from keras_babysit.rules._structure import structural_remedies
from keras_babysit.rules._texts import FIND_RATE, error_name, number, percent
from keras_babysit.rules.rule import rule

LEAST_FALL = 0.02
"""Fraction by which a loss must be below that of a constant answer: less than the last bias gains
by learning the frequencies of the classes, as in `loss_not_decreasing`."""

LATE = 0.75
"""Fraction of the steps so far from which on measurements count as current."""

ACCURACIES = ("accuracy", "acc", "sparse_categorical_accuracy", "categorical_accuracy")
"""Names of metrics that are the fraction of right classes."""


class _AtChance(NamedTuple):
    """How a run compares with a constant answer, and whether an interval makes sure of it."""

    message: str
    evidence: dict[str, float]
    is_sure: bool = True
    target: str = ""


@rule(
    title="Not learning, cause unknown",
    needs=("reference/constant_advantage | loss/constant | logs/loss",),
    silent=(
        "in the first three quarters of a run",
        "while the training loss falls, before the end of the run",
        "if another warning or error explains it",
    ),
    is_doubt=True,
)
def not_learning(
    history: History, *, margin: float = 0.1, patience: int = 3, steps: int = 100
) -> list[Finding]:
    """Report a run whose score is that of a constant prediction, and whose cause is not known.

    A run at chance never counts as one without problems. Four comparisons are made, the first that
    is possible counts:

    1. The error of each output, beside the best constant prediction on the same examples.
    2. The loss of the measured batches, beside the loss of the same batches if every example gets
       the mean output, which says whether the network makes use of its inputs. This works for any
       loss, such as one of your own.
    3. The accuracy that your training step reports, beside the most frequent class.
    4. The training loss of the last epochs, beside that of the first one.

    Reads `"reference/constant_advantage"` and `"predictions/auc"` of the training data, with a
    target for each of several outputs; `"loss/batch"`, `"loss/constant"`, `"loss/penalty"`;
    `"logs/*"` and the facts of the targets. It is silent in the first three quarters of a run, and
    until its end while the loss falls. Findings of other rules that are warnings or errors replace
    it: it is reported where no cause and no symptom is known.

    Args:
        history: The history of the run.
        margin: Advantage over a constant prediction, as a fraction of its error, that the interval
            must exclude to make sure that the two are equal, in (0, 1].
        patience: Number of measured batches, or of epochs, that a comparison of losses needs, at
            least 2.
        steps: Number of steps below which a run is too short for a warning, at least 1. The default
            is that of `too_few_steps`.

    Returns:
        One WARNING for each output at chance, or for the whole model: the 95 % interval makes sure
        that the network is no better, or that its nearest neighbours are. One NOTE if there are too
        few examples to make sure, if it is better by less than `margin`, or after fewer than
        `steps` steps. Empty if it is better.

    Raises:
        ValueError: If `margin` lies outside (0, 1], or if `patience` or `steps` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.note(epochs=1, steps_per_epoch=10, has_ended=True)
        >>> for quantity, value in (
        ...     ("score/loss", 0.69), ("score/error", 0.5),
        ...     ("reference/constant_error", 0.5),
        ...     ("reference/constant_advantage", 0.0),
        ...     ("reference/constant_advantage_stderr", 0.01),
        ... ):
        ...     history.append(Measurement(10, 0, quantity, "train", value))
        >>> print(not_learning(history)[0].message)
        The network has learned nothing from its inputs: its error is 50.0 % (constant prediction:
        50.0 %). No cause was found.

    Reference:
        CS231n, "Babysitting the learning process": overfit a small subset of the data first.
    """
    require_fraction("margin", margin)
    require_count("patience", patience)
    require_count("steps", steps)
    if not _is_late(history):
        return []
    outputs = [t for t in history.targets("reference/constant_advantage") if _is_train(t)]
    if outputs:
        found = [_beside_constant(history, target, margin) for target in outputs]
    else:
        found = [
            _beside_mean_output(history, patience)
            or _beside_most_frequent(history, margin)
            or _beside_first_epoch(history, max(patience, 2))
        ]
    is_short = history.step < steps
    return [_finding(history, one, is_short) for one in found if one is not None]


def _is_late(history: History) -> bool:
    if history.facts.has_ended:
        return True
    falls = is_falling(history)
    return planned_steps(history) is not None and is_time(history, is_falling=falls)


def _is_train(target: str) -> bool:
    return target.partition("/")[0] == "train"


def _beside_constant(history: History, target: str, margin: float) -> _AtChance | None:
    """Compare the error of one output with that of a constant prediction."""
    constant = history.last("reference/constant_error", target)
    better = advantages(history, target)[-1:]
    if not better or constant is None or not constant > 0 or not is_current(history):
        return None
    error = constant - better[0].value
    evidence = {"error": error, "constant_error": constant}
    is_of_several = "/" in target
    output = target.partition("/")[2]
    whose = f'output "{output}"' if is_of_several else "network"
    name = "error" if is_of_several else error_name(history)
    beside = f"its {name} is {percent(error, 1)} (constant prediction: {percent(constant, 1)})"
    if not beats_constant(history, target):
        is_sure = better[0].high < margin * constant or _neighbours_win(history, target)
        nothing = f"The {whose} has learned nothing from its inputs: {beside}"
        return _AtChance(nothing, evidence, is_sure, output)
    if better[0].high < margin * constant and not _ranks_well(history, target, margin):
        little = f"The {whose} has learned little from its inputs: {beside}"
        return _AtChance(little, evidence, False, output)
    return None


def _neighbours_win(history: History, target: str) -> bool:
    advantage = history.last("reference/neighbour_advantage", target)
    spread = history.last("reference/neighbour_advantage_stderr", target)
    if advantage is None or spread is None:
        return False
    return bool(Estimate(advantage, spread).low > 0)


def _ranks_well(history: History, target: str, margin: float) -> bool:
    """Return whether it ranks positives well: a rare class may never be predicted all the same."""
    return any(one.value - 0.5 > margin / 2 for one in rankings(history, target)[-1:])


def _beside_mean_output(history: History, patience: int) -> _AtChance | None:
    """Compare the loss of batches with that of their mean output, whatever the loss is."""
    points = history.points("loss/constant", "")
    constants = {point.step: float(point.value) for point in points}
    pairs = [
        (float(point.value), constants[point.step])
        for point in history.points("loss/batch", "")
        if point.step in constants and point.step >= LATE * history.step
    ]
    if len(pairs) < patience or not np.isfinite(pairs).all():
        return None
    losses, means = np.array(pairs, np.float64).T
    penalty = history.last("loss/penalty", default=0.0) + history.last("loss/added", default=0.0)
    size = abs(float(means.mean()) - penalty)
    better = Estimate(
        float((means - losses).mean()), float((means - losses).std(ddof=1) / math.sqrt(len(pairs)))
    )
    if not size > 0 or better.high >= LEAST_FALL * size:
        return None
    loss, constant = float(losses.mean()) - penalty, float(means.mean()) - penalty
    return _AtChance(
        f"The network does not use its inputs: its loss is {number(loss, 4)} (with the mean "
        f"output for every example: {number(constant, 4)})",
        {"loss": loss, "constant_loss": constant},
    )


def _beside_most_frequent(history: History, margin: float) -> _AtChance | None:
    """Compare the accuracy that a training step reports with the most frequent class."""
    targets = history.facts.data.targets
    chance = targets[0].largest_fraction if len(targets) == 1 else None
    examples = history.facts.data.examples
    if chance is None or not examples or not chance < 1:
        return None
    for name in ACCURACIES:
        value = history.last(f"logs/{name}")
        if value is None or not 0 <= value <= 1:
            continue
        variance = (value * (1 - value) + chance * (1 - chance)) / examples
        high = value - chance + Z_95 * math.sqrt(variance)
        if value > chance and high >= margin * (1 - chance):
            return None
        return _AtChance(
            f"The network has learned nothing from its inputs: its accuracy is "
            f"{percent(value, 1)}, and {percent(chance, 1)} of the examples belong to the most "
            "frequent class",
            {"accuracy": value, "most_frequent": chance},
            high < margin * (1 - chance),
        )
    return None


def _beside_first_epoch(history: History, patience: int) -> _AtChance | None:
    """Compare the training loss of the last epochs with that of the first one."""
    losses = history.series("logs/loss").values
    is_known = bool(history.points("loss/constant", "")) or any(
        history.last(f"logs/{name}") is not None for name in ACCURACIES
    )
    if is_known or len(losses) <= patience or not np.isfinite(losses).all() or losses.min() <= 0:
        return None
    best = float(losses[1:].min())
    if best < losses[0] * (1 - LEAST_FALL):
        return None
    return _AtChance(
        f"The training loss has not fallen: {number(float(losses[0]), 4)} in the first epoch, "
        f"{number(best, 4)} at best in the {len(losses) - 1} after it",
        {"first_loss": float(losses[0]), "best_loss": best},
        False,
    )


def _finding(history: History, found: _AtChance, is_short: bool) -> Finding:
    longer = Remedy("Train longer: the training loss is still falling.", change=TrainLonger())
    return Finding(
        rule="not_learning",
        severity=Severity.WARNING if found.is_sure and not is_short else Severity.NOTE,
        target=found.target,
        message=f"{found.message}. No cause was found.",
        evidence=found.evidence,
        remedies=(
            *structural_remedies(history),
            MEMORIZE,
            LOOK,
            PERMUTE,
            FIND_RATE,
            *([longer] if len(curve(history)) > 2 and is_falling(history) else []),
            TRY_REMEDIES,
        ),
        reference="CS231n, Babysitting the learning process: overfit a small subset first",
    )
