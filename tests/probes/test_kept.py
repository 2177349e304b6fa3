"""What one run compiled serves the next run of the same model, and only of that."""

import gc
import pickle
import weakref

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.backends import backend
from keras_babysit.probes.kept import ATTRIBUTE, Kept, key_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(128, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("int32")

compiles = pytest.mark.skipif(not backend.CAN_COMPILE, reason="nothing is compiled there")


def network():
    layers = [keras.layers.Dense(3, "relu"), keras.layers.Dense(2, "softmax")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    compile_it(model)
    return model


def compile_it(model):
    model.compile("adam", "sparse_categorical_crossentropy")


def fit(model, x=X):
    sitter = kb.Babysitter(verbose=0)
    model.fit(x, Y, verbose=0, validation_data=(x, Y), callbacks=[sitter])
    assert sitter.history.facts.broke_off is None
    return sitter


@pytest.fixture
def compilations(monkeypatch):
    """The functions that are compiled, from now on."""
    made, compile_ = [], backend.compile

    def listening(function, *examples, **options):
        made.append(function)
        return compile_(function, *examples, **options)

    monkeypatch.setattr(backend, "compile", listening)
    return made


def quantities(sitter):
    history = sitter.history
    return {(one.quantity, one.target) for one in history}


@compiles
def test_a_second_run_compiles_neither_probe_nor_score(compilations):
    model = network()
    first = fit(model)
    before = {id(graph) for graph in graphs(model)}
    second = fit(model)
    assert {id(graph) for graph in graphs(model)} == before
    assert len(before) == 3  # probe, score, and how the loss behaves
    # What the outputs depend on is the first that a further run leaves out for its cost.
    spared = {("inference/batch_dependence", "outputs[0]")}
    assert quantities(first) - spared == quantities(second) - spared
    assert first.history.facts.layers == second.history.facts.layers


def graphs(model):
    return [part for _, part in getattr(model.train_function, ATTRIBUTE)._parts.values()]


@compiles
@pytest.mark.parametrize("change", ["compile", "freeze"])
def test_a_model_that_was_changed_is_compiled_for_again(change):
    model = network()
    fit(model)
    before = {id(graph) for graph in graphs(model)}
    if change == "freeze":
        model.layers[0].trainable = False
    compile_it(model)
    fit(model)
    assert not before & {id(graph) for graph in graphs(model)}


@compiles
def test_what_fails_in_a_later_run_is_made_anew(monkeypatch):
    from keras_babysit.probes.probe import Probe

    model = network()
    fit(model)
    (old,) = (part for part in graphs(model) if isinstance(part, Probe))
    call = Probe.__call__

    def failing(self, *args, **options):
        if self is old:
            raise ValueError("for other data")
        return call(self, *args, **options)

    monkeypatch.setattr(Probe, "__call__", failing)
    sitter = fit(model)
    assert sitter.history.targets("gradients/norm")
    assert old not in graphs(model)


def test_it_dies_with_its_model():
    model = network()
    fit(model)
    gone = weakref.ref(model)
    del model
    keras.backend.clear_session()
    gc.collect()
    assert gone() is None


def test_it_is_neither_saved_nor_copied(tmp_path):
    model = network()
    fit(model)
    model.save(tmp_path / "model.keras")
    for copy in (
        keras.models.load_model(tmp_path / "model.keras"),
        keras.models.clone_model(model),
        pickle.loads(pickle.dumps(model)),
    ):
        assert not hasattr(copy.train_function, ATTRIBUTE)


def test_without_a_train_function_that_takes_attributes_nothing_is_kept():
    for function in (None, print):
        Kept.of(function).keep("probe", (), "graph")
        assert Kept.of(function).recall("probe", ()) is None


def test_a_key_tells_layers_shapes_and_types_apart():
    model = network()
    batch = (X, Y, None)
    key = key_of(model, model.layers, batch)
    kept = Kept()
    kept.keep("probe", key, "graph")
    assert kept.recall("probe", key_of(model, model.layers, (X[:7], Y[:7], None))) == "graph"
    for other in (
        key_of(model, model.layers[:1], batch),
        key_of(network(), model.layers, batch),
        key_of(model, model.layers, (X[:, :2], Y, None)),
        key_of(model, model.layers, (X, Y.astype("int64"), None)),
        key_of(model, model.layers, (X, Y, np.ones(128))),
    ):
        assert kept.recall("probe", other) is None
    kept.forget()
    assert kept.recall("probe", key) is None
