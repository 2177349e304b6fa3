"""A learning rate that is gone before the network has learned its task."""

import math
from typing import NamedTuple

from keras_babysit.actions import KeepLearningRate, SetCallback, StretchSchedule
from keras_babysit.facts import ScheduleFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_fraction
from keras_babysit.rules._progress import (
    constant_loss,
    is_falling,
    planned_steps,
    poor_fit,
    training_loss,
)
from keras_babysit.rules._scores import training_errors
from keras_babysit.rules._texts import number, percent
from keras_babysit.rules.effects import POOR_FIT, SHORT_STEPS
from keras_babysit.rules.rule import rule

GONE = 1e-3
"""Fraction of its peak below which a learning rate of a schedule changes nothing more: updates are
about 1e-3 of the weights when healthy (CS231n), 1e-6 of them then."""

DECAYED = 0.01
"""Fraction of its largest value so far below which a learning rate counts as decayed, while the
network fits poorly: two of the usual divisions by 10, which follow a plateau at a good fit."""

MARGIN = 0.05
"""Smallest difference to a baseline that counts as a poor fit; that of `underfitting`."""

NOT_FALLEN = 0.98
"""Training loss, as a fraction of that of a constant prediction, above which nothing was learned;
that of `loss_not_decreasing`."""


class Decay(NamedTuple):
    """How far the learning rate fell, and when."""

    highest: float
    lowest: float
    step: int
    epoch: int


@rule(
    title="Learning rate decays too early",
    explains=("stopped_early", *SHORT_STEPS, *POOR_FIT),
    needs=("optimizer/learning_rate",),
    silent=(
        "in the second half of a run",
        "if the network fits its training data",
        "on a schedule of a run that a callback may stop",
    ),
)
def learning_rate_decays_early(history: History, *, fraction: float = 0.5) -> list[Finding]:
    """Report a learning rate that a schedule or a callback lowers to almost nothing too early.

    A schedule is read before the first step. If it is below a thousandth of its peak from half of
    the run on or earlier, the rest of the run changes nothing. The usual cause is a `decay_steps`
    in epochs: schedules count optimizer steps. Or it has ended in an earlier `fit`.

    Whatever lowers the learning rate, a hundredth of its largest value in the first half of the
    run is reported as soon as it is reached if the network has not learned by then: the loss does
    not fall, and the network fits its training data worse than a baseline; without scores, if the
    loss is still that of a constant prediction.

    Reads the facts of schedule and callbacks, `"optimizer/learning_rate"`, the scores and their
    baselines, `"logs/loss"` and `"loss/start"`. It is silent on a schedule if `EarlyStopping` may
    end the run: then the planned length means nothing.

    Args:
        history: The history of the run.
        fraction: Fraction of the run up to which a decay is early, in (0, 1].

    Returns:
        One WARNING, or nothing.

    Raises:
        ValueError: If `fraction` lies outside (0, 1].

    Example:
        >>> from keras_babysit.facts import ScheduleFacts
        >>> history = History()
        >>> history.note(schedule=ScheduleFacts(highest=0.1, planned=(0.1, *[0.0] * 10)))
        >>> learning_rate_decays_early(history)[0].severity.name
        'WARNING'

    Reference:
        The documentation of `keras.optimizers.schedules`: `decay_steps` counts steps.
    """
    require_fraction("fraction", fraction)
    schedule = history.facts.schedule
    ends = _end_of(schedule, fraction)
    if ends is not None and not any(c.action == "stops" for c in history.facts.callbacks):
        return [_about_schedule(history, schedule, ends)]
    decay = _decay(history, fraction)
    poor = None if decay is None else _poor(history, decay)
    return [] if decay is None or poor is None else [_about_decay(history, decay, poor)]


def _end_of(schedule: ScheduleFacts, fraction: float) -> float | None:
    """Return the fraction of the run after which the rate is gone for good, None if it is late."""
    highest, planned = schedule.highest, schedule.planned
    if not highest or len(planned) < 2:
        return None
    alive = [index for index, rate in enumerate(planned) if not rate <= GONE * highest]
    ends = (alive[-1] + 1) / (len(planned) - 1) if alive else 0.0
    return ends if ends <= fraction else None


