"""A signal that grows without bound from layer to layer."""

from keras_babysit.advice import Advice, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above, require_count
from keras_babysit.rules._network import LOST, hidden_layers, ratios_by_depth


def exploding_activations(
    history: History, *, factor: float = 1 / LOST, patience: int = 2
) -> list[Advice]:
    """Advise when the hidden layers blow the signal up by a thousand.

    The signal is the deviation of a unit over the examples, root mean square over the units of a
    layer, or what is larger: its size.

    Reads `"activations/std"`. It stays silent on networks of one hidden layer, and where a later
    normalisation brings the signal back before the last hidden layer.

    Args:
        history: What the probes recorded so far.
        factor: Size of the last hidden layer over the least one, from which on it counts, above 1.
        patience: Number of latest probes that must all show it, at least 1.

    Returns:
        One WARNING, about the last hidden layer; or nothing.

    Raises:
        ValueError: If `factor` is not above 1 or `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.facts["layers"] = {"a": {"role": "hidden"}, "b": {"role": "hidden"}}
        >>> for step in range(2):
        ...     history.append(Measurement(step, 0, "activations/std", "a", 1.0))
        ...     history.append(Measurement(step, 0, "activations/std", "b", 1e5))
        >>> exploding_activations(history)[0].target
        'b'

    Reference:
        He et al., arXiv:1502.01852, section 2.2: the factors of the layers multiply.
    """
    require_above("factor", factor, 1)
    require_count("patience", patience)
    names = hidden_layers(history, "activations/std")
    profiles = ratios_by_depth(history, "activations/std", names, patience)
    if not profiles or not all(p[-1] > factor * p[0] > 0 for p in profiles):
        return []
    first, last = float(profiles[-1][0]), float(profiles[-1][-1])
    return [
        Advice(
            rule="exploding_activations",
            severity=Severity.WARNING,
            target=names[-1],
            message=f"The signal blows up on its way: a deviation of {first:.2g} in the first "
            f"hidden layer, {last:.2g} in the last.",
            evidence={"first_std": first, "last_std": last, "ratio": last / first},
            remedies=(
                Remedy(
                    "Scale the weights by what the data do in this model.",
                    "from keras_babysit.initializers import lsuv\nlsuv(model, x[:256])",
                ),
                Remedy(
                    "Use an activation that does not grow faster than its input.",
                    'activation="relu", kernel_initializer="he_normal"',
                ),
                Remedy("Normalise in between.", "keras.layers.BatchNormalization()"),
            ),
            reference="He et al., arXiv:1502.01852, section 2.2: the layers' factors multiply",
        )
    ]
