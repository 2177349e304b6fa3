"""A loss that explodes."""

import math

import numpy as np

from keras_babysit.actions import StandardizeTargets
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History, Series
from keras_babysit.rules._checks import require_above, require_count
from keras_babysit.rules._headroom import compared, headrooms, in_evidence
from keras_babysit.rules._learning_rate import suggest_lower_rate
from keras_babysit.rules._network import OVERWRITING_RATIO, median_ratios
from keras_babysit.rules._progress import may_be_negative
from keras_babysit.rules._texts import SCALE_INPUTS, change_rate, clip_gradient, number
from keras_babysit.rules.effects import POOR_FIT, STUCK
from keras_babysit.rules.non_finite_inputs import non_finite_inputs
from keras_babysit.rules.outputs import guess_loss, outputs
from keras_babysit.rules.rule import ask, rule

EXPLODED_LOSS = 3.0
"""Multiple of the loss before the first step above which a loss has exploded (CS231n)."""

PERSISTENCE = 10
"""Steps for which the batches must stay above the limit: the first steps of Adam, each of the full
learning rate, may overshoot and recover."""

CERTAIN = 30.0
"""Multiple of the limit above which an explosion is certain at once."""

Z_95 = 1.96
"""Half-width of a 95 % interval in standard deviations."""

MIN_CHANGES = 5
"""Changes from one measured batch to the next that show how far batches are apart."""


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

    The limit is `factor` times the loss before the first step if the network is new. If it was
    trained before, half of what it had learnt must be lost (see `explosion_limit`).

    Reads `"loss/start"`, the loss before the first step; `"loss/constant"`, the loss of a constant
    prediction; `"loss/batch"`, the loss of single batches; `"logs/loss"`, its mean over an epoch;
    and `"updates/ratio"` where the loss of a constant prediction is not known; and
    `"optimizer/headroom"`, to show whether the steps overshot. It is silent if the
    loss can be negative, as a log-likelihood can (the first loss is not above 0, or a later one is
    below 0): multiples mean nothing then. It is also silent if inputs or targets that are not
    finite are the cause (see `non_finite_inputs`).

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
    limit = explosion_limit(history, factor=factor)
    if limit is None or ask(non_finite_inputs, history):
        return []
    start = history.last("loss/start")
    batches = history.series("loss/batch")
    mean = history.series("logs/loss").tail(1).values.tolist()
    has_exploded = (
        _is_over(_lowest_mean(history), limit)
        or _is_far_off(batches, limit, patience)
        or (len(batches) and not math.isfinite(batches.values[-1]))
    )
    if not has_exploded:
        return []
    recent = batches.tail(patience).values.tolist()
    worst = max([*recent, *mean], key=lambda loss: (not math.isfinite(loss), loss))
    return [_finding(history, start, worst)]


def explosion_limit(history: History, *, factor: float = EXPLODED_LOSS) -> float | None:
    """Return the loss above which this run has exploded; None if that is not known.

    The loss before the first step is that of one batch. It stands for the whole run only if the
    network is new: it is then about that of a constant prediction. After earlier training it may be
    a thousandth of that, and multiples of it mean nothing. So the limit lies between two others:

    - At most `factor` times the loss of a constant prediction, or of the first batch if that is
      larger. Beyond it the network is worse than one that has learnt nothing.
    - At least halfway between the two: half of what had been learnt is lost.

    The first batch may hold none of the rare examples that most of a loss comes from. So its loss
    is multiplied by how much larger the loss of a constant prediction is on all data than on that
    batch.

    In between it is `factor` times the first loss, times how far the batches are apart: the upper
    end of the 95 % interval of one batch, from the changes of the logarithm of the loss from one
    measured batch to the next. A trend shifts all of these alike, so only their spread counts.

    The loss of a constant prediction is measured (`"loss/constant"`) or follows from the targets.
    If it is not known, as with a `compute_loss` of one's own, or means nothing, as with a loss that
    may be negative later on, there is no scale to tell the first steps of a fresh optimizer, which
    shake a trained network, from an explosion. Then the weights
    decide: an explosion overwrites them, so that one step is half as long as they are. Until then
    there is no limit.

    Reads `"loss/start"`, `"loss/constant"`, `"loss/batch"`, `"updates/ratio"` and the facts of
    outputs and targets.

    Args:
        history: The history of the run.
        factor: Multiple of the first loss above which it has exploded, above 1.

    Returns:
        The limit; infinity where nothing finite counts as exploded; None where the first loss is
        not known or the loss may be negative.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.append(Measurement(0, 0, "loss/start", "", 0.001))
        >>> explosion_limit(history)
        0.003
        >>> history.append(Measurement(0, 0, "loss/constant", "", 2.3))
        >>> round(explosion_limit(history), 2)
        1.15
    """
    start = history.last("loss/start")
    if start is None or not math.isfinite(start) or start <= 0 or may_be_negative(history):
        return None
    constant = None if _is_of_unknown_range(history) else _constant_loss(history)
    if constant is not None:
        start *= _rarity(history, constant)
    limit = factor * start * _spread(history)
    if constant is not None:
        return float(min(max(limit, (start + constant) / 2), factor * max(start, constant)))
    ratios = median_ratios(history)[1]
    return limit if not len(ratios) or ratios.max() > OVERWRITING_RATIO else math.inf


