"""Nothing leaks: however `fit` ends, the model and the process are as if it was never watched."""

import functools
import gc
import os
import pickle
import threading
import weakref
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_babysit as kb

BACKEND = keras.backend.backend()
slow_on_jax = pytest.mark.slow if BACKEND == "jax" else lambda test: test  # it compiles each model
STATM = Path("/proc/self/statm")
layers = keras.layers
X = np.random.default_rng(0).normal(size=(48, 4)).astype("float32")
Y = np.random.default_rng(1).integers(0, 2, 48)


def make():
    keras.utils.clear_session()  # names count from the start again
    keras.utils.set_random_seed(3)
    inner = [layers.Dense(4, "tanh", name="dense"), layers.BatchNormalization(name="norm")]
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(4, "relu", name="first"),
            keras.Sequential(inner, name="inner"),
            layers.Dropout(0.2, seed=1, name="dropout"),
            layers.Dense(2, "softmax", name="last"),
        ],
        name="model",
    )
    model.compile(keras.optimizers.Adam(name="adam"), "sparse_categorical_crossentropy")
    return model


class Raise(keras.callbacks.Callback):
    """Raises in one hook; after the sitter's own, as it stands behind it in the list."""

    def __init__(self, hook, error):
        super().__init__()
        self.error = error
        setattr(self, hook, self._raise)

    def _raise(self, index, logs=None):
        if index == 1:
            raise self.error("another callback")


