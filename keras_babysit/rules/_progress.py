"""How far a run is, whether its loss still falls, and whether its fit is poor."""

import math
from typing import NamedTuple

import numpy as np

from keras_babysit.facts import TargetFacts
from keras_babysit.history import History
from keras_babysit.rules._network import is_mostly_frozen
from keras_babysit.rules._scores import Estimate, beats_constant, estimates, smooth, training_errors
from keras_babysit.rules._texts import error_name, percent
from keras_babysit.rules.outputs import guess_loss, outputs

MIN_RECENT_FALL = 0.02
"""Fraction of its whole fall that a training loss must fall in the latest third of the scores to
count as still falling. More epochs are the first thing to try then."""

MIN_TOTAL_FALL = 0.005
"""Smallest such fall, as a fraction of the first loss: less is drift."""

HALF_WAY, THREE_QUARTERS, WHOLE_RUN = 0.5, 0.75, 1.0
"""Fractions of the run. A poor fit is reported from three quarters on if the loss has plateaued, at
the end if it still falls: every network fits poorly at first, and many plateau before they learn.
"""

MIN_EPOCHS_IF_STOPPED = 50
"""Epochs after which a run that was stopped early can be judged: deep narrow networks plateau for
tens of epochs before they learn."""

SOLVED_LOSS = 0.01
"""Training loss, as a fraction of that of a constant prediction, below which the problem is solved:
the gradient is small because the error is, and the capacity is enough."""

MODES_DIFFER = 3.0
"""Ratio of the loss in inference mode to that in training mode above which they differ: the factor
of `loss_explosion`."""

MIN_LOST_BY_FREEZING = 0.5
"""Fraction of what a nearest-neighbour baseline finds in the inputs that frozen layers must have
lost to be the cause of a poor fit."""

LEARNED_BY_LOSS = 0.9
"""Fraction of the loss of a constant prediction below which a network has learned by its loss: that
of the nearest neighbours' error below which there is something to learn."""

CURRENT_FROM = 0.75
"""Fraction of the epochs so far from which on a score counts as current."""


class PoorFit(NamedTuple):
    """A poor fit, in words, and the numbers that show it."""

    message: str
    evidence: dict[str, float]


def planned_steps(history: History) -> int | None:
    """Return the number of steps of the whole run, None if it is not known."""
    epochs, steps = history.facts.epochs, history.facts.steps_per_epoch
    return int(epochs * steps) if epochs and steps else None


def fraction_done(history: History) -> float:
    """Return the fraction of the run that is done, NaN if its length is not known."""
    planned = planned_steps(history)
    return history.step / planned if planned else math.nan


def is_over(history: History, patience: int) -> bool:
    """Return whether all planned epochs are done, at least `patience` of them."""
    return fraction_done(history) >= 1 and history.epoch + 1 >= patience


def has_seen_an_epoch(history: History) -> bool:
    """Return whether one epoch is over: sorted data begin with one class."""
    return history.epoch >= 1 or fraction_done(history) >= 1


def training_loss(history: History) -> float | None:
    """Return the latest loss on training data: that of an epoch, or the mean of five batches."""
    losses = curve(history)
    if losses:
        return losses[-1]
    batches = history.series("loss/batch").tail(5).values
    return float(batches.mean()) if len(batches) >= 5 else None


def is_solved(history: History) -> bool:
    """Return whether the training loss is a hundredth of that of a constant prediction, or less."""
    loss, constant = training_loss(history), constant_loss(history)
    return loss is not None and constant is not None and loss < SOLVED_LOSS * constant


def has_learnt_most(history: History) -> bool:
    """Return whether the network makes less than half the error of a constant prediction.

    Where no error is known, the training loss counts. False where neither is known.
    """
    errors, constant = training_errors(history), history.last("reference/constant_error", "train")
    if errors and constant is not None:
        return bool(errors[-1].value < HALF_WAY * constant)
    loss, best = training_loss(history), constant_loss(history)
    return loss is not None and best is not None and bool(loss < HALF_WAY * best)


