"""The host probe reads what a probe reads of the same things."""

import keras
import numpy as np
import pytest

from keras_babysit.backends import backend
from keras_babysit.backends.variables import stride
from keras_babysit.probes import host_probe
from keras_babysit.probes.update_ratio import ENTRIES, UpdateRatio


def tensors(arrays):
    return [keras.ops.convert_to_tensor(array) for array in arrays]


def test_data_and_weights_are_read_on_the_host():
    x = np.array([[1.0, 2.0], [3.0, np.nan]], "float32")
    y = np.array([0, 1])
    state = (tensors([np.array([[3.0, 4.0]], "float32")]), [], [])
    found = host_probe.read_on_host(["a/kernel"], state, (keras.ops.convert_to_tensor(x), y, None))
    assert found["inputs/nonfinite", "inputs[0]"] == 1
    assert found["weights/norm", "a/kernel"] == pytest.approx(5.0)
    assert not any(quantity.startswith("targets/") for quantity, _ in found)  # they are classes
    found = host_probe.read_on_host([], ([], [], []), (x[:1], np.array([2.0, 4.0]), None))
    assert found["inputs/mean", "inputs[0]"] == 1.5
    assert found["targets/std", "targets[0]"] == 1.0


@pytest.mark.parametrize("size", [1.0, 1e25, 0.0])
def test_ratios_on_the_host_are_those_of_the_graph(size):
    before = tensors([np.full((3, 4), size, "float32"), np.ones(5, "float32")])
    after = tensors([np.full((3, 4), 1.5 * size, "float32"), np.ones(5, "float32")])
    state = (before, [], [])
    ours, graph = host_probe.HostUpdateRatio(), UpdateRatio(is_compiled=False)
    expected = graph.after(graph.before(state), after)
    np.testing.assert_allclose(ours.after(ours.before(state), after), expected, rtol=1e-5)


@pytest.mark.parametrize("is_compiled", [True, False])
def test_of_a_large_weight_a_bounded_part_is_copied(is_compiled):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(512, 1024)).astype("float32"), np.ones((3, 4), "float32")]
    before = tensors(arrays)
    after = tensors([arrays[0] + 1e-2 * rng.normal(size=(512, 1024)).astype("float32"), arrays[1]])
    state = (before, [], [])
    for ratio in (host_probe.HostUpdateRatio(), UpdateRatio(is_compiled=is_compiled)):
        kept = ratio.before(state)
        assert np.prod(kept[0].shape) <= 2 * ENTRIES
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(kept[1]), arrays[1])
        moved, unchanged = ratio.after(kept, after)
        assert moved == pytest.approx([1e-2, 0.0], rel=0.02)
        assert unchanged == pytest.approx([0.0, 1.0], abs=1e-3)
    found = host_probe.read_on_host(["a", "b"], state, (np.ones((1, 1), "float32"), None, None))
    assert found["weights/norm", "a"] == pytest.approx(np.linalg.norm(arrays[0]), rel=0.02)
    columns = {index % 1024 for index in range(0, 512 * 1024, stride(512 * 1024, ENTRIES))}
    assert len(columns) > 1000  # not a few units alone


def test_a_weight_that_is_not_finite_has_no_finite_norm():
    state = (tensors([np.array([1.0, np.inf], "float32")]), [], [])
    found = host_probe.read_on_host(["a"], state, (np.ones((1, 1), "float32"), None, None))
    assert not np.isfinite(found["weights/norm", "a"])


def test_what_keras_returns_tells_the_first_loss():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 2), "float32"), np.zeros((4, 1), "float32")
    expected = model.evaluate(x, y, verbose=0)
    model.make_train_function()
    inner, losses = model.train_function, []

    def step(*arguments):
        result = inner(*arguments)
        losses.append(host_probe.first_loss(result))
        return result

    model.train_function = step
    model.fit(x, y, batch_size=4, epochs=1, verbose=0)
    assert losses == [pytest.approx(expected, rel=1e-5)]
    assert backend.start_seconds(100, is_compiled=True) > backend.start_seconds(1, is_compiled=True)
