"""A network of several layers that is a single linear layer."""

from keras_babysit.findings import Finding, Severity
from keras_babysit.history import History
from keras_babysit.rules._structure import without_nonlinearity
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule


@rule(
    title="No activation between the layers",
    explains=POOR_FIT,
    needs=("facts/layers",),
    silent=(
        "unless the network has learned next to nothing, or fits worse than a baseline, where it "
        "is a note",
        "if the network has layers or functions that are not Keras' own",
    ),
    severity=Severity.NOTE,
    costs_the_run=True,
    is_immediate=True,
)
def no_activation(history: History) -> list[Finding]:
    """Report a network whose layers are linear, so that together they are one linear layer.

    `Dense` and the convolutions have no activation unless one is given.

    Reads the facts of the layers: their classes and activations. The network has two or more
    kernels, and all its hidden layers are affine. It is silent on networks with layers or functions
    that are not Keras' own. It is a note, because a
    linear network may be meant; where the network has learned next to nothing, or fits worse than
    its nearest neighbours, it becomes a warning.

    Args:
        history: The history of the run.

    Returns:
        One NOTE for the whole model, or nothing.

    Example:
        >>> no_activation(History())
        []

    Reference:
        Goodfellow et al., "Deep Learning", 2016, section 6.1: a composition of linear functions is
        linear.
    """
    remedies = without_nonlinearity(history)
    if not remedies:
        return []
    return [
        Finding(
            rule="no_activation",
            severity=Severity.NOTE,
            target="",
            message="No hidden layer has an activation, so that all layers together are a single "
            "linear layer.",
            remedies=tuple(remedies),
            reference="Goodfellow et al., Deep Learning, 2016, section 6.1",
        )
    ]
