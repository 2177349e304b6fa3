"""Steps that are too long."""

import numpy as np

from keras_babysit.findings import Finding, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._headroom import (
    Headroom,
    compared,
    growth,
    headrooms,
    in_evidence,
    overshoot,
)
from keras_babysit.rules._learning_rate import HEALTHY_RATIO, suggest_lower_rate
from keras_babysit.rules._network import WARM_UP_STEPS, began_tiny, is_overwritten, median_ratios
from keras_babysit.rules._progress import constant_loss, fraction_done, training_loss
from keras_babysit.rules._texts import FIND_RATE, change_rate, update_size, warm_up
from keras_babysit.rules.dead_units import dead_units, was_born_dead
from keras_babysit.rules.effects import BLOWN_UP, POOR_FIT, STUCK
from keras_babysit.rules.loss_explosion import loss_explosion
from keras_babysit.rules.rule import ask, rule

LONG_FIRST_STEP = 0.1
"""Update ratio above which one of the first steps can make the loss explode and units die."""

FIRST_TENTH = 0.1
"""Fraction of the run in which the loss need not fall yet."""

GROWTH = 3.0
"""A weight that grows from 0 in equal steps has an update ratio of 1 / t at step t; this multiple
of it is more than such growth."""

HALF = 0.5
"""Least fraction of the units of a layer that must have died, whatever the network does with the
others."""

HALVED_LOSS = 0.5
"""If a batch was below this fraction of the first loss, the first steps did not ruin the run."""

FALLEN_LOSS = 0.9
"""If the loss is below this fraction of the first, it falls, whatever the length of the steps."""


@rule(
    title="Learning rate too high",
    explains=(*BLOWN_UP, *STUCK, *POOR_FIT, "update_ratio", "dead_pieces"),
    needs=("updates/ratio", "loss/start"),
    silent=(
        "in the first 10 steps, unless the loss explodes or a step is twice as long as is borne",
        "if the loss falls and no units die",
    ),
)
def learning_rate_too_high(
    history: History, *, ratio: float = 30 * HEALTHY_RATIO, patience: int = 3
) -> list[Finding]:
    """Report steps that are too long while the loss does not fall.

    Two conditions must hold. The median update ratio of the kernels, ‖Δw‖ / ‖w‖ of one step, is
    above `ratio` in each of the latest measured steps, or was above 0.5 in the first ten. And the
    loss is above 0.9 of what it was before the first step, or of the loss of a uniform guess if
    that is less. First steps above 0.1 are enough if the loss has exploded since (see
    `loss_explosion`), or if most units of a layer have died (see `dead_units`).

    Where the headroom of the learning rate was measured, it is reported at once if the update is
    more than twice as long as the network bears, with the whole 95 % interval, and no batch had a
    loss below 0.9 of the first: such steps do not settle (see `OVERSHOOTS`).

    Reads `"optimizer/headroom"`, `"updates/ratio"`, `"loss/start"`, `"loss/batch"`, `"logs/loss"`,
    `"score/loss"`,
    `"activations/dead_fraction"` and the facts of the outputs. It is silent in the first 10 steps
    unless the loss has exploded, and if the loss falls and no units die: then long steps work.

    Args:
        history: The history of the run.
        ratio: Update ratio above which steps are too long, in (0, 1]. The default is 30 times the
            healthy ratio; healthy runs differ by a factor of about ten.
        patience: Number of latest measured steps that must all exceed it, at least 1.

    Returns:
        One WARNING with a lower learning rate to try; empty if the steps are not too long.

    Raises:
        ValueError: If `ratio` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.append(Measurement(0, 0, "loss/start", "", 2.3))
        >>> for step in range(20):
        ...     history.append(Measurement(step, 0, "updates/ratio", "dense/kernel", 0.3))
        ...     history.append(Measurement(step, 0, "loss/batch", "", 2.4))
        >>> learning_rate_too_high(history)[0].severity.name
        'WARNING'

    Reference:
        CS231n, "Babysitting the learning process": updates of about 1e-3 of the weights.
    """
    require_fraction("ratio", ratio)
    require_count("patience", patience)
    steps, ratios = median_ratios(history)
    start, loss = history.last("loss/start"), _loss(history)
    over = overshoot(history)
    if over is not None and start is not None and _is_unchanged(history, start):
        return [_finding(history, float(ratios.max(initial=0.0)), start, _latest(history), over)]
    if start is None or loss is None or not start > 0 or len(ratios) == 0:
        return []
    recent = ratios[-patience:]
    grown = recent * np.maximum(steps[-patience:], 1)
    is_long = (
        steps[-1] >= WARM_UP_STEPS
        and len(recent) == patience
        and recent.min() > ratio
        and grown.min() > GROWTH
    )
    first = float(ratios[steps < WARM_UP_STEPS].max(initial=0.0))
    has_overwritten = is_overwritten(history)
    has_exploded = bool(ask(loss_explosion, history)) and (
        is_long or not _had_fallen(history, start)
    )
    is_alive = np.isfinite(loss) and not began_tiny(history)
    has_killed = first > LONG_FIRST_STEP and is_alive and _has_killed(history)
    if (first > LONG_FIRST_STEP or is_long) and (has_exploded or has_killed):
        return [_finding(history, float(ratios.max()), start, loss)]
    constant = constant_loss(history)
    if constant is not None and loss < FALLEN_LOSS * constant:
        return []
    if is_long:
        return [_finding(history, float(np.median(recent)), start, loss)]
    has_had_time = len(history.series("logs/loss")) > 1 and not fraction_done(history) < FIRST_TENTH
    return [_finding(history, first, start, loss)] if has_overwritten and has_had_time else []


