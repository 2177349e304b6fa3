"""A signal that vanishes from layer to layer."""

import numpy as np

from keras_babysit.actions import MaskPadding
from keras_babysit.facts import LayerFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._network import (
    LOST_SIGNAL,
    Values,
    hidden_layers,
    networks,
    ratios_by_depth,
)
from keras_babysit.rules._texts import (
    NORMALIZE,
    SCALE_WEIGHTS,
    initialize_layers,
    number,
    relu_layer,
)
from keras_babysit.rules.effects import POOR_FIT, SHORT_STEPS, STUCK
from keras_babysit.rules.rule import rule

MAX_SHUT = 0.4
"""Fraction of shut units above which `dead_units` or `saturated_units` may report the cause."""

MASK_PADDING = Remedy(
    "Mask padded steps, or pad at the start: after a long padding, the last state of a recurrent "
    "layer hardly depends on the data.",
    change=MaskPadding(),
)
"""What helps first if the signal of a recurrent network is lost."""

RECURRENT = frozenset({"LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional"})
"""Layers that end in the state after the last step."""


@rule(
    title="Collapsed activations",
    explains=(*STUCK, *SHORT_STEPS, *POOR_FIT),
    needs=("activations/spread",),
    silent=(
        "on networks of one hidden layer",
        "on embeddings",
        "if all units of a layer are dead",
    ),
)
def collapsed_activations(
    history: History, *, fraction: float = LOST_SIGNAL, patience: int = 2
) -> list[Finding]:
    """Report a signal that vanishes on its way through the hidden layers.

    The signal of a layer is the standard deviation of its units over the examples, as the root
    mean square over the units. Later layers cannot tell apart what the signal no longer does.

    Reads `"activations/spread"`. It is silent if the last hidden layer has a signal, however small
    it is in between (residual branches, normalized layers), on networks of one hidden layer, on
    embeddings, whose signal is that of their numbers, and if all units of a layer are dead (see
    `dead_units`).

    Args:
        history: The history of the run.
        fraction: Fraction of the largest earlier signal, or of 1 if that is less, below which the
            signal counts as lost, in (0, 1].
        patience: Number of latest measurements that must all show it, at least 1. Before the
            first step one is enough.

    Returns:
        One WARNING per network about the layer from which on the signal is lost; empty if none is.

    Raises:
        ValueError: If `fraction` lies outside (0, 1] or `patience` is below 1.

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
    require_fraction("fraction", fraction)
    require_count("patience", patience)
    # An embedding begins a way of its own: of a constant mask its signal is none.
    names = [
        name
        for name in hidden_layers(history, "activations/spread")
        if history.layer(name).class_name != "Embedding"
    ]
    # Before the first step the weights do not change: one measurement is enough.
    patience = 1 if history.step == 0 and not _has_shut_layers(history) else patience
    found = [
        _in_network(history, members, fraction, patience) for members in networks(history, names)
    ]
    return [one for one in found if one is not None]


def _in_network(
    history: History, names: list[str], fraction: float, patience: int
) -> Finding | None:
    profiles = ratios_by_depth(history, "activations/spread", names, patience)
    if not profiles or not all(p.min() > 0 and p[-1] < fraction * _before(p) for p in profiles):
        return None
    latest = profiles[-1]
    lost = latest < fraction * _before(latest)
    first = next(index for index in range(len(lost)) if lost[index:].all())
    layer = history.layer(names[first])
    return _finding(history, names[first], layer, float(latest.max()), float(latest[-1]))


def _before(profile: Values) -> float:
    """Return the size of the signal before it vanishes, at most 1: a larger one has to shrink."""
    return min(1.0, float(profile.max()))


def _has_shut_layers(history: History) -> bool:
    """Return whether many units of a layer look shut or flat: their rules need more examples."""
    shut = [
        float(np.mean(history.last("activations/gate_max", target) == 0))
        for target in history.targets("activations/gate_max")
    ]
    flat = [
        float(history.last("activations/saturated_fraction", target))
        for target in history.targets("activations/saturated_fraction")
    ]
    return max([*shut, *flat], default=0.0) > MAX_SHUT


def _finding(
    history: History, target: str, layer: LayerFacts, before: float, after: float
) -> Finding:
    return Finding(
        rule="collapsed_activations",
        severity=Severity.WARNING,
        target=target,
        message=f'The signal is lost from "{target}" on: the standard deviation of the layer '
        f"outputs falls from {number(before)} to {number(after)} in the last hidden layer.",
        evidence={"largest_spread": before, "last_spread": after, "ratio": after / before},
        remedies=(
            _restore_signal(history),
            Remedy(
                "Use an activation that is steep at 0, with the initializer made for it.",
                change=relu_layer("", layer),
            ),
            NORMALIZE,
            SCALE_WEIGHTS,
        ),
        reference="CS231n, Weight initialization; Glorot and Bengio, AISTATS 2010",
    )


def _restore_signal(history: History) -> Remedy:
    """Return what helps first if the signal is lost on its way through the layers.

    Args:
        history: The history of the run.
    """
    is_recurrent = any(one.class_name in RECURRENT for one in history.facts.layers.values())
    return MASK_PADDING if is_recurrent else initialize_layers(history)
