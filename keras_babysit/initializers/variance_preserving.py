"""Initializer that preserves the variance for any activation."""

from collections.abc import Callable
from typing import Any

import keras

from keras_babysit.initializers._gain import gain
from keras_babysit.initializers._scaled import Axes, Scaled, require_one_of


@keras.saving.register_keras_serializable(package="keras_babysit")
class VariancePreserving(Scaled):
    """Preserve the variance of pre-activations, or of gradients, for any activation `f`.

    `Var(W) = gain² / fan`, where for `z ~ N(0, 1)`

    - `mode="forward"`: `gain² = 1 / E[f(z)²]` and the fan is the fan-in. If the pre-activations of
      one layer have variance 1, those of the next one have it too. This is the derivation of He et
      al. with the expectation computed numerically.
    - `mode="backward"`: `gain² = 1 / E[f'(z)²]` and the fan is the fan-out. Gradients keep their
      variance.

    Variance 1 is a fixed point. For tanh, ELU and SELU it is stable: deviations shrink from layer
    to layer. For ReLU and leaky ReLU every variance is preserved. For GELU and SiLU it is unstable,
    because they are steeper for large z than for small z. That does not matter below about ten
    layers; deeper networks of these need normalization layers (measured in docs/initializers.md).

    The expectation is computed once, by quadrature, when the initializer is created. `gain` is
    `sqrt(2)` for ReLU, 1 for SELU, 1.5925 for tanh (often rounded to 5/3), and 1 for a maxout of 2
    pieces.

    Args:
        activation: Name of a Keras activation, a callable on tensors, or an elementwise Keras layer
            such as `keras.layers.LeakyReLU(0.1)`. Of a layer, a new copy with its initial weights
            is used.
        pieces: Number of affine maps of which the maximum is taken: `pieces` of a `Maxout` layer, 1
            for other layers.
        mode: `"forward"` or `"backward"`.
        distribution: `"untruncated_normal"`, `"truncated_normal"` or `"uniform"`, all with the same
            variance.
        seed: An int, a `keras.random.SeedGenerator` or None, as in Keras' initializers.
        input_axes: Axes of the kernel whose sizes multiply to the fan-in, e.g. `(0, 1)` for a
            depthwise convolution. None counts the last axis but one and the window, as Keras does.
        output_axes: The same for the fan-out; given together with `input_axes`.

    Raises:
        ValueError: If `pieces` is below 1, `mode` or `distribution` is unknown, only one
            of the axes is given, or the second moment is 0 or not finite.

    Example:
        >>> layer = keras.layers.Dense(
        ...     10, activation="gelu", kernel_initializer=VariancePreserving("gelu")
        ... )
        >>> round(VariancePreserving("tanh").gain, 4)
        1.5925

    Reference:
        He et al., "Delving Deep into Rectifiers", arXiv:1502.01852, 2015.
        Klambauer et al., "Self-Normalizing Neural Networks", arXiv:1706.02515, 2017.
    """

    def __init__(
        self,
        activation: str | Callable[[Any], Any] | keras.layers.Layer = "linear",
        *,
        pieces: int = 1,
        mode: str = "forward",
        distribution: str = "untruncated_normal",
        seed: Any = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
    ) -> None:
        if pieces < 1:
            raise ValueError(f"Argument `pieces` must be at least 1. Received: pieces={pieces}")
        require_one_of("mode", mode, ("backward", "forward"))
        self.activation = keras.activations.get(activation)
        self.pieces = pieces
        self.direction = mode
        super().__init__(
            gain=gain(self.activation, pieces=pieces, backward=mode == "backward"),
            fan="fan_in" if mode == "forward" else "fan_out",
            distribution=distribution,
            seed=seed,
            input_axes=input_axes,
            output_axes=output_axes,
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        if isinstance(self.activation, keras.layers.Layer):
            activation = keras.saving.serialize_keras_object(self.activation)
        else:
            activation = keras.activations.serialize(self.activation)
        return {
            **super().get_config(),
            "activation": activation,
            "pieces": self.pieces,
            "mode": self.direction,
        }
