"""The common part of the maxout convolutions: `pieces` times the filters, and a maximum."""

import contextlib
from collections.abc import Iterator
from typing import Any

from keras import ops

from keras_babysit.initializers.variance_preserving import VariancePreserving
from keras_babysit.layers._piecewise import Piecewise, require_pieces, split_pieces
from keras_babysit.typing import Shape, Tensor


class MaxoutConv(Piecewise):
    """Mixin to put before a Keras convolution in the base classes.

    The pieces of a filter are adjacent channels of one convolution. In a grouped convolution they
    are in the same group.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, ...],
        pieces: int = 2,
        *,
        activation: Any = None,
        kernel_initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        pieces = require_pieces(pieces)
        if kernel_initializer is None:
            kernel_initializer = VariancePreserving(activation, pieces=pieces)
        super().__init__(
            filters,
            kernel_size,
            activation=activation,
            kernel_initializer=kernel_initializer,
            **kwargs,
        )
        self.filters: int
        self.pieces = pieces
        self._all_filters = filters * pieces

    def build(self, input_shape: Shape) -> None:
        """Create one kernel and one bias for all pieces."""
        with self._counting_pieces():
            super().build(input_shape)

    def enable_lora(self, rank: int, **kwargs: Any) -> None:
        """Add low-rank weights, as Keras' convolutions do."""
        with self._counting_pieces():
            super().enable_lora(rank, **kwargs)

    @contextlib.contextmanager
    def _counting_pieces(self) -> Iterator[None]:
        """Multiply `filters` by `pieces` while Keras creates the weights."""
        filters, self.filters = self.filters, self._all_filters
        try:
            yield
        finally:
            self.filters = filters

    def call(self, inputs: Tensor) -> Tensor:
        """Return the maximum over the pieces of each filter."""
        channels_last = self.data_format == "channels_last"
        z = self.convolution_op(inputs, self.kernel)
        if not channels_last:
            z = ops.moveaxis(z, 1, -1)
        if self.use_bias:
            z = ops.add(z, self.bias)
        outputs = self.reduce_pieces(split_pieces(z, self.pieces))
        if not channels_last:
            outputs = ops.moveaxis(outputs, -1, 1)
        return outputs if self.activation is None else self.activation(outputs)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "pieces": self.pieces}
