"""The common part of the initializers with a fixed gain."""

import inspect
from collections.abc import Sequence
from typing import Any

import keras

from keras_babysit.typing import Tensor

DISTRIBUTIONS = ("truncated_normal", "uniform", "untruncated_normal")

Axes = Sequence[int] | None
"""Axes of a kernel, as `input_axes` and `output_axes` of Keras' `VarianceScaling`."""

_KNOWS_AXES = "input_axes" in inspect.signature(keras.initializers.VarianceScaling).parameters


def require_one_of(name: str, value: Tensor, allowed: tuple[Any, ...]) -> None:
    """Raise a ValueError unless `value` is one of `allowed`."""
    if value not in allowed:
        raise ValueError(f"Argument `{name}` must be one of {allowed}. Received: {name}={value!r}")


class Scaled(keras.initializers.VarianceScaling):
    """Keras' `VarianceScaling` with a gain: `Var(W) = gain² / fan`."""

    def __init__(
        self,
        gain: float,
        fan: str,
        distribution: str,
        seed: Any,
        input_axes: Axes = None,
        output_axes: Axes = None,
    ) -> None:
        require_one_of("distribution", distribution, DISTRIBUTIONS)
        if (input_axes is None) != (output_axes is None):
            raise ValueError(
                "Arguments `input_axes` and `output_axes` belong together: give both or none. "
                f"Received: input_axes={input_axes}, output_axes={output_axes}"
            )
        axes = {"input_axes": input_axes, "output_axes": output_axes}
        if input_axes is not None and not _KNOWS_AXES:
            raise ValueError(
                "Arguments `input_axes` and `output_axes` need a later version of Keras. "
                f"Received: {axes} with Keras {keras.version()}"
            )
        super().__init__(
            scale=gain**2,
            mode=fan,
            distribution=distribution,
            seed=seed,
            **(axes if _KNOWS_AXES else {}),
        )

    @property
    def gain(self) -> float:
        """Standard deviation of the weights, times the square root of the fan."""
        return float(self.scale**0.5)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments common to all subclasses."""
        names = ("distribution", "seed", *(("input_axes", "output_axes") if _KNOWS_AXES else ()))
        config = super().get_config()
        return {name: config[name] for name in names}