def _is_of_unknown_range(history: History) -> bool:
    """Return whether a loss need not be least at 0, such as a log-likelihood."""
    return any(output.form == "other" for output in history.facts.outputs or ())


def _constant_loss(history: History) -> float | None:
    """Return the loss of a constant prediction, None if it is not known.

    That of a uniform guess, if it is one crossentropy. Otherwise the larger one of that measured on
    the first batch and that which follows from the targets: the first batch may be a single
    example.
    """
    guess = guess_loss(history)
    known = [history.first("loss/constant"), _loss_of_mean(history)] if guess is None else [guess]
    return max((one for one in known if one is not None and math.isfinite(one)), default=None)


def _rarity(history: History, constant: float) -> float:
    """Return how many times larger the loss of a constant is on all data than in the first batch.

    Args:
        history: The history of the run.
        constant: The loss of a constant prediction on all data.
    """
    first = history.first("loss/constant")
    if first is None or not 0 < first < constant or guess_loss(history) is not None:
        return 1.0
    return constant / float(first)


def _loss_of_mean(history: History) -> float | None:
    """Return a bound on the distance of targets from their mean, None for other losses."""
    ends = outputs(history)
    if len(ends) != 1 or ends[0].form != "distance" or ends[0].data.std is None:
        return None
    std = ends[0].data.std
    squared = {"squared": std**2, "huber": min(std**2 / 2, ends[0].delta * std)}
    return None if history.facts.data.is_weighted else squared.get(ends[0].distance or "", std)


def _spread(history: History) -> float:
    """Return the factor by which the loss of one batch may lie above another; 1 if not known."""
    losses = history.series("loss/batch").values
    logs = np.log(losses[np.isfinite(losses) & (losses > 0)])
    changes = np.diff(logs)
    if len(changes) < MIN_CHANGES:
        return 1.0
    # Between these quantiles lie two standard deviations of normal values, and no single jump
    # counts. A change is the difference of two losses.
    high = np.quantile(changes, 0.84, method="lower")
    low = np.quantile(changes, 0.16, method="higher")
    return math.exp(Z_95 * float(high - low) / 2 / math.sqrt(2))


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
    first_room = next((one for one in headrooms(history) if one.high < 1), None)
    evidence |= in_evidence(first_room)
    first = number(start, 4)
    times = f"{number(worst / start, 3)} times its value before the first step ({first})"
    now = f"is {number(worst, 4)}, {times}."
    why = "" if first_room is None else f" {compared(first_room, f'at step {first_room.step:,}')}"
    gone = f"is no longer finite. It was {first} before the first step."
    return Finding(
        rule="loss_explosion",
        severity=Severity.ERROR,
        target="",
        message=f"The loss {now if math.isfinite(worst) else gone}{why}",
        evidence=evidence,
        remedies=(
            change_rate(history, "Lower", suggest_lower_rate(history)),
            clip_gradient(history, "if single batches make the loss explode"),
            SCALE_INPUTS,
            Remedy(
                "Scale the targets to mean 0 and standard deviation 1, if they are numbers.",
                change=StandardizeTargets(),
            ),
        ),
        reference="CS231n, Babysitting the learning process: a cost above 3 times its start",
    )
