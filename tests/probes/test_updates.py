import keras
import numpy as np
import pytest

from keras_babysit.backends import backend
from keras_babysit.probes import updates
from keras_babysit.probes.probe import weight_names
from keras_babysit.probes.update_ratio import UpdateRatio
from tests.probes.parts import network


def trained(model):
    """Return the result of a step of Keras that has left these weights."""
    if keras.backend.backend() != "jax":
        return {"loss": 1.0}
    return {"loss": 1.0}, ([variable.value for variable in model.trainable_variables], [], [], [])


@pytest.mark.parametrize("on_host", [True, False])
@pytest.mark.parametrize("is_small", [True, False])
def test_the_ratio_is_how_far_a_step_moved_each_weight(is_small, on_host, monkeypatch):
    if not is_small:
        monkeypatch.setattr(updates, "MAX_HOST_ENTRIES", 0)
    model = network()
    kernel = model.trainable_variables[0]
    before = np.array(backend.to_numpy(kernel.value))
    measure = updates.Updates(model, weight_names(model), is_compiled=False)
    known = measure.before(None, on_host=on_host)
    assert isinstance(known[0], UpdateRatio) == (not is_small and not on_host)
    kernel.assign(before * 1.25)
    found = measure.after(known, trained(model), step=3, epoch=1, steps=2)
    ratios = {one.target: one.value for one in found}
    assert ratios["hidden/kernel"] == pytest.approx(0.25 / 2, rel=1e-5)
    assert "hidden/bias" not in ratios  # 0 / 0: it began at zero
    assert {(one.step, one.epoch, one.quantity) for one in found} == {(3, 1, "updates/ratio")}


@pytest.mark.parametrize("on_host", [True, False])
def test_of_weights_in_half_precision_the_unchanged_entries_are_counted(on_host, monkeypatch):
    monkeypatch.setattr(updates, "MAX_HOST_ENTRIES", 0)
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy("bfloat16")
    try:
        model = network()
    finally:
        keras.config.set_dtype_policy(previous)
    kernel = model.trainable_variables[0]
    kernel.assign(np.ones(kernel.shape))
    measure = updates.Updates(model, weight_names(model), is_compiled=False)
    known = measure.before(None, on_host=on_host)
    change = np.full(kernel.shape, 1e-3)  # less than half of 2^-7, the distance of numbers above 1
    change[0] = 0.1
    kernel.assign(np.ones(kernel.shape) + change)
    found = measure.after(known, trained(model), step=3, epoch=1, steps=1)
    fractions = {o.target: o.value for o in found if o.quantity == "updates/unchanged_fraction"}
    assert fractions["hidden/kernel"] == pytest.approx(1 - 1 / kernel.shape[0], abs=1e-6)
    assert set(fractions) == set(weight_names(model))
