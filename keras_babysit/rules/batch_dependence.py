"""Outputs that depend on the other examples of the batch."""

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._sequences import changed_outputs
from keras_babysit.rules._texts import number
from keras_babysit.rules.rule import rule


@rule(
    title="Outputs depend on the batch",
    explains=("overfitting", "batch_norm_mismatch", "underfitting"),
    needs=("inference/batch_dependence",),
    silent=(
        "before the first score",
        "if the model accepts only one number of examples",
        "if the output is a matrix of examples by examples",
    ),
)
def batch_dependence(history: History) -> list[Finding]:
    """Report a model whose answer for an example depends on the other examples of its batch.

    In inference mode an example must get the same answer alone and in any batch. It does not if a
    softmax, a mean or a normalization runs over axis 0, or if a batch normalization is called with
    `training=True`. Scores then depend on the batch size and on the order of the data, and the
    answer for a single example is another one.

    Reads `"inference/batch_dependence"`: the largest change of an output in inference mode when
    only the other examples of the batch change, in standard deviations of the output. It is silent
    for models that accept one batch size only, as graph networks do, whose examples belong
    together, and for outputs that differ from pass to pass by chance.

    Args:
        history: The history of the run.

    Returns:
        One WARNING per affected output, or nothing.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.append(Measurement(9, 0, "inference/batch_dependence", "outputs[0]", 0.6))
        >>> print(batch_dependence(history)[0].message)
        In inference mode, the output for an example depends on the rest of its batch: it changes by
        0.6 standard deviations.

    Reference:
        Ioffe and Szegedy, "Batch Normalization", arXiv:1502.03167, section 3.1: in inference the
        output must depend on the input only.
    """
    changed = changed_outputs(history, "inference/batch_dependence")
    return [_finding(target, change) for target, change in changed]


def _finding(target: str, change: float) -> Finding:
    return Finding(
        rule="batch_dependence",
        severity=Severity.WARNING,
        target=target,
        message="In inference mode, the output for an example depends on the rest of its batch: it "
        f"changes by {number(change)} standard deviations.",
        evidence={"change": change},
        remedies=(
            Remedy(
                "Compute over the features, not over axis 0, which holds the examples.",
                "keras.layers.Softmax(axis=-1)",
                no_change_because=OWN_CODE,
            ),
            Remedy(
                "Remove `training=True` from the calls of normalization layers: Keras passes the "
                "mode itself.",
                no_change_because=OWN_CODE,
            ),
        ),
        reference="Ioffe and Szegedy, arXiv:1502.03167, section 3.1",
    )
