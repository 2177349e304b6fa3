"""A loss that explodes."""

import math

import numpy as np

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History, Series
from keras_babysit.rules._checks import require_above, require_count
from keras_babysit.rules._learning_rate import suggest_lower_rate
from keras_babysit.rules._progress import may_be_negative
from keras_babysit.rules._texts import change_rate, clip_gradient, number
from keras_babysit.rules.effects import POOR_FIT, STUCK
from keras_babysit.rules.non_finite_inputs import non_finite_inputs
from keras_babysit.rules.rule import ask, rule

EXPLODED_LOSS = 3.0
"""Multiple of the loss before the first step above which a loss has exploded (CS231n)."""

PERSISTENCE = 10
"""Steps for which the batches must stay above the limit: the first steps of Adam, each of the full
learning rate, may overshoot and recover."""

CERTAIN = 30.0
"""Multiple of the limit above which an explosion is certain at once."""


@rule(
    title="Loss explosion",
    explains=("non_finite_values", *STUCK, *POOR_FIT),
    needs=("loss/start", "loss/batch | logs/loss"),
    silent=("if the loss can be negative", "if NaN or infinity in the data is the cause"),
    severity=Severity.ERROR,
    is_fatal=True,
    is_immediate=True,
)
def loss_explosion(
    history: History, *, factor: float = EXPLODED_LOSS, patience: int = 2
) -> list[Finding]:
    """Report a loss that is far above its first value, or no longer finite.

    Single batches may be outliers, and the first steps may overshoot. So either the mean of an
    epoch must be above the limit, or `patience` batches in a row that span 10 steps or are 30 times
    above it.

    Reads `"loss/start"`, the loss before the first step; `"loss/batch"`, the loss of single
    batches; and `"logs/loss"`, its mean over an epoch. It is silent if the loss can be negative, as
    a log-likelihood can (the first loss is not above 0, or a later one is below 0): multiples
    mean nothing then. It is also silent if inputs or targets that are not finite are the cause (see
    `non_finite_inputs`).

    Args:
        history: The history of the run.
        factor: Limit, as a multiple of the loss before the first step, above 1.
        patience: Number of latest batches that must all exceed it, at least 1.

    Returns:
        One ERROR for the whole model; empty if the loss has not exploded.

    Raises:
        ValueError: If `factor` is not above 1 or `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.append(Measurement(0, 0, "loss/start", "", 2.3))
        >>> history.append(Measurement(9, 0, "loss/batch", "", 80.0))
        >>> history.append(Measurement(19, 0, "loss/batch", "", 95.0))
        >>> loss_explosion(history)[0].severity.name
        'ERROR'

    Reference:
        CS231n, "Babysitting the learning process": stop when the cost exceeds 3 times its start.
    """
    require_above("factor", factor, 1)
    require_count("patience", patience)
    start = history.last("loss/start")
    if start is None or not math.isfinite(start) or start <= 0 or may_be_negative(history):
        return []
    if ask(non_finite_inputs, history):
        return []
    batches = history.series("loss/batch")
    mean = history.last("logs/loss", default=0.0)
    has_exploded = (
        _is_over(_lowest_mean(history), factor * start)
        or _is_far_off(batches, factor * start, patience)
        or (len(batches) and not math.isfinite(batches.values[-1]))
    )
    if not has_exploded:
        return []
    recent = batches.tail(patience).values.tolist()
    worst = max([*recent, mean], key=lambda loss: (not math.isfinite(loss), loss))
    return [_finding(history, start, worst)]


def _is_over(loss: float, limit: float) -> bool:
    return not math.isfinite(loss) or loss > limit


def _lowest_mean(history: History) -> float:
    """Return the lowest mean of the latest epochs that span `PERSISTENCE` steps, NaN if one is."""
    steps = history.facts.steps_per_epoch or PERSISTENCE
    epochs = math.ceil(PERSISTENCE / steps)
    means = history.series("logs/loss").tail(epochs).values
    if len(means) and not math.isfinite(means[-1]):
        return math.nan
    return float(means.min()) if len(means) == epochs else 0.0


def _is_far_off(batches: Series, limit: float, patience: int) -> bool:
    """Return whether the latest batches are above the limit for good."""
    above = batches.values > limit
    run = len(above) if above.all() else int(np.argmin(above[::-1]))  # the last ones in a row
    if run < patience:
        return False
    lasts = batches.steps[-1] - batches.steps[-run] >= PERSISTENCE
    return bool(lasts or (batches.values[-patience:] > CERTAIN * limit).all())


def _finding(history: History, start: float, worst: float) -> Finding:
    rate = history.last("optimizer/learning_rate")
    ratios = [history.last("updates/ratio", t) for t in history.targets("updates/ratio")]
    evidence = {"loss_start": start, "loss": worst}
    if rate is not None:
        evidence["learning_rate"] = rate
    if ratios:
        evidence["largest_update_ratio"] = max(ratios)
    first = number(start, 4)
    times = f"{number(worst / start, 3)} times its value before the first step ({first})"
    now = f"is {number(worst, 4)}, {times}."
    gone = f"is no longer finite. It was {first} before the first step."
    return Finding(
        rule="loss_explosion",
        severity=Severity.ERROR,
        target="",
        message=f"The loss {now if math.isfinite(worst) else gone}",
        evidence=evidence,
        remedies=(
            change_rate("Lower", suggest_lower_rate(history)),
            clip_gradient(history, "if single batches make the loss explode"),
            Remedy("Scale inputs and targets to mean 0 and standard deviation 1."),
        ),
        reference="CS231n, Babysitting the learning process: a cost above 3 times its start",
    )
