"""The network as rules see it: its kernels and hidden layers, ordered by depth."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from keras_babysit.facts import WeightFacts
from keras_babysit.history import History

LOST_SIGNAL = 1e-3
"""Fraction of a signal or gradient, from one end of the network to the other, below which it counts
as lost: a thousandth. No learning rate suits both ends then. A gate below it counts as shut."""

PATIENCE_IF_SHUT = 8
"""Measurements that a symptom must last while all units of a layer look dead: by then `dead_units`,
the cause, has seen enough examples."""

WARM_UP_STEPS = 10
"""Steps before which long steps are normal: Adam's first steps are all of the full learning rate,
and weights that begin at 0 move by more than their size."""

OVERWRITING_RATIO = 0.5
"""Update ratio above which one of the first steps overwrites the initial weights. If the loss does
not fall then, later steps look short only because the weights have grown."""

TINY_WEIGHTS = 0.01
"""Root mean square of the entries of a kernel below which it began near 0: Glorot's initial weights
are that small only for more than 10,000 inputs."""

Steps = NDArray[np.int64]
Values = NDArray[np.float64]

MIN_EXAMPLES = 32
"""Examples without an effect on a weight that are no coincidence: if it were half of all, 2^-32."""


def kernels(history: History, *, is_hidden: bool = False) -> list[str]:
    """Return the names of the kernels, ordered by depth.

    Embeddings are left out: a row that is not looked up receives no gradient and does not change.

    Args:
        history: The history of the run.
        is_hidden: Whether to leave out the kernels of output layers.
    """
    weights, layers = _weights(history), history.facts.layers
    order = {target: index for index, target in enumerate(layers)}
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
    """Return the path of the layer that a weight belongs to; the weight's name if it is unknown."""
    return _weights(history).get(weight, WeightFacts()).layer or weight


def is_mostly_frozen(history: History) -> bool:
    """Return whether most parameters are frozen."""
    sizes = [facts.size for facts in _weights(history).values()]
    return bool(sizes) and 2 * sum(sizes) < (history.facts.parameters or 0)


def hidden_layers(history: History, quantity: str) -> list[str]:
    """Return the hidden layers for which `quantity` was measured, ordered by depth."""
    return [t for t in history.targets(quantity) if history.layer(t).role == "hidden"]


def networks(history: History, names: list[str]) -> list[list[str]]:
    """Split layers, or weights, by the network they belong to; within one their order stays.

    A training step of the user's may call several networks, as a generator and a discriminator.
    Signals and gradients of one say nothing about those of another.
    """
    weights = _weights(history)
    found: dict[str | None, list[str]] = {}
    for name in names:
        layer = layer_of(history, name) if name in weights else name
        found.setdefault(history.layer(layer).network, []).append(name)
    return list(found.values())


def median_ratios(history: History) -> tuple[Steps, Values]:
    """Return the measured steps, and at each the median update ratio over the kernels."""
    names = set(kernels(history)) or {
        t for t in history.targets("updates/ratio") if history.facts.is_kernel(t)
    }
    by_step: dict[int, list[float]] = {}
    for name in names:
        for point in history.points("updates/ratio", name):
            by_step.setdefault(point.step, []).append(float(point.value))
    steps = sorted(by_step)
    return np.array(steps, np.int64), np.array([np.median(by_step[s]) for s in steps], np.float64)


def is_overwritten(history: History) -> bool:
    """Return whether one of the first steps overwrote the initial weights."""
    steps, ratios = median_ratios(history)
    return bool(
        ratios[steps < WARM_UP_STEPS].max(initial=0.0) > OVERWRITING_RATIO
    ) and not began_tiny(history)


def began_tiny(history: History) -> bool:
    """Return whether the weights began near 0: a healthy step is long compared with them."""
    sizes = {name: _weights(history)[name].size for name in kernels(history)}
    norms = {name: history.first("weights/norm", name) for name in sizes}
    entries = [norms[n] / size**0.5 for n, size in sizes.items() if norms[n] is not None]
    return bool(entries) and float(np.median(entries)) < TINY_WEIGHTS


def ratios_by_depth(
    history: History, quantity: str, targets: list[str], patience: int
) -> list[Values]:
    """Return the latest `patience` profiles of `quantity` over `targets`.

    A profile is an array with one entry per target, at one step. Empty if there are fewer than two
    targets, or if one was measured less than `patience` times.
    """
    columns = [history.series(quantity, target).tail(patience).values for target in targets]
    if len(targets) < 2 or any(len(column) < patience for column in columns):
        return []
    return list(np.array(columns).T)


def gradient_sizes(history: History, names: list[str], patience: int) -> list[Values]:
    """Return the latest profiles of the root mean square gradient per entry of each kernel."""
    sizes = [_weights(history)[name].size for name in names]
    scale = np.sqrt(np.array(sizes, np.float64))
    return [row / scale for row in ratios_by_depth(history, "gradients/norm", names, patience)]


def rms(history: History, target: str, *, is_first: bool = False) -> float:
    """Return the root mean square of a layer's output, the first or the latest; NaN if unknown."""
    read = history.first if is_first else history.last
    mean = read("activations/mean", target)
    std = read("activations/std", target)
    return math.nan if mean is None or std is None else math.hypot(mean, std)


def longer_if_shut(history: History, patience: int) -> int:
    """Return `patience`, or more if no unit of a layer was active in the latest measurement."""
    latest = [
        history.last("activations/gate_max", t) for t in history.targets("activations/gate_max")
    ]
    return patience if all(np.any(gates) for gates in latest) else max(patience, PATIENCE_IF_SHUT)


def is_shut(history: History, target: str, looks: int) -> bool:
    """Return whether no unit of a layer was active in any of the latest `looks` measurements.

    Args:
        history: The history of the run.
        target: The layer.
        looks: Number of measurements, at least 1; False if there were fewer.
    """
    gates = history.points("activations/gate_max", target)[-looks:]
    return len(gates) == looks and all(np.max(one.value) < LOST_SIGNAL for one in gates)


def is_without_gradient(history: History, looks: int) -> bool:
    """Return whether no kernel received a gradient in any measurement of the run.

    No step changes such a network, apart from its biases: further measurements show the same.

    Args:
        history: The history of the run.
        looks: Number of measurements that are needed of each kernel, at least 1.
    """
    weights = _weights(history)
    names = [name for name in kernels(history) if history.points("gradients/norm", name)]
    norms = [history.series("gradients/norm", name).values for name in names]
    return bool(norms) and all(
        len(values) >= looks
        and enough_examples(history, len(values))
        and not values.any()
        and not weights[name].has_unknown_gradient
        for name, values in zip(names, norms, strict=True)
    )


def enough_examples(history: History, steps: int) -> bool:
    """Return whether so many measured steps had 32 examples or more, or batches of unknown size.

    A row of zeros gives a kernel no gradient. In batches of one, several may follow each other.

    Args:
        history: The history of the run.
        steps: Number of measured steps.
    """
    size = history.facts.batch_size
    return size is None or size * steps >= MIN_EXAMPLES
