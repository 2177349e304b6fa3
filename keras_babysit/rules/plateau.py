"""A loss that fell, and rests where the fit is still poor."""

import math

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_share
from keras_babysit.rules._learning_rate import HEALTHY_RATIO, one_digit, set_rate
from keras_babysit.rules._network import median_ratios
from keras_babysit.rules._progress import is_falling, is_time, poor
from keras_babysit.rules._scores import estimates
from keras_babysit.rules.rule import rule

DECAYED = 0.01
"""Share of the largest learning rate below which a schedule has ended the run."""

FALLEN = 0.02
"""Share of the starting loss that must be gone: else the run has not begun to learn (see
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
        "the fit is good",
        "the steps are of a healthy length",
    ),
)
def plateau(history: History, *, margin: float = 0.05, patience: int = 3) -> list[Finding]:
    """Advise another learning rate when the loss rests at a poor fit because of the steps.

    It rests, three quarters of the run are over, the nearest neighbours do better on the same
    examples, and the steps are the likely reason: the weights hardly move any more, or move so far
    that they cannot settle. Where the steps are healthy it is a matter of capacity (see
    `underfitting`).

    Reads `"score/loss"`, `"score/error"` and `"reference/neighbour_advantage"` of target
    `"train"`, `"loss/start"` and `"updates/ratio"`. It stays silent where the fit is good, where no
    yardstick could be had, and while the loss falls.

    Args:
        history: What the probes recorded so far.
        margin: Difference of the errors that counts, in (0, 1].
        patience: Number of scores before which it says nothing, at least 1.

    Returns:
        One WARNING with a rate to try, or nothing.

    Raises:
        ValueError: If `margin` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> plateau(History())
        []

    Reference:
        CS231n, "Babysitting the learning process": updates of about 1e-3 of the weights.
    """
    require_share("margin", margin)
    require_count("patience", patience)
    scores = estimates(history, "loss", "train")
    start, ratios = history.last("loss/start"), median_ratios(history)[1]
    if start is None or len(scores) < patience or len(ratios) == 0:
        return []
    fell = start - min(score.value for score in scores)
    if not fell >= FALLEN * start > 0 or is_falling(history):
        return []
    ratio = float(ratios[-1])
    is_healthy = 0.1 * HEALTHY_RATIO <= ratio <= 10 * HEALTHY_RATIO
    if ratio == 0 and not _has_decayed(history):
        return []  # nothing moves at any rate: see `no_gradient`
    found = poor(history, margin)
    if is_healthy or found is None or not is_time(history, is_falling=False):
        return []
    return [_finding(history, found.message, dict(found.evidence), ratio)]


def _has_decayed(history: History) -> bool:
    rates = history.series("optimizer/learning_rate").values
    return bool(len(rates)) and bool(rates[-1] < DECAYED * rates.max())


def _finding(history: History, message: str, evidence: dict[str, float], ratio: float) -> Finding:
    rate = history.last("optimizer/learning_rate")
    is_short = ratio < HEALTHY_RATIO
    wanted = HEALTHY_RATIO / ratio if ratio > 0 else math.inf
    if _has_decayed(history):
        rate, wanted = float(history.series("optimizer/learning_rate").values.max()), 1.0
    new = rate * min(max(wanted, 0.01), 100) if rate else None
    return Finding(
        rule="plateau",
        severity=Severity.WARNING,
        target="",
        message=f"The loss has come to rest, and a step moves the weights by {ratio:.1g} of their "
        f"size. {message}",
        evidence=evidence | {"update_ratio": ratio},
        remedies=(
            Remedy(
                f"{'Raise' if is_short else 'Lower'} the learning rate.",
                set_rate(one_digit(new) if new else None),
            ),
        ),
        reference="CS231n, Babysitting the learning process: updates of about 1e-3 of the weights",
    )
