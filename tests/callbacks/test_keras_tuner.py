"""KerasTuner copies the callbacks of a search for each trial; the original shows the latest."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_babysit as kb

pytest.importorskip("six", reason="KerasTuner imports it without requiring it")
keras_tuner = pytest.importorskip("keras_tuner")

X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")


def build(hp):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(hp.Int("units", 1, 4), name="one")])
    model.add(layers.Dense(1))
    model.compile("sgd", "mse")
    return model


@pytest.mark.filterwarnings("ignore")
def test_the_sitter_of_a_search_shows_its_latest_trial(tmp_path):
    sitter = kb.Babysitter(every=1, verbose=0)
    tuner = keras_tuner.GridSearch(build, "val_loss", directory=tmp_path)
    data = {"validation_data": (X, X[:, :1])}
    tuner.search(X, X[:, :1], epochs=2, verbose=0, callbacks=[sitter], **data)
    assert len(tuner.oracle.trials) == 4
    assert len(sitter.history.series("logs/val_loss")) == 2
    assert sitter.history.facts.layers["one"].units == 4
    assert sitter.verdict.headline
