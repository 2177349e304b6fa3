"""LSUV: initial weights scaled by data."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_babysit.initializers._output_layers import output_layers
from keras_babysit.initializers._shadow import LOOPS, outside_loops, seen_before_activation
from keras_babysit.typing import Tensor

MIN_VARIATION = 1e-3
"""Fraction of its root mean square that a pre-activation must vary by: below it the examples differ
by little more than the rounding of single precision (6e-8) after a few layers."""

LOST_SIGNAL = 1e-3
"""Deviation below which a signal has vanished; above its inverse it has exploded.

Inputs and targets of a usual scale have deviations near 1. No learning rate suits both ends of a
network in which that changes a thousandfold: the rules `collapsed_activations` and
`exploding_activations` draw the line there as well."""

MIN_DEVIATION = float(np.finfo("float32").tiny / np.finfo("float32").eps)
"""Deviation below which single precision loses digits."""

MAX_GROWTH = 100.0
"""Factor up to which a kernel may grow. Kernels drawn for their fan-in need a factor near 1 behind
a scaled layer. Mean pooling over n positions costs at most sqrt(n): 100 is the mean of 10,000. What
needs more has nearly constant inputs, and a huge kernel would multiply their first change."""

MAX_LOSS_RATIO = 3.0
"""Multiple of the loss before, above which the weights are put back: a cost above 3 times its start
counts as an explosion (CS231n, "Babysitting the learning process")."""


ARRIVES = "the signal neither vanishes nor explodes"
"""Why the layers of a healthy network are left alone."""


@dataclasses.dataclass(frozen=True)
class LayerScale:
    """Deviation of one layer's pre-activation over examples, before and after `lsuv`.

    Args:
        layer: Path of the layer.
        before: Deviation before `lsuv`.
        after: Deviation after it.
        left_alone: Why the layer keeps its weights; None if it was scaled.
    """

    layer: str
    before: float
    after: float
    left_alone: str | None = None


@dataclasses.dataclass(frozen=True)
class LsuvResult:
    """What `lsuv` did.

    Args:
        layers: One `LayerScale` per layer with a kernel that does not make the output, in the order
            in which they run.
        loss_before: Loss on `(x, y)` before, in inference mode; None without `y`.
        loss_after: The loss after it, before anything was put back; None without `y`.
        was_taken_back: Whether the loss rose so much that all weights were put back.
        was_needed: Whether the signal vanishes or explodes before. If not, nothing is changed
            without `force`.

    Example:
        >>> reason = "the signal neither vanishes nor explodes"
        >>> scales = [LayerScale("layer", one, one, left_alone=reason) for one in (0.7, 0.4)]
        >>> print(LsuvResult(tuple(scales), was_needed=False))
        Nothing to do: the layers have deviations between 0.4 and 0.7. `force=True` scales them.
    """

    layers: tuple[LayerScale, ...] = ()
    loss_before: float | None = None
    loss_after: float | None = None
    was_taken_back: bool = False
    was_needed: bool = True

    def __str__(self) -> str:
        """Return what was done, in a sentence or two."""
        if not self.layers:
            return "Nothing to do: there is no hidden layer with a kernel."
        before = _between([one.before for one in self.layers])
        scaled = [one for one in self.layers if one.left_alone is None]
        if self.was_taken_back:
            return (
                f"Nothing was changed: the loss would have risen from {self.loss_before:.3g} to "
                f"{self.loss_after:.3g}."
            )
        if scaled:
            after = _between([one.after for one in scaled])
            return (
                f"Scaled {len(scaled)} of {len(self.layers)} layers to deviations {after}. Before, "
                f"the deviations of all were {before}."
            )
        if any(one.left_alone != ARRIVES for one in self.layers):
            return (
                "Nothing was changed: no layer can be scaled on these examples. "
                f'"{self.layers[0].layer}": {self.layers[0].left_alone}.'
            )
        return f"Nothing to do: the layers have deviations {before}. `force=True` scales them."


def _between(deviations: Sequence[float]) -> str:
    low, high = f"{min(deviations):.2g}", f"{max(deviations):.2g}"
    return f"of {low}" if low == high else f"between {low} and {high}"


def lsuv(
    model: keras.layers.Layer,
    x: Tensor,
    y: Any = None,
    *,
    force: bool = False,
    orthogonal: bool = True,
    tolerance: float = 0.02,
    max_iterations: int = 10,
    seed: int | None = None,
) -> LsuvResult:
    """Layer-sequential unit variance: scale each kernel so that its pre-activation has variance 1.

    Formulas for the initial scale assume independent inputs, and ignore skip connections, pooling
    and the data. This function runs one batch through the model in inference mode. Layer by layer,
    in the order in which they run, it subtracts the mean of each unit's pre-activation from the
    bias and divides the kernel by the deviation. The deviation is taken over the examples, for each
    unit at each position, so that a common offset does not count:
    `deviation² = mean over units and positions of the variance over examples`. Biases are centered
    in dense and convolution layers, where there is one bias per unit.

    It measures first, and changes nothing unless the signal is lost: the pre-activation of the last
    hidden layer has a deviation below 1/1000, below 1/1000 of its root mean square, above 1000, or
    not finite. A network that trains well from its weights may predict new examples worse from
    scaled ones, because it learns its training data by heart sooner. What vanishes in between and
    recovers, as in a residual branch or in front of a normalization, is not lost. Where the signal
    is lost, all layers are scaled: it shrinks or grows by a factor in each of them, and the last
    ones alone cannot make up for that.

    It scales layers with a trainable kernel (dense, convolution, einsum and maxout layers), in
    sequential, functional, subclassed and nested models. A layer that is used several times is
    scaled at its first use. Averages of batch normalization and random seeds keep their values, and
    so do the layers that make the output, whose scale belongs to the loss, and recurrent cells,
    which run inside a compiled loop. A layer is left alone, and the result says why, if

    - its pre-activation is not finite, or varies by less than 1/1000 of its root mean square;
    - its kernel would have to grow more than 100-fold: its inputs hardly vary, as the last state of
      a recurrent layer after a long padding. Scale the inputs, or mask the padding, instead;
    - its kernel is zero, as the last one of a residual branch may be on purpose.

    Constraints of kernels and biases are applied. With `y`, the loss of the compiled model is
    computed before and after. If it is more than 3 times as large after, or not finite, all weights
    are put back.

    Args:
        model: A model or layer. It is built if necessary.
        x: One batch of inputs of the model, at least 2 examples; a few hundred are enough.
        y: The targets of these examples, to compare the loss. The model must be compiled then.
        force: Whether to scale a network whose signal is not lost, too.
        orthogonal: Whether to draw orthonormal kernels for dense and convolution layers first, as
            in the paper. False scales the existing kernels.
        tolerance: Largest accepted distance of the deviation from 1, above 0.
        max_iterations: Largest number of passes, at least 1. One is exact except for rounding and
            constraints.
        seed: Seed of the orthonormal kernels. None uses Keras' global seed.

    Returns:
        An `LsuvResult`.

    Raises:
        ValueError: If `tolerance` is not above 0, `max_iterations` is below 1, there are fewer than
            2 examples, or `y` is given and the model is not compiled.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(256, 8))
        >>> def build(depth):
        ...     hidden = [keras.layers.Dense(16, activation="silu") for _ in range(depth)]
        ...     return keras.Sequential([keras.Input((8,)), *hidden, keras.layers.Dense(1)])
        >>> last = lsuv(build(20), x).layers[-1]
        >>> last.before < 1e-3, abs(last.after - 1) < 0.02
        (True, True)
        >>> lsuv(build(2), x).was_needed
        False

    Reference:
        Mishkin & Matas, "All you need is a good init", arXiv:1511.06422, 2015.
        Krähenbühl et al., "Data-dependent Initializations of Convolutional Neural Networks",
        arXiv:1511.06856, 2015 (deviation per unit, centered biases).
    """
    _check_arguments(model, x, y, tolerance, max_iterations)
    _run(model, x)  # builds the model, which creates its kernels
    outputs = output_layers(model, x)
    layers = [one for one in _layers_with_kernel(model) if one not in outputs]
    loss_before = None if y is None else _loss(model, x, y)
    scaler = _Scaler(model, x, layers, tolerance)
    signals = scaler.measure()
    was_needed = scaler.is_lost(signals)
    before = {layer: signal.deviation for layer, signal in signals.items()}
    if not (was_needed or force):
        scales = tuple(LayerScale(one.path, d, d, ARRIVES) for one, d in before.items())
        return LsuvResult(scales, loss_before, loss_before, was_needed=False)
    if orthogonal:
        scaler.draw(keras.initializers.Orthogonal(seed=keras.random.SeedGenerator(seed)))
    after = scaler.scale(max_iterations)
    loss_after = None if y is None else _loss(model, x, y)
    left_alone: Mapping[keras.layers.Layer, str] = scaler.left_alone
    is_worse = _is_worse(loss_before, loss_after)
    if is_worse:
        scaler.put_back(before)
        after = before
        left_alone = dict.fromkeys(before, "the loss rose, and all weights were put back")
    return LsuvResult(
        tuple(LayerScale(one.path, before[one], after[one], left_alone.get(one)) for one in before),
        loss_before,
        loss_after,
        is_worse,
        was_needed,
    )


def _check_arguments(
    model: keras.layers.Layer, x: Tensor, y: Any, tolerance: float, max_iterations: int
) -> None:
    if not tolerance > 0:
        raise ValueError(f"Argument `tolerance` must be above 0. Received: tolerance={tolerance}")
    if max_iterations < 1:
        raise ValueError(
            f"Argument `max_iterations` must be at least 1. Received: {max_iterations=}"
        )
    examples = [len(leaf) for leaf in keras.tree.flatten(x) if leaf is not None]
    if min(examples, default=0) < 2:
        raise ValueError(
            "Argument `x` must hold at least 2 examples: the deviation is taken over examples. "
            f"Received: {min(examples, default=0)}"
        )
    if y is not None and not getattr(model, "compiled", False):
        raise ValueError(
            "Argument `y` needs the loss of a compiled model. Call `model.compile(...)` first, or "
            "leave `y` out."
        )


def _run(model: keras.layers.Layer, x: Tensor) -> Any:
    return model(x, training=False)


def _loss(model: keras.Model, x: Tensor, y: Any) -> float:
    with keras.StatelessScope():  # the averages of the losses that Keras reports keep their values
        return float(ops.convert_to_numpy(model.compute_loss(x, y, _run(model, x), training=False)))


def _is_worse(before: float | None, after: float | None) -> bool:
    if before is None or after is None or not math.isfinite(before):
        return False
    return not math.isfinite(after) or after > max(MAX_LOSS_RATIO * before, before + abs(before))


def _layers_with_kernel(model: keras.layers.Layer) -> list[keras.layers.Layer]:
    return [
        layer
        for layer in outside_loops(model)
        if not isinstance(layer, LOOPS) and _find_kernel(layer) is not None
    ]


@dataclasses.dataclass(frozen=True)
class _Signal:
    """What a layer's pre-activation is on the examples: mean of each unit, deviation, size."""

    means: np.ndarray | None
    deviation: float
    rms: float


