"""A layer for sequences that gets sequences of one step."""

from keras_babysit.actions import CONNECTIONS
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._sequences import sequence_layers
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule


@rule(
    title="Sequences of one step",
    explains=(*POOR_FIT, "no_gradient"),
    needs=("facts/layers",),
    silent=("if the layer is stateful", "if an earlier layer gets more than one step"),
    costs_the_run=True,
)
def single_time_step(history: History) -> list[Finding]:
    """Report a recurrent or convolutional layer whose sequences have a single step.

    Keras' layers for sequences take `(examples, steps, features)`. Data of the shape
    `(examples, 1, columns)` gives them one step: a recurrent layer then remembers nothing, and a
    convolution has no neighbours. Both compute what a Dense layer does, and the recurrent kernel
    gets no gradient.

    Reads `steps` of `history.facts.layers`, of the first layer that gets sequences. It is silent
    for stateful layers, which go on where the step before ended.

    Args:
        history: The history of the run.

    Returns:
        One WARNING for a recurrent layer, one NOTE for a convolution.

    Example:
        >>> from keras_babysit.facts import LayerFacts
        >>> history = History()
        >>> history.note(layers={"lstm": LayerFacts(class_name="LSTM", steps=1)})
        >>> print(single_time_step(history)[0].message)
        Layer "lstm" receives sequences of a single step: there is no earlier step to remember.

    Reference:
        Keras, recurrent layers: the input has the shape (batch, timesteps, feature).
    """
    layers = sequence_layers(history)
    if not layers or layers[0][1].steps != 1 or layers[0][1].is_stateful:
        return []
    target, facts = layers[0]
    is_conv = "Conv" in (facts.class_name or "")
    lack = "no neighbouring step to combine it with" if is_conv else "no earlier step to remember"
    return [
        Finding(
            rule="single_time_step",
            severity=Severity.NOTE if is_conv else Severity.WARNING,
            target=target,
            message=f'Layer "{target}" receives sequences of a single step: there is {lack}.',
            evidence={"steps": 1.0},
            remedies=(
                Remedy(
                    "Move the steps to axis 1 if the columns are steps of one series.",
                    "x = x.reshape(len(x), -1, 1)  # and the same shape in keras.Input",
                    no_change_because=CONNECTIONS,
                ),
                Remedy(
                    "Use Dense layers if the columns are features of a single step.",
                    'keras.layers.Dense(64, activation="relu")',
                    no_change_because=CONNECTIONS,
                ),
            ),
            reference="Keras, recurrent layers: inputs of shape (batch, timesteps, feature)",
        )
    ]
