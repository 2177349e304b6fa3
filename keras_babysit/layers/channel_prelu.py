"""Parametric ReLU with one slope per channel."""

from typing import Any

import keras
from keras import ops

from keras_babysit.typing import Shape, Tensor

SHARING = ("channel", "element", "layer")


@keras.saving.register_keras_serializable(package="keras_babysit")
class ChannelPReLU(keras.layers.Layer):
    """Parametric ReLU with one slope per channel: `f(z) = z if z > 0 else alpha * z`.

    An inactive unit keeps a gradient of `alpha`, so it cannot die. The slopes are learned.
    By default `keras.layers.PReLU` has one slope per pixel (25,088 for 28 x 28 x 32 images, where
    this layer has 32), and needs images of one size.

    Weight decay pulls `alpha` to 0, which turns the layer into a ReLU, so the slopes are not
    regularized by default. An optimizer with weight decay must exclude them before it is built:
    `optimizer.exclude_from_weight_decay(var_names=["alpha"])`.

    The layer computes `z * f'(z)`: one product and one selection, where Keras computes two ReLUs,
    two signs, a product and a sum. Cost: 2 FLOPs per element forward and 4 backward. The forward
    pass reads or writes the tensor 3 times without fusion, and 2 times under XLA, like ReLU.
    `make bench-layers` compares it with `keras.layers.PReLU(shared_axes=[1, 2])`.

    Args:
        shared: Which elements share a slope: `"channel"` for those of one channel, `"layer"` for
            all, or `"element"` for none (the input sizes must be known).
        axis: The channel axis; 1 for images with channels first.
        alpha_initializer: Initial slope: a number, or a Keras initializer.
        alpha_regularizer: Keras regularizer of the slopes.
        alpha_constraint: Keras constraint of the slopes.
        bounded: Whether to clip the slopes to [0, 1] after each update, which keeps `f` monotone
            and convex (a maxout of `z` and `alpha * z`). Cannot be combined with
            `alpha_constraint`.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Input shape:
        `(batch_size, ...)`. Only the size of the channel axis must be known.

    Output shape:
        Same shape as the input, in the compute dtype. Masks pass through.

    Raises:
        ValueError: If `shared` is unknown, `axis` is 0, `alpha_constraint` is given although
            `bounded` is True, or a numeric `alpha_initializer` is outside [0, 1] although `bounded`
            is True.

    Example:
        >>> layer = ChannelPReLU()
        >>> tuple(layer(np.array([[-4.0, 2.0]])).shape)
        (1, 2)

    Reference:
        He et al., "Delving Deep into Rectifiers", arXiv:1502.01852, 2015.
    """

    def __init__(
        self,
        shared: str = "channel",
        *,
        axis: int = -1,
        alpha_initializer: Any = 0.25,
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        bounded: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if shared not in SHARING:
            raise ValueError(
                f"Argument `shared` must be one of {SHARING}. Received: shared={shared!r}"
            )
        if axis == 0:
            raise ValueError("Argument `axis` must not be the batch axis. Received: axis=0")
        if bounded and alpha_constraint is not None:
            raise ValueError(
                "Argument `alpha_constraint` must be None if `bounded=True`, which is a constraint "
                f"itself. Received: alpha_constraint={alpha_constraint}"
            )
        if isinstance(alpha_initializer, int | float):
            if bounded and not 0 <= alpha_initializer <= 1:
                raise ValueError(
                    "Argument `alpha_initializer` must be in [0, 1] if `bounded=True`. "
                    f"Received: alpha_initializer={alpha_initializer}"
                )
            alpha_initializer = keras.initializers.Constant(alpha_initializer)
        self.shared = shared
        self.axis = axis
        self.alpha_initializer = keras.initializers.get(alpha_initializer)
        self.alpha_regularizer = keras.regularizers.get(alpha_regularizer)
        self.alpha_constraint = keras.constraints.get(alpha_constraint)
        self.bounded = bounded
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Create the slopes in a shape that broadcasts against the inputs."""
        self.alpha = self.add_weight(
            name="alpha",
            shape=self._alpha_shape(input_shape),
            initializer=self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=_UnitInterval() if self.bounded else self.alpha_constraint,
        )

    def _alpha_shape(self, input_shape: Shape) -> tuple[int, ...]:
        if self.shared == "layer":
            return ()
        if self.shared == "channel":
            axis = self.axis % len(input_shape)
            channels = (input_shape[axis],)
            shape = channels + (1,) * (len(input_shape) - axis - 1)
        else:
            shape = tuple(input_shape[1:])
        known = tuple(size for size in shape if size is not None)
        if len(known) < len(shape):
            raise ValueError(
                "The inputs must have a known size along each axis with separate slopes "
                f"(shared={self.shared!r}). Received: input_shape={input_shape}"
            )
        return known

    def call(self, inputs: Tensor) -> Tensor:
        """Return `f(inputs)`."""
        return inputs * self.gate(inputs)

    def gate(self, z: Tensor) -> Any:
        """Return `f'(z)` for the current slopes: 1 where `z > 0`, `alpha` elsewhere."""
        alpha = ops.cast(self.alpha, z.dtype)
        if keras.backend.backend() == "torch":
            # PyTorch's `where` is not vectorized on CPUs if an operand is broadcast. Arithmetic
            # takes half of its time there.
            on = ops.cast(z > 0, z.dtype)
            return on + (1 - on) * alpha
        # Broadcast to the shape of an example first, so that the gradient of the slopes is first
        # summed over the examples: on TensorFlow without XLA that takes two thirds of the time.
        alpha = ops.broadcast_to(alpha, ops.shape(z)[1:])
        return ops.where(z > 0, ops.ones((), z.dtype), alpha)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return `input_shape`."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "shared": self.shared,
            "axis": self.axis,
            "alpha_initializer": keras.initializers.serialize(self.alpha_initializer),
            "alpha_regularizer": keras.regularizers.serialize(self.alpha_regularizer),
            "alpha_constraint": keras.constraints.serialize(self.alpha_constraint),
            "bounded": self.bounded,
        }


class _UnitInterval(keras.constraints.Constraint):
    """Clip to [0, 1]."""

    def __call__(self, w: Any) -> Any:
        return ops.clip(w, 0.0, 1.0)
