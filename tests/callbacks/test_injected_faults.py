"""Faults from outside, one by one: `fit` goes on, one warning says so, and what was written stays.

What a rule, a sink or a probe does wrong is in `test_safety.py`; how sinks are called in
`test_delivery.py`.
"""

import os
import re
import resource
import shutil
import subprocess
import sys
import textwrap
import time

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import keras_babysit as kb
from keras_babysit.errors import KerasBabysitWarning
from keras_babysit.probes.probe import Probe
from keras_babysit.schedule import Schedule

BACKEND = keras.backend.backend()
layers = keras.layers
X = np.random.default_rng(0).normal(size=(48, 4)).astype("float32")
Y = np.random.default_rng(1).integers(0, 2, 48)


def small():
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(4, "relu", name="first"), layers.Dense(2, "softmax")]
    )
    # A few steps earn no compilation, except on JAX, which compiles each operation by itself.
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=BACKEND != "jax")
    return model


def fit(*callbacks, model=None):
    model = model or small()
    return model.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=list(callbacks))


class At(keras.callbacks.Callback):
    """Does something once, before the step with this number in the first epoch."""

    def __init__(self, step, do):
        super().__init__()
        self.step, self.do = step, do

    def on_train_batch_begin(self, batch, logs=None):
        if batch == self.step and self.do is not None:
            do, self.do = self.do, None
            do()


def swap(path, device, flags):
    """Let what this process has open at `path` be another file, as the kernel sees it."""

    def do():
        replacement = os.open(device, flags)
        for entry in os.listdir("/proc/self/fd"):
            link = f"/proc/self/fd/{entry}"
            if os.path.exists(link) and os.path.realpath(link) == os.path.realpath(path()):
                os.dup2(replacement, int(entry))
        os.close(replacement)

    return do


def disk_full(path):
    return swap(path, "/dev/full", os.O_WRONLY)


def read_only(path):
    return swap(path, os.devnull, os.O_RDONLY)


def quota(path):
    def do():
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path().stat().st_size + 100, hard))

    return do


def file_deleted(path):
    return lambda: path().unlink()


def folder_deleted(path):
    return lambda: shutil.rmtree(path().parent)


FAULTS = {
    "disk-full": (disk_full, "No space left on device"),
    "read-only": (read_only, "Bad file descriptor"),
    "quota": (quota, "File too large"),
    "file-deleted": (file_deleted, "Deleted during the run"),
    "folder-deleted": (folder_deleted, "Deleted during the run"),
}
"""How the file of a sink goes bad, and what the warning must say."""


@pytest.fixture
def _size_limit():
    """Put back the limit on the size of files, which counts for the process."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def json_lines(folder):
    return kb.sinks.JsonLines(folder / "a" / "run.jsonl"), lambda: folder / "a" / "run.jsonl"


def tensorboard(folder):
    return kb.sinks.TensorBoard(folder), lambda: next((folder / "babysit").iterdir())


@pytest.mark.any_backend
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a device that is full")
@pytest.mark.usefixtures("_size_limit")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("make", [json_lines, tensorboard])
def test_a_file_that_goes_bad_is_one_warning_and_what_was_written_stays(make, fault, tmp_path):
    sink, path = make(tmp_path)
    inject, message = FAULTS[fault]
    sitter = kb.Babysitter(every=1, verbose=0, sinks=[sink])
    name = type(sink).__name__
    with pytest.warns(KerasBabysitWarning, match=f"{name} is off.*{message}") as caught:
        history = fit(sitter, At(3, inject(path)))
    assert sum(issubclass(one.category, KerasBabysitWarning) for one in caught) == 1
    assert len(history.history["loss"]) == 2
    assert sitter.history.series("loss/batch").steps.tolist() == list(range(13))  # nothing is lost
    if "deleted" not in fault:
        assert steps_written(path()) == [0, 1, 2]
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    fit(sitter)  # the same sink begins afresh
    assert max(steps_written(path_of_latest(path, tmp_path))) == 12


def path_of_latest(path, folder):
    files = [file for file in folder.rglob("*") if file.is_file()]
    return max(files, key=lambda file: file.stat().st_mtime_ns)


def steps_written(path):
    if path.suffix == ".jsonl":
        return kb.History.from_jsonl(path).series("loss/batch").steps.tolist()
    events = EventAccumulator(str(path), size_guidance={"tensors": 0}).Reload()
    return [event.step for event in events.Tensors("babysit/loss/batch")]


def exhausted():
    """Return what the backend raises when memory is exhausted."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
    if BACKEND == "torch":
        import torch

        return torch.OutOfMemoryError("out of memory")
    import jax

    return jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")


