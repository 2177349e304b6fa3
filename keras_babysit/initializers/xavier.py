"""Xavier initializer."""

from typing import Any

import keras

from keras_babysit.initializers._scaled import Axes, Scaled, require_one_of


@keras.saving.register_keras_serializable(package="keras_babysit")
class Xavier(Scaled):
    """Xavier initializer: `Var(W) = 1 / fan_in`, or `2 / (fan_in + fan_out)`.

    A sum of `fan_in` products of unit variance has unit variance if each weight has variance
    `1 / fan_in`. This holds for linear units, and approximately for tanh near 0. For ReLU the
    variance is too small by a factor of 2: use `He`, or `VariancePreserving` for any activation.

    Two formulas have this name. Courses divide by `sqrt(fan_in)`, which preserves the variance of
    the signal (`mode="fan_in"`, the default). The paper of Glorot and Bengio uses the average of
    `fan_in` and `fan_out`, a compromise between signal and gradient (`mode="fan_avg"`, Keras'
    Glorot initializers).

    Args:
        mode: `"fan_in"` or `"fan_avg"`.
        distribution: `"untruncated_normal"`, `"truncated_normal"` or `"uniform"`, all with the same
            variance.
        seed: An int, a `keras.random.SeedGenerator` or None, as in Keras' initializers.
        input_axes: Axes of the kernel whose sizes multiply to the fan-in, e.g. `(0, 1)` for a
            depthwise convolution. None counts the last axis but one and the window, as Keras does.
        output_axes: The same for the fan-out; given together with `input_axes`.

    Raises:
        ValueError: If `mode` or `distribution` is unknown, or only one of the axes is given.

    Example:
        >>> layer = keras.layers.Dense(10, activation="tanh", kernel_initializer=Xavier())

    Reference:
        Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural
        networks", AISTATS 2010.
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
        require_one_of("mode", mode, ("fan_avg", "fan_in"))
        super().__init__(
            gain=1.0,
            fan=mode,
            distribution=distribution,
            seed=seed,
            input_axes=input_axes,
            output_axes=output_axes,
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "mode": self.mode}
