"""A loss that is not finite for a value that its output can return."""

import math

from keras_babysit.actions import OWN_CODE, SetOutput
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules.effects import BLOWN_UP, POOR_FIT, STUCK
from keras_babysit.rules.non_finite_values import non_finite_values
from keras_babysit.rules.outputs import Output, outputs
from keras_babysit.rules.rule import ask, rule


@rule(
    title="Loss not finite within the range of the output",
    explains=(*BLOWN_UP, *STUCK, *POOR_FIT),
    needs=("facts/outputs",),
    silent=("on losses that Keras keeps finite itself", "if the range of the output is not known"),
    severity=Severity.NOTE,
)
def loss_at_limit(history: History) -> list[Finding]:
    """Report a loss that becomes NaN or infinite for a value that the output can return.

    A logarithm, a square root or an arccosine of the output has an end. A sigmoid or softmax
    reaches 0 and 1 in float32 once it is certain, and a linear output may become negative.

    Reads the facts of the outputs, which come from evaluating the loss and its gradient at the
    limits of the output, or at -1 if it has no lower one; and asks `non_finite_values`. It is
    silent if both are finite there, and if the range of the output is not known.

    Args:
        history: The history of the run.

    Returns:
        A NOTE per output; an ERROR once the loss, a gradient or a weight is not finite.

    Example:
        >>> from keras_babysit.facts import OutputFacts
        >>> history = History()
        >>> history.note(outputs=(OutputFacts(target="dense", low=0, high=1, not_finite_at=0.0),))
        >>> loss_at_limit(history)[0].severity.name
        'NOTE'

    Reference:
        IEEE 754: the logarithm of 0 is -inf, 0 times infinity is NaN.
    """
    found = [one for one in outputs(history) if one.not_finite_at is not None]
    if not found:
        return []
    seen = [one.evidence.get("first_seen") for one in ask(non_finite_values, history)]
    has_failed = any(what in ("loss", "gradients", "weights") for what in seen)
    return [_finding(one, has_failed=has_failed) for one in found]


def _finding(output: Output, *, has_failed: bool) -> Finding:
    value = 0.0 if output.not_finite_at is None else output.not_finite_at
    is_open = output.low is None or math.isinf(output.low)
    may = "may become negative" if is_open else f"may reach {value:g}"
    where = "for negative outputs" if is_open else f"at an output of {value:g}"
    return Finding(
        rule="loss_at_limit",
        severity=Severity.ERROR if has_failed else Severity.NOTE,
        target=output.target,
        message=f"The loss or its gradient is not finite {where}, and the output {may}.",
        evidence={"output": value},
        remedies=(_positive(output) if is_open else _clip(output),),
        reference="IEEE 754: the logarithm of 0 is -inf",
    )


def _positive(output: Output) -> Remedy:
    return Remedy(
        "Use an output activation that is always positive.",
        change=SetOutput("softplus", output.columns or 1, is_shown_whole=True),
    )


def _clip(output: Output) -> Remedy:
    low, bound = ("-1", "-1 + 1e-6") if output.low == -1 else ("0", "1e-6")
    if output.high is None or math.isinf(output.high):
        code, where = f"y_pred = keras.ops.maximum(y_pred, {bound})", low
    else:
        code, where = f"y_pred = keras.ops.clip(y_pred, {bound}, 1 - 1e-6)", f"{low} and 1"
    return Remedy(
        f"Clip the predictions away from {where} in the loss.",
        f"{code}  # in the loss: y_pred is its argument",
        no_change_because=OWN_CODE,
    )
