"""Frozen layers that were never trained."""

from keras_babysit.actions import WEIGHTS, UnfreezeLayers
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._network import is_mostly_frozen
from keras_babysit.rules._texts import quoted
from keras_babysit.rules.effects import POOR_FIT, STUCK
from keras_babysit.rules.rule import rule


@rule(
    title="Frozen layers without pretrained weights",
    explains=(*POOR_FIT, *STUCK, "exploding_activations", "overfitting"),
    needs=("activations/std",),
    silent=("if fewer than three frozen layers have a bias or averages",),
)
def untrained_frozen_layers(history: History, *, layers: int = 3) -> list[Finding]:
    """Report a frozen network whose weights are those of a fresh initialization.

    Training moves every bias from 0, and every moving average of a batch normalization from 0 and
    1. If all of them in the frozen part still have exactly these values, no pretrained weights were
    loaded: the frozen layers are a random function, and training cannot change them.

    Reads `"weights/frozen_bias_norm"`, `"normalization/averages_moved"` of frozen layers and the
    sizes of the weights. It is silent unless most parameters are frozen, and if fewer than
    `layers` frozen layers have a bias or averages: a random projection may be meant.

    Args:
        history: The history of the run.
        layers: Smallest number of frozen layers that must all show it, at least 1.

    Returns:
        One WARNING about the first of these layers, or nothing.

    Raises:
        ValueError: If `layers` is below 1.

    Example:
        >>> untrained_frozen_layers(History())
        []

    Reference:
        Keras, "Transfer learning and fine-tuning": load pretrained weights, then freeze.
    """
    require_count("layers", layers)
    frozen = set(history.targets("normalization/frozen_variance"))
    moved = [history.first("normalization/averages_moved", name, default=1.0) for name in frozen]
    names = history.targets("weights/frozen_bias_norm")
    moved += [history.first("weights/frozen_bias_norm", name) for name in names]
    if len(moved) < layers or any(value != 0 for value in moved) or not is_mostly_frozen(history):
        return []
    known = frozen | set(names)  # some are in no pass, such as a teacher that the loss calls
    first = next((name for name in [*history.facts.layers, *sorted(known)] if name in known), "")
    return [
        Finding(
            rule="untrained_frozen_layers",
            severity=Severity.WARNING,
            target=first,
            message=f"{len(moved)} frozen layers, the first {quoted([first])}, still have their "
            "initial biases and averages. No pretrained weights were loaded into them.",
            evidence={"layers": len(moved)},
            remedies=(
                Remedy(
                    "Load the pretrained weights before you freeze the layers.",
                    'base = keras.applications.MobileNetV2(weights="imagenet", include_top=False)',
                    no_change_because=WEIGHTS,
                ),
                Remedy("Or train these layers as well.", change=UnfreezeLayers()),
            ),
            reference="Keras, Transfer learning and fine-tuning",
        )
    ]
