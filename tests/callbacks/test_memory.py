"""A probe takes a bounded part of the memory, and less where that does not suffice."""

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.backends import backend
from keras_babysit.probes import Probe
from keras_babysit.probes.score import Score
from keras_babysit.probes.scoring import PROBES_PER_PASS

X = np.random.default_rng(0).normal(size=(1024, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("int32")


def fit(sitter, batch_size=512, examples=1024):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = X[:examples], Y[:examples]
    return model.fit(x, y, batch_size=batch_size, epochs=2, verbose=0, callbacks=[sitter])


def watch(monkeypatch, kind, limit):
    """Let calls of a kind fail above a number of examples; return the sizes that were tried."""
    tried, call = [], kind.__call__

    def limited(self, state, batch, *arguments, **options):
        size = arguments[0] if arguments else len(batch[0])
        tried.append(size)
        if size > limit:
            raise MemoryError("no memory for so many")
        return call(self, state, batch, *arguments, **options)

    monkeypatch.setattr(kind, "__call__", limited)
    return tried


def test_a_probe_takes_at_most_so_many_examples(monkeypatch):
    tried = watch(monkeypatch, Probe, limit=10_000)
    fit(kb.Babysitter(every=1, verbose=0))
    assert set(tried) == {256}


@pytest.mark.skipif(not backend.COMPILES_EACH_SIZE, reason="sizes cost nothing on this backend")
@pytest.mark.parametrize(
    ("batch_size", "expected"), [(1, {1, 2, 4, 8, 16, 32}), (48, {48}), (100, {100})]
)
def test_where_each_size_is_a_compilation_there_are_few_of_them(monkeypatch, batch_size, expected):
    sizes, call = set(), Probe.__call__

    def seen(self, state, batch, **options):
        sizes.add(len(batch[0]))
        return call(self, state, batch, **options)

    monkeypatch.setattr(Probe, "__call__", seen)
    fit(kb.Babysitter(every=1, verbose=0), batch_size, examples=70 if batch_size == 1 else 250)
    assert sizes == expected


@pytest.mark.parametrize("kind", [Probe, Score])
def test_without_memory_for_that_a_quarter_is_measured_and_that_is_said_once(monkeypatch, kind):
    tried = watch(monkeypatch, kind, limit=100)
    sitter = kb.Babysitter(every=1, verbose=0)
    fit(sitter)
    if tried[0] == PROBES_PER_PASS * 256:  # an uncompiled one goes on with what a probe takes
        del tried[0]
    assert tried[0] > 100
    assert set(tried[1:]) == {tried[0] // 4}
    (note,) = (finding for finding in sitter.findings if finding.rule == "not_watched")
    assert note.severity is kb.Severity.NOTE
    assert f"{tried[1]} examples instead of {tried[0]}" in note.message
    assert sitter.history.last("loss/batch") > 0
    assert sitter.history.last("score/loss", "train") > 0


def test_without_memory_for_a_quarter_either_no_layer_is_measured(monkeypatch):
    tried = watch(monkeypatch, Probe, limit=10)
    sitter = kb.Babysitter(every=1, verbose=0)
    history = fit(sitter)
    (note,) = [one for one in sitter.findings if one.rule == "not_watched"]
    assert note.message == (
        "Layers, gradients and updates not measured from here on: monitoring raised MemoryError "
        "(no memory for so many)."
    )
    assert tried[:2] == [256, 64]
    assert len(history.history["loss"]) == 2


def test_the_backend_says_when_memory_does_not_suffice():
    with pytest.raises(Exception, match=r".") as caught:  # 4e17 bytes
        keras.ops.convert_to_numpy(keras.ops.zeros((10**8, 10**9)) + 1)
    assert backend.is_out_of_memory(caught.value), repr(caught.value)
    assert not backend.is_out_of_memory(ValueError("no"))
