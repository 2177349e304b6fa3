"""Weights scaled for whatever activation follows."""

from collections.abc import Callable
from typing import Any

import keras

from keras_babysit.initializers._gain import gain
from keras_babysit.initializers._scaled import Scaled, require_one_of


@keras.saving.register_keras_serializable(package="keras_babysit")
class VariancePreserving(Scaled):
    """The scale that keeps pre-activations, or gradients, at one size for any activation `f`.

    `Var(W) = gain² / fan`, with for `z ~ N(0, 1)`

    - `mode="forward"`: `gain² = 1 / E[f(z)²]` and the fan-in: where the pre-activations of one
      layer have variance 1, those of the next have (He et al.'s argument, with the expectation
      computed instead of known).
    - `mode="backward"`: `gain² = 1 / E[f'(z)²]` and the fan-out: gradients keep their variance.

    Variance 1 is where it stays, and for tanh, ELU and SELU also where it comes back to. For ReLU
    and its kin every size stays. From GELU and SiLU it moves away, since they are steeper for
    large z than for small: below some ten layers that does not matter, beyond it normalise
    (measured in docs/initializers.md).

    The expectation is computed once, by quadrature, when the initializer is made. For ReLU the
    gain is `sqrt(2)`, for SELU 1, for tanh 1.5925 (often rounded to 5/3), for a maxout of 2
    pieces 1. `gain` holds it.

    Args:
        activation: The name of a Keras activation, a callable on tensors, or a Keras layer that
            acts elementwise, such as `keras.layers.LeakyReLU(0.1)`. Of a layer a fresh copy is
            measured, at its initial weights.
        pieces: Number of affine maps whose maximum the activation is given: that of the
            `Maxout` layer that gets these weights, 1 for every other layer.
        mode: `"forward"` or `"backward"`.
        distribution: `"untruncated_normal"`, `"truncated_normal"` or `"uniform"`. The variance is
            the same for all three.
        seed: An int, a `keras.random.SeedGenerator` or `None`, as for every Keras initializer.

    Raises:
        ValueError: If `pieces` is below 1, `mode` or `distribution` is not one of the above, or
            the second moment is zero or not finite.

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
