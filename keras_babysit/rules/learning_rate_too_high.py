"""Steps so long that they undo each other."""

import numpy as np

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_share
from keras_babysit.rules._learning_rate import HEALTHY_RATIO, set_rate, suggest_lower_rate
from keras_babysit.rules._network import WARM, began_tiny, is_shattered, median_ratios
from keras_babysit.rules._progress import constant_loss, share_done, training_loss
from keras_babysit.rules.dead_units import dead_units, was_born_dead
from keras_babysit.rules.effects import BLOWN_UP, POOR_FIT, STUCK
from keras_babysit.rules.loss_explosion import loss_explosion
from keras_babysit.rules.rule import ask, rule

FIRST = 0.1
"""Update ratio of one of the first steps that makes a loss explode and units die: a tenth of the
weights."""

EARLY = 0.1
"""Share of the run after which a loss that is to come down has begun to."""

GROWTH = 3.0
"""Times the ratio 1 / t that a weight which grows from nothing in equal steps has at step t."""

HALF = 0.5
"""Share of the starting loss that no batch of a run is below whose first steps ruined it."""

FALLEN = 0.9
"""Share of the starting loss below which it does fall, whatever the steps."""


@rule(
    title="Learning rate too high",
    explains=(*BLOWN_UP, *STUCK, *POOR_FIT, "update_ratio", "dead_pieces"),
    needs=("updates/ratio", "loss/start"),
    silent=("in the first 10 steps, unless the loss explodes", "the loss falls and no units die"),
)
def learning_rate_too_high(
    history: History, *, ratio: float = 30 * HEALTHY_RATIO, patience: int = 3
) -> list[Finding]:
    """Advise a lower learning rate when the steps are long and the loss does not come down.

    Both must hold. The median update ratio of the kernels, ‖Δw‖ / ‖w‖ of one step, is above
    `ratio` in each of the latest measured steps, or was above 0.5 in the first ten; and the loss is
    above 0.9 of what it was before the first step, or of an even guess's if that is less. First
    steps above 0.1 are enough where the loss has exploded since (see `loss_explosion`), or most
    units of a layer have died (see `dead_units`).

    Reads `"updates/ratio"`, `"loss/start"`, `"loss/batch"`, `"logs/loss"`, `"score/loss"`,
    `"activations/dead_fraction"` and the facts of the outputs. It stays silent in the first 10
    steps unless the loss has exploded, and where the loss has come down and no units died: then
    long steps do their work.

    Args:
        history: What the probes recorded so far.
        ratio: Update ratio above which steps are too long, in (0, 1]: 30 times the healthy one,
            half an order beyond the factor of ten that lies between healthy runs.
        patience: Number of latest measured steps that must all exceed it, at least 1.

    Returns:
        One WARNING with a rate to try instead, or nothing.

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
    require_share("ratio", ratio)
    require_count("patience", patience)
    steps, ratios = median_ratios(history)
    start, loss = history.last("loss/start"), _loss(history)
    if start is None or loss is None or not start > 0 or len(ratios) == 0:
        return []
    recent = ratios[-patience:]
    grown = recent * np.maximum(steps[-patience:], 1)
    is_long = (
        steps[-1] >= WARM
        and len(recent) == patience
        and recent.min() > ratio
        and grown.min() > GROWTH
    )
    first = float(ratios[steps < WARM].max(initial=0.0))
    has_shattered = is_shattered(history)
    has_exploded = bool(ask(loss_explosion, history)) and (
        is_long or not _had_fallen(history, start)
    )
    is_alive = np.isfinite(loss) and not began_tiny(history)
    has_killed = first > FIRST and is_alive and _has_killed(history)
    if (first > FIRST or is_long) and (has_exploded or has_killed):
        return [_finding(history, float(ratios.max()), start, loss)]
    constant = constant_loss(history)
    if constant is not None and loss < FALLEN * constant:
        return []
    if is_long:
        return [_finding(history, float(np.median(recent)), start, loss)]
    has_had_time = len(history.series("logs/loss")) > 1 and not share_done(history) < EARLY
    return [_finding(history, first, start, loss)] if has_shattered and has_had_time else []


def _had_fallen(history: History, start: float) -> bool:
    """Return whether the loss had come down well: its first steps then were not too long."""
    losses = history.series("loss/batch").values
    return bool(np.any(losses < HALF * start))


def _has_killed(history: History) -> bool:
    """Return whether most units of a layer died that did not begin dead."""
    return any(
        finding.severity >= Severity.WARNING and not was_born_dead(history, finding.target)
        for finding in ask(dead_units, history)
    )


def _loss(history: History) -> float | None:
    """Return the loss now: of the latest epoch, or the median of the latest batches."""
    loss = training_loss(history)
    batches = history.series("loss/batch").tail(5).values
    return float(np.median(batches)) if loss is None and len(batches) >= 3 else loss


def _finding(history: History, ratio: float, start: float, loss: float) -> Finding:
    rate = history.last("optimizer/learning_rate")
    return Finding(
        rule="learning_rate_too_high",
        severity=Severity.WARNING,
        target="",
        message=f"A step moves the weights by {ratio:.2g} of their size, where {HEALTHY_RATIO:g} "
        f"is healthy; the loss went from {start:.4g} to {loss:.4g}.",
        evidence={"update_ratio": ratio, "loss_start": start, "loss": loss}
        | ({} if rate is None else {"learning_rate": rate}),
        remedies=(
            Remedy("Lower the learning rate.", set_rate(suggest_lower_rate(history))),
            Remedy("Or find it by a sweep.", "keras_babysit.lr_range_test(model, x, y).plot()"),
        ),
        reference="CS231n, Babysitting the learning process: updates of about 1e-3 of the weights",
    )
