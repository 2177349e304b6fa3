"""A loss that stays where it began."""

import math

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_share
from keras_babysit.rules._progress import can_be_learnt, is_current, is_falling, is_time
from keras_babysit.rules._scores import Estimate, estimates
from keras_babysit.rules._structure import structural_remedies
from keras_babysit.rules.rule import rule


@rule(
    title="Loss not decreasing",
    explains=("underfitting", "constant_output"),
    needs=("loss/start", "score/loss"),
    silent=(
        "in the first three quarters of a run",
        "a nearest-neighbour baseline does no better than a constant prediction",
    ),
)
def loss_not_decreasing(
    history: History, *, share: float = 0.02, patience: int = 2
) -> list[Finding]:
    """Advise when the training loss has not left its start by three quarters of the run.

    The best score so far counts, not two noisy batches: each is the loss of the same kept
    examples, in inference mode and without the weight penalty. The start is the loss of one batch,
    and the upper end of its interval counts. The mean over an epoch has not left the start either:
    a loss over all of a batch, as a contrastive one, is another for the number that are scored.

    Reads `"score/loss"` of target `"train"`, `"logs/loss"`, `"loss/start"` and `"loss/penalty"`. It
    stays silent in the first three quarters, since deep networks rest before they learn; while the
    loss falls; and where the nearest neighbours do no better than a constant answer: there may be
    nothing to learn.

    Args:
        history: What the probes recorded so far.
        share: Share of the starting loss that must be gone, in (0, 1]: two in a hundred are less
            than what the last bias brings by learning the frequency of the classes.
        patience: Number of scores before which it says nothing, at least 1.

    Returns:
        One WARNING, or nothing.

    Raises:
        ValueError: If `share` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.append(Measurement(0, 0, "loss/start", "", 2.3))
        >>> for epoch in range(4):
        ...     history.append(Measurement(9, epoch, "score/loss", "train", 2.3))
        ...     history.append(Measurement(9, epoch, "score/loss_stderr", "train", 0.01))
        >>> loss_not_decreasing(history)[0].severity.name
        'WARNING'

    Reference:
        CS231n, "Babysitting the learning process": a cost that barely changes.
    """
    require_share("share", share)
    require_count("patience", patience)
    scores = estimates(history, "loss", "train")
    start = history.last("loss/start")
    if start is None or len(scores) < patience or not start > 0:
        return []
    means = history.series("logs/loss").values - history.last("loss/penalty", default=0.0)
    start -= history.first("loss/penalty", default=0.0)
    best = min(scores, key=lambda score: score.value)
    high = _upper_end(history, start, best)
    has_left = (
        best.high < high * (1 - share)
        or best.value < high * (1 - 3 * share)
        or bool((means < high * (1 - share)).any())
    )
    if has_left or not is_current(history) or can_be_learnt(history) is False:
        return []
    if not is_time(history, is_falling=is_falling(history)):
        return []
    return [_finding(history, start, best.value, len(scores))]


def _upper_end(history: History, start: float, score: Estimate) -> float:
    """Return the upper end of the interval of the first loss: it is of one batch, a score of many.

    The standard error goes with the root of the examples.
    """
    known = history.facts.data.examples or 0
    ratio = known / (history.facts.batch_size or known or 1)
    return Estimate(start, score.error * math.sqrt(max(1.0, ratio))).high


def _finding(history: History, start: float, best: float, scores: int) -> Finding:
    return Finding(
        rule="loss_not_decreasing",
        severity=Severity.WARNING,
        target="",
        message=f"The training loss was {start:.4g} before the first step, and at best {best:.4g} "
        f"in {history.epoch + 1:,} epochs.",
        evidence={"loss_start": start, "best_loss": best, "scores": scores},
        remedies=(
            *structural_remedies(history),
            Remedy(
                "See whether the network can learn twenty examples by heart; if not, it is no "
                "matter of the data.",
                "keras_babysit.check(model, x, y)",
            ),
            Remedy("Sweep the learning rate.", "keras_babysit.lr_range_test(model, x, y).plot()"),
        ),
        reference="CS231n, Babysitting the learning process: a cost that barely changes",
    )
