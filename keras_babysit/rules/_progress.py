"""How far a run is, whether its loss still falls, and whether its fit is poor."""

import math
from typing import NamedTuple

import numpy as np

from keras_babysit.facts import TargetFacts
from keras_babysit.history import History
from keras_babysit.rules._network import is_mostly_frozen
from keras_babysit.rules._scores import Estimate, beats_constant, estimates, smooth, training_errors
from keras_babysit.rules.outputs import guess_loss

STILL_FALLING = 0.02
"""A training loss that fell by this share of its whole way in the latest third of the scores has
not come to rest, and more epochs are the first thing to try."""

LEAST_FALL = 0.005
"""Share of the starting loss that such a fall must have at least to be more than a drift."""

HALF_WAY, AT_REST, NEARLY_OVER = 0.5, 0.75, 1.0
"""Shares of the run: half of it; and before which it is too early to call it a poor fit, if the
training loss has come to rest and if it still falls. Every network fits poorly at first, and many
rest before they learn."""

SETTLED = 50
"""Epochs after which a run that was stopped early can be judged: deep narrow networks rest on a
plateau for tens of epochs before they learn."""


SOLVED = 0.01
"""A training loss below this share of that of a constant answer is of a problem that is solved: the
gradient is small because the error is, and there is capacity enough."""

MODES = 3.0
"""Times the loss in training mode that counts as another: that of `loss_explosion`."""

MOSTLY = 0.5
"""Share of what neighbours find in the inputs that frozen layers must have lost to be no good."""

FRESH = 0.75
"""Share of the epochs so far that a score must have seen to speak for the network as it is now."""


class Poor(NamedTuple):
    """A poor fit: in words, and the numbers it rests on."""

    message: str
    evidence: dict[str, float]


def planned_steps(history: History) -> int | None:
    """Return the number of steps of the whole run, None if it is not known."""
    epochs, steps = history.facts.epochs, history.facts.steps_per_epoch
    return int(epochs * steps) if epochs and steps else None


def share_done(history: History) -> float:
    """Return the share of the run that is over, NaN if its length is not known."""
    planned = planned_steps(history)
    return history.step / planned if planned else math.nan


def is_over(history: History, patience: int) -> bool:
    """Return whether all planned epochs are done, and were enough for as many scores."""
    return share_done(history) >= 1 and history.epoch + 1 >= patience


def has_seen_an_epoch(history: History) -> bool:
    """Return whether all of the training data have come by: sorted ones begin with one class."""
    return history.epoch >= 1 or share_done(history) >= 1


def training_loss(history: History) -> float | None:
    """Return the latest loss on training data: of an epoch, or the mean of the latest batches."""
    losses = curve(history)
    if losses:
        return losses[-1]
    batches = history.series("loss/batch").tail(5).values
    return float(batches.mean()) if len(batches) >= 5 else None


def is_solved(history: History) -> bool:
    """Return whether the training loss is next to nothing beside that of a constant answer."""
    loss, constant = training_loss(history), constant_loss(history)
    return loss is not None and constant is not None and loss < SOLVED * constant


def constant_loss(history: History) -> float | None:
    """Return about what a constant answer has as its loss, None where the start is not known.

    Targets far from 0 make a network begin much worse than that: of a squared error the share of
    their variance is left.
    """
    start, guess = history.last("loss/start"), guess_loss(history)
    if start is None or guess is not None:
        return None if start is None else min(start, guess)
    targets = history.facts.data.targets
    shares = [_share_of_variance(facts) for facts in targets if facts.std is not None]
    return float(start * min(shares, default=1.0))


def _share_of_variance(facts: TargetFacts) -> float:
    variance, square = (facts.std or 0.0) ** 2, (facts.mean or 0.0) ** 2
    return float(variance / (variance + square)) if variance + square > 0 else 1.0


def curve(history: History) -> list[float]:
    """Return the course of the training loss: one point for each epoch, or for each score.

    The mean over an epoch costs nothing and is there for each; it holds the penalty and dropout's
    noise, which do not matter to a trend.
    """
    means = history.series("logs/loss").values
    scores = [e.value for e in estimates(history, "loss", "train")]
    means = means[np.isfinite(means)]
    return means.tolist() if len(means) >= len(scores) else scores


def may_be_negative(history: History) -> bool:
    """Return whether the loss was ever below zero: a multiple of its start means nothing then."""
    series = (history.series("logs/loss"), history.series("loss/batch"))
    scores = history.series("score/loss", "train")
    return any(bool((one.values < 0).any()) for one in (*series, scores))