def _had_fallen(history: History, start: float) -> bool:
    """Return whether the loss had halved: the first steps were not too long then."""
    losses = history.series("loss/batch").values
    return bool(np.any(losses < HALVED_LOSS * start))


def _has_killed(history: History) -> bool:
    """Return whether half of the units of a layer died that were alive before the first step."""
    return any(
        finding.evidence["dead_fraction"] >= HALF and not was_born_dead(history, finding.target)
        for finding in ask(dead_units, history)
    )


def _loss(history: History) -> float | None:
    """Return the loss now: of the latest epoch, or the median of the latest batches."""
    loss = training_loss(history)
    batches = history.series("loss/batch").tail(5).values
    return float(np.median(batches)) if loss is None and len(batches) >= 3 else loss


def _latest(history: History) -> float:
    return float(history.series("loss/batch").values[-1])


def _is_unchanged(history: History, start: float) -> bool:
    """Return whether the loss is finite and has not fallen, so that nothing speaks against it."""
    losses = history.series("loss/batch").values
    return len(losses) > 0 and start > 0 and bool((losses >= FALLEN_LOSS * start).all())


def _finding(
    history: History, ratio: float, start: float, loss: float, over: Headroom | None = None
) -> Finding:
    rate = history.last("optimizer/learning_rate")
    first = next(iter(headrooms(history)), None)
    shown = over or (first if first is not None and first.value < 1 else None)
    when = "" if shown is None else f"at step {shown.step:,}"
    now = f"The loss went from {start:.4g} to {loss:.4g}."
    grown = growth(history)
    return Finding(
        rule="learning_rate_too_high",
        severity=Severity.WARNING,
        target="",
        message=f"{update_size(ratio).capitalize()}. "
        + (now if shown is None else f"{compared(shown, when)} {now}"),
        evidence={"update_ratio": ratio, "loss_start": start, "loss": loss}
        | ({} if rate is None else {"learning_rate": rate})
        | in_evidence(shown),
        remedies=(
            change_rate(history, "Lower", suggest_lower_rate(history)),
            *([] if grown is None or shown is None else warm_up(history, *grown)),
            FIND_RATE,
        ),
        reference="CS231n, Babysitting the learning process: updates of about 1e-3 of the weights",
    )
