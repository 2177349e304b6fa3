"""The losses among what a training step returns."""

from typing import Any

import keras
import numpy as np

from keras_babysit.backends import to_array
from keras_babysit.typing import Tensor

WHOLE = ("loss", "total_loss")
"""Names of the loss that a step minimizes, where it returns its parts as well."""


def losses_in(result: Any) -> dict[str, float]:
    """Return the losses that a step returned, by name, as floats.

    Args:
        result: A dictionary of logs, a tuple with such a dictionary or with a single number among
            other things (as on JAX, with the state), or a number.

    Returns:
        The numbers of the dictionary whose name contains "loss"; a single number as `"loss"`.

    Example:
        >>> losses_in({"d_loss": 1.0, "accuracy": 0.5})
        {'d_loss': 1.0}
        >>> losses_in(({"count": 3}, 0.25))
        {}
        >>> losses_in((np.zeros(3), 0.25))
        {'loss': 0.25}
    """
    parts = list(result) if isinstance(result, tuple | list) else [result]
    for part in parts:
        if isinstance(part, dict) and any("loss" in str(name).lower() for name in part):
            return {
                str(name): number
                for name, value in part.items()
                if "loss" in str(name).lower() and (number := _number(value)) is not None
            }
    if any(isinstance(part, dict) for part in parts):
        return {}
    numbers = [number for number in map(_number, parts) if number is not None]
    return {"loss": numbers[0]} if len(numbers) == 1 else {}


def numbers_in(logs: Any) -> dict[str, float]:
    """Return the numbers of a dictionary of logs by name, as floats; empty for anything else.

    Example:
        >>> numbers_in({"loss": np.float32(0.5), "images": np.zeros((2, 2))})
        {'loss': 0.5}
    """
    if not isinstance(logs, dict):
        return {}
    found = {str(name): _number(value) for name, value in logs.items()}
    return {name: value for name, value in found.items() if value is not None}


def main_loss(losses: dict[str, float]) -> str | None:
    """Return the name of the loss that a step minimizes, None if that is not clear.

    Example:
        >>> main_loss({"loss": 3.0, "kl_loss": 1.0}), main_loss({"d_loss": 1.0, "g_loss": 1.0})
        ('loss', None)
    """
    named = [name for name in losses if name in WHOLE]
    if named:
        return named[0]
    return next(iter(losses)) if len(losses) == 1 else None


def _number(value: Tensor) -> float | None:
    """Return a floating-point number, or a tensor of one, as a float; None for anything else."""
    if isinstance(value, float):
        return value
    if not isinstance(value, np.ndarray | np.generic) and not keras.ops.is_tensor(value):
        return None
    is_float = keras.backend.is_float_dtype(keras.backend.standardize_dtype(value.dtype))
    return float(to_array(value)) if is_float and len(value.shape) == 0 else None
