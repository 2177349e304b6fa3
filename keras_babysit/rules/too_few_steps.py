"""A run of so few steps that it ends while the network still learns."""

from keras_babysit.actions import ScaleBatchSize, TrainLonger
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._progress import (
    began_trained,
    curve,
    has_learnt_most,
    is_falling,
    training_loss,
)
from keras_babysit.rules._scores import training_errors
from keras_babysit.rules.rule import ask, rule
from keras_babysit.rules.underfitting import underfitting

MIN_EPOCHS = 3
"""Epochs that are needed to see that the loss still falls."""


@rule(
    title="Too few training steps",
    explains=("underfitting", "not_learning", "plateau", "loss_not_decreasing"),
    needs=("logs/loss", "reference/constant_error | loss/constant"),
    silent=(
        "before the end of the run",
        "if a callback ended the run",
        "if half of the error of a constant prediction is gone, and neighbours are no better",
    ),
)
def too_few_steps(history: History, *, steps: int = 100) -> list[Finding]:
    """Report a run that ended after a few steps while its loss still fell.

    What counts is the number of steps, not of epochs: with a batch as large as the data, or
    `steps_per_epoch=1`, ten epochs are ten steps. Each moves a weight of Adam by the learning rate
    at most, so ten steps at 1e-3 move it by 0.01.

    Reads the number of steps, the training loss of the epochs, and the error or the loss on the
    training data beside those of a constant prediction. It is silent before the end of the run; if
    a callback ended it; in runs of fewer than 3 epochs, whose trend is not known; if the network
    was trained before; and if half of the error of a constant prediction is gone, unless the
    network is far behind its nearest neighbours (see `underfitting`).

    Args:
        history: The history of the run.
        steps: Number of steps up to which it is reported, at least 1. The default of 100 is a tenth
            of the steps of the learning rate's usual warm-up, and three epochs of 1,000 examples in
            batches of 32.

    Returns:
        One WARNING for the whole model, or nothing.

    Raises:
        ValueError: If `steps` is below 1.

    Example:
        >>> too_few_steps(History())
        []

    Reference:
        Hoffer et al., "Train longer, generalize better", arXiv:1705.08741: the number of updates,
        not that of epochs, decides how far weights move.
    """
    require_count("steps", steps)
    facts = history.facts
    if not facts.has_ended or facts.stopped_by is not None or history.step > steps:
        return []
    losses = curve(history)
    is_known = bool(training_errors(history)) or training_loss(history) is not None
    if len(losses) < MIN_EPOCHS or not is_known or began_trained(history):
        return []
    if not is_falling(history):
        return []
    if has_learnt_most(history) and not ask(underfitting, history):
        return []
    size = facts.batch_size or 0
    examples = facts.examples_per_epoch or 0
    is_large = size > 32 and 0 < examples <= 4 * size
    smaller = Remedy(
        "Use smaller batches: each of them is a step.",
        change=ScaleBatchSize(size=32, epochs=facts.epochs or 20),
    )
    longer = Remedy(
        "Train for more epochs, or leave out `steps_per_epoch`, so that an epoch covers all of "
        "the data.",
        change=TrainLonger(10, 10 * (facts.epochs or 10)),
    )
    return [
        Finding(
            rule="too_few_steps",
            severity=Severity.WARNING,
            target="",
            message=f"The run ended after {history.step:,} steps, while the loss was still "
            f"falling: {losses[0]:.4g} in the first epoch, {losses[-1]:.4g} in the last one.",
            evidence={"steps": history.step, "first_loss": losses[0], "last_loss": losses[-1]},
            remedies=(smaller, longer) if is_large else (longer,),
            reference="Hoffer et al., arXiv:1705.08741",
        )
    ]
