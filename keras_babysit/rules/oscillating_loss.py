"""A training loss that goes up and down from epoch to epoch."""

import numpy as np

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_share
from keras_babysit.rules._learning_rate import one_digit, set_rate
from keras_babysit.rules._progress import curve, detrended
from keras_babysit.rules.rule import rule


@rule(
    title="Oscillating loss",
    explains=("plateau", "underfitting"),
    needs=("logs/loss | score/loss",),
    silent=("jumps are small beside what the loss has to lose",),
)
def oscillating_loss(history: History, *, share: float = 0.1, patience: int = 6) -> list[Finding]:
    """Advise a lower learning rate when the loss on the same examples jumps up and down.

    What is looked at is the mean over each epoch, or the score on the kept examples: both are of
    the same examples each time, so that no part of a jump is due to which ones came. A jump is how
    far a point lies from the line through its neighbours; the median of the latest jumps counts.

    Reads `"logs/loss"`, `"score/loss"` of target `"train"` and `"loss/start"`. It stays silent
    while jumps are small beside the way that the loss has to go, as near the end of any run with a
    constant rate: from its start to zero, or to what it has reached below.

    Args:
        history: What the probes recorded so far.
        share: Median jump as a share of that way, in (0, 1], from which it is told: the loss of
            such a run is known to a tenth of its whole way at best.
        patience: Number of latest jumps that are looked at, at least 3.

    Returns:
        One WARNING with a rate to try instead, or nothing.

    Raises:
        ValueError: If `share` lies outside (0, 1] or `patience` is below 3.

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
        CS231n, "Babysitting the learning process": the loss curve of a rate that is too high;
        Bottou, Curtis and Nocedal, "Optimization methods for large-scale machine learning", 2018,
        section 4.2: with a constant rate the loss settles at a distance proportional to it.
    """
    require_share("share", share)
    require_count("patience", patience)
    if patience < 3:
        raise ValueError(f"Argument `patience` must be at least 3. Received: patience={patience}")
    start = history.last("loss/start")
    losses = curve(history)
    if start is None or len(losses) < patience + 2:
        return []
    way = start - min(0.0, *losses)
    if not way > 0:
        return []
    recent = detrended(losses[-patience - 2 :])
    jump = float(np.median(np.abs(recent)))
    turns = int(np.sum(np.sign(recent[1:]) != np.sign(recent[:-1])))
    if jump < share * way or 2 * turns < patience - 1:
        return []
    return [_finding(history, start, losses[-patience:], jump)]


def _finding(history: History, start: float, recent: list[float], jump: float) -> Finding:
    rate = history.last("optimizer/learning_rate")
    return Finding(
        rule="oscillating_loss",
        severity=Severity.WARNING,
        target="",
        message=f"On the same training examples the loss went between {min(recent):.3g} and "
        f"{max(recent):.3g} in the latest {len(recent)} epochs; it began at {start:.3g}.",
        evidence={"jump": jump, "loss_start": start}
        | ({} if rate is None else {"learning_rate": rate}),
        remedies=(
            Remedy("Lower the learning rate.", set_rate(one_digit(0.1 * rate) if rate else None)),
            Remedy(
                "Or lower it as the loss comes to rest.",
                'keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=3)',
            ),
            Remedy("Take larger batches: the steps then point more alike."),
        ),
        reference="Bottou, Curtis and Nocedal, 2018, section 4.2: the distance is as the rate",
    )
