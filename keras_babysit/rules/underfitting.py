"""A network that could fit its training examples better than it does."""

import numpy as np

from keras_babysit.advice import Advice, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_share
from keras_babysit.rules._learning_rate import one_digit, set_rate
from keras_babysit.rules._scores import Estimate, estimates, gaps, smooth
from keras_babysit.rules.dead_units import dead_units
from keras_babysit.rules.loss_explosion import loss_explosion
from keras_babysit.rules.saturated_units import saturated_units

STILL_FALLING = 0.02
"""A training loss that fell by this share of its whole way in the latest third of the scores has
not come to rest, and more epochs are the first thing to try."""

LEAST_FALL = 0.005
"""Share of the starting loss that such a fall must have at least to be more than a drift."""

HALF_WAY, NEARLY_OVER = 0.5, 1.0
"""Share of the run before which it is too early to call it a poor fit, if the training loss has
come to rest and if it still falls: every network fits poorly at first."""

SETTLED = 50
"""Epochs after which a run that was stopped early can be judged: deep narrow networks rest on a
plateau for tens of epochs before they learn."""

SLOW_UPDATES = 1e-4
"""A tenth of the healthy update ratio of 1e-3 (CS231n): the learning rate holds the run back."""


def underfitting(history: History, *, margin: float = 0.05, patience: int = 4) -> list[Advice]:
    """Advise more capacity when the fit is poor and validation data fare no worse.

    A poor score alone means nothing: the data may be noisy. Two yardsticks on the same training
    examples make it mean something. The network is poor if it does no better than the best
    constant answer, or if the vote of the nearest neighbours beats it.

    Reads `"score/error"` and, on the same examples, `"reference/constant_error"` and
    `"reference/neighbour_advantage"` (error of the network minus error of 5 nearest neighbours):
    shares of wrong answers or of unexplained variance, unitless.

    It stays silent in the first half of a run; while the training loss still falls; while
    training and validation data part; where no yardstick could be had; and where dead or saturated
    units or an exploded loss are reason enough.

    Args:
        history: What the probes recorded so far.
        margin: Difference of the errors that counts, in (0, 1].
        patience: Number of scores before which it says nothing, at least 1.

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
    errors = estimates(history, "error", "train")
    if len(errors) < patience or _has_gap(history, margin) or _has_worse(history):
        return []
    is_falling = _is_falling(history)
    if not _is_time(history, is_falling):
        return []
    poor = _poor(history, errors[-1], margin)
    return [_advice(history, *poor, is_falling)] if poor else []


def _has_worse(history: History) -> bool:
    """Return whether something that keeps a network from learning is known already."""
    found = [*loss_explosion(history), *dead_units(history), *saturated_units(history)]
    return any(advice.severity >= Severity.WARNING for advice in found)


def _has_gap(history: History, margin: float) -> bool:
    found = gaps(history, "error")
    return bool(found) and found[-1].low > margin


def _is_falling(history: History) -> bool:
    losses = [e.value for e in estimates(history, "loss", "train")]
    if len(losses) < 3:
        return True
    trend = smooth(losses)
    third = max(1, len(trend) // 3)
    start = max(history.last("loss/start", default=trend[0]), trend[0])
    least = max(STILL_FALLING * (start - trend.min()), LEAST_FALL * abs(start))
    return bool(trend[-1 - third] - trend[-1] > least)


def _is_time(history: History, is_falling: bool) -> bool:
    """Return whether the run is far enough to be judged by how well it fits."""
    epochs, done = history.facts.get("epochs"), history.epoch + 1
    if not epochs or done >= (NEARLY_OVER if is_falling else HALF_WAY) * epochs:
        return True
    # Stopped before its time: only a loss that has come to rest can be judged.
    return bool(history.facts.get("has_ended")) and not is_falling and done >= SETTLED


def _poor(history: History, error: Estimate, margin: float) -> tuple[str, dict[str, float]] | None:
    constant = history.last("reference/constant_error", "train")
    if constant is not None and error.high >= constant and error.value >= constant * (1 - margin):
        message = (
            f"The error on training data is {error.value:.1%}; always giving the same best answer "
            f"has {constant:.1%}."
        )
        return message, {"train_error": error.value, "constant_error": constant}
    advantage = history.last("reference/neighbour_advantage", "train")
    spread = history.last("reference/neighbour_advantage_stderr", "train")
    if advantage is None or Estimate(advantage, spread).low < margin:
        return None
    neighbours = history.last("reference/neighbour_error", "train")
    message = (
        f"The error on training data is {error.value:.1%}; the vote of the 5 nearest neighbours, "
        f"each example left out of its own, has {neighbours:.1%} on the same examples."
    )
    return message, {"train_error": error.value, "neighbour_error": neighbours}


def _advice(history: History, message: str, evidence: dict[str, float], is_falling: bool) -> Advice:
    return Advice(
        rule="underfitting",
        severity=Severity.WARNING,
        target="",
        message=message,
        evidence=evidence,
        remedies=tuple(_remedies(history, is_falling)),
        reference="CS231n, Babysitting the learning process: no gap, increase model capacity",
    )


def _remedies(history: History, is_falling: bool) -> list[Remedy]:
    ratios = [history.last("updates/ratio", t) for t in history.targets("updates/ratio")]
    rate = history.last("optimizer/learning_rate")
    capacity = Remedy(
        "Give the network more capacity: a hidden layer more, or more units.",
        'keras.layers.Dense(128, activation="relu", kernel_initializer="he_normal")',
    )
    longer = Remedy(
        "Train longer: the training loss was still falling.",
        f"model.fit(..., epochs={3 * history.facts['epochs']})"
        if history.facts.get("epochs")
        else "",
    )
    faster = Remedy(
        "Raise the learning rate: the weights hardly move.",
        set_rate(one_digit(10 * rate) if rate else None),
    )
    remedies = [capacity]
    if is_falling:
        remedies.insert(0, longer)
    if ratios and float(np.median(ratios)) < SLOW_UPDATES:
        remedies.insert(0, faster)
    has = history.facts.get("regularization", {})
    if has.get("dropout") or has.get("penalized_weights") or has.get("weight_decay"):
        remedies.append(Remedy("Take regularisation away: dropout, penalties, weight decay."))
    return remedies
