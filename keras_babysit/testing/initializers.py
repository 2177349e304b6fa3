"""What every initializer must do, as checks.

A check takes an `InitializerCase` and fails by assertion.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from keras_babysit.testing.parametrize import parametrize

FAN_IN, FAN_OUT = 200, 600


@dataclasses.dataclass(frozen=True)
class InitializerCase:
    """One initializer in one configuration.

    Args:
        make: Returns a new initializer for a `seed`.
        variance: Expected variance of a `(FAN_IN, FAN_OUT)` kernel.
        depends_on_fans: Whether the variance is proportional to one over the fans.
        invalid: Arguments that the constructor must refuse with a `ValueError`, each with a pattern
            of its message.
    """

    make: Callable[[Any], keras.initializers.Initializer]
    variance: float
    depends_on_fans: bool = True
    invalid: tuple[tuple[dict[str, Any], str], ...] = ()


def parametrize_checks(cases: Mapping[str, InitializerCase]) -> pytest.MarkDecorator:
    """Return a decorator that calls a test with every `case` and every `check`.

    Args:
        cases: Initializers by name, one per configuration that matters.

    Example:
        >>> case = InitializerCase(
        ...     lambda seed: keras.initializers.HeNormal(seed), variance=2 / FAN_IN
        ... )
        >>> @parametrize_checks({"HeNormal": case})
        ... def test_initializers(case, check):
        ...     check(case)
    """
    return parametrize(cases, CHECKS)


def check_variance(case: InitializerCase) -> None:
    """Mean 0 and the expected variance, within the error of so many entries."""
    values = kernel(case.make(0))
    assert values.mean() == pytest.approx(0.0, abs=4 * (case.variance / values.size) ** 0.5)
    assert values.var() == pytest.approx(case.variance, rel=0.03)


def check_convolutions_count_their_window(case: InitializerCase) -> None:
    """A window of 5 positions has 5 times the fans, and a fifth of the variance."""
    dense, window = case.make(0), case.make(0)
    one = ops.convert_to_numpy(dense((FAN_IN, FAN_OUT))).var()
    five = ops.convert_to_numpy(window((5, FAN_IN, FAN_OUT))).var()
    assert five == pytest.approx(one / (5 if case.depends_on_fans else 1), rel=0.03)


def check_seed(case: InitializerCase) -> None:
    """As Keras: the same seed gives the same array; without one each object has an array."""
    np.testing.assert_array_equal(kernel(case.make(7)), kernel(case.make(7)))
    assert not np.array_equal(kernel(case.make(7)), kernel(case.make(8)))
    unseeded = case.make(None)
    np.testing.assert_array_equal(kernel(unseeded), kernel(unseeded))
    assert not np.array_equal(kernel(unseeded), kernel(case.make(None)))
    generator = case.make(keras.random.SeedGenerator(1))
    assert not np.array_equal(kernel(generator), kernel(generator))


def check_config_round_trip(case: InitializerCase) -> None:
    """The configuration is JSON, and copies return the same array."""
    initializer = case.make(3)
    json.dumps(initializer.get_config())
    copy = keras.initializers.deserialize(keras.initializers.serialize(initializer))
    assert copy.get_config() == initializer.get_config()
    np.testing.assert_array_equal(kernel(copy), kernel(initializer))
    np.testing.assert_array_equal(kernel(initializer.clone()), kernel(initializer))


def check_dtype(case: InitializerCase) -> None:
    """The dtype is the one that is asked for."""
    for dtype in ("float16", "bfloat16", "float32"):
        assert keras.backend.standardize_dtype(case.make(0)((4, 4), dtype=dtype).dtype) == dtype


def check_refuses_invalid_arguments(case: InitializerCase) -> None:
    """Arguments are checked in the constructor."""
    for arguments, message in case.invalid:
        with pytest.raises(ValueError, match=message):
            type(case.make(0))(**arguments)


CHECKS: dict[str, Callable[[InitializerCase], None]] = {
    "variance": check_variance,
    "convolution": check_convolutions_count_their_window,
    "seed": check_seed,
    "config": check_config_round_trip,
    "dtype": check_dtype,
    "invalid-arguments": check_refuses_invalid_arguments,
}


def kernel(initializer: keras.initializers.Initializer) -> np.ndarray:
    """Return a `(FAN_IN, FAN_OUT)` kernel on the host."""
    return ops.convert_to_numpy(initializer((FAN_IN, FAN_OUT))).astype("float64")
