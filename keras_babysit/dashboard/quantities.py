"""What can be drawn as layers x steps: the quantities of a run, their words and their colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from keras_babysit.dashboard.run_log import RunLog, Table
from keras_babysit.presentation.drawing import HEAT_MAPS
from keras_babysit.presentation.thinning import span
from keras_babysit.presentation.wording import one_line

OF_THE_RUN = ("loss", "logs", "score", "optimizer", "reference", "predictions")
"""Rooms whose quantities are of the whole run or of a data set, not of layers."""

_KNOWN = {kind.quantity: kind for kind in HEAT_MAPS}


@dataclass(frozen=True, slots=True)
class Scale:
    """How values become colours: from `low` to `high`, on a logarithmic scale or a linear one."""

    low: float
    high: float
    is_log: bool


def of_layers(log: RunLog) -> dict[str, list[int]]:
    """Return the ids of the series of each quantity of layers; the five best known come first."""
    found = {
        quantity: ids
        for quantity, places in log.quantities().items()
        if quantity.partition("/")[0] not in OF_THE_RUN
        and (ids := [p for p in places if log.names[p][1] and not log.vectors(p)])
    }
    order = [*(q for q in _KNOWN if q in found), *sorted(q for q in found if q not in _KNOWN)]
    return {quantity: in_order(log, found[quantity]) for quantity in order}


def title(quantity: str) -> str:
    """Return a quantity in words; one that is not known is spelled out.

    Example:
        >>> title("activations/dead_fraction"), title("activations/piece_share")
        ('Dead units, share of the layer', 'Activations: piece share')
    """
    if quantity in _KNOWN:
        return _KNOWN[quantity].title
    room, _, what = quantity.partition("/")
    words = f"{room}: {what}" if what else room
    return one_line(words.replace("_", " ").capitalize(), 80)


def in_order(log: RunLog, ids: list[int]) -> list[int]:
    """Return series in the order of the network; a weight stands with its layer.

    The probes name them in that order, except those that were measured later for the first time.
    """
    place = {layer: number for number, layer in enumerate(_dict(log.facts.get("layers")))}
    ranks, last = {}, -1
    for series in ids:
        last = place.get(layer_of(log, log.names[series][1]), last)
        ranks[series] = last
    return sorted(ids, key=ranks.__getitem__)


def layer_of(log: RunLog, target: str) -> str:
    """Return the layer that a target is or belongs to; the target itself if that is not known."""
    weight = _dict(_dict(log.facts.get("weights")).get(target))
    if isinstance(weight.get("layer"), str):
        return str(weight["layer"])
    layers = _dict(log.facts.get("layers"))
    parts = target.split("/")
    for length in range(len(parts), 0, -1):
        if "/".join(parts[:length]) in layers:
            return "/".join(parts[:length])
    return target


def scale(quantity: str, table: Table) -> Scale:
    """Return how the values of a quantity become colours."""
    values = table.values[table.known]
    values = values[np.isfinite(values)]
    known = _KNOWN.get(quantity)
    is_share = quantity.endswith(("_fraction", "_share"))
    if is_share if known is None else not known.is_log:
        return Scale(0.0, 1.0, False)
    if known is not None or _spreads(values):
        return Scale(*span(values), True)
    if not values.size:
        return Scale(0.0, 1.0, False)
    low, high = (float(edge) for edge in np.percentile(values, [1, 99]))
    return Scale(low, high, False) if high > low else Scale(low - 0.5, low + 0.5, False)


def _spreads(values: np.ndarray) -> bool:
    """Return whether values are positive and span more than a factor of 30."""
    if not values.size or values.min() < 0:
        return False
    found = values[values > 0]
    return bool(found.size and found.max() / found.min() > 30)


def _dict(value: object) -> dict:
    return value if isinstance(value, dict) else {}
