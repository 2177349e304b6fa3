"""Tensors as arrays to compute with."""

import numpy as np
import pytest
from keras import ops

from keras_babysit.backends import to_array


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("bfloat16", "float32"),
        ("float16", "float32"),
        ("float32", "float32"),
        ("int32", "int32"),
        ("bool", "bool"),
    ],
)
def test_small_floats_become_float32_and_all_else_stays(dtype, expected):
    found = to_array(ops.cast(ops.convert_to_tensor([1.0, 0.0, 1.5]), dtype))
    assert found.dtype == expected
    np.testing.assert_array_equal(found, np.array([1, 0, 1.5]).astype(expected))


def test_arrays_and_numbers_pass():
    assert to_array(np.float16(300)) ** 2 == 90_000
    assert to_array([1, 2]).tolist() == [1, 2]
