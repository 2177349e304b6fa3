"""A training loss that does not fall."""

import math

from keras_babysit.findings import Finding, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._experiments import LOOK, MEMORIZE
from keras_babysit.rules._progress import (
    began_trained,
    can_be_learned,
    is_current,
    is_falling,
    is_time,
)
from keras_babysit.rules._scores import Estimate, estimates
from keras_babysit.rules._structure import structural_remedies
from keras_babysit.rules._texts import FIND_RATE
from keras_babysit.rules.rule import rule


@rule(
    title="Loss not decreasing",
    explains=("underfitting", "constant_output"),
    needs=("loss/start", "score/loss"),
    silent=(
        "in the first three quarters of a run",
        "if a nearest-neighbour baseline is no better than a constant prediction",
        "if the network was trained before",
    ),
)
def loss_not_decreasing(
    history: History, *, fraction: float = 0.02, patience: int = 2
) -> list[Finding]:
    """Report a training loss that has not fallen after three quarters of the run.

    The best score so far counts, not single noisy batches: each score is the loss on the same
    reference sample, in inference mode and without the weight penalty. The first loss is that of
    one batch; the upper end of its interval counts. The mean over an epoch must not have fallen
    either: a loss that depends on the batch size, such as a contrastive one, differs between a
    batch and the reference sample.

    Reads `"score/loss"` of target `"train"`, `"logs/loss"`, `"loss/start"` and `"loss/penalty"`. It
    is silent in the first three quarters of a run, because deep networks may plateau before they
    learn; while the loss falls; if a nearest-neighbour baseline is no better than a constant
    prediction: there may be nothing to learn; and if the loss before the first step was already
    below half of a constant prediction's (`"loss/constant"`): the network was trained before.

    Args:
        history: The history of the run.
        fraction: Fraction of the first loss by which it must fall, in (0, 1]. The default of 0.02
            is less than what the last bias gains by learning the frequencies of the classes.
        patience: Smallest number of scores, at least 1.

    Returns:
        One WARNING; empty if the loss falls.

    Raises:
        ValueError: If `fraction` lies outside (0, 1] or `patience` is below 1.

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
    require_fraction("fraction", fraction)
    require_count("patience", patience)
    scores = estimates(history, "loss", "train")
    start = history.last("loss/start")
    if start is None or len(scores) < patience or not start > 0 or began_trained(history):
        return []
    means = history.series("logs/loss").values - history.last("loss/penalty", default=0.0)
    start -= history.first("loss/penalty", default=0.0)
    best = min(scores, key=lambda score: score.value)
    high = _upper_end(history, start, best)
    has_fallen = (
        best.high < high * (1 - fraction)
        or best.value < high * (1 - 3 * fraction)
        or bool((means < high * (1 - fraction)).any())
    )
    if has_fallen or not is_current(history) or can_be_learned(history) is False:
        return []
    if not is_time(history, is_falling=is_falling(history)):
        return []
    return [_finding(history, start, best.value, len(scores))]


def _upper_end(history: History, start: float, score: Estimate) -> float:
    """Return the upper end of the interval of the first loss, which is that of one batch.

    A standard error is inversely proportional to the root of the number of examples.
    """
    known = history.facts.data.examples or 0
    ratio = known / (history.facts.batch_size or known or 1)
    return Estimate(start, score.error * math.sqrt(max(1.0, ratio))).high


def _finding(history: History, start: float, best: float, scores: int) -> Finding:
    return Finding(
        rule="loss_not_decreasing",
        severity=Severity.WARNING,
        target="",
        message=f"The training loss has not fallen: {start:.4g} before the first step, {best:.4g} "
        f"at best in {history.epoch + 1:,} epochs.",
        evidence={"loss_start": start, "best_loss": best, "scores": scores},
        remedies=(
            *structural_remedies(history),
            MEMORIZE,
            LOOK,
            FIND_RATE,
        ),
        reference="CS231n, Babysitting the learning process: a cost that barely changes",
    )
