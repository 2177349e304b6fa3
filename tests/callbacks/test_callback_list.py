"""A `CallbackList` around `train_on_batch`: the same measurements as in `fit`, and the same run."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_babysit as kb

X = np.random.default_rng(0).normal(size=(48, 4)).astype("float32")
Y = X[:, :1].copy()


def compiled(rate=0.5):
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(6, "relu"), layers.Dropout(rate), layers.Dense(1)]
    )
    model.compile("adam", "mse")
    return model


def loop(*callbacks, rate=0.5, **params):
    model = compiled(rate)
    watching = keras.callbacks.CallbackList(list(callbacks), model=model, **params)
    losses = []
    watching.on_train_begin()
    for epoch in range(2):
        watching.on_epoch_begin(epoch)
        for step in range(3):
            batch = slice(16 * step, 16 * step + 16)
            watching.on_train_batch_begin(step)
            logs = model.train_on_batch(X[batch], Y[batch], return_dict=True)
            watching.on_train_batch_end(step, logs)
            losses.append(logs["loss"])
        watching.on_epoch_end(epoch, logs)
    watching.on_train_end()
    return [*model.get_weights(), np.array(losses)]


PLANNED = {"epochs": 2, "steps": 3}


@pytest.mark.parametrize(
    ("params", "recorder"),
    [
        pytest.param(PLANNED, True, id="planned-recorder"),
        pytest.param(PLANNED, False, id="planned-plain", marks=pytest.mark.any_backend),
        pytest.param({}, True, id="open-recorder", marks=pytest.mark.any_backend),
        pytest.param({}, False, id="open-plain", marks=pytest.mark.any_backend),
    ],
)
def test_each_step_is_measured_and_none_is_changed(params, recorder, tmp_path):
    options = {"record": tmp_path, "rescue": True} if recorder else {}
    sitter = kb.Babysitter(every=1, verbose=0, **options)
    for found, expected in zip(loop(sitter, **params), loop(), strict=True):
        np.testing.assert_array_equal(found, expected)
    history = sitter.history
    assert history.facts.broke_off is None
    assert history.series("updates/ratio", "dense/kernel").steps.tolist() == list(range(6))
    assert history.series("activations/std", "dense").steps.tolist() == list(range(7))
    assert history.series("score/loss", "train").steps.tolist() == [3, 6]
    assert history.series("logs/loss").steps.tolist() == [3, 6]


def test_it_measures_what_it_measures_in_fit():
    in_fit, in_loop = (kb.Babysitter(every=1, verbose=0) for _ in range(2))
    model = compiled(rate=0)  # on PyTorch, `fit` draws other masks of its own
    model.fit(X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0, callbacks=[in_fit])
    loop(in_loop, rate=0, epochs=2, steps=3)
    for quantity in ("loss/batch", "activations/std", "updates/ratio", "gradients/norm"):
        for target in in_fit.history.targets(quantity):
            series = [one.history.series(quantity, target) for one in (in_fit, in_loop)]
            np.testing.assert_allclose(series[0].values, series[1].values, rtol=1e-5)
            assert series[0].steps.tolist() == series[1].steps.tolist()