class _Scaler:
    """Scales layers in the order in which they run: each gets inputs from scaled layers.

    A pre-activation is an affine function of kernel and bias, so that one pass through the model
    can scale all of it: each layer passes on the pre-activation that it will have. The weights are
    assigned after the pass, because inside a layer of mixed precision they read as float16.
    """

    def __init__(
        self,
        model: keras.layers.Layer,
        x: Tensor,
        layers: Iterable[keras.layers.Layer],
        tolerance: float,
    ) -> None:
        self.left_alone: dict[keras.layers.Layer, str] = {}
        self._model = model
        self._x = x
        self._layers = list(layers)
        self._tolerance = tolerance
        self._start = {layer: _weights(layer) for layer in self._layers}
        self._largest = {layer: _rms(_kernel(layer)) for layer in self._layers}

    def measure(self) -> dict[keras.layers.Layer, _Signal]:
        """Return the signal of each layer that runs, in the order in which they run."""
        return self._pass(self._layers, ())

    def is_lost(self, found: Mapping[keras.layers.Layer, _Signal]) -> bool:
        """Return whether the signal does not arrive at the last layer, or arrives far too large.

        A layer whose kernel is zero, as at the end of a residual branch, passes none on purpose.
        """
        signals = [one for layer, one in found.items() if self._largest[layer] > 0]
        if not signals:
            return False
        last = signals[-1]
        return not LOST_SIGNAL * max(1.0, last.rms) <= last.deviation <= 1 / LOST_SIGNAL

    def draw(self, initializer: keras.initializers.Initializer) -> None:
        """Draw kernels anew where their columns are units."""
        for layer in self._layers:
            kernel = _kernel(layer)
            if self._largest[layer] > 0 and _has_unit_columns(layer, kernel):
                # PyTorch has no QR decomposition in float16.
                drawn = initializer(kernel.shape, dtype="float32")
                _assign(kernel, ops.cast(drawn, kernel.dtype))
                self._largest[layer] = max(self._largest[layer], _rms(kernel))

    def scale(self, passes: int) -> dict[keras.layers.Layer, float]:
        """Scale all layers in up to so many passes; return their deviations at the end."""
        for _ in range(passes):
            to_scale = [one for one in self._layers if one not in self.left_alone]
            known = len(self.left_alone)
            found = self._pass(self._layers, to_scale)
            moves = {one: signal for one, signal in found.items() if one not in self.left_alone}
            for layer, signal in moves.items():
                self._move(layer, signal)
            self.put_back(self.left_alone)
            is_done = all(abs(one.deviation - 1) <= self._tolerance for one in moves.values())
            if is_done and len(self.left_alone) == known:
                break
        return {layer: signal.deviation for layer, signal in self.measure().items()}

    def put_back(self, layers: Iterable[keras.layers.Layer]) -> None:
        """Give layers the weights that they had."""
        for layer in layers:
            for variable, value in self._start[layer]:
                variable.assign(value)

    def _pass(
        self, layers: Iterable[keras.layers.Layer], to_scale: Iterable[keras.layers.Layer]
    ) -> dict[keras.layers.Layer, _Signal]:
        """Run the model once; return the signal of each layer at its first use."""
        found: dict[keras.layers.Layer, _Signal] = {}
        to_scale = set(to_scale)

        def see(layer: keras.layers.Layer, z: Tensor) -> Any:
            values = ops.convert_to_numpy(ops.cast(z, "float32")).astype("float64")
            if layer not in found:
                found[layer] = _Signal(_means(layer, values), _deviation(values), _size(values))
                why_not = self._why_not(layer, found[layer]) if layer in to_scale else None
                if why_not is not None:
                    self.left_alone[layer] = why_not
            if layer not in to_scale or layer in self.left_alone:
                return z
            one = found[layer]
            shift = 0.0 if one.means is None else _along_units(layer, one.means, values.ndim)
            return ops.cast((values - shift) / one.deviation, z.dtype)

        with seen_before_activation(layers, see):
            _run(self._model, self._x)
        return found

    def _why_not(self, layer: keras.layers.Layer, signal: _Signal) -> str | None:
        """Return why a layer has to be left alone, None if it can be scaled."""
        if self._largest[layer] == 0:
            return "its kernel is zero"
        least = max(MIN_VARIATION * signal.rms, MIN_DEVIATION)
        if not (math.isfinite(signal.rms) and signal.deviation > least):
            return "its pre-activation is constant or not finite on these examples"
        if _rms(_kernel(layer)) / signal.deviation > MAX_GROWTH * self._largest[layer]:
            return f"its inputs hardly vary: its kernel would grow more than {MAX_GROWTH:g}-fold"
        return None

    def _move(self, layer: keras.layers.Layer, signal: _Signal) -> None:
        """Divide kernel and bias by the deviation, the bias without the mean per unit."""
        kernel, bias = _kernel(layer), _bias(layer)
        _assign(kernel, kernel / signal.deviation)
        if bias is not None:
            is_centered = signal.means is not None
            shift = ops.convert_to_tensor(signal.means, bias.dtype) if is_centered else 0.0
            _assign(bias, (bias - shift) / signal.deviation)


