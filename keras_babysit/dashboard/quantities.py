"""The quantities of a run that can be drawn as layers x steps, and what they are called."""

from __future__ import annotations

from keras_babysit.dashboard.run_log import RunLog
from keras_babysit.presentation.drawing import HEAT_MAPS
from keras_babysit.presentation.wording import one_line
from keras_babysit.quantities import QUANTITIES, Of, describe


def of_layers(log: RunLog) -> dict[str, list[int]]:
    """Return the ids of the series of each quantity of layers or weights.

    What the report draws comes first, the rest in the order of the dictionary. A quantity that is
    not defined here, of a third party or another version, comes last: its targets tell whether it
    is of layers.
    """
    found = {
        quantity: drawn
        for quantity, ids in log.quantities().items()
        if (drawn := [one for one in ids if _is_of_a_layer(log, one) and not log.vectors(one)])
    }
    ranked = dict.fromkeys([*(one.name for one in HEAT_MAPS), *QUANTITIES, *sorted(found)])
    return {quantity: in_order(log, found[quantity]) for quantity in ranked if quantity in found}


def title(quantity: str) -> str:
    """Return a quantity in words, with its unit; one that is not defined is spelled out.

    Example:
        >>> title("activations/dead_fraction"), title("mine/piece_size")
        ('Dead units, fraction of the layer', 'Mine: piece size')
    """
    return one_line(describe(quantity).heading, 80)


def _is_of_a_layer(log: RunLog, series: int) -> bool:
    """Return whether a series is of a layer or of a weight."""
    quantity, target = log.names[series]
    of = describe(quantity).of
    if of is Of.UNKNOWN:
        return layer_of(log, target) in log.facts.layers
    return of in (Of.LAYER, Of.WEIGHT)


def in_order(log: RunLog, ids: list[int]) -> list[int]:
    """Return series in the order of the network; a weight stands with its layer.

    The probes name them in that order, except those that were measured later for the first time.
    """
    positions = {layer: number for number, layer in enumerate(log.facts.layers)}
    ranks, last = {}, -1
    for series in ids:
        last = positions.get(layer_of(log, log.names[series][1]), last)
        ranks[series] = last
    return sorted(ids, key=ranks.__getitem__)


def layer_of(log: RunLog, target: str) -> str:
    """Return the layer that a target is or belongs to; the target itself if that is not known."""
    weight = (log.facts.weights or {}).get(target)
    if weight is not None and weight.layer is not None:
        return weight.layer
    parts = target.split("/")
    for length in range(len(parts), 0, -1):
        if "/".join(parts[:length]) in log.facts.layers:
            return "/".join(parts[:length])
    return target
