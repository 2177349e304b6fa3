"""Weights scaled by the number of inputs."""

from typing import Any

import keras

from keras_babysit.initializers._scaled import Scaled, require_one_of


@keras.saving.register_keras_serializable(package="keras_babysit")
class Xavier(Scaled):
    """Xavier initialization: `Var(W) = 1 / fan_in`, or `2 / (fan_in + fan_out)`.

    A sum of `fan_in` products of unit variance has unit variance again when each weight has
    variance `1 / fan_in`. That holds for linear units, and near enough for tanh around 0. It is
    too small by a factor of 2 in variance for ReLU: use `He` there, or `VariancePreserving`,
    which knows the factor of every activation.

    Two formulas go by this name. Courses divide by `sqrt(fan_in)`, which keeps the variance of
    the signal (`mode="fan_in"`, the default). Glorot and Bengio's paper divides by the average
    of `fan_in` and `fan_out`, a compromise between signal and gradient (`mode="fan_avg"`, what
    Keras calls Glorot).

    Args:
        mode: `"fan_in"` or `"fan_avg"`.
        distribution: `"untruncated_normal"`, `"truncated_normal"` or `"uniform"`. The variance is
            the same for all three.
        seed: An int, a `keras.random.SeedGenerator` or `None`, as for every Keras initializer.

    Raises:
        ValueError: If `mode` or `distribution` is not one of the above.

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
    ) -> None:
        require_one_of("mode", mode, ("fan_avg", "fan_in"))
        super().__init__(gain=1.0, fan=mode, distribution=distribution, seed=seed)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "mode": self.mode}