def _weights(layer: keras.layers.Layer) -> list[tuple[keras.Variable, np.ndarray]]:
    variables = [one for one in (_find_kernel(layer), _bias(layer)) if one is not None]
    return [(one, np.array(ops.convert_to_numpy(one))) for one in variables]


def _assign(variable: keras.Variable, value: Tensor) -> None:
    """Assign a value, under the constraint of the variable."""
    variable.assign(value if variable.constraint is None else variable.constraint(value))


def _kernel(layer: keras.layers.Layer) -> keras.Variable:
    kernel = _find_kernel(layer)
    assert kernel is not None, "only layers with a kernel are scaled"
    return kernel


def _find_kernel(layer: keras.layers.Layer) -> keras.Variable | None:
    """Return the trainable kernel that determines the scale of the layer's output, or None."""
    for name in ("pointwise_kernel", "kernel"):
        kernel = getattr(layer, name, None)
        if isinstance(kernel, keras.Variable) and kernel.trainable and len(kernel.shape) > 1:
            return kernel
    return None


def _bias(layer: keras.layers.Layer) -> keras.Variable | None:
    bias = getattr(layer, "bias", None)
    return bias if isinstance(bias, keras.Variable) and bias.trainable else None


def _rms(variable: keras.Variable) -> float:
    return float(np.sqrt(np.mean(ops.convert_to_numpy(variable).astype("float64") ** 2)))