def _decay(history: History, fraction: float) -> Decay | None:
    """Return the decay that happened early in the run and still holds."""
    rates = history.series("optimizer/learning_rate")
    planned, epochs = planned_steps(history), history.facts.epochs
    if len(rates) < 2 or not epochs:
        return None
    highest = float(rates.values.max())
    is_low = rates.values < DECAYED * highest
    if not is_low[-1] or not highest > 0:
        return None
    first = len(is_low) - 1
    while is_low[first - 1]:
        first -= 1
    step, epoch = int(rates.steps[first]), int(rates.epochs[first])
    done = step / planned if planned else epoch / epochs
    if done > fraction or not math.isfinite(highest):
        return None
    return Decay(highest, float(rates.values[-1]), step, epoch)


def _poor(history: History, decay: Decay) -> str | None:
    """Return in a sentence that the network has not learned its task, None if it has."""
    if training_errors(history):
        may_still_learn = decay.lowest > GONE * decay.highest and is_falling(history)
        found = None if may_still_learn else poor_fit(history, MARGIN)
        return found.message if found else None
    loss, constant = training_loss(history), constant_loss(history)
    if loss is None or constant is None or not loss >= NOT_FALLEN * constant > 0:
        return None
    return f"The training loss is {number(loss)}, still that of a constant prediction."


def _about_schedule(history: History, schedule: ScheduleFacts, ends: float) -> Finding:
    highest, last = schedule.highest or 0.0, schedule.planned[-1]
    name = schedule.class_name or "LearningRateSchedule"
    planned = planned_steps(history)
    if ends == 0:
        message = (
            f"The learning rate is {number(schedule.planned[0])} during the whole run. "
            f'The schedule "{name}" had decayed from {number(highest)} in earlier steps.'
        )
    else:
        message = (
            f'The schedule "{name}" lowers the learning rate from {number(highest)} to '
            f"{number(last)} within the first {percent(ends)} of the run. The rest of the run "
            "has almost no effect."
        )
    steps, per_epoch = schedule.decay_steps, history.facts.steps_per_epoch
    is_in_epochs = bool(steps and per_epoch and steps <= (history.facts.epochs or 0))
    if is_in_epochs:
        message += (
            f" `decay_steps={steps}` counts steps, not epochs; an epoch has {per_epoch:,} steps."
        )
    return _finding(
        message,
        {"highest": highest, "lowest": last, "ends_after": ends},
        (_lengthen(schedule, (schedule.done or 0) + planned if planned else None),),
    )


def _lengthen(schedule: ScheduleFacts, steps: int | None) -> Remedy:
    if schedule.decay_steps is None or not steps:
        return Remedy(
            "Let the schedule decay over all steps of the run, counted in steps, not epochs.",
            change=StretchSchedule(0, schedule.class_name or ""),
        )
    return Remedy(
        f"Let the schedule decay over all {steps:,} steps: epochs times steps per epoch.",
        change=StretchSchedule(steps, schedule.class_name or ""),
    )


def _about_decay(history: History, decay: Decay, poor: str) -> Finding:
    by = [c for c in history.facts.callbacks if c.action == "lowers_learning_rate"]
    name, kind = history.facts.schedule.class_name, "schedule"
    if by:
        name, kind = by[0].class_name, "callback"
    fell = f"from {number(decay.highest)} to {number(decay.lowest)}"
    subject = f'The {kind} "{name}" lowered the learning rate' if name else "The learning rate fell"
    epochs = history.facts.epochs or 0
    patience = by[0].patience if by else None
    if patience is not None:
        longer = max(3 * patience, epochs // 10)
        remedy = Remedy(
            f"Set `patience={longer}` in {name}, or train without this callback first.",
            change=SetCallback(
                "ReduceLROnPlateau",
                by[0].monitor or "val_loss",
                (("patience", longer), ("min_lr", decay.highest / 100)),
            ),
        )
    else:
        remedy = Remedy(
            "Keep the learning rate constant until the loss falls, then lower it.",
            change=KeepLearningRate(decay.highest),
        )
    return _finding(
        f"{subject} {fell} by epoch {decay.epoch + 1} of {epochs}. {poor}",
        {"highest": decay.highest, "lowest": decay.lowest, "at_step": decay.step},
        (remedy,),
    )


def _finding(message: str, evidence: dict[str, float], remedies: tuple[Remedy, ...]) -> Finding:
    return Finding(
        rule="learning_rate_decays_early",
        severity=Severity.WARNING,
        target="",
        message=message,
        evidence=evidence,
        remedies=remedies,
        reference="keras.optimizers.schedules: `decay_steps` counts steps",
    )
