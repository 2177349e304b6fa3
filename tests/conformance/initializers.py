"""What every initializer must do, as checks on a table of rows."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from keras_babysit import initializers

FAN_IN, FAN_OUT = 200, 600


@dataclasses.dataclass(frozen=True)
class Row:
    """One initializer in one configuration.

    Args:
        make: Returns a new initializer for a `seed`.
        variance: What the variance of a `(FAN_IN, FAN_OUT)` kernel must be.
        invalid: Arguments that the constructor must refuse, with what the error says.
    """

    make: Callable[[Any], keras.initializers.Initializer]
    variance: float
    invalid: tuple[tuple[dict[str, Any], str], ...] = ()


def check_variance(row: Row) -> None:
    values = kernel(row.make(0))
    assert values.mean() == pytest.approx(0.0, abs=4 * (row.variance / values.size) ** 0.5)
    assert values.var() == pytest.approx(row.variance, rel=0.03)


def check_convolutions_count_their_window(row: Row) -> None:
    """A window of 5 positions has 5 times the fans, so the variance times that stays."""
    dense, window = row.make(0), row.make(0)
    one = ops.convert_to_numpy(dense((FAN_IN, FAN_OUT))).var()
    five = ops.convert_to_numpy(window((5, FAN_IN, FAN_OUT))).var()
    depends_on_fans = hasattr(dense, "gain")
    assert five == pytest.approx(one / (5 if depends_on_fans else 1), rel=0.03)


def check_seed(row: Row) -> None:
    """As Keras' own: one seed, one array; no seed, one array per object."""
    np.testing.assert_array_equal(kernel(row.make(7)), kernel(row.make(7)))
    assert not np.array_equal(kernel(row.make(7)), kernel(row.make(8)))
    unseeded = row.make(None)
    np.testing.assert_array_equal(kernel(unseeded), kernel(unseeded))
    assert not np.array_equal(kernel(unseeded), kernel(row.make(None)))
    generator = row.make(keras.random.SeedGenerator(1))
    assert not np.array_equal(kernel(generator), kernel(generator))


def check_config_round_trip(row: Row) -> None:
    initializer = row.make(3)
    json.dumps(initializer.get_config())
    copy = keras.initializers.deserialize(keras.initializers.serialize(initializer))
    assert copy.get_config() == initializer.get_config()
    np.testing.assert_array_equal(kernel(copy), kernel(initializer))
    np.testing.assert_array_equal(kernel(initializer.clone()), kernel(initializer))


def check_dtype(row: Row) -> None:
    for dtype in ("float16", "bfloat16", "float32"):
        assert keras.backend.standardize_dtype(row.make(0)((4, 4), dtype=dtype).dtype) == dtype


def check_refuses_invalid_arguments(row: Row) -> None:
    for arguments, message in row.invalid:
        with pytest.raises(ValueError, match=message):
            type(row.make(0))(**arguments)


ROWS = {
    "He": Row(
        lambda seed: initializers.He(seed=seed),
        2 / FAN_IN,
        invalid=(
            ({"mode": "fan_avg"}, "`mode` must be one of"),
            ({"distribution": "normal"}, "`distribution` must be one of"),
        ),
    ),
    "He-fan-out": Row(lambda seed: initializers.He("fan_out", seed=seed), 2 / FAN_OUT),
    "SmallRandom": Row(
        lambda seed: initializers.SmallRandom(seed=seed),
        0.01**2,
        invalid=(({"stddev": 0.0}, "`stddev` must be above 0"),),
    ),
    "VariancePreserving": Row(
        lambda seed: initializers.VariancePreserving("relu", seed=seed),
        2 / FAN_IN,
        invalid=(
            ({"pieces": 0}, "`pieces` must be at least 1"),
            ({"mode": "fan_in"}, "`mode` must be one of"),
            ({"activation": "softmax"}, "on each element separately"),
            ({"activation": keras.ops.zeros_like}, "finite, non-zero second moment"),
        ),
    ),
    "VariancePreserving-layer-backward-uniform": Row(
        lambda seed: initializers.VariancePreserving(
            keras.layers.LeakyReLU(0.5), mode="backward", distribution="uniform", seed=seed
        ),
        2 / (1 + 0.5**2) / FAN_OUT,
    ),
    "VariancePreserving-maxout": Row(
        lambda seed: initializers.VariancePreserving(pieces=2, seed=seed), 1 / FAN_IN
    ),
    "Xavier": Row(
        lambda seed: initializers.Xavier(seed=seed),
        1 / FAN_IN,
        invalid=(({"mode": "fan_out"}, "`mode` must be one of"),),
    ),
    "Xavier-paper": Row(
        lambda seed: initializers.Xavier("fan_avg", distribution="truncated_normal", seed=seed),
        2 / (FAN_IN + FAN_OUT),
    ),
}

CHECKS = {
    "variance": check_variance,
    "convolution": check_convolutions_count_their_window,
    "seed": check_seed,
    "config": check_config_round_trip,
    "dtype": check_dtype,
    "invalid-arguments": check_refuses_invalid_arguments,
}


def kernel(initializer: keras.initializers.Initializer) -> np.ndarray:
    return ops.convert_to_numpy(initializer((FAN_IN, FAN_OUT))).astype("float64")
