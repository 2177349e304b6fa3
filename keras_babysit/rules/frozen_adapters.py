"""Low-rank adapters that were frozen together with their base."""

from keras_babysit.actions import ORDER_OF_CALLS
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._texts import quoted
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule

SHOWN = 3
"""Layers that the message names."""


@rule(
    title="Adapters are frozen",
    explains=(*POOR_FIT, "no_gradient"),
    needs=("weights/norm",),
    silent=("if an adapter of any layer trains",),
)
def frozen_adapters(history: History) -> list[Finding]:
    """Report low-rank adapters (LoRA) none of which trains.

    `enable_lora` freezes the kernel of a layer and adds two small matrices to train in its place.
    To freeze the layer or the base afterwards freezes these as well: then the adapters stay at
    what they began with, an update of 0.

    Reads `history.facts.frozen_adapters`. It is silent on models without adapters, and if one of
    them trains.

    Args:
        history: The history of the run.

    Returns:
        One WARNING for the whole model, or nothing.

    Example:
        >>> history = History()
        >>> history.note(frozen_adapters=("dense", "dense_1"))
        >>> print(frozen_adapters(history)[0].message)
        No LoRA adapter is trained: the adapters of "dense", "dense_1" are frozen.

    Reference:
        Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", arXiv:2106.09685, section
        4.1; Keras, `Dense.enable_lora`.
    """
    layers = history.facts.frozen_adapters
    if not layers:
        return []
    return [
        Finding(
            rule="frozen_adapters",
            severity=Severity.WARNING,
            target="",
            message=f"No LoRA adapter is trained: the adapters of "
            f"{quoted(layers, SHOWN)} are frozen.",
            evidence={"layers": len(layers)},
            remedies=(
                Remedy(
                    "Freeze the base before you add the adapters, and compile again.",
                    "base.trainable = False  # base: the layers that hold the adapters\n"
                    "for layer in base.layers:\n"
                    "    layer.trainable = True\n"
                    "    layer.enable_lora(4)  # this freezes the kernel of the layer",
                    no_change_because=ORDER_OF_CALLS,
                ),
            ),
            reference="Hu et al., LoRA, arXiv:2106.09685",
        )
    ]
