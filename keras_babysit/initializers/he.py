"""Weights scaled for ReLU."""

from typing import Any

import keras

from keras_babysit.initializers._scaled import Scaled, require_one_of


@keras.saving.register_keras_serializable(package="keras_babysit")
class He(Scaled):
    """He initialization: `Var(W) = 2 / fan_in`, for ReLU.

    ReLU zeroes half of its inputs, which halves the second moment of the signal in each layer;
    the factor 2 gives it back. For any other activation the factor differs:
    `VariancePreserving` computes it.

    Args:
        mode: `"fan_in"` keeps the size of the signal, `"fan_out"` that of the gradient. The two
            differ by a constant for the whole network, and either trains (He et al. 2015, 2.2).
        distribution: `"untruncated_normal"`, `"truncated_normal"` or `"uniform"`. The variance is
            the same for all three.
        seed: An int, a `keras.random.SeedGenerator` or `None`, as for every Keras initializer.

    Raises:
        ValueError: If `mode` or `distribution` is not one of the above.

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
    ) -> None:
        require_one_of("mode", mode, ("fan_in", "fan_out"))
        super().__init__(gain=2**0.5, fan=mode, distribution=distribution, seed=seed)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "mode": self.mode}
