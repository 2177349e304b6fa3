"""The network as rules read it: its kernels and hidden layers, in the order of the depth."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from keras_babysit.facts import WeightFacts
from keras_babysit.history import History

LOST = 1e-3
"""Share of a signal or gradient from one end of the network to the other below which it counts as
lost: a thousandth, where no learning rate suits both ends (and where a gate counts as shut)."""

SHUT = 8
"""Probes that a symptom waits where a layer is shut altogether: with more examples `dead_units` can
say so, which is the cause."""

WARM = 10
"""Steps before which long steps are usual: Adam's first ones are all of the full rate, and
weights that begin at 0 move by more than their size."""

SHATTERED = 0.5
"""Update ratio of one of the first steps that leaves little of the initial weights: where the loss
then does not come down, the later steps look short only because the weights have grown."""

TINY = 0.01
"""Root mean square of a kernel's entries below which it began near 0: Glorot's weights are smaller
only beyond 10,000 inputs."""

StepCounter = NDArray[np.int64]
Values = NDArray[np.float64]


def kernels(history: History, *, is_hidden: bool = False) -> list[str]:
    """Return the names of the kernels by depth; without those of the output on request.

    Embeddings are left out: a row that is not looked up gets no gradient and does not move.
    """
    weights, layers = _weights(history), history.facts.layers
    order = {target: place for place, target in enumerate(layers)}
    found = [
        name
        for name, facts in weights.items()
        if facts.is_kernel
        and facts.size
        and facts.layer in order
        and layers[facts.layer].class_name != "Embedding"
        and not (is_hidden and layers[facts.layer].role == "output")
    ]
    return sorted(found, key=lambda name: order[weights[name].layer or ""])


def _weights(history: History) -> Mapping[str, WeightFacts]:
    return history.facts.weights or {}


def layer_of(history: History, weight: str) -> str:
    """Return the target of the layer that a weight belongs to; the weight where it is unknown."""
    return _weights(history).get(weight, WeightFacts()).layer or weight


def is_mostly_frozen(history: History) -> bool:
    """Return whether most parameters are frozen."""
    sizes = [facts.size for facts in _weights(history).values()]
    return bool(sizes) and 2 * sum(sizes) < (history.facts.parameters or 0)


def hidden_layers(history: History, quantity: str) -> list[str]:
    """Return the hidden layers that `quantity` was measured of, by depth."""
    return [t for t in history.targets(quantity) if history.layer(t).role == "hidden"]


def median_ratios(history: History) -> tuple[StepCounter, Values]:
    """Return at each probe the median update ratio over the kernels, with the steps."""
    names = set(kernels(history)) or {
        t for t in history.targets("updates/ratio") if t.endswith("kernel")
    }
    by_step: dict[int, list[float]] = {}
    for name in names:
        for point in history.points("updates/ratio", name):
            by_step.setdefault(point.step, []).append(float(point.value))
    steps = sorted(by_step)
    return np.array(steps, np.int64), np.array([np.median(by_step[s]) for s in steps], np.float64)


def is_shattered(history: History) -> bool:
    """Return whether one of the first steps left little of the initial weights."""
    steps, ratios = median_ratios(history)
    return bool(ratios[steps < WARM].max(initial=0.0) > SHATTERED) and not began_tiny(history)


def began_tiny(history: History) -> bool:
    """Return whether the weights began near 0, where a healthy step is long beside them."""
    sizes = {name: _weights(history)[name].size for name in kernels(history)}
    norms = {name: history.first("weights/norm", name) for name in sizes}
    entries = [norms[n] / size**0.5 for n, size in sizes.items() if norms[n] is not None]
    return bool(entries) and float(np.median(entries)) < TINY


def ratios_by_depth(
    history: History, quantity: str, targets: list[str], patience: int
) -> list[Values]:
    """Return the latest `patience` profiles of `quantity` over `targets`, as they are by depth.

    Empty unless every target was measured so often.
    """
    columns = [history.series(quantity, target).tail(patience).values for target in targets]
    if len(targets) < 2 or any(len(column) < patience for column in columns):
        return []
    return list(np.array(columns).T)


def gradient_sizes(history: History, names: list[str], patience: int) -> list[Values]:
    """Return the latest profiles of the root mean square gradient of an entry of each kernel."""
    sizes = [_weights(history)[name].size for name in names]
    scale = np.sqrt(np.array(sizes, np.float64))
    return [row / scale for row in ratios_by_depth(history, "gradients/norm", names, patience)]


def rms(history: History, target: str, *, is_first: bool = False) -> float:
    """Return the root mean square of a layer's output, NaN if it was not measured."""
    read = history.first if is_first else history.last
    mean = read("activations/mean", target)
    std = read("activations/std", target)
    return math.nan if mean is None or std is None else math.hypot(mean, std)


def longer_if_shut(history: History, patience: int) -> int:
    """Return `patience`, or more where a layer was shut for all of the latest probe."""
    latest = [
        history.last("activations/gate_max", t) for t in history.targets("activations/gate_max")
    ]
    return patience if all(np.any(gates) for gates in latest) else max(patience, SHUT)
