"""Initializer with small normal weights."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="keras_babysit")
class SmallRandom(keras.initializers.RandomNormal):
    """Small normal weights: `W = stddev * N(0, 1)`.

    Random weights break the symmetry of constant ones: with equal weights, all units of a layer get
    the same gradient and remain equal. This initializer suits shallow networks only. Its scale does
    not depend on the fan-in: each layer of a deep network multiplies signal and gradient by about
    `stddev * sqrt(fan_in)`. Use `Xavier`, `He` or `VariancePreserving` there.

    Args:
        stddev: Standard deviation of the weights, above 0.
        seed: An int, a `keras.random.SeedGenerator` or None, as in Keras' initializers. With an int
            or None, each call of this object returns the same values.

    Raises:
        ValueError: If `stddev` is not above 0.

    Example:
        >>> layer = keras.layers.Dense(10, kernel_initializer=SmallRandom(0.01))

    Reference:
        Karpathy, CS231n "Neural Networks Part 2: Setting up the Data and the Loss", 2015.
    """

    def __init__(self, stddev: float = 0.01, *, seed: Any = None) -> None:
        if not stddev > 0:
            raise ValueError(f"Argument `stddev` must be above 0. Received: stddev={stddev}")
        super().__init__(mean=0.0, stddev=stddev, seed=seed)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        config: dict[str, Any] = super().get_config()
        del config["mean"]
        return config
