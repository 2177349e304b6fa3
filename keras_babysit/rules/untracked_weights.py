"""Weights that a model uses and does not know."""

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._texts import quoted
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule

SHOWN = 3
"""Names that a message lists at most."""


@rule(
    title="Weights outside the model",
    explains=("no_gradient", "unmoved_weights", *POOR_FIT),
    needs=("activations/std",),
    silent=("on weights that are not trainable", "on weights that only the loss uses"),
)
def untracked_weights(history: History) -> list[Finding]:
    """Report trainable weights that a model computes with although they do not belong to it.

    Keras finds the layers that are attributes of a model or a layer, or in lists and dictionaries
    of theirs. A layer that is called in a function, in a `Lambda` or in an object of another kind
    is not found: its weights keep their random initial values, and are not saved.

    Reads the facts of the first measurement, in which every weight that is read is noted. It is
    silent on weights with `trainable=False`, such as those of a teacher, and on a network that only
    the loss calls.

    Args:
        history: The history of the run.

    Returns:
        One WARNING for the whole model, or nothing.

    Example:
        >>> history = History()
        >>> history.note(untracked_weights=("dense/kernel", "dense/bias"))
        >>> untracked_weights(history)[0].evidence["count"]
        2

    Reference:
        Keras, "Making new layers and models via subclassing": how layers are tracked.
    """
    names = history.facts.untracked_weights
    if not names:
        return []
    more = ", ..." if len(names) > SHOWN else ""
    count = "1 weight is" if len(names) == 1 else f"{len(names)} weights are"
    return [
        Finding(
            rule="untracked_weights",
            severity=Severity.WARNING,
            target="",
            message=f"{count} used but not part of the model: {quoted(names[:SHOWN])}{more}. "
            "Such weights are neither trained nor saved with the model.",
            evidence={"count": len(names), "weights": list(names[:10])},
            remedies=(
                Remedy(
                    "Make the layers that own them attributes of the model, and call them "
                    "outside of `Lambda` layers. Set `trainable=False` if they must not change.",
                    no_change_because=OWN_CODE,
                ),
            ),
            reference="Keras, Making new layers and models via subclassing",
        )
    ]
