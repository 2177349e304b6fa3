"""Values that are missing from the data: a fault where training suffers from them, else none."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_babysit as kb
from keras_babysit.findings import Severity
from tests.gaps import Filled, error_of_what_is_there

pytestmark = pytest.mark.any_backend


def linear_data(count=4000):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(count, 4)).astype("float32")
    return x, x @ np.array([[1.0], [-2.0], [0.5], [0.0]], "float32")


def alarms(x, y, *hidden, loss="mse"):
    keras.utils.set_random_seed(0)
    hidden = [*hidden, layers.Dense(8, "tanh"), layers.Dense(1)]
    model = keras.Sequential([keras.Input((4,)), *hidden])
    model.compile(keras.optimizers.Adam(0.01), loss)
    sitter = kb.Babysitter(every=25, verbose=0)
    model.fit(x, y, batch_size=20, epochs=4, verbose=0, callbacks=[sitter])
    return [(a.rule, a.target) for a in sitter.findings if a.severity >= Severity.WARNING]


@pytest.mark.parametrize(
    ("index", "target"),
    [pytest.param(0, "inputs[0]", marks=pytest.mark.each_backend), (1, "targets[0]")],
)
def test_one_missing_value_in_a_batch_that_nobody_saw_is_found(index, target):
    data = linear_data()
    data[index][20 * 101, 0] = np.nan
    assert alarms(*data) == [("non_finite_inputs", target)]


def test_missing_labels_that_the_loss_leaves_out_are_no_fault():
    x, y = linear_data()
    y[::3] = np.nan
    assert alarms(x, y, loss=error_of_what_is_there) == []


def test_missing_inputs_that_a_layer_fills_are_no_fault():
    x, y = linear_data()
    x[::7, 3] = np.nan
    assert alarms(x, y, Filled()) == []
