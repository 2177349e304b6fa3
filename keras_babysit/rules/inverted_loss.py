"""A loss that is lower for wrong predictions than for correct ones."""

from keras_babysit.actions import OWN_CODE, NegateLoss
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._progress import has_seen_an_epoch, training_loss
from keras_babysit.rules._scores import rankings, training_errors
from keras_babysit.rules._texts import number, percent
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT, STUCK
from keras_babysit.rules.outputs import Output, outputs
from keras_babysit.rules.rule import rule

LEAST_FALL = 0.1
"""Fraction of its first size by which the loss has fallen where the network surely learns what the
loss rewards."""


@rule(
    title="Loss rewards errors",
    explains=(
        "reversed_answers",
        *BLOWN_UP,
        *LONG_STEPS,
        *STUCK,
        *POOR_FIT,
        "dead_pieces",
        "overfitting",
    ),
    needs=("facts/outputs",),
    silent=(
        "on the losses of Keras",
        "on models with several inputs",
        "if targets and outputs have different shapes",
    ),
)
def inverted_loss(history: History) -> list[Finding]:
    """Report a loss of your own that is lower for wrong predictions than for correct ones.

    A sign is missing, or a score that should be large, such as the Dice coefficient, is used as
    the loss. Training makes every answer wrong while the loss falls. A difference without square or
    absolute value has no minimum either: it falls as the predictions move to one side.

    Reads the facts of the outputs, which come from evaluating the loss on the first batch: with
    the targets as predictions it is higher than with the targets of other examples. Also reads
    `"score/error"`, `"reference/constant_error"` and `"predictions/auc"` of target `"train"`, and
    the loss. It is silent on the losses of Keras; where targets and outputs have different shapes;
    on losses that are linear in the predictions, such as that of a Wasserstein critic; and on
    models with several inputs, whose output may be a distance that is small where the target is 1.

    Args:
        history: The history of the run.

    Returns:
        An ERROR per output if the loss falls without bound, or if it is negative and the network
        has become worse than a constant prediction; a WARNING if the latter alone holds, or if the
        targets are real numbers, no error is known and the loss has fallen; else a NOTE.

    Example:
        >>> from keras_babysit.facts import OutputFacts
        >>> history = History()
        >>> facts = {"target": "dense", "prefers_errors": True, "falls_without_bound": True}
        >>> history.note(outputs=(OutputFacts(**facts),))
        >>> inverted_loss(history)[0].severity.name
        'ERROR'

    Reference:
        The definition of a loss: it is least where the predictions are right.
    """
    if len(history.facts.data.inputs) > 1:
        return []
    found = outputs(history)
    judged = []
    for one in found:
        if one.prefers_errors:
            judged.append(_judge(history, one, len(found)))
        elif one.mixes_examples and one.falls_without_bound:
            judged.append(_about_difference(one))
    return judged


def _judge(history: History, output: Output, count: int) -> Finding:
    loss = training_loss(history)
    is_negative = loss is not None and loss < 0
    error = _worse_error(history) if count == 1 else None
    if output.falls_without_bound:
        return _finding(output, Severity.ERROR, "It falls without bound as predictions get worse.")
    if error is None:
        if count == 1 and loss is not None and _has_learned_it(history):
            return _finding(
                output,
                Severity.WARNING,
                f"It has fallen to {number(loss)}: the network learns the wrong predictions.",
            )
        return _finding(output, Severity.NOTE, "Check its sign.")
    severity = Severity.ERROR if is_negative else Severity.WARNING
    return _finding(
        output,
        severity,
        f"The network learns the wrong predictions: its error is {percent(error[0], 1)} (constant "
        f"prediction: {percent(error[1], 1)}).",
    )


def _about_difference(output: Output) -> Finding:
    return Finding(
        rule="inverted_loss",
        severity=Severity.ERROR,
        target=output.target,
        message="The loss falls without bound as the predictions move to one side of the targets.",
        evidence={"falls_without_bound": True},
        remedies=(
            Remedy(
                "Take the square or the absolute value of the difference: errors of either sign "
                "must count.",
                no_change_because=OWN_CODE,
            ),
        ),
        reference="The definition of a loss: it is least where the predictions are right",
    )


def _has_learned_it(history: History) -> bool:
    """Return whether the loss has fallen, of real numbers of which no error is known.

    Labels may be coded in another way than the loss takes them, but a real number is what the
    network is to return.
    """
    start, loss, targets = history.last("loss/start"), training_loss(history), history.facts.data
    if start is None or loss is None or not has_seen_an_epoch(history) or training_errors(history):
        return False
    are_numbers = all(one.is_whole is False for one in targets.targets) and bool(targets.targets)
    return are_numbers and loss < start - LEAST_FALL * abs(start)


def _worse_error(history: History) -> tuple[float, float] | None:
    """Return the error and that of a constant prediction if the network is surely worse."""
    errors = training_errors(history)
    constant = history.last("reference/constant_error", "train")
    auc = rankings(history, "train")[-1:]
    if not errors or constant is None or not errors[-1].low > constant:
        return None
    return None if any(one.high > 0.5 for one in auc) else (errors[-1].value, constant)


def _finding(output: Output, severity: Severity, end: str) -> Finding:
    return Finding(
        rule="inverted_loss",
        severity=severity,
        target=output.target,
        message=f"The loss is lower for wrong predictions than for correct ones. {end}",
        evidence={"falls_without_bound": bool(output.falls_without_bound)},
        remedies=(
            Remedy(
                "Change the sign of the loss. For a score in [0, 1] that should be large, return 1 "
                "minus the score.",
                change=NegateLoss(),
            ),
        ),
        reference="The definition of a loss: it is least where the predictions are right",
    )
