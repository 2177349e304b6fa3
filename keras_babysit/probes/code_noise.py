"""The noise with which a variational autoencoder samples its code, read from what its layers do."""

from typing import Any, NamedTuple

import keras
from keras import ops

from keras_babysit.probes import gates
from keras_babysit.probes.readings import Readings


class _Head(NamedTuple):
    """A linear layer whose outputs may be the mean, or the logarithm of the variance, of a code."""

    target: str
    layer: Any
    x: Any
    y: Any


class CodeNoise:
    """Finds what is added to the mean of a code before it is decoded.

    Two linear layers on the same input, with outputs of the same shape, may be the mean and the
    logarithm of the variance of a code. If a later layer receives a tensor z of that shape, then
    (z - mean) / exp(log_variance / 2) is the noise. Nothing is assumed of the names of the layers;
    whether it is noise at all shows in its moments.

    Example:
        >>> noise = CodeNoise()
        >>> noise.pairs
        []
    """

    def __init__(self) -> None:
        self.pairs: list[tuple[_Head, _Head]] = []
        self._heads: list[_Head] = []
        self._unused: dict[str, tuple[_Head, str]] = {}

    def see(self, call: Any, readings: Readings) -> None:
        """Take in one call of a layer, and add readings if it receives a code."""
        shape = tuple(getattr(call.x, "shape", ()))
        for pair in self.pairs:
            if shape == tuple(pair[0].y.shape) and len(shape) == 2:
                self._read(pair, call.x, readings)
        if len(getattr(call.y, "shape", ())) != 2 or call.y.shape[-1] < 2 or call.x is None:
            return
        is_dense = isinstance(call.layer, keras.layers.Dense)
        if not is_dense or not gates.is_linear(call.function):
            return
        head = _Head(call.target, call.layer, call.x, call.y)
        for other in self._heads:
            if other.x is head.x and tuple(other.y.shape) == tuple(head.y.shape):
                self.pairs.append((other, head))
        self._heads.append(head)

    def read_gradient(self, gradient: Any, variable: Any, readings: Readings) -> None:
        """Add how far the gradient of a kernel is that of a divergence from a normal prior alone.

        That divergence has the gradient (exp(log_variance) - 1) / 2 with respect to the logarithm
        of the variance. It is compared with the gradient of the head whose other half is decoded
        as it is.
        """
        head, mean = self._unused.get(variable.path, (None, ""))
        if head is None or gradient is None or variable is not head.layer.kernel:
            return
        x, y = (ops.cast(ops.stop_gradient(one), "float32") for one in (head.x, head.y))
        expected = ops.matmul(ops.transpose(x), ops.exp(y) - 1)
        found = ops.cast(gradient, "float32")
        norms = ops.sqrt(ops.sum(ops.square(expected))) * ops.sqrt(ops.sum(ops.square(found)))
        alike = ops.sum(expected * found) / ops.maximum(norms, 1e-30)
        readings.add("code/divergence_alone", mean, alike)

    def _read(self, pair: tuple[_Head, _Head], z: Any, readings: Readings) -> None:
        for mean, spread in (pair, pair[::-1]):
            if z is mean.y:
                self._unused[spread.layer.kernel.path] = (spread, mean.target)
        if any(z is one.y for one in pair):
            return
        z, *heads = (ops.cast(ops.stop_gradient(one), "float32") for one in (z, *_outputs(pair)))
        for index, (mean, spread) in enumerate((pair, pair[::-1])):
            center, log_variance = heads[index], heads[1 - index]
            noise = (z - center) / ops.exp(ops.clip(log_variance, -20.0, 20.0) / 2)
            target = f"{mean.target}, {spread.target}"
            readings.add("code/noise_first", target, noise[0, 0])
            readings.add("code/noise_mean", target, ops.mean(noise))
            readings.add("code/noise_std", target, ops.std(noise))


def _outputs(pair: tuple[_Head, _Head]) -> list[Any]:
    return [one.y for one in pair]