def constant_loss(history: History) -> float | None:
    """Return about the loss of a constant prediction, None if the first loss is not known.

    A network that was trained before begins better than that: then it is the loss of its own mean
    output. A new one begins much worse if the targets are far from 0: of a squared error only the
    fraction that is their variance counts.
    """
    start, guess = history.last("loss/start"), guess_loss(history)
    measured = history.first("loss/constant")
    if start is not None and measured is not None and math.isfinite(measured):
        start = max(start, measured)
        if start == measured:
            return float(start if guess is None else min(start, guess))
    if start is None or guess is not None:
        return None if start is None else min(start, guess)
    targets = history.facts.data.targets
    fractions = [_fraction_of_variance(facts) for facts in targets if facts.std is not None]
    return float(start * min(fractions, default=1.0))


def began_trained(history: History, below: float = HALF_WAY) -> bool:
    """Return whether the loss before the first step was already well below a constant prediction's.

    More than half of what there is to learn was learnt before, as in a second `fit` or in
    fine-tuning. Only a measured loss of a constant prediction counts.

    Args:
        history: The history of the run.
        below: Fraction of the loss of the constant prediction below which it counts, in (0, 1].
    """
    start, constant = history.last("loss/start"), history.first("loss/constant")
    return bool(start is not None and constant is not None and start < below * constant)


def _fraction_of_variance(facts: TargetFacts) -> float:
    variance, square = (facts.std or 0.0) ** 2, (facts.mean or 0.0) ** 2
    return float(variance / (variance + square)) if variance + square > 0 else 1.0


def curve(history: History) -> list[float]:
    """Return the training loss over time: one value per epoch, or per score if there are more.

    The mean of an epoch includes penalties and the noise of dropout, which do not change a trend.
    """
    means = history.series("logs/loss").values
    scores = [e.value for e in estimates(history, "loss", "train")]
    means = means[np.isfinite(means)]
    return means.tolist() if len(means) >= len(scores) else scores


def may_be_negative(history: History) -> bool:
    """Return whether the loss was ever below zero: multiples of the first loss mean nothing."""
    series = (history.series("logs/loss"), history.series("loss/batch"))
    scores = history.series("score/loss", "train")
    return any(bool((one.values < 0).any()) for one in (*series, scores))


