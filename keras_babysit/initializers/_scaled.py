"""The common part of the initializers with a fixed gain."""

from typing import Any

import keras

DISTRIBUTIONS = ("truncated_normal", "uniform", "untruncated_normal")


def require_one_of(name: str, value: Any, allowed: tuple[Any, ...]) -> None:
    """Raise a ValueError unless `value` is one of `allowed`."""
    if value not in allowed:
        raise ValueError(f"Argument `{name}` must be one of {allowed}. Received: {name}={value!r}")


class Scaled(keras.initializers.VarianceScaling):
    """Keras' `VarianceScaling` with a gain: `Var(W) = gain² / fan`."""

    def __init__(self, gain: float, fan: str, distribution: str, seed: Any) -> None:
        require_one_of("distribution", distribution, DISTRIBUTIONS)
        super().__init__(scale=gain**2, mode=fan, distribution=distribution, seed=seed)

    @property
    def gain(self) -> float:
        """Standard deviation of the weights, times the square root of the fan."""
        return float(self.scale**0.5)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments common to all subclasses."""
        config = super().get_config()
        return {"distribution": config["distribution"], "seed": config["seed"]}
