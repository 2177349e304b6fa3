"""A network that could fit its training examples better than it does."""

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_share
from keras_babysit.rules._learning_rate import one_digit, set_rate
from keras_babysit.rules._network import median_ratios
from keras_babysit.rules._progress import Poor, is_falling, is_over, is_time, poor
from keras_babysit.rules._scores import estimates, gaps
from keras_babysit.rules._structure import HIDDEN_LAYER, structural_remedies
from keras_babysit.rules.rule import rule

SLOW_UPDATES = 1e-4
"""A tenth of the healthy update ratio of 1e-3 (CS231n): the learning rate holds the run back."""


@rule(
    title="Underfitting",
    explains=("loss_not_decreasing", "constant_output"),
    needs=("score/error", "reference/constant_error | reference/neighbour_advantage"),
    silent=(
        "in the first three quarters of a run",
        "the training loss falls",
        "training and validation scores diverge",
    ),
)
def underfitting(history: History, *, margin: float = 0.05, patience: int = 2) -> list[Finding]:
    """Advise more capacity when the fit is poor and validation data fare no worse.

    A poor score alone means nothing: the data may be noisy. Two yardsticks on the same training
    examples make it mean something. The network is poor if it does no better than the best
    constant answer, or if the vote of the nearest neighbours beats it.

    Reads `"score/error"` and, on the same examples, `"reference/constant_error"` and
    `"reference/neighbour_advantage"` (error of the network minus error of 5 nearest neighbours):
    shares of wrong answers or of unexplained variance, unitless.

    It stays silent in the first three quarters of a run; while the training loss still falls; while
    training and validation data part; where no yardstick could be had; where the network beats a
    constant by little but surely, and no neighbours beat it; and where the neighbours do no better
    than a constant either: there may be nothing to learn.

    Args:
        history: What the probes recorded so far.
        margin: Difference of the errors that counts, in (0, 1]; twice that while the loss still
            falls.
        patience: Number of scores before which it says nothing, at least 1. At the end of a run of
            as many epochs one is enough: its interval tells chance, and there is no more to come.

    Returns:
        One WARNING for the whole model, or nothing.

    Raises:
        ValueError: If `margin` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> for epoch in range(4):
        ...     for quantity, value in (
        ...         ("score/error", 0.5), ("score/error_stderr", 0.01),
        ...         ("score/loss", 0.69), ("score/loss_stderr", 0.01),
        ...         ("reference/constant_error", 0.5),
        ...     ):
        ...         history.append(Measurement(9, epoch, quantity, "train", value))
        >>> underfitting(history)[0].severity.name
        'WARNING'

    Reference:
        CS231n, "Babysitting the learning process": no gap, increase the model's capacity; Cover
        and Hart, "Nearest neighbor pattern classification", 1967, for the yardstick.
    """
    require_share("margin", margin)
    require_count("patience", patience)
    scores = estimates(history, "error", "train")
    if len(scores) < (1 if is_over(history, patience) else patience) or _has_gap(history, margin):
        return []
    still_falls = is_falling(history)
    if not is_time(history, is_falling=still_falls):
        return []
    # What still falls will make up some of it by itself.
    found = poor(history, min(1.0, 2 * margin) if still_falls else margin)
    return [_finding(history, found, still_falls)] if found else []


def _has_gap(history: History, margin: float) -> bool:
    found = gaps(history, "error")
    return bool(found) and found[-1].low > margin


def _finding(history: History, found: Poor, still_falls: bool) -> Finding:
    return Finding(
        rule="underfitting",
        severity=Severity.WARNING,
        target="",
        message=found.message,
        evidence=found.evidence,
        remedies=tuple(_remedies(history, still_falls)),
        reference="CS231n, Babysitting the learning process: no gap, increase model capacity",
    )


def _remedies(history: History, still_falls: bool) -> list[Remedy]:
    _, ratios = median_ratios(history)
    rate = history.last("optimizer/learning_rate")
    capacity = Remedy(
        "Give the network more capacity: a hidden layer more, or more units.",
        HIDDEN_LAYER,
    )
    longer = Remedy(
        "Train longer: the training loss was still falling.",
        f"model.fit(..., epochs={3 * history.facts.epochs})" if history.facts.epochs else "",
    )
    faster = Remedy(
        "Raise the learning rate: the weights hardly move.",
        set_rate(one_digit(10 * rate) if rate else None),
    )
    remedies = [capacity]
    if still_falls:
        remedies.insert(0, longer)
    if len(ratios) and 0 < ratios[-1] < SLOW_UPDATES:
        remedies.insert(0, faster)
    has = history.facts.regularization
    if has.dropout or has.penalized_weights or has.weight_decay:
        remedies.append(Remedy("Take regularisation away: dropout, penalties, weight decay."))
    return [*structural_remedies(history), *remedies]