def is_falling(history: History) -> bool:
    """Return whether the training loss still falls; True while too little is known."""
    losses = curve(history)
    if len(losses) < 3:
        return True
    trend = smooth(losses)
    third = max(1, len(trend) // 3)
    start = max(history.last("loss/start", default=trend[0]), trend[0])
    least = max(STILL_FALLING * (start - trend.min()), LEAST_FALL * abs(start))
    return bool(trend[-1 - third] - trend[-1] > least)


def is_time(history: History, *, is_falling: bool) -> bool:
    """Return whether the run is far enough to be judged by how well it fits."""
    epochs, done = history.facts.epochs, history.epoch + 1
    if not epochs or done >= (NEARLY_OVER if is_falling else AT_REST) * epochs:
        return True
    # Stopped before its time: only a loss that has come to rest can be judged.
    return history.facts.has_ended and not is_falling and done >= SETTLED


def poor(history: History, margin: float) -> Poor | None:
    """Return how the fit of the training data is poor, None if it is not or cannot be told.

    A poor score alone means nothing, the data may be noisy. It is poor beside the vote of the
    nearest neighbours, or beside the best constant answer; the latter unless the neighbours do no
    better themselves: then there may be nothing to learn. It cannot be told where the network fits
    in training mode, and only the averages of its batch norms are in the way.
    """
    errors = training_errors(history)
    if not errors or not is_current(history) or modes_differ(history):
        return None
    by_neighbours = _beside_neighbours(history, errors[-1], margin)
    if can_be_learnt(history) is False:
        return by_neighbours
    return _beside_constant(history, errors[-1], margin) or by_neighbours


def modes_differ(history: History) -> bool:
    """Return whether batch norm's averages make inference much worse than training.

    The whole interval of the loss in inference mode lies above `MODES` times that in training mode.
    """
    scores = estimates(history, "loss", "train")
    if not scores or not history.targets("normalization/mean_lag"):
        return False
    return bool(scores[-1].low > MODES * training_mode_loss(history) > 0)


def training_mode_loss(history: History) -> float:
    """Return the mean of the latest epoch without the penalty, 0 if there is none."""
    means = history.series("logs/loss").values
    penalty = history.last("loss/penalty", default=0.0)
    return float(means[-1] - penalty) if len(means) else 0.0


def is_current(history: History) -> bool:
    """Return whether the latest score is of the run as it stands: of its last quarter so far."""
    epochs = history.series("score/loss", "train").epochs
    return bool(len(epochs)) and bool(epochs[-1] + 1 >= FRESH * (history.epoch + 1))


def can_be_learnt(history: History) -> bool | None:
    """Return whether the neighbours do better than a constant answer, None if it is not known."""
    constant = history.last("reference/constant_error", "train")
    neighbours = history.last("reference/neighbour_error", "train")
    if constant is None or neighbours is None:
        return None
    return bool(neighbours < 0.9 * constant)


def _beside_constant(history: History, error: Estimate, margin: float) -> Poor | None:
    constant = history.last("reference/constant_error", "train")
    if constant is None or error.value < constant * (1 - margin):
        return None
    if beats_constant(history, "train"):  # by little, but surely: there may be no more to learn
        return None
    return Poor(
        f"The error on training data is {error.value:.1%}; always giving the same best answer "
        f"has {constant:.1%}.",
        {"train_error": error.value, "constant_error": constant},
    )


def _beside_neighbours(history: History, error: Estimate, margin: float) -> Poor | None:
    advantage = history.last("reference/neighbour_advantage", "train")
    spread = history.last("reference/neighbour_advantage_stderr", "train")
    neighbours = history.last("reference/neighbour_error", "train")
    if is_mostly_frozen(history):  # the fit is held to given features, which may tell a bit less
        constant = history.last("reference/constant_error", "train", default=math.inf)
        margin = max(margin, MOSTLY * (constant - (neighbours or 0.0)))
    if advantage is None or Estimate(advantage, spread).low < margin:
        return None
    return Poor(
        f"The error on training data is {error.value:.1%}; the vote of the 5 nearest neighbours, "
        f"each example left out of its own, has {neighbours:.1%} on the same examples.",
        {"train_error": error.value, "neighbour_error": neighbours},
    )


def detrended(values: list[float]) -> np.ndarray:
    """Return what is left of each value when the line through its neighbours is taken away."""
    series = np.array(values, np.float64)
    left: np.ndarray = series[1:-1] - (series[:-2] + series[2:]) / 2
    return left
