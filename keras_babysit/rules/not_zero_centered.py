"""Hidden layers whose outputs all have one sign."""

import itertools

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._network import hidden_layers
from keras_babysit.rules.rule import rule

ONE_SIDED = 2.0
"""Mean over deviation from which on next to all of a layer's outputs have one sign."""


@rule(
    title="Layer outputs not zero-centered",
    needs=("activations/mean",),
    silent=("fewer than 4 hidden layers of sigmoids",),
    severity=Severity.NOTE,
)
def not_zero_centered(history: History, *, layers: int = 4, patience: int = 2) -> list[Finding]:
    """Tell of deep stacks of sigmoids, whose outputs are all positive.

    Where all inputs of a unit have one sign, all its weights move up together or down together,
    and the way to the optimum is a zigzag.

    Reads `"activations/mean"` and `"activations/std"` of the hidden layers that squash. It stays
    silent on fewer than `layers` such layers, on ReLU (half of its outputs are 0, He's weights
    allow for it), on tanh, and on a sigmoid that goes into a product, as in squeeze and excitation:
    it is a factor there and no input of a unit.

    Args:
        history: What the probes recorded so far.
        layers: Number of such layers from which on it is told, at least 1.
        patience: Number of latest probes that must all show it, at least 1.

    Returns:
        One NOTE, about the first of the layers; or nothing.

    Raises:
        ValueError: If `layers` or `patience` is below 1.

    Example:
        >>> not_zero_centered(History())
        []

    Reference:
        CS231n, "Activation functions": sigmoid outputs are not zero-centered; LeCun et al.,
        "Efficient BackProp", 1998, section 4.4.
    """
    require_count("layers", layers)
    require_count("patience", patience)
    found = []
    factors = _factors(history)
    for target in hidden_layers(history, "activations/std"):
        means = history.series("activations/mean", target).tail(patience).values
        stds = history.series("activations/std", target).tail(patience).values
        is_squashing = history.layer(target).activation_kind == "squashing"
        if (
            is_squashing
            and target not in factors
            and len(means) == patience
            and (means > ONE_SIDED * stds).all()
        ):
            found.append(target)
    if len(found) < layers:
        return []
    mean = float(history.last("activations/mean", found[0]))
    return [
        Finding(
            rule="not_zero_centered",
            severity=Severity.NOTE,
            target=found[0],
            message=f"{len(found)} hidden layers give outputs of one sign only, the first a mean "
            f"of {mean:.2g}.",
            evidence={"layers": len(found), "mean": mean},
            remedies=(
                Remedy("Use tanh, or a rectifier.", 'activation="tanh"'),
                Remedy("Normalise after the activation.", "keras.layers.BatchNormalization()"),
            ),
            reference="CS231n, Activation functions; LeCun et al., 1998, section 4.4",
        )
    ]


def _factors(history: History) -> set[str]:
    """Return the layers that a product follows at once."""
    layers = history.facts.layers
    order = list(layers)
    return {
        target
        for target, after in itertools.pairwise(order)
        if layers[after].class_name == "Multiply"
    }
