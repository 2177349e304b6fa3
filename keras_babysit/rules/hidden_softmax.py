"""A softmax in a hidden layer."""

from keras_babysit.findings import Finding, Severity
from keras_babysit.history import History
from keras_babysit.rules._structure import hidden_softmaxes, with_hidden_softmax
from keras_babysit.rules._texts import quoted
from keras_babysit.rules.effects import POOR_FIT, SHORT_STEPS
from keras_babysit.rules.rule import rule


@rule(
    title="Softmax in a hidden layer",
    explains=(
        *POOR_FIT,
        *SHORT_STEPS,
        "vanishing_gradients",
        "collapsed_activations",
        "saturated_units",
    ),
    needs=("facts/layers",),
    silent=(
        "unless the network has learned next to nothing, or fits worse than a baseline, where it "
        "is a note",
    ),
    severity=Severity.NOTE,
    costs_the_run=True,
    is_immediate=True,
)
def hidden_softmax(history: History) -> list[Finding]:
    """Report hidden layers with a softmax as activation.

    The outputs of all units of such a layer sum to 1: with 64 units each is about 1/64, so that
    little of the signal and of the gradient is left. A softmax belongs to the output layer.

    Reads the facts of the layers; it is silent on layers without weights. It is a note, because a
    layer of attention or of experts may be built so; where the network has learned next to nothing,
    or fits worse than its nearest neighbours, it becomes a warning.

    Args:
        history: The history of the run.

    Returns:
        One NOTE for all such layers, or nothing.

    Example:
        >>> from keras_babysit.facts import LayerFacts
        >>> history = History()
        >>> facts = {"activation": "softmax", "role": "hidden", "parameters": 650}
        >>> history.note(layers={"dense": LayerFacts(**facts)})
        >>> print(hidden_softmax(history)[0].message)
        A softmax follows the hidden layers "dense": its outputs sum to 1, so little signal is left.

    Reference:
        Goodfellow et al., "Deep Learning", 2016, section 6.2.2.3: softmax as an output unit.
    """
    found = hidden_softmaxes(history)
    if not found:
        return []
    return [
        Finding(
            rule="hidden_softmax",
            severity=Severity.NOTE,
            target=found[0] if len(found) == 1 else "",
            message=f"A softmax follows the hidden layers {quoted(found)}: its outputs sum to "
            "1, so little signal is left.",
            evidence={"layers": found},
            remedies=tuple(with_hidden_softmax(history)),
            reference="Goodfellow et al., Deep Learning, 2016, section 6.2.2.3",
        )
    ]
