"""A training loss that fell, and plateaus while the fit is still poor."""

import math

from keras_babysit.actions import KeepLearningRate
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._learning_rate import HEALTHY_RATIO, one_digit
from keras_babysit.rules._network import median_ratios
from keras_babysit.rules._progress import is_falling, is_time, poor_fit
from keras_babysit.rules._scores import estimates
from keras_babysit.rules._texts import change_rate, number, update_size
from keras_babysit.rules.rule import rule

DECAYED = 0.01
"""Fraction of the largest learning rate below which a schedule has ended the run."""

LEAST_PROGRESS = 0.02
"""Fraction of the initial loss that must be gone. Otherwise the network has not begun to learn (see
`loss_not_decreasing`)."""


@rule(
    title="Loss plateau",
    explains=("underfitting", "loss_not_decreasing", "constant_output"),
    needs=(
        "score/loss",
        "updates/ratio",
        "reference/constant_error | reference/neighbour_advantage",
    ),
    silent=(
        "in the first three quarters of a run",
        "if the network fits the training data",
        "if the updates have a healthy size",
    ),
)
def plateau(history: History, *, margin: float = 0.05, patience: int = 3) -> list[Finding]:
    """Report a loss that plateaus at a poor fit because the updates are too small or too large.

    The loss has plateaued, three quarters of the run are over, and the network is worse than a
    baseline on the same examples. The updates are the likely cause: they hardly change the weights,
    or change them so much that they cannot settle. If the updates have a healthy size, capacity is
    the likely cause (see `underfitting`).

    Reads `"score/loss"`, `"score/error"`, `"reference/constant_error"` and
    `"reference/neighbour_advantage"` of target `"train"`, `"loss/start"` and `"updates/ratio"`. It
    is silent while the loss falls, if the network fits the training data, and if no baseline is
    known.

    Args:
        history: The history of the run.
        margin: Smallest difference of the errors that counts, in (0, 1].
        patience: Number of scores that are needed, at least 1.

    Returns:
        One WARNING with a learning rate to try, or nothing.

    Raises:
        ValueError: If `margin` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> plateau(History())
        []

    Reference:
        CS231n, "Babysitting the learning process": updates of about 1e-3 of the weights.
    """
    require_fraction("margin", margin)
    require_count("patience", patience)
    scores = estimates(history, "loss", "train")
    start, ratios = history.last("loss/start"), median_ratios(history)[1]
    if start is None or len(scores) < patience or len(ratios) == 0:
        return []
    fell = start - min(score.value for score in scores)
    if not fell >= LEAST_PROGRESS * start > 0 or is_falling(history):
        return []
    ratio = float(ratios[-1])
    is_healthy = 0.1 * HEALTHY_RATIO <= ratio <= 10 * HEALTHY_RATIO
    if ratio == 0 and not _has_decayed(history):
        return []  # no learning rate moves these weights: see `no_gradient`
    found = poor_fit(history, margin)
    if is_healthy or found is None or not is_time(history, is_falling=False):
        return []
    return [_finding(history, found.message, dict(found.evidence), ratio)]


def _has_decayed(history: History) -> bool:
    rates = history.series("optimizer/learning_rate").values
    return bool(len(rates)) and bool(rates[-1] < DECAYED * rates.max())


def _finding(history: History, message: str, evidence: dict[str, float], ratio: float) -> Finding:
    steps = f"The loss has plateaued: {update_size(ratio)}."
    if _has_decayed(history):
        rates = history.series("optimizer/learning_rate").values
        steps += f" The learning rate fell from {number(rates.max())} to {number(rates[-1])}."
    return Finding(
        rule="plateau",
        severity=Severity.WARNING,
        target="",
        message=f"{steps} {message}",
        evidence=evidence | {"update_ratio": ratio},
        remedies=(_remedy(history, ratio),),
        reference="CS231n, Babysitting the learning process: updates of about 1e-3 of the weights",
    )


def _remedy(history: History, ratio: float) -> Remedy:
    rates = history.series("optimizer/learning_rate").values
    if _has_decayed(history):
        return Remedy(
            "Let the learning rate decay later, or keep it constant.",
            change=KeepLearningRate(float(rates.max())),
        )
    wanted = HEALTHY_RATIO / ratio if ratio > 0 else math.inf
    rate = float(rates[-1]) if len(rates) else None
    new = rate * min(max(wanted, 0.01), 100) if rate else None
    verb = "Raise" if ratio < HEALTHY_RATIO else "Lower"
    return change_rate(history, verb, one_digit(new) if new else None)
