"""Loops whose few batches come again and again in the same order."""

import keras
import numpy as np
import pytest

import keras_babysit as kb
from tests.callbacks import loops
from tests.callbacks.loops import LOOPS, X, Y, made

STEPS = 100
OWN = next(name for name in LOOPS if name != "train-on-batch")


@pytest.fixture(params=[4, 8, 16])
def number(request, monkeypatch):
    """Batches of the data. At powers of two, and at multiples of 16, the first one comes."""
    monkeypatch.setattr(loops, "SIZE", len(X) // request.param)
    return request.param


def watched(name, model, **options):
    optimizer = keras.optimizers.SGD(1e-6)
    with kb.watch(model, optimizer, steps=STEPS, verbose=0, **options) as sitter:
        LOOPS[name](STEPS, sitter.step, model, optimizer)
    assert sitter.history.facts.broke_off is None
    return sitter.history


@pytest.mark.parametrize("name", [OWN, "train-on-batch"])
def test_each_example_is_scored_once(name, number):
    model = made()
    history = watched(name, model, loss="mse")
    assert history.facts.data.examples == len(X)
    error = np.mean((model.predict(X, verbose=0) - Y) ** 2)
    assert history.last("score/loss", "train") == pytest.approx(error, rel=1e-4)
    # Beside copies of themselves, the neighbours would know every answer.
    assert history.last("reference/neighbour_error", "train") > 0.1


def test_units_are_dead_if_no_batch_opens_them(number):
    model = made()
    last = X[-len(X) // number :]
    example = last[np.argmax(np.linalg.norm(last, axis=1))]
    kernel = np.zeros((6, 8), "float32")
    kernel[:, 0] = example  # open for this example of the last batch, closed for all of the others
    others = X[~(example == X).all(axis=1)]
    between = (np.max(others @ example) + example @ example) / 2
    bias = np.array([-between, -1, *np.ones(6)], "float32")
    model.get_layer("hidden").set_weights([kernel, bias])
    assert np.max(others @ example) < between < example @ example
    history = watched(OWN, model, every=16)
    found = history.series("activations/dead_fraction", "hidden")
    assert found.values.tolist() == pytest.approx([1 / 8] * len(found))
    assert found.steps.tolist()[-1] == STEPS
