"""A normalization that is given single values."""

from keras_babysit.actions import CONNECTIONS
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._texts import quoted
from keras_babysit.rules.effects import POOR_FIT, SHORT_STEPS, STUCK
from keras_babysit.rules.rule import rule


@rule(
    title="Values normalized alone",
    explains=(*POOR_FIT, *STUCK, *SHORT_STEPS, "unmoved_weights", "order_ignored"),
    needs=("facts/layers",),
    silent=("on layers without scale and offset", "on group normalization of images"),
    is_immediate=True,
)
def normalized_alone(history: History) -> list[Finding]:
    """Report layer or group normalizations that normalize each value by itself.

    `LayerNormalization` takes mean and deviation over the last axis. Where that has one entry, as
    in a series of one feature, each value minus its mean is 0: the output is the same for every
    input, and what lies before receives no gradient. So it is in `GroupNormalization` with as many
    groups as columns. `RMSNormalization` of single values leaves their signs.

    Reads the facts of the layers. It is silent on a `LayerNormalization` with neither scale nor
    offset, whose size is not known, and on group normalization of images.

    Args:
        history: The history of the run.

    Returns:
        One WARNING for all such layers, or nothing.

    Example:
        >>> from keras_babysit.facts import LayerFacts
        >>> history = History()
        >>> alone = LayerFacts(class_name="LayerNormalization", normalized=1)
        >>> history.note(layers={"norm": alone})
        >>> print(normalized_alone(history)[0].message)
        Layer "norm" normalizes each value by itself: its output is the same for every input.

    Reference:
        Ba et al., "Layer Normalization", arXiv:1607.06450, section 3: mean and deviation are taken
        over all units of a layer.
    """
    found = [name for name, layer in history.facts.layers.items() if layer.normalized == 1]
    if not found:
        return []
    is_sign = all(history.layer(name).class_name == "RMSNormalization" for name in found)
    is_one = len(found) == 1
    what = (
        "only the sign of each is left"
        if is_sign
        else (f"{'its output is' if is_one else 'their outputs are'} the same for every input")
    )
    return [
        Finding(
            rule="normalized_alone",
            severity=Severity.WARNING,
            target=found[0] if is_one else "",
            message=f"{'Layer' if is_one else 'Layers'} {quoted(found)} "
            f"{'normalizes' if is_one else 'normalize'} each value by itself: {what}.",
            evidence={"layers": len(found)},
            remedies=(
                Remedy(
                    "Widen the features before the normalization, or leave it out.",
                    "x = keras.layers.Dense(64)(x)  # in front of the normalization",
                    no_change_because=CONNECTIONS,
                ),
            ),
            reference="Ba et al., Layer Normalization, arXiv:1607.06450, section 3",
        )
    ]
