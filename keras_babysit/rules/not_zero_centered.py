"""Hidden layers whose outputs are almost all positive."""

import itertools

from keras_babysit.actions import NormalizeActivations, SetActivation
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._network import hidden_layers
from keras_babysit.rules.rule import rule

ONE_SIDED = 2.0
"""Mean of the outputs in standard deviations above which almost all of them are positive."""


@rule(
    title="Layer outputs not zero-centered",
    needs=("activations/mean",),
    silent=("on networks with fewer than 4 hidden layers of sigmoids",),
    severity=Severity.NOTE,
)
def not_zero_centered(history: History, *, layers: int = 4, patience: int = 2) -> list[Finding]:
    """Report deep stacks of sigmoid layers, whose outputs are all positive.

    If all inputs of a unit are positive, the gradients of all its weights have the same sign, and
    the weights move in a zigzag.

    Reads `"activations/mean"` and `"activations/std"` of the hidden layers with a squashing
    activation. It is silent on fewer than `layers` such layers; on ReLU (half of its outputs are 0,
    and He's initial weights compensate for it); on tanh; and on a sigmoid that is multiplied with
    another output, as in squeeze-and-excitation, because it is a factor and not an input of units.

    Args:
        history: The history of the run.
        layers: Number of such layers from which on they are reported, at least 1.
        patience: Number of latest measurements that must all show it, at least 1.

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
            message=f"The outputs of {len(found)} hidden layers are almost all positive; their "
            f'mean in "{found[0]}" is {mean:.2g}.',
            evidence={"layers": len(found), "mean": mean},
            remedies=(
                Remedy("Use tanh or ReLU in the hidden layers.", change=SetActivation((), "tanh")),
                Remedy("Normalize the outputs of these layers.", change=NormalizeActivations()),
            ),
            reference="CS231n, Activation functions; LeCun et al., 1998, section 4.4",
        )
    ]


def _factors(history: History) -> set[str]:
    """Return the layers whose output goes directly into a product."""
    layers = history.facts.layers
    order = list(layers)
    return {
        target
        for target, after in itertools.pairwise(order)
        if layers[after].class_name == "Multiply"
    }
