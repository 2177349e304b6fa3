"""A network that fits its training data worse than a baseline."""

import numpy as np

from keras_babysit.actions import ScalePenalties, TrainLonger
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._experiments import CAPACITY, experiments
from keras_babysit.rules._headroom import BEYOND, headrooms
from keras_babysit.rules._learning_rate import one_digit, raising_factor
from keras_babysit.rules._network import median_ratios
from keras_babysit.rules._progress import (
    PoorFit,
    curve,
    has_learnt_most,
    is_falling,
    is_over,
    is_time,
    poor_fit,
)
from keras_babysit.rules._scores import estimates, gaps
from keras_babysit.rules._structure import structural_remedies
from keras_babysit.rules._texts import change_rate
from keras_babysit.rules.rule import rule

LATEST = 5
"""Measurements of the headroom whose median counts: the interval of a single batch may be wide."""

SLOW_UPDATES = 1e-4
"""Update ratio below which the learning rate limits the fit: a tenth of the healthy 1e-3
(CS231n)."""


@rule(
    title="Underfitting",
    explains=("loss_not_decreasing", "constant_output"),
    needs=("score/error", "reference/constant_error | reference/neighbour_advantage"),
    silent=(
        "in the first three quarters of a run",
        "while the training loss falls",
        "if training and validation scores diverge",
    ),
)
def underfitting(history: History, *, margin: float = 0.05, patience: int = 2) -> list[Finding]:
    """Report a network that fits the training data worse than a baseline, without a gap.

    A poor score alone means nothing, because the data may be noisy. It is compared with two
    baselines on the same training examples. The network underfits if it is no better than the best
    constant prediction, or worse than a 5-nearest-neighbour baseline.

    Reads `"updates/ratio"` and `"optimizer/headroom"` for its remedies, `"score/error"` and, on the
    same examples, `"reference/constant_error"` and
    `"reference/neighbour_advantage"` (error of the network minus error of the 5 nearest
    neighbours): error rates or unexplained variance, as fractions.

    It is silent in the first three quarters of a run; while the training loss falls; if training
    and validation scores diverge; if no baseline is known; if the network is slightly but
    significantly better than a constant prediction, and no worse than its neighbours; and if the
    neighbours are no better than a constant prediction, because there may be nothing to learn.

    Args:
        history: The history of the run.
        margin: Smallest difference of the errors that counts, in (0, 1]; twice that while the loss
            still falls.
        patience: Number of scores that are needed, at least 1. At the end of a run of at least as
            many epochs a single score is enough, because no other follows, and its interval
            accounts for chance.

    Returns:
        One WARNING for the whole model; one NOTE if more than half of the error of a constant
        prediction is gone: such a network is of use, although its inputs hold more.

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
        and Hart, "Nearest neighbor pattern classification", 1967, for the baseline.
    """
    require_fraction("margin", margin)
    require_count("patience", patience)
    scores = estimates(history, "error", "train")
    if len(scores) < (1 if is_over(history, patience) else patience) or _has_gap(history, margin):
        return []
    still_falls = is_falling(history)
    if not is_time(history, is_falling=still_falls):
        return []
    # A loss that still falls closes a part of the difference by itself.
    found = poor_fit(history, min(1.0, 2 * margin) if still_falls else margin)
    return [_finding(history, found, still_falls)] if found else []


def _has_gap(history: History, margin: float) -> bool:
    found = gaps(history, "error")
    return bool(found) and found[-1].low > margin


def _finding(history: History, found: PoorFit, still_falls: bool) -> Finding:
    return Finding(
        rule="underfitting",
        severity=Severity.NOTE if has_learnt_most(history) else Severity.WARNING,
        target="",
        message=found.message,
        evidence=found.evidence,
        remedies=tuple(_remedies(history, still_falls)),
        reference="CS231n, Babysitting the learning process: no gap, increase model capacity",
    )


def _remedies(history: History, still_falls: bool) -> list[Remedy]:
    rate = history.last("optimizer/learning_rate")
    remedies = experiments(history)
    if still_falls and len(curve(history)) > 2:  # two values show no course
        epochs = 3 * history.facts.epochs if history.facts.epochs else None
        longer = TrainLonger(3, epochs or 0)
        # A random change that is too strong is not overcome by more epochs.
        after = 1 if history.facts.regularization.augmentations else 0
        remedies.insert(
            after, Remedy("Train longer: the training loss is still falling.", change=longer)
        )
    factor, why = raising_factor(history), _why_raise(history, still_falls)
    if factor is not None and why:
        higher = one_digit(factor * rate) if rate else None
        remedies.insert(0, change_rate(history, "Raise", higher, why))
    has = history.facts.regularization
    if has.dropout or has.penalized_weights or has.weight_decay:
        weaker = Remedy(
            "Reduce the dropout, the weight penalty or the weight decay.",
            change=ScalePenalties(0.1, dropout=0.5),
        )
        remedies.insert(-1 if remedies[-1] is CAPACITY else len(remedies), weaker)
    return [*structural_remedies(history), *remedies]


def _why_raise(history: History, still_falls: bool) -> str:
    """Return why a higher learning rate fits better, empty if nothing says so.

    A network that still learns at the end, and bears far longer steps, needs longer steps rather
    than more of them: these cost nothing.
    """
    ratios = median_ratios(history)[1]
    if len(ratios) and 0 < ratios[-1] < SLOW_UPDATES:
        return "the weights hardly change"
    lows = [room.low for room in headrooms(history)[-LATEST:]]
    bears_more = bool(lows) and float(np.median(lows)) >= BEYOND
    return f"at least {BEYOND:.0f} times as high is stable" if still_falls and bears_more else ""