def _deviation(z: np.ndarray) -> float:
    """Return the root of the mean variance over examples, of each unit at each position."""
    return float(np.sqrt(z.var(axis=0).mean()))


def _size(z: np.ndarray) -> float:
    return float(np.sqrt(np.mean(z**2)))


def _means(layer: keras.layers.Layer, z: np.ndarray) -> np.ndarray | None:
    """Return the mean of each unit, None if the layer has not one bias per unit."""
    bias, axis = _bias(layer), _unit_axis(layer)
    if bias is None or tuple(bias.shape) != (z.shape[axis],):
        return None
    means: np.ndarray = np.moveaxis(z, axis, -1).reshape(-1, z.shape[axis]).mean(axis=0)
    return means


def _along_units(layer: keras.layers.Layer, values: np.ndarray, ndim: int) -> np.ndarray:
    """Return one value per unit in a shape that a pre-activation can be reduced by."""
    shape = [1] * ndim
    shape[_unit_axis(layer)] = -1
    return values.reshape(shape)


def _unit_axis(layer: keras.layers.Layer) -> int:
    return 1 if getattr(layer, "data_format", None) == "channels_first" else -1


def _has_unit_columns(layer: keras.layers.Layer, kernel: keras.Variable) -> bool:
    """Return whether the last axis of a kernel are the units that all inputs feed."""
    is_transposed = type(layer).__name__.endswith("Transpose")
    is_depthwise = hasattr(layer, "depth_multiplier") and not hasattr(layer, "pointwise_kernel")
    is_grouped = getattr(layer, "groups", 1) > 1
    is_einsum = isinstance(layer, keras.layers.EinsumDense)
    return not (is_transposed or is_depthwise or is_grouped or is_einsum)
