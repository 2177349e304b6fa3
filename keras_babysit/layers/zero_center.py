"""Subtraction of the training set's mean."""

from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_babysit.layers._adapted import Adapted
from keras_babysit.layers._running_moments import RunningMoments
from keras_babysit.typing import Shape, Tensor

WIDE = ("float64", "int32", "uint32", "int64", "uint64")
"""Types of inputs that float32 cannot hold exactly."""


@keras.saving.register_keras_serializable(package="keras_babysit")
class ZeroCenter(Adapted):
    """Subtract the mean of the training set: `y = x - mean`.

    If all inputs are positive, the gradients of all weights of a unit have the same sign, and the
    weights move in a zigzag. To divide by the standard deviation too, use
    `keras.layers.Normalization`. To remove correlations, use `Whitening`.

    The mean is exact: it is computed in float64 in one pass, for any number of examples. Cost: one
    subtraction per element. The inputs are read once and the outputs written once.

    Args:
        axis: The axis with a separate mean per entry; -1 for one mean per channel. None means one
            mean per position of an example, such as the mean image. (In
            `keras.layers.Normalization`, None means one number for all.)
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Input shape:
        `(batch_size, ...)` of numbers, including integers. With an `axis`, the other sizes may
        vary.

    Output shape:
        Same shape as the input, in the compute dtype. Masks pass through. The subtraction is in the
        precision of the inputs: in float64 for float64 and for integers of 32 bits and more, such
        as timestamps, where the backend has it (JAX does with `jax_enable_x64`), else in float32.

    Raises:
        ValueError: If `axis` is 0.

    Example:
        >>> layer = ZeroCenter().adapt(np.array([[1.0, 10.0], [3.0, 30.0]]))
        >>> ops.convert_to_numpy(layer(np.array([[2.0, 25.0]]))).tolist()
        [[0.0, 5.0]]

    Reference:
        LeCun et al., "Efficient BackProp", 1998, section 4.3.
    """

    def __init__(self, axis: int | None = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if axis == 0:
            raise ValueError("Argument `axis` must not be the batch axis. Received: axis=0")
        self.axis = axis
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Create the mean, in a shape that broadcasts against the inputs."""
        shape = self._build_state_shape(input_shape)
        if self.axis is not None:
            axes_after = len(input_shape) - 1 - self.axis % len(input_shape)
            shape += (1,) * axes_after
        self.mean = self._add_state("mean", shape)
        self.mean_rest = self._add_state("mean_rest", shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Return `inputs - mean`."""
        is_wide = keras.backend.standardize_dtype(inputs.dtype) in WIDE
        x = ops.cast(inputs, "float64" if is_wide else self._state_dtype)
        centered = x - ops.cast(self.mean, x.dtype) - ops.cast(self.mean_rest, x.dtype)
        return ops.cast(centered, self.compute_dtype)

    def _state_shape(self, shape: Shape) -> Shape:
        return tuple(shape[1:]) if self.axis is None else (shape[self.axis],)

    def _examples(
        self, arrays: Iterable[np.ndarray], shape: tuple[int, ...]
    ) -> Iterator[np.ndarray]:
        if self.axis is None:
            return iter(arrays)
        return (np.moveaxis(a, self.axis, -1).reshape(-1, shape[self.axis]) for a in arrays)

    def _new_statistics(self) -> RunningMoments:
        return RunningMoments()

    def _solve(self, statistics: RunningMoments) -> dict[str, np.ndarray]:
        mean = statistics.mean.astype("float32")
        # A large mean has more digits than float32 keeps: those that are left come second.
        return {"mean": mean, "mean_rest": statistics.mean - mean}

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return `input_shape`."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "axis": self.axis}
