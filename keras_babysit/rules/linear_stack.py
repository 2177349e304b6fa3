"""A network without activations: a single linear map, however many layers it has."""

from keras_babysit.actions import CONNECTIONS, SetActivation
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._texts import layer_shape
from keras_babysit.rules.rule import rule


@rule(
    title="Layers without activation",
    explains=(
        "plateau",
        "underfitting",
        "loss_not_decreasing",
        "constant_output",
        "uninformative_inputs",
    ),
    needs=("facts/layers",),
    silent=(
        "if a layer is narrower than both ends of the network, as in a factorization",
        "on models with several outputs, and on those that are not made of Keras' layers",
    ),
    severity=Severity.NOTE,
    costs_the_run=True,
)
def linear_stack(history: History) -> list[Finding]:
    """Report a network whose layers have no activation between them.

    The product of matrices is a matrix: layers without an activation in between compute one linear
    map, which a single layer can compute as well. Such a network cannot fit what is not linear,
    however wide, deep or long it is trained.

    Reads `history.facts.linear_layers`, which follows from the layers of the model: those with a
    kernel, if all of them but the last have no activation, and nothing else that is not linear lies
    between them. Dropout and batch normalization are linear in inference mode. It is silent if a
    layer in between is narrower than the inputs and the output, because such a map has a low rank
    on purpose. A linear map may be all that the data need, therefore it is a note; where the
    network has learned nothing, it is a warning.

    Args:
        history: The history of the run.

    Returns:
        One NOTE on the first of these layers, or nothing.

    Example:
        >>> history = History()
        >>> history.note(linear_layers=("dense", "dense_1", "dense_2"))
        >>> linear_stack(history)[0].evidence
        {'layers': 3}

    Reference:
        CS231n, "Neural networks part 1": without the non-linearity the matrices collapse into one.
    """
    layers = history.facts.linear_layers
    if len(layers) < 2:
        return []
    change = SetActivation(layers[:-1], "relu", "he_normal", *layer_shape(history.layer(layers[0])))
    return [
        Finding(
            rule="linear_stack",
            severity=Severity.NOTE,
            target=layers[0],
            message=f'The {len(layers)} layers from "{layers[0]}" to "{layers[-1]}" have no '
            "activation between them: together they are a single linear layer.",
            evidence={"layers": len(layers)},
            remedies=(
                Remedy("Give every layer but the last one an activation.", change=change),
                Remedy(
                    "Or use a single layer if a linear model is what you want.",
                    no_change_because=CONNECTIONS,
                ),
            ),
            reference="CS231n, Neural networks part 1: without the non-linearity the matrices "
            "collapse into one",
        )
    ]