class Stop(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        self.model.stop_training = True


def end_normally(model, callbacks):
    fit(model, callbacks)


def end_by_stop_training(model, callbacks):
    fit(model, [*callbacks, Stop()])


def end_by_nan(model, callbacks):
    fit(model, [*callbacks, keras.callbacks.TerminateOnNaN()], x=np.full_like(X, np.nan))


def end_by_error(hook, error):
    def end(model, callbacks):
        with pytest.raises(error):
            fit(model, [*callbacks, Raise(hook, error)])

    return end


def end_by_error_in_the_data(model, callbacks):
    class Broken(keras.utils.PyDataset):
        def __len__(self):
            return 6

        def __getitem__(self, index):
            if index == 3:
                raise RuntimeError("a broken file")
            return X[8 * index :][:8], Y[8 * index :][:8]

    with pytest.raises(Exception, match="a broken file"):
        model.fit(Broken(), shuffle=False, verbose=0, callbacks=callbacks)


ENDS = {
    "normally": end_normally,
    "stop-training": end_by_stop_training,
    "nan": end_by_nan,
    "error-before-a-step": end_by_error("on_train_batch_begin", RuntimeError),
    "error-in-validation": end_by_error("on_test_batch_begin", RuntimeError),
    "error-after-an-epoch": end_by_error("on_epoch_end", RuntimeError),
    "interrupt-before-a-step": end_by_error("on_train_batch_begin", KeyboardInterrupt),
    "interrupt-after-a-step": end_by_error("on_train_batch_end", KeyboardInterrupt),
    "error-in-the-data": end_by_error_in_the_data,
}


def fit(model, callbacks=(), x=X, **options):
    options = {"epochs": 2, "batch_size": 8, "verbose": 0, "validation_data": (X, Y)} | options
    return model.fit(x, Y, callbacks=list(callbacks), **options)


def traits(model):
    """Return all by which a model could tell that it was watched, except the values of weights."""
    parts = [model, *model._flatten_layers(include_self=False)]
    return {
        "attributes": [sorted(vars(part)) for part in parts],
        "activations": [getattr(part, "activation", None) for part in parts],
        "functions": [
            getattr(getattr(model, name), "__qualname__", str(type(getattr(model, name))))
            for name in ("train_function", "test_function")
        ],
        "variables": [variable.path for variable in model.variables],
        "optimizer": [variable.path for variable in model.optimizer.variables],
        "metrics": [variable.path for variable in model.metrics_variables],
        "losses": len(model.losses),
        "config": model.get_config(),
        "classes": [type(part).__qualname__ for part in parts],
    }


WATCHERS = {
    "plain": lambda folder: {},
    "recorder": lambda folder: {"record": folder / "record", "rescue": True},
}
"""Options of a sitter by what it does."""

# Each of them compiles for seconds, except on PyTorch.
QUICK_ENDS = tuple(ENDS) if BACKEND == "torch" else ("normally", "nan", "interrupt-after-a-step")
ENDS_WITH_RECORDER = [
    pytest.param(way, "recorder", marks=() if way in QUICK_ENDS else pytest.mark.slow)
    for way in ENDS
]


def watched(model, end, tmp_path, watcher="plain"):
    """Watch a run to its end, with all there is; forget the sitter, return what is left of it."""
    sinks = [kb.sinks.JsonLines(tmp_path / "run.jsonl")]
    options = WATCHERS[watcher](tmp_path) | {"log_dir": tmp_path / "logs", "sinks": sinks}
    sitter = kb.Babysitter(every=1, verbose=0, **options)
    end(model, [sitter])
    session, recorder = sitter.session, sitter.session.recorder
    assert (recorder is not None) == (watcher == "recorder")
    parts = [weakref.ref(part) for part in (session, recorder) if part is not None]
    gone = threading.Event()
    weakref.finalize(session, gone.set).atexit = False
    del sitter, session, recorder
    # What is left of `fit`, then of the exception, then of the session. A thread in which Keras
    # calls callbacks may still hold the list of them for a moment.
    for _ in range(1000):
        gc.collect()
        if gone.wait(0.01) and not any(part() for part in parts):
            break
    return [part() for part in parts if part() is not None]


@functools.cache
def end_alone(way):
    """Return the traits of a model after an unwatched run, and its first and last weights."""
    model = make()
    begun = model.get_weights()
    keras.utils.set_random_seed(4)
    ENDS[way](model, [])
    return traits(model), begun, model.get_weights()


ON_EACH_BACKEND = {
    *(("normally", "plain"), ("error-in-the-data", "plain")),
    *(("interrupt-before-a-step", "plain"), ("nan", "recorder")),
}


def on_backends(way, watcher):
    """Return the marks of one end: those that no code of a backend takes part in run on one."""
    return [pytest.mark.any_backend] * ((way, watcher) not in ON_EACH_BACKEND)


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")  # Keras averages NaN
@pytest.mark.parametrize(
    ("way", "watcher"),
    [
        *(pytest.param(way, "plain", marks=on_backends(way, "plain")) for way in ENDS),
        *ENDS_WITH_RECORDER,
    ],
)
def test_however_it_ends_the_model_was_never_watched(way, watcher, tmp_path):
    traits_alone, begun, ended = end_alone(way)
    model, threads = make(), threading.enumerate()
    keras.utils.set_random_seed(4)
    assert not watched(model, ENDS[way], tmp_path, watcher)
    assert traits(model) == traits_alone
    new = set(threading.enumerate()) - set(threads)
    assert not [thread for thread in new if thread.name.startswith("keras-babysit")]
    # No step of that run is good: the rescue goes back to what it began with.
    is_rescued = (way, watcher) == ("nan", "recorder")
    expected = begun if is_rescued else ended
    for one, other in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("way", "watcher"),
    [("normally", "recorder"), ("normally", "plain"), ("interrupt-before-a-step", "plain")],
)
def test_it_is_saved_and_pickled_as_before(way, watcher, tmp_path):
    model = make()
    watched(model, ENDS[way], tmp_path, watcher)
    expected = model.predict(X, verbose=0)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(again.predict(X, verbose=0), expected, rtol=1e-6)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(X, verbose=0), expected, rtol=1e-6)
    np.testing.assert_allclose(keras.models.clone_model(model)(X).shape, expected.shape)


def test_it_can_be_saved_in_the_middle_of_a_run(tmp_path):
    model = make()
    saved = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}.keras", save_freq=4)
    fit(model, [kb.Babysitter(every=1, verbose=0), saved])
    assert len(list(tmp_path.iterdir())) == 3
    for path in tmp_path.iterdir():
        keras.saving.load_model(path)


