"""Dense maxout layer."""

from typing import Any

import keras
from keras import ops

from keras_babysit.initializers.variance_preserving import VariancePreserving
from keras_babysit.layers._piecewise import Piecewise, require_pieces, split_pieces
from keras_babysit.typing import Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_babysit")
class Maxout(Piecewise, keras.layers.Layer):
    """Dense layer whose units are the maximum of several affine maps.

    `y[..., u] = max over p of (x @ W)[..., u, p] + b[u, p]`. The maximum replaces the activation.
    With two pieces a unit can learn a ReLU, an absolute value or a linear function. A unit is
    piecewise linear, so it does not saturate, and one of its pieces always gets a gradient.

    Cost: `pieces` times the weights and FLOPs of `Dense(units)`. Per example that is one matrix
    product of `2 * inputs * units * pieces` FLOPs and `units * (pieces - 1)` comparisons, and
    `units * pieces` numbers are kept for the backward pass. `make bench-layers` compares it with
    `Dense(units * pieces)`, reshape and max.

    Args:
        units: Number of outputs, at least 1.
        pieces: Number of affine maps per unit, at least 2.
        use_bias: Whether each affine map has a bias.
        kernel_initializer: Keras initializer. None uses `VariancePreserving(pieces=pieces)`, which
            preserves the second moment of the signal.
        bias_initializer: Keras initializer of the bias.
        kernel_regularizer: Keras regularizer of the kernel.
        bias_regularizer: Keras regularizer of the bias.
        activity_regularizer: Keras regularizer of the outputs.
        kernel_constraint: Keras constraint of the kernel; the paper uses a maximum norm per
            affine map, `keras.constraints.MaxNorm(axis=0)`.
        bias_constraint: Keras constraint of the bias.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Input shape:
        `(batch_size, ..., inputs)`, of rank 2 or more.

    Output shape:
        `(batch_size, ..., units)`, in the compute dtype. Masks pass through.

    Raises:
        ValueError: If `units` is below 1 or `pieces` below 2.

    Example:
        >>> layer = Maxout(10, pieces=3)
        >>> tuple(layer(np.ones((2, 4))).shape)
        (2, 10)
        >>> tuple(layer.kernel.shape)
        (4, 30)

    Reference:
        Goodfellow et al., "Maxout Networks", arXiv:1302.4389, 2013.
    """

    def __init__(
        self,
        units: int,
        pieces: int = 2,
        *,
        use_bias: bool = True,
        kernel_initializer: Any = None,
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if units < 1:
            raise ValueError(f"Argument `units` must be at least 1. Received: units={units}")
        self.units = units
        self.pieces = require_pieces(pieces)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(
            VariancePreserving(pieces=pieces) if kernel_initializer is None else kernel_initializer
        )
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.input_spec = keras.InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Create one kernel and one bias for all pieces."""
        inputs = input_shape[-1]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(inputs, self.units * self.pieces),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.units * self.pieces,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.input_spec = keras.InputSpec(min_ndim=2, axes={-1: inputs})

    def call(self, inputs: Tensor) -> Tensor:
        """Return the maximum over the pieces of each unit."""
        z = ops.matmul(inputs, self.kernel)
        if self.bias is not None:
            z = ops.add(z, self.bias)
        return self.reduce_pieces(split_pieces(z, self.pieces))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return `input_shape` with `units` as the last size."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "units": self.units,
            "pieces": self.pieces,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": keras.regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
        }