def is_falling(history: History) -> bool:
    """Return whether the training loss still falls; True for fewer than three values."""
    losses = curve(history)
    if len(losses) < 3:
        return True
    trend = smooth(losses)
    third = max(1, len(trend) // 3)
    start = max(history.last("loss/start", default=trend[0]), trend[0])
    least = max(MIN_RECENT_FALL * (start - trend.min()), MIN_TOTAL_FALL * abs(start))
    return bool(trend[-1 - third] - trend[-1] > least)


def is_time(history: History, *, is_falling: bool) -> bool:
    """Return whether enough of the run is done to judge how well the network fits."""
    epochs, done = history.facts.epochs, history.epoch + 1
    if not epochs or done >= (WHOLE_RUN if is_falling else THREE_QUARTERS) * epochs:
        return True
    # The run was stopped early: it can be judged only if the loss has plateaued.
    return history.facts.has_ended and not is_falling and done >= MIN_EPOCHS_IF_STOPPED


def poor_fit(history: History, margin: float) -> PoorFit | None:
    """Return how poor the fit of the training data is, None if it is not poor or not known.

    A large error alone means nothing, because the data may be noisy. It is compared with two
    baselines: 5 nearest neighbours, and the best constant prediction. If these two are equally
    good, there may be nothing to learn, and the constant prediction does not count. The fit is not
    known if a loss of your own counts errors in another way than an error rate does, and if the
    network fits in training mode and only its batch normalizations differ.

    Args:
        history: The history of the run.
        margin: Difference to a baseline that counts: absolute for the neighbours, as a fraction of
            its error for the constant prediction.
    """
    errors = training_errors(history)
    if not errors or not is_current(history) or modes_differ(history):
        return None
    if counts_otherwise(history, errors[-1]):
        return None
    by_neighbours = _beside_neighbours(history, errors[-1], margin)
    if can_be_learned(history) is False:
        return by_neighbours
    return _beside_constant(history, errors[-1], margin) or by_neighbours


def counts_otherwise(history: History, error: Estimate) -> bool:
    """Return whether the network is better than a constant prediction by its own loss alone.

    A loss of your own that gives rare positives more weight trades many false positives for them:
    the error rate gets worse than that of "no" for all while the loss falls far below that of any
    constant prediction. Then the error rate is not what was to be learned.
    """
    worst = history.last("reference/constant_error", "train")
    loss, constant = training_loss(history), history.last("loss/constant")
    if not any(one.form == "other" for one in outputs(history)):
        return False
    if worst is None or error.value < worst or loss is None or constant is None:
        return False
    return bool(0 <= loss < LEARNED_BY_LOSS * constant)


def modes_differ(history: History) -> bool:
    """Return whether the averages of batch normalization make inference much worse than training.

    The interval of the loss in inference mode lies above three times the loss in training mode.
    """
    scores = estimates(history, "loss", "train")
    if not scores or not history.targets("normalization/mean_lag"):
        return False
    return bool(scores[-1].low > MODES_DIFFER * training_mode_loss(history) > 0)


def training_mode_loss(history: History) -> float:
    """Return the mean loss of the latest epoch without the penalty, 0 if there is none."""
    means = history.series("logs/loss").values
    penalty = history.last("loss/penalty", default=0.0)
    return float(means[-1] - penalty) if len(means) else 0.0


def is_current(history: History) -> bool:
    """Return whether the latest score is from the last quarter of the epochs so far."""
    epochs = history.series("score/loss", "train").epochs
    return bool(len(epochs)) and bool(epochs[-1] + 1 >= CURRENT_FROM * (history.epoch + 1))


def can_be_learned(history: History) -> bool | None:
    """Return whether nearest neighbours beat a constant prediction, None if it is not known."""
    constant = history.last("reference/constant_error", "train")
    neighbours = history.last("reference/neighbour_error", "train")
    if constant is None or neighbours is None:
        return None
    return bool(neighbours < 0.9 * constant)


def _beside_constant(history: History, error: Estimate, margin: float) -> PoorFit | None:
    constant = history.last("reference/constant_error", "train")
    if constant is None or error.value < constant * (1 - margin):
        return None
    if beats_constant(history, "train"):  # slightly but significantly: that may be all there is
        return None
    return PoorFit(
        f"{_poor(history, error)} (constant prediction: {percent(constant, 1)}).",
        {"train_error": error.value, "constant_error": constant},
    )


def _beside_neighbours(history: History, error: Estimate, margin: float) -> PoorFit | None:
    advantage = history.last("reference/neighbour_advantage", "train")
    spread = history.last("reference/neighbour_advantage_stderr", "train")
    neighbours = history.last("reference/neighbour_error", "train")
    if is_mostly_frozen(history):  # fixed features may hold a bit less than the inputs
        constant = history.last("reference/constant_error", "train", default=math.inf)
        margin = max(margin, MIN_LOST_BY_FREEZING * (constant - (neighbours or 0.0)))
    if advantage is None or Estimate(advantage, spread).low < margin:
        return None
    return PoorFit(
        f"{_poor(history, error)} (5-nearest-neighbour baseline: {percent(neighbours, 1)}).",
        {"train_error": error.value, "neighbour_error": neighbours},
    )


def _poor(history: History, error: Estimate) -> str:
    name = error_name(history)
    return f"The network fits the training data poorly: its {name} is {percent(error.value, 1)}"


def detrended(values: list[float]) -> np.ndarray:
    """Return the difference of each value but the first and last to the mean of its neighbours."""
    series = np.array(values, np.float64)
    left: np.ndarray = series[1:-1] - (series[:-2] + series[2:]) / 2
    return left
