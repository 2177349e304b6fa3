"""Small Gaussian weights of one scale for every layer."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="keras_babysit")
class SmallRandom(keras.initializers.RandomNormal):
    """Small Gaussian weights: `W = stddev * N(0, 1)`.

    It breaks the symmetry that zeros keep (where all weights of a layer are equal, all its units
    get the same gradient and stay one unit for ever). It suits shallow networks only: the scale
    knows nothing of the fan-in, so in a deep network the signal shrinks by about
    `stddev * sqrt(fan_in)` per layer and the gradient with it. Use `Xavier`, `He` or
    `VariancePreserving` there.

    Args:
        stddev: Standard deviation of the weights, above 0.
        seed: An int, a `keras.random.SeedGenerator` or `None`, as for every Keras initializer:
            with an int or `None`, each call of this object returns the same values.

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
        config = super().get_config()
        del config["mean"]
        return config
