import keras
import numpy as np
import pytest
from keras import ops

from keras_babysit.backends import backend
from keras_babysit.probes.readings import norm


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e25])
def test_the_norm_is_that_of_numpy_however_large(scale):
    tensor = scale * np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    expected = np.linalg.norm(tensor.astype("float64"))
    assert float(norm(ops.convert_to_tensor(tensor))) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_norm_is_not_finite_if_an_entry_is_not(bad):
    tensor = np.ones((5, 3), "float32")
    tensor[1, 2] = bad
    assert not np.isfinite(float(norm(ops.convert_to_tensor(tensor))))


def test_a_gradient_that_a_compiler_knows_to_be_zero_has_the_norm_zero():
    x = ops.ones((4,))

    def stopped(x):
        return norm(ops.zeros((8, 4))) + 0 * ops.sum(x)

    assert float(keras.ops.convert_to_numpy(backend.compile(stopped, x)(x))) == 0