def test_a_step_of_a_later_fit_is_not_looked_at_while_a_traceback_is_kept():
    """A notebook keeps the latest traceback, and by it all that the broken run had."""
    model = make()
    sitter = kb.Babysitter(every=1, verbose=0)
    with pytest.raises(KeyboardInterrupt) as kept:
        fit(model, [sitter, Raise("on_train_batch_begin", KeyboardInterrupt)])
    before = len(sitter.history)
    fit(model)
    assert kept.tb is not None
    assert len(sitter.history) == before
    assert model.train_function.__qualname__ == end_alone("normally")[0]["functions"][0]


@pytest.mark.parametrize("way", ["nan", "interrupt-before-a-step", "error-in-validation"])
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_after_any_end_the_next_fit_is_watched(way):
    model = make()
    same, other = kb.Babysitter(every=1, verbose=0), kb.Babysitter(every=1, verbose=0)
    ENDS[way](model, [same])
    fit(model, [same, other])
    for sitter in (same, other):
        assert sitter.history.series("loss/batch").steps.tolist() == list(range(13))
        assert sitter.history.facts.broke_off is None


def collect():
    """Let go of all that nobody holds: what finalizers hold goes with the next collection."""
    for _ in range(3):
        gc.collect()


@slow_on_jax
def test_many_fits_keep_nothing(tmp_path):
    """No object outlives its run, and their number does not grow with that of the runs."""
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=BACKEND != "jax")
    sessions = []

    def growth(fits, watcher=None):
        collect()
        before = len(gc.get_objects())
        for _ in range(fits):
            options = WATCHERS[watcher](tmp_path) if watcher else {}
            sitter = kb.Babysitter(verbose=0, **options)
            callbacks = [sitter] if watcher else []
            model.fit(X[:6], Y[:6], verbose=0, callbacks=callbacks)  # too few to score
            sessions.append(weakref.ref(sitter.session) if watcher else lambda: None)
        del sitter, callbacks
        collect()
        return len(gc.get_objects()) - before - fits  # each leaves its entry in the list

    growth(5, "plain")
    growth(5, "recorder")
    alone, watched = growth(10), growth(40, "plain") + growth(10, "recorder")
    assert not [session for session in sessions if session() is not None]
    # Keras and the backend keep something now and then; of ours there is nothing per run.
    assert watched - 5 * alone < 40


def resident():
    """Return the resident memory of this process in bytes, as Linux tells it."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not STATM.exists(), reason="Linux tells the resident memory")
@pytest.mark.skipif(BACKEND == "jax", reason="JAX keeps what it compiled for each model")
@pytest.mark.parametrize(
    "watcher",
    ["recorder", pytest.param("plain", marks=[] if BACKEND == "torch" else pytest.mark.slow)],
)
def test_memory_stays_flat(watcher, tmp_path):
    """Not even one copy of the weights is kept by every other run; a recorder holds two."""
    model = keras.Sequential([keras.Input((1024,)), layers.Dense(1024)])
    model.compile("sgd", "mse", run_eagerly=True)
    x, fits = np.ones((32, 1024), "float32"), 24

    def fit_again(times):
        for _ in range(times):
            sitter = kb.Babysitter(verbose=0, **WATCHERS[watcher](tmp_path))
            model.fit(x, x, batch_size=16, verbose=0, callbacks=[sitter])
        del sitter
        gc.collect()

    fit_again(fits // 2)  # until the allocator has what a run needs
    before = resident()
    fit_again(fits)
    assert resident() - before < fits / 2 * sum(w.nbytes for w in model.get_weights())


def test_two_fits_at_once_in_two_threads(tmp_path):
    models = [make() for _ in range(2)]
    sitters = [
        kb.Babysitter(every=1, verbose=0, sinks=[kb.sinks.JsonLines(tmp_path / f"{index}.jsonl")])
        for index in range(2)
    ]
    threads = [
        threading.Thread(target=fit, args=(model, [sitter]))
        for model, sitter in zip(models, sitters, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, sitter in enumerate(sitters):
        assert sitter.history.facts.broke_off is None
        written = kb.History.from_jsonl(tmp_path / f"{index}.jsonl")
        assert written.series("loss/batch").steps.tolist() == list(range(13))
