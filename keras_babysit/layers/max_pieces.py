"""The maximum over groups of channels."""

from typing import Any

import keras
from keras import ops

from keras_babysit.layers._piecewise import Piecewise, require_pieces, split_pieces
from keras_babysit.typing import Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_babysit")
class MaxPieces(Piecewise, keras.layers.Layer):
    """Maximum over groups of `pieces` adjacent channels.

    `y[..., u] = max over p of x[..., u * pieces + p]`. Put it after any layer to make it a maxout
    layer. It equals TensorFlow Addons' `Maxout(num_units)` with `pieces = channels // num_units`.
    `Maxout` and `MaxoutConv2D` contain the weights too, and initialize them with the right scale.

    Cost: `pieces - 1` comparisons per output. The inputs are read once and the outputs written
    once. An `axis` other than the last one adds a transposition of each without fusion.

    Args:
        pieces: Number of channels per output, at least 2.
        axis: The channel axis, any but the batch axis.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Input shape:
        `(batch_size, ..., units * pieces)`.

    Output shape:
        `(batch_size, ..., units)`, in the compute dtype. Masks pass through.

    Raises:
        ValueError: If `pieces` is below 2, `axis` is 0, or the number of channels is not a multiple
            of `pieces`.

    Example:
        >>> tuple(MaxPieces(2)(np.array([[1.0, 4.0, 3.0, 2.0]])).shape)
        (1, 2)

    Reference:
        Goodfellow et al., "Maxout Networks", arXiv:1302.4389, 2013.
    """

    def __init__(self, pieces: int = 2, *, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if axis == 0:
            raise ValueError("Argument `axis` must not be the batch axis. Received: axis=0")
        self.pieces = require_pieces(pieces)
        self.axis = axis
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Check that the number of channels is a multiple of `pieces`."""
        channels = input_shape[self.axis]
        if channels is None or channels % self.pieces:
            raise ValueError(
                f"The size of axis {self.axis} must be a known multiple of pieces={self.pieces}. "
                f"Received: input_shape={input_shape}"
            )

    def call(self, inputs: Tensor) -> Tensor:
        """Return the maximum of each group."""
        z = split_pieces(ops.moveaxis(inputs, self.axis, -1), self.pieces)
        return ops.moveaxis(self.reduce_pieces(z), -1, self.axis)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return `input_shape` with the channels divided by `pieces`."""
        shape = list(input_shape)
        channels = shape[self.axis]
        shape[self.axis] = None if channels is None else channels // self.pieces
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "pieces": self.pieces, "axis": self.axis}
