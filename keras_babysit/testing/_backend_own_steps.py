"""What a backend module must do to run a training step of the user's as it is."""

import keras
import numpy as np

from keras_babysit.backends.kept_state import kept_state


def check_kept_variables_are_put_back(backend):
    variable = keras.Variable(np.ones(3, "float32"))
    put_back = backend.keep(variable)
    variable.assign(np.zeros(3))
    put_back()
    np.testing.assert_array_equal(backend.to_numpy(variable.value), np.ones(3))
    assert backend.keep("text") is None


def check_values_are_handed_out(backend):
    found = []

    def step(x):
        backend.hand_out(found.append, 2 * x)
        return x

    with backend.uncompiled():
        backend.compile(step, backend.to_tensor(np.float32(2)))
        step(backend.to_tensor(np.float32(4)))
    assert 8.0 in [float(backend.to_numpy(one)) for one in found]
    assert not backend.is_recomputing()


def check_own_arguments_can_be_overwritten(backend):
    tensor = backend.to_tensor(np.arange(4.0))
    np.testing.assert_array_equal(backend.to_numpy(backend.own(tensor)), np.arange(4.0))
    assert backend.own("text") == "text"


def check_gradients_come_dense(backend):
    gradient = backend.to_tensor(np.ones((2, 3), "float32"))
    np.testing.assert_array_equal(backend.to_numpy(backend.dense(gradient)), np.ones((2, 3)))


def check_a_keras_optimizer_is_none_of_the_backend(backend):
    assert not backend.is_optimizer(keras.optimizers.SGD())
    assert not backend.is_walked([])


def check_whatever_a_function_reaches_is_kept(backend):
    del backend
    counts, total = {"calls": [0]}, keras.metrics.Sum()
    total.update_state(1.0)
    with kept_state(lambda: (counts, total)):
        counts["calls"][0] += 1
        counts["more"] = 1
        total.update_state(1.0)
    assert counts == {"calls": [0]}
    assert float(total.result()) == 1.0


CHECKS = {
    "keep": check_kept_variables_are_put_back,
    "hand-out": check_values_are_handed_out,
    "own": check_own_arguments_can_be_overwritten,
    "dense": check_gradients_come_dense,
    "optimizers": check_a_keras_optimizer_is_none_of_the_backend,
    "kept-state": check_whatever_a_function_reaches_is_kept,
}
