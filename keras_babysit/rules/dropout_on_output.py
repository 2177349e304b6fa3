"""Dropout behind the output layer."""

from keras_babysit.actions import CONNECTIONS
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._texts import quoted
from keras_babysit.rules.effects import BLOWN_UP, POOR_FIT, STUCK
from keras_babysit.rules.rule import rule

DROPPING = ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout")


@rule(
    title="Dropout on the output",
    explains=(
        "output_loss_mismatch",
        "loss_at_limit",
        *BLOWN_UP,
        *POOR_FIT,
        *STUCK,
        "validation_better_than_train",
    ),
    needs=("facts/outputs", "facts/layers"),
    silent=("on losses of one's own",),
    is_immediate=True,
)
def dropout_on_output(history: History) -> list[Finding]:
    """Report dropout that is applied to the predictions.

    In training it sets predictions to 0 at random and enlarges the others. A crossentropy takes the
    logarithm of them: the loss of an example whose probability was dropped is as large as can be or
    not finite, whatever the network computes; a predicted number is 0 or too large. Dropout belongs
    before the last layer.

    Reads the facts of outputs and layers. It is silent on losses of one's own, because the output
    may be an embedding there, of which two masks are compared.

    Args:
        history: The history of the run.

    Returns:
        One WARNING for each such output, or nothing.

    Example:
        >>> from keras_babysit.facts import LayerFacts, OutputFacts
        >>> history = History()
        >>> history.note(
        ...     layers={"dropout": LayerFacts(class_name="Dropout", role="output")},
        ...     outputs=(OutputFacts(target="dropout", form="categorical"),),
        ... )
        >>> print(dropout_on_output(history)[0].message)
        The dropout layer "dropout" is the last layer: in training it sets predictions to 0 at
        random.

    Reference:
        Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
        JMLR 15, 2014, section 4: units of the input and hidden layers are dropped.
    """
    layers = history.facts.layers
    found = [
        output.target
        for output in history.facts.outputs
        if output.form != "other"
        and output.target in layers
        and layers[output.target].class_name in DROPPING
    ]
    return [
        Finding(
            rule="dropout_on_output",
            severity=Severity.WARNING,
            target=target,
            message=f"The dropout layer {quoted([target])} is the last layer: in training it sets "
            "predictions to 0 at random.",
            evidence={"layer": target},
            remedies=(
                Remedy(
                    "Move the dropout in front of the output layer.", no_change_because=CONNECTIONS
                ),
            ),
            reference="Srivastava et al., JMLR 15, 2014, section 4",
        )
        for target in dict.fromkeys(found)
    ]
