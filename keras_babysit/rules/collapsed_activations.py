"""A signal that fades away from layer to layer."""

import numpy as np

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_share
from keras_babysit.rules._network import LOST, Values, hidden_layers, ratios_by_depth
from keras_babysit.rules.effects import POOR_FIT, SHORT_STEPS, STUCK
from keras_babysit.rules.rule import rule

MOST = 0.4
"""Share of shut units that `dead_units` warns of."""


@rule(
    title="Collapsed activations",
    explains=(*STUCK, *SHORT_STEPS, *POOR_FIT),
    needs=("activations/spread",),
    silent=("networks of one hidden layer", "a layer is dead altogether"),
)
def collapsed_activations(
    history: History, *, share: float = LOST, patience: int = 2
) -> list[Finding]:
    """Advise when what tells examples apart is lost on the way through the hidden layers.

    The signal is the deviation of a unit over the examples, root mean square over the units of a
    layer; what differs between units but not between examples is none.

    Reads `"activations/spread"`. It stays silent where the last hidden layer has a signal, however
    small in between (residual branches, normalised layers), on networks of one hidden layer, and
    where a layer is dead altogether (see `dead_units`).

    Args:
        history: What the probes recorded so far.
        share: Share of the largest earlier signal, or of 1 if that is less, below which it counts
            as lost, in (0, 1]: a thousandth, where a gate counts as shut too.
        patience: Number of latest probes that must all show it, at least 1; one before the first
            step.

    Returns:
        One WARNING, about the first layer from which on the signal is lost; or nothing.

    Raises:
        ValueError: If `share` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> from keras_babysit.facts import LayerFacts
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.note(layers=dict.fromkeys("ab", LayerFacts(role="hidden")))
        >>> for step in range(3):
        ...     history.append(Measurement(step, 0, "activations/spread", "a", 1.0))
        ...     history.append(Measurement(step, 0, "activations/spread", "b", 1e-5))
        >>> collapsed_activations(history)[0].target
        'b'

    Reference:
        CS231n, "Weight initialization": small random numbers; Glorot and Bengio, AISTATS 2010.
    """
    require_share("share", share)
    require_count("patience", patience)
    names = hidden_layers(history, "activations/spread")
    # Before the first step the weights are what they were made: once is enough.
    patience = 1 if history.step == 0 and not _has_shut_layers(history) else patience
    profiles = ratios_by_depth(history, "activations/spread", names, patience)
    if not profiles or not all(0 <= p[-1] < share * _before(p) and p[0] > 0 for p in profiles):
        return []
    if any(profile.min() == 0 for profile in profiles):
        return []
    latest = profiles[-1]
    lost = latest < share * _before(latest)
    first = next(place for place in range(len(lost)) if lost[place:].all())
    return [_finding(names[first], float(latest.max()), float(latest[-1]))]


def _before(profile: Values) -> float:
    """Return the size of the signal before it fades; what is larger than 1 has first to shrink."""
    return min(1.0, float(profile.max()))


def _has_shut_layers(history: History) -> bool:
    """Return whether most units of a layer look shut or flat: these rules need more examples."""
    shut = [
        float(np.mean(history.last("activations/gate_max", target) == 0))
        for target in history.targets("activations/gate_max")
    ]
    flat = [
        float(history.last("activations/saturated_fraction", target))
        for target in history.targets("activations/saturated_fraction")
    ]
    return max([*shut, *flat], default=0.0) > MOST


def _finding(target: str, before: float, after: float) -> Finding:
    return Finding(
        rule="collapsed_activations",
        severity=Severity.WARNING,
        target=target,
        message=f"The signal fades on its way: units deviate by {before:.2g} over the examples "
        f"in an earlier layer, by {after:.2g} in the last hidden one.",
        evidence={"largest_spread": before, "last_spread": after, "ratio": after / before},
        remedies=(
            Remedy(
                "Scale the weights by what the data do in this model.",
                "from keras_babysit.initializers import lsuv\nlsuv(model, x[:256])",
            ),
            Remedy(
                "Use an activation that is steep at its centre, initialised for it.",
                'activation="relu", kernel_initializer="he_normal"',
            ),
            Remedy("Normalise in between.", "keras.layers.BatchNormalization()"),
        ),
        reference="CS231n, Weight initialization; Glorot and Bengio, AISTATS 2010",
    )
