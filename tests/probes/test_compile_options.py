"""What JAX compiles with: options that another version may not have."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("compiles with options of its own on JAX alone", allow_module_level=True)

import jax

from keras_babysit.backends import jax as jax_backend

on_a_cpu = pytest.mark.skipif(jax.default_backend() != "cpu", reason="no options on an accelerator")


def test_an_option_that_is_not_known_is_left_out():
    assert jax_backend.has_compiler_option("xla_backend_optimization_level", 0)
    assert not jax_backend.has_compiler_option("xla_no_such_option", True)


@on_a_cpu
def test_what_is_small_and_what_is_large_gives_the_same():
    def total(values):
        return sum(jax.numpy.tanh(value).sum() for value in values)

    graph = jax_backend.compile(total)
    for count in (1, jax_backend.FEW_ARRAYS, jax_backend.FEW_ARRAYS + 1):
        for shape in ((8,), (2, 2, 1, 2)):
            values = [np.full(shape, 0.5, "float32")] * count
            np.testing.assert_allclose(graph(values), count * 8 * np.tanh(0.5), rtol=1e-5)


@on_a_cpu
def test_many_convolutions_alone_are_optimised():
    options = {
        (few, conv): jax_backend.compiler_options_of(few, conv)
        for few in (True, False)
        for conv in (0, 1)
    }
    assert len({str(chosen) for chosen in options.values()}) == 3
    levels = {key: chosen["xla_backend_optimization_level"] for key, chosen in options.items()}
    assert levels == {(True, 0): 0, (True, 1): 0, (False, 0): 0, (False, 1): 1}
