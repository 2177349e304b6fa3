"""Gradients of earlier steps that an optimizer applies again."""

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._progress import training_loss
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT, SHORT_STEPS, STUCK
from keras_babysit.rules.rule import rule


@rule(
    title="Gradients not set to zero",
    explains=(
        *(*BLOWN_UP, *LONG_STEPS, *POOR_FIT, *SHORT_STEPS, *STUCK, "clipping_too_tight"),
        *("discriminator_won", "output_logits_diverge", "samples_alike"),
    ),
    needs=("gradients/norm",),
    silent=(
        "on TensorFlow and JAX, where each gradient is computed anew",
        "while gradients are accumulated on purpose and set to zero once they are applied",
    ),
)
def missing_zero_grad(history: History, *, patience: int = 2) -> list[Finding]:
    """Report a training step on PyTorch that never sets the gradients to zero.

    `backward()` adds to the gradients that are there. Without `zero_grad()`, each step applies the
    gradients of all steps before it again. They keep the old direction long after it has become
    wrong, and the loss oscillates or stays high.

    Reads `"gradients/applied_before"`. It compares what an optimizer gets with what `backward()`
    added in this step, and runs the step twice where that differs. It is silent on a step that
    accumulates gradients on purpose, because that sets them to zero once it has applied them.

    Args:
        history: The history of the run.
        patience: Number of latest measurements of an optimizer that must all show it, at least 1.

    Returns:
        One finding per optimizer: an ERROR if the training loss is not below its first value, else
        a WARNING. Empty if gradients are set to zero.

    Raises:
        ValueError: If `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> for step in (10, 20):
        ...     history.append(Measurement(step, 0, "gradients/applied_before", "", 1.0))
        >>> print(missing_zero_grad(history)[0].message)
        The gradients are never set to zero: each step applies those of earlier steps again.

    Reference:
        PyTorch, "Zeroing out gradients in PyTorch": gradients accumulate over `backward()` calls.
    """
    require_count("patience", patience)
    return [
        _finding(history, target)
        for target in history.targets("gradients/applied_before")
        if _is_found(history, target, patience)
    ]


def _is_found(history: History, target: str, patience: int) -> bool:
    latest = history.series("gradients/applied_before", target).tail(patience).values
    return len(latest) == patience and bool(latest.all())


def _finding(history: History, target: str) -> Finding:
    start, now = history.last("loss/start"), training_loss(history)
    is_lost = start is not None and now is not None and not now < start
    which = f'The gradients that "{target}" applies' if target else "The gradients"
    return Finding(
        rule="missing_zero_grad",
        severity=Severity.ERROR if is_lost else Severity.WARNING,
        target=target,
        message=f"{which} are never set to zero: each step applies those of earlier steps again.",
        evidence={"applied_before": 1.0},
        remedies=(
            Remedy(
                "Set the gradients to zero before `backward()`: call `self.zero_grad()` in a "
                "`train_step`, or `optimizer.zero_grad()` in a loop with an optimizer of PyTorch.",
                no_change_because=OWN_CODE,
            ),
        ),
        reference="PyTorch, Zeroing out gradients in PyTorch",
    )