@pytest.mark.parametrize("broken", [1, 3])
def test_a_probe_out_of_memory_is_said_once_and_training_goes_on(broken, monkeypatch):
    """At its first run less and less is watched; later the measurements are off."""
    inner, runs = Probe.__call__, []

    def run(self, *args, **kwargs):
        runs.append(self)
        if broken == 1 or len(runs) >= broken:
            raise exhausted()
        return inner(self, *args, **kwargs)

    monkeypatch.setattr(Probe, "__call__", run)
    bare, watched = small(), small()
    watched.set_weights(bare.get_weights())
    keras.utils.set_random_seed(1)
    fit(model=bare)
    keras.utils.set_random_seed(1)
    sitter = kb.Babysitter(every=1, verbose=0)
    fit(sitter, model=watched)
    (note,) = [one for one in sitter.findings if one.rule == "not_watched"]
    assert note.message.startswith("Layers, gradients and updates not measured from here on: ")
    assert re.search("OOM|emory", note.message)
    for one, other in zip(bare.get_weights(), watched.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_out_of_memory_at_first_watches_less(monkeypatch):
    inner = Probe.__call__

    def run(self, *args, **kwargs):
        if self.has_loss:
            raise exhausted()
        return inner(self, *args, **kwargs)

    monkeypatch.setattr(Probe, "__call__", run)
    sitter = kb.Babysitter(every=1, verbose=0)
    fit(sitter)
    (finding,) = [one for one in sitter.findings if one.rule == "not_watched"]
    assert finding.message.startswith("Loss and gradients not measured: the probe raised ")
    assert sitter.history.targets("activations/std")


class Clock:
    """A clock of `time` that jumps once, on request."""

    def __init__(self, name):
        self.inner, self.shift, self.readings = getattr(time, name), 0.0, 0

    def __call__(self):
        self.readings += 1
        return self.inner() + self.shift

    def jump(self, seconds):
        self.shift = seconds


def weights_after(*callbacks):
    keras.utils.set_random_seed(1)
    model = small()
    fit(*callbacks, model=model)
    return model.get_weights()


@pytest.mark.any_backend
@pytest.mark.parametrize("jump", [-1e9, 1e9])
@pytest.mark.parametrize("where", ["before-a-step", "while-it-judges"])
@pytest.mark.parametrize("name", ["time", "perf_counter"])
def test_a_clock_that_jumps_changes_nothing_but_how_often_it_looks(
    name, where, jump, monkeypatch, tmp_path
):
    clock = Clock(name)
    monkeypatch.setattr(time, name, clock)
    if name == "perf_counter":  # the schedule has got hold of it when it was imported
        monkeypatch.setitem(Schedule.__init__.__kwdefaults__, "clock", clock)

    def jumps(history):
        if where == "while-it-judges" and history.step >= 2:
            clock.jump(jump)
        return []

    sitters = [
        kb.Babysitter(verbose=0, rules=[jumps], log_dir=tmp_path),
        kb.Babysitter(verbose=0, rules=[jumps], every=1, record=tmp_path / "record"),
    ]
    before = At(2, lambda: clock.jump(jump) if where == "before-a-step" else None)
    watched = weights_after(*sitters, before)
    monkeypatch.undo()
    assert clock.shift == jump
    assert clock.readings > 10
    for one, other in zip(watched, weights_after(), strict=True):
        np.testing.assert_array_equal(one, other)
    for sitter in sitters:
        assert sitter.history.facts.broke_off is None
        assert sitter.history.facts.has_ended
        assert not [finding for finding in sitter.findings if finding.rule == "flight_recorder"]
        assert sitter.overhead.seconds >= 0
        assert sitter.overhead.wall_seconds >= 0
        assert 0 <= sitter.overhead.fraction <= 1
    assert len(sitters[1].history.series("loss/batch")) == 13
    assert steps_written(next((tmp_path / "babysit").glob("*tfevents*")))[0] == 0


KILLED = """
    import os, random, resource, signal, struct, sys, time
    from pathlib import Path
    import numpy as np
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from keras_babysit.history import History, Measurement
    from keras_babysit.sinks import JsonLines, TensorBoard

    def write(sinks):
        history, gates = History(), np.random.default_rng(0).random(500).astype("float32")
        for sink in sinks:
            sink.on_start(history)
        for step in range(10**9):
            found = [Measurement(step, 0, "loss/batch", "", float(step))]
            found += [Measurement(step, 0, "activations/gate", f"d_{i}", gates) for i in range(4)]
            for sink in sinks:
                sink.on_measurements(found)

    def fork(sinks, limit=resource.RLIM_INFINITY):
        child = os.fork()
        if not child:
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            write(sinks)
        return child

    def is_killed_by(signal, child):
        return os.WTERMSIG(os.waitpid(child, 0)[1]) == signal

    def lines_of(path):
        return History.from_jsonl(path).series("loss/batch").steps.tolist()

    def events_of(path):
        events = EventAccumulator(str(path), size_guidance={"tensors": 0}).Reload()
        has_steps = "babysit/loss/batch" in events.Tags()["tensors"]
        return [e.step for e in events.Tensors("babysit/loss/batch")] if has_steps else []

    def are_gapless(steps):
        return list(steps) == list(range(len(steps)))

    def is_cut_in_a_line(path):
        return path.read_bytes()[-1:] != b"\\n"

    def is_cut_in_an_event(path):
        data, offset = path.read_bytes(), 0
        while offset + 8 <= len(data):  # length, its check, the record, its check
            offset += 16 + struct.unpack("<Q", data[offset : offset + 8])[0]
        return offset != len(data)

    parent = Path(sys.argv[1])
    for kill in range(20):  # anywhere
        chance, folder = random.Random(kill), parent / f"any-{kill}"
        path, events = folder / "run.jsonl", folder / "babysit"
        child = fork([JsonLines(path), TensorBoard(folder)])
        while not path.exists() or not events.exists():
            time.sleep(0.001)
        time.sleep(chance.uniform(0.01, 0.1))
        os.kill(child, signal.SIGKILL)
        assert is_killed_by(signal.SIGKILL, child)
        steps, written = lines_of(path), events_of(events)
        assert are_gapless(steps[:500]) and are_gapless(written), (steps, written)
        assert abs(len(written) - (steps[-1] + 1 if steps else 0)) <= 1, (steps, written)
    print(kill + 1, "anywhere,", end=" ")
    # The kernel writes up to its limit and kills at the next byte: in the middle of a record.
    for kill in range(10):
        path = parent / f"line-{kill}.jsonl"
        child = fork([JsonLines(path)], random.Random(kill).randrange(60_000, 200_000))
        assert is_killed_by(signal.SIGXFSZ, child) and is_cut_in_a_line(path)
        assert lines_of(path) and are_gapless(lines_of(path))
    print(kill + 1, "in a line,", end=" ")
    for kill in range(10):
        folder = parent / f"event-{kill}"
        child = fork([TensorBoard(folder)], random.Random(kill).randrange(20_000, 80_000))
        assert is_killed_by(signal.SIGXFSZ, child)
        assert is_cut_in_an_event(next((folder / "babysit").iterdir()))
        written = events_of(folder / "babysit")
        assert written and are_gapless(written)
    print(kill + 1, "in an event")
"""


def run_script(script, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.any_backend
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_moment_leaves_every_whole_record(tmp_path):
    printed = run_script(KILLED, tmp_path)
    assert printed.split("\n")[0] == "20 anywhere, 10 in a line, 10 in an event"


KILLED_IN_TRAINING = """
    import json, os, signal, sys, time
    from pathlib import Path
    import numpy as np, keras, keras_babysit as kb
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    BUNDLE = ["README.txt", "batch.npz", "bundle.json", "model.keras", "reproduce.py", "state.npz"]

    def train(folder, bad, epochs, *callbacks):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        model.compile("sgd", "mse", run_eagerly=keras.backend.backend() != "jax")
        x = np.random.default_rng(0).random((48, 4)).astype("float32")
        y = np.where(np.arange(96).reshape(48, 2) == 85, bad, x[:, :2])  # batch 5 of 6
        sinks = [kb.sinks.JsonLines(folder / "run.jsonl")]
        options = {"every": 1, "verbose": 0, "log_dir": folder, "record": folder / "record"}
        sitter = kb.Babysitter(sinks=sinks, **options)
        options = {"batch_size": 8, "epochs": epochs, "shuffle": False, "verbose": 0}
        model.fit(x, y, callbacks=[sitter, *callbacks], **options)

    def fork(*arguments):
        child = os.fork()
        if not child:
            train(*arguments)
            os._exit(0)
        return child

    def is_killed(child):
        return os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL

    def kill_at(event, ending):
        def hook(name, arguments):
            if name == event and "/record/" in str(arguments[0]):
                if str(arguments[0]).endswith(ending):
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hook)

    class KillAfterAnEpoch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            os.kill(os.getpid(), signal.SIGKILL)

    class KillAt(keras.callbacks.Callback):
        def __init__(self, *where):
            super().__init__()
            self.where = where

        def on_train_begin(self, logs=None):
            kill_at(*self.where)

    def steps_of(folder):
        steps = kb.History.from_jsonl(folder / "run.jsonl").series("loss/batch").steps.tolist()
        events = EventAccumulator(str(folder / "babysit"), size_guidance={"tensors": 0}).Reload()
        written = [event.step for event in events.Tensors("babysit/loss/batch")]
        assert steps == list(range(len(steps))), steps
        assert written == list(range(len(written))), written
        assert abs(len(steps) - len(written)) <= 1, (steps, written)
        return steps

    def bundles(folder):
        return [path for path in folder.glob("record/*") if not path.name.startswith(".")]

    parent = Path(sys.argv[1])
    folder = parent / "anywhere"
    child = fork(folder, 0.0, 10**6)
    path = folder / "run.jsonl"
    while not path.exists() or path.read_bytes().count(b"loss/batch") < 9:
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    assert is_killed(child)
    assert len(steps_of(folder)) >= 8 and not bundles(folder)
    print("in training", end="")

    for where in [("open", "batch.npz"), ("open", "bundle.json"), ("os.rename", "")]:
        folder = parent / ("-".join(where) + "-")
        assert is_killed(fork(folder, np.inf, 3, KillAt(*where))), where
        assert len(steps_of(folder)) >= 6
        (begun,) = (folder / "record").iterdir()  # it has another name until it is whole
        assert not bundles(folder) and (begun / "model.keras").exists()
        assert (begun / "README.txt").exists() == (where[0] == "os.rename")
        print(", at", *where, end="")

    folder = parent / "after"
    assert is_killed(fork(folder, np.inf, 3, KillAfterAnEpoch()))
    (bundle,) = bundles(folder)
    assert sorted(path.name for path in bundle.iterdir()) == BUNDLE
    assert json.loads((bundle / "bundle.json").read_text())["batch"] == 5
    assert len(np.load(bundle / "batch.npz")) >= 2
    print(", after the bundle")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.skipif(BACKEND == "jax", reason="JAX does not train in a fork")
@pytest.mark.any_backend
def test_killed_while_it_trains_leaves_records_and_whole_bundles(tmp_path):
    printed = run_script(KILLED_IN_TRAINING, tmp_path)
    assert printed.strip() == (
        "in training, at open batch.npz, at open bundle.json, at os.rename , after the bundle"
    )


FORKED = """
    import os, sys
    import numpy as np, keras, keras_babysit as kb

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    x = np.ones((16, 4), "float32")
    sinks = [kb.sinks.JsonLines(sys.argv[1] + "/run.jsonl"), kb.sinks.TensorBoard(sys.argv[1])]
    sitter = kb.Babysitter(verbose=0, sinks=sinks)
    model.fit(x, x[:, :1], verbose=0, callbacks=[sitter])
    child = os.fork()
    if not child:
        sitter.report().to_html()
        sinks[0].on_start(sitter.history)  # what a child opens is its own
        for sink in sinks:
            sink.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    model.fit(x, x[:, :1], verbose=0, callbacks=[sitter])
    assert len(kb.History.from_jsonl(sys.argv[1] + "/run.jsonl")) == len(sitter.history)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.skipif(BACKEND == "jax", reason="JAX warns of every fork by itself")
def test_a_fork_after_fit_disturbs_nobody(tmp_path):
    run_script(FORKED, tmp_path)


HOSTILE = {
    "quotes": 'it\'s "quoted"',
    "newline": "two\nlines",
    "html": "<img src=x onerror=alert(1)>",
    "long": "x" * 10_000,
    "non-ascii": "couche_cachée_層_🧠",
    "markup": "[bold]x[red] `code` {{x}} $&",
    "blank": " ",
}


@pytest.mark.any_backend
def test_layers_of_every_name_are_watched_and_told_of(tmp_path, capsys):
    x = h = keras.Input((4,))
    for name in HOSTILE.values():
        h = layers.Dense(3, "relu", bias_initializer=keras.initializers.Constant(-9), name=name)(h)
    model = keras.Model(x, layers.Dense(2, "softmax", name="last")(h))
    # Eagerly: a graph of TensorFlow takes few of these names, whether or not it is watched.
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    path = tmp_path / "run.jsonl"
    sitter = kb.Babysitter(
        every=1, rules=["dead_units"], log_dir=tmp_path, sinks=[kb.sinks.JsonLines(path)]
    )
    fit(sitter, model=model)
    assert sitter.history.facts.broke_off is None
    assert set(HOSTILE.values()) <= set(sitter.history.targets("activations/dead_fraction"))
    assert {finding.target for finding in sitter.findings} == set(HOSTILE.values())
    assert kb.History.from_jsonl(path).quantities() == sitter.history.quantities()
    page = sitter.report().to_html()
    assert "<img src=x" not in page
    printed = capsys.readouterr().out
    assert "dead_units" in printed
    assert "x" * 200 not in printed


def test_layers_of_one_name_keep_readings_of_their_own():
    class Twins(keras.Model):
        def __init__(self):
            super().__init__()
            self.one = layers.Dense(4, "relu", name="same")
            self.other = layers.Dense(4, "relu", name="same")
            self.block = keras.Sequential([layers.Dense(4, name="same")], name="same")
            self.head = layers.Dense(2, "softmax", name="same")

        def call(self, x):
            return self.head(self.block(self.other(self.one(x))))

    model = Twins()
    model.compile("adam", "sparse_categorical_crossentropy")
    sitter = kb.Babysitter(every=1, verbose=0)
    fit(sitter, model=model)
    assert len(sitter.history.targets("activations/std")) == 4
    assert len(sitter.history.targets("gradients/norm")) == 8
    assert sitter.history.facts.broke_off is None


def test_an_error_of_the_data_is_the_one_that_the_user_sees():
    def batches():
        for index in range(6):
            if index == 3:
                raise RuntimeError("a broken file")
            yield X[8 * index :][:8], Y[8 * index :][:8]

    messages = []
    for callbacks in ([], [kb.Babysitter(every=1, verbose=0)]):
        with pytest.raises(Exception, match="a broken file") as raised:
            small().fit(batches(), steps_per_epoch=6, shuffle=False, verbose=0, callbacks=callbacks)
        messages.append(type(raised.value))
    assert messages[0] is messages[1]
