"""Attention that cannot see the order of the steps."""

from keras_babysit.actions import CONNECTIONS
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._sequences import explains_little
from keras_babysit.rules.outputs import outputs
from keras_babysit.rules.rule import rule

SAME = 1e-4
"""Change of an output, in its standard deviations, up to which it is the same: sums in another
order differ by the rounding of float32, and no dependence on the order is as weak."""


@rule(
    title="Order of the steps ignored",
    explains=("underfitting", "plateau", "uninformative_inputs"),
    needs=("inference/order | inference/batch_dependence",),
    silent=(
        "before the first score",
        "in the first half of a run, and if the network learns without the order",
        "if the model has no attention layer, as a mean over words",
        "if it has several inputs, or computes in 16-bit precision",
    ),
    severity=Severity.NOTE,
    costs_the_run=True,
)
def order_ignored(history: History) -> list[Finding]:
    """Report a model with attention whose output does not depend on the order of the steps.

    Attention computes the same for a set of steps in any order. Without positions added to the
    inputs, a transformer sees a bag of words.

    Reads `"inference/order"`: the largest change of an output when the steps of the input are
    permuted, and those of the output with them, in standard deviations of the output. It is
    silent for models without attention layers or with several inputs, and where less than half
    of the error of a constant prediction is left. A set has no order, therefore it is a note.

    Args:
        history: The history of the run.

    Returns:
        One NOTE per output that ignores the order, or nothing.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.append(Measurement(9, 0, "inference/order", "outputs[0]", 1e-7))
        >>> history.note(epochs=2, steps_per_epoch=9)
        >>> for name in ("score/error", "score/error_stderr", "reference/constant_error"):
        ...     history.append(Measurement(9, 1, name, "train", 0.5))
        >>> print(order_ignored(history)[0].message)
        The output does not depend on the order of the steps: attention receives no positions.

    Reference:
        Vaswani et al., "Attention Is All You Need", arXiv:1706.03762, section 3.5.
    """
    if "16" in (history.facts.dtype_policy or ""):
        return []
    if not explains_little(history):
        return []
    names = [output.target for output in outputs(history)]
    return [
        Finding(
            rule="order_ignored",
            severity=Severity.NOTE,
            target=names[index] if index < len(names) else "",
            message="The output does not depend on the order of the steps: attention receives no "
            "positions.",
            evidence={"change": float(history.last("inference/order", target))},
            remedies=(
                Remedy(
                    "Add position embeddings in front of the first attention layer, unless the "
                    "steps have no order.",
                    "positions = keras.layers.Embedding(12, 16)  # (steps, width) of h\n"
                    "h = h + positions(keras.ops.arange(12))  # h: the embedded steps",
                    no_change_because=CONNECTIONS,
                ),
            ),
            reference="Vaswani et al., arXiv:1706.03762, section 3.5",
        )
        for index, target in enumerate(history.targets("inference/order"))
        if 0 <= history.last("inference/order", target, default=1.0) < SAME
    ]
