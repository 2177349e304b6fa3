"""He initializer."""

from typing import Any

import keras

from keras_babysit.initializers._scaled import Axes, Scaled, require_one_of


@keras.saving.register_keras_serializable(package="keras_babysit")
class He(Scaled):
    """He initializer: `Var(W) = 2 / fan_in`, for ReLU.

    ReLU sets half of its inputs to 0, which halves the second moment of the signal in each layer.
    The factor 2 compensates for that. Other activations need another factor, which
    `VariancePreserving` computes.

    Args:
        mode: `"fan_in"` preserves the variance of the signal, `"fan_out"` that of the gradient. The
            two differ by a constant for the whole network, and both work (He et al. 2015, 2.2).
        distribution: `"untruncated_normal"`, `"truncated_normal"` or `"uniform"`, all with the same
            variance.
        seed: An int, a `keras.random.SeedGenerator` or None, as in Keras' initializers.
        input_axes: Axes of the kernel whose sizes multiply to the fan-in, e.g. `(0, 1)` for a
            depthwise convolution. None counts the last axis but one and the window, as Keras does.
        output_axes: The same for the fan-out; given together with `input_axes`.

    Raises:
        ValueError: If `mode` or `distribution` is unknown, or only one of the axes is given.

    Example:
        >>> layer = keras.layers.Dense(10, activation="relu", kernel_initializer=He())

    Reference:
        He et al., "Delving Deep into Rectifiers", arXiv:1502.01852, 2015.
    """

    def __init__(
        self,
        mode: str = "fan_in",
        *,
        distribution: str = "untruncated_normal",
        seed: Any = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
    ) -> None:
        require_one_of("mode", mode, ("fan_in", "fan_out"))
        super().__init__(
            gain=2**0.5,
            fan=mode,
            distribution=distribution,
            seed=seed,
            input_axes=input_axes,
            output_axes=output_axes,
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "mode": self.mode}
