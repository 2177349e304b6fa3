"""The first bad value is found, and the run does not notice."""

import importlib.util
import json

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.recorder import state_keeper
from keras_babysit.recorder.flight_recorder import Phase
from keras_babysit.recorder.health import Health
from keras_babysit.recorder.ring import Ring
from keras_babysit.schedule import Schedule
from tests.callbacks.kinds import DATA, MODELS, NEEDS
from tests.callbacks.test_fit import assert_equal, everything, train
from tests.callbacks.test_safety import ours
from tests.recorder import faulty
from tests.recorder.driver import FIRST_SNAPSHOT_ONLY, Drive
from tests.recorder.faulty import fit, reported

BACKEND = keras.backend.backend()

UNLOCATED = "Training diverged; the first bad step could not be located."

FOUND = {
    "overflow": ("output", "dense_3", 4, 'The output of "dense_3" overflowed float16 in batch 6'),
    "cast": ("input", "dense", 4, "float16 in batch 6 of epoch 1, example 4: largest input 8.1e4."),
    "nan_input": ("input", "inputs[0]", 4, "`inputs[0]` is not finite in batch 6 of epoch 1"),
    "infinite_target": ("target", "targets[0]", 4, "`targets[0]` is not finite in batch 6"),
    "infinite_loss": ("loss", "", 4, "The loss is inf"),
    "no_slope": ("gradient", "first/kernel", 4, 'The gradient of "first/kernel" is not finite'),
    "wild_update": ("update", "only/kernel", None, 'The update made "only/kernel" not finite'),
    "averages": ("update", "norm/moving_variance", None, "largest input 1e20"),
    "masked_targets": ("loss", "", 4, "The loss is inf"),
    "masked_entries": ("output", "wide", 4, 'The output of "wide" overflowed float32'),
    "over_the_batch": ("output", "center", None, 'The output of "center" overflowed float32'),
    "other_order": ("output", "wide", 4, 'The output of "wide" overflowed float32'),
}


@pytest.mark.parametrize("name", FOUND)
def test_the_first_bad_value_is_found(name, tmp_path):
    quantity, target, example, message = FOUND[name]
    sitter = kb.Babysitter(record=tmp_path, verbose=0)
    fit(getattr(faulty, name), sitter)
    (finding,) = reported(sitter)
    assert (finding.evidence["quantity"], finding.target) == (quantity, target)
    assert message in finding.message
    assert finding.evidence["bad_step"] == (10 if name == "wild_update" else 6)
    (folder,) = tmp_path.iterdir()
    bundle = json.loads((folder / "bundle.json").read_text())
    assert bundle["example"] == example
    assert str(folder) in finding.remedies[0].code


@pytest.mark.parametrize("name", ["masked_targets", "masked_entries"])
def test_what_is_not_finite_by_design_is_no_alarm(name, tmp_path):
    def make():
        model, x, y = getattr(faulty, name)()
        return model, np.delete(x, faulty.BAD, axis=0), np.delete(y, faulty.BAD, axis=0)

    sitter = kb.Babysitter(record=tmp_path, every=1, verbose=0)
    fit(make, sitter)
    assert not reported(sitter)


def in_one_buffer(x, y):
    """Yield the batches in arrays that are filled anew for each."""
    buffers = np.empty((faulty.BATCH, 4), "float32"), np.empty((faulty.BATCH, 1), "float32")
    for start in range(0, faulty.EXAMPLES, faulty.BATCH):
        for buffer, array in zip(buffers, (x, y), strict=True):
            buffer[:] = array[start : start + faulty.BATCH]
        yield buffers


READS_AHEAD = "Keras itself reads ahead of its use of the buffer on TensorFlow"


@pytest.mark.skipif(BACKEND != "jax", reason="elsewhere Keras makes tensors of them first")
def test_batches_in_one_buffer_do_not_hide_each_other():
    """Several steps at once borrow several batches before the first is trained on."""
    from keras_babysit.backends import backend

    x, y = faulty.inputs(), faulty.inputs(1)
    batches, (_, handed_on) = backend.borrow((None, in_one_buffer(x, y)), 2)
    for index, (kept, used) in enumerate(zip(batches, handed_on, strict=True)):
        rows = slice(index * faulty.BATCH, (index + 1) * faulty.BATCH)
        for batch in (kept, used):
            np.testing.assert_array_equal(batch[0], x[rows])
            np.testing.assert_array_equal(batch[1], y[rows])


@pytest.mark.skipif(BACKEND == "tensorflow", reason=READS_AHEAD)
def test_batches_in_a_buffer_that_is_filled_anew_are_kept(tmp_path):
    model, x, y = faulty.infinite_target()
    data = in_one_buffer(x, y)
    sitter = kb.Babysitter(record=tmp_path, verbose=0)
    model.fit(data, steps_per_epoch=10, shuffle=False, verbose=0, callbacks=[sitter])
    (finding,) = reported(sitter)
    assert (finding.target, finding.evidence["bad_step"]) == ("targets[0]", 6)
    (folder,) = tmp_path.iterdir()
    arrays = np.load(folder / "batch.npz", allow_pickle=False)
    np.testing.assert_array_equal(arrays["y"], y[6 * faulty.BATCH : 7 * faulty.BATCH])


def test_an_explosion_is_found_where_it_began(tmp_path):
    sitter = kb.Babysitter(record=tmp_path, every=5, verbose=0)
    model, _ = fit(faulty.exploding, sitter, epochs=3)
    (finding,) = reported(sitter)
    assert finding.evidence["quantity"] == "exploded"
    assert 10 <= finding.evidence["bad_step"] <= 13
    assert all(np.isfinite(weights).all() for weights in model.get_weights())


def test_skipped_steps_of_a_loss_scale_are_no_alarm(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    model = faulty.stack(keras.layers.Dense(4, "relu"), keras.layers.Dense(1, dtype="float32"))
    inner = keras.optimizers.SGD(1e-3)
    model.compile(keras.optimizers.LossScaleOptimizer(inner, initial_scale=2.0**40), "mse")
    sitter = kb.Babysitter(record=tmp_path, rescue=kb.Rescue(), every=1, verbose=0)
    model.fit(
        faulty.inputs(), faulty.inputs(1), batch_size=4, epochs=2, verbose=0, callbacks=[sitter]
    )
    assert 1 < float(model.optimizer.dynamic_scale) < 2.0**40  # steps were skipped
    assert not reported(sitter) + reported(sitter, "rescue")
    assert list(tmp_path.iterdir()) == []


RUNS = {
    "functional-with-skip/arrays": {},
    "subclassed/arrays": {},
    "recurrent/arrays": {},
    "many-to-many/arrays": {},
    "convolutional/arrays": {},
    "functional-with-skip/weighted-arrays": {},
    "functional-with-skip/py-dataset": {},
    "functional-with-skip/generator": {},
    "functional-with-skip/tf-dataset": {},
    "functional-with-skip/data-loader": {},
    "sequential/arrays/eager": {"run_eagerly": True},
    "sequential/arrays/compiled": {"jit_compile": True},
    "sequential/arrays/two-steps-at-once": {"steps_per_execution": 2},
}


def make_run(name):
    """Return the parts of a run; skips what the backend has not."""
    kind, data = name.split("/")[:2]
    if data in NEEDS and importlib.util.find_spec(NEEDS[data]) is None:
        pytest.skip(f"needs {NEEDS[data]}")
    if BACKEND == "torch" and name.endswith(("two-steps-at-once", "compiled")):
        pytest.skip("Keras has no steps_per_execution on PyTorch, and torch.compile needs minutes")
    make_model, make_data, loss = MODELS[kind]
    x, y = make_data(np.random.default_rng(0))
    keras.utils.set_random_seed(1)
    batch = keras.tree.map_structure(lambda leaf: leaf[:2], (x, y))
    return make_model, loss, DATA[data](x, y), batch


LONG = ("recurrent", "convolutional", "weighted", "py-dataset", "compiled", "overflow")
"""What takes long and differs little from what is left in."""


def with_slow(names):
    """Return parameters, with those that take long marked as such."""
    return [
        pytest.param(name, marks=[pytest.mark.slow] if any(s in name for s in LONG) else [])
        for name in names
    ]


@pytest.mark.parametrize("name", with_slow(RUNS))
def test_the_replay_meets_the_run_bit_for_bit(name, tmp_path):
    """The run trains as if alone, and what was kept of it leads to its very end."""
    make_model, loss, data, _ = make_run(name)
    bare = train(make_model, loss, data, [], **RUNS[name])
    make_model, loss, data, batch = make_run(name)
    ends = []

    class AtItsEnd(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                ends.append(replayed_end(drive.recorder))

    drive = Drive(tmp_path, schedule=Schedule(budget=FIRST_SNAPSHOT_ONLY), batch=batch)
    recorded = train(make_model, loss, data, [drive, AtItsEnd()], **RUNS[name])
    assert_equal(bare, recorded)
    assert drive.recorder.findings == []
    assert drive.health.state is Health.HEALTHY
    ((replayed, real),) = ends
    for one, other in zip(replayed, real, strict=True):
        np.testing.assert_array_equal(one, other)


def replayed_end(recorder):
    """Train again on all that was kept; return what that leads to, and what the run is at."""
    from keras_babysit.backends import backend
    from keras_babysit.recorder.replay import Replay

    model, ring = recorder.model, recorder.batches.ring
    start = recorder.states.snapshots.latest
    assert start.call == 0
    assert len(ring.since(0)) == recorder.position.call > 3

    def but_metrics(values):
        count = len(model.non_trainable_variables)
        trainable, other, optimizer = values
        return [np.array(backend.to_numpy(v)) for v in (*trainable, *other[:count], *optimizer)]

    real = but_metrics(backend.state(model, None))
    with recorder.batches.sandbox(recorder.attachment.train_function, None) as box:
        replay = Replay(model, box, limit=np.inf)
        assert replay.first_bad(start, ring.since(start.call)) is None
        replayed = but_metrics(box.values())
    for one, other in zip(but_metrics(backend.state(model, None)), real, strict=True):
        np.testing.assert_array_equal(one, other)
    return replayed, real


@pytest.mark.parametrize("name", with_slow(["nan_input", "overflow"]))
def test_a_run_that_goes_bad_goes_on_as_if_alone(name, tmp_path):
    def state(sitter):
        keras.utils.set_random_seed(5)
        keras.config.set_dtype_policy("float32")
        return everything(*fit(getattr(faulty, name), sitter))

    sitter = kb.Babysitter(record=tmp_path, verbose=0)
    assert_equal(state(None), state(sitter))
    assert reported(sitter)


def test_what_no_training_step_did_is_not_guessed(tmp_path):
    class Poison(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                kernel = self.model.trainable_variables[0]
                kernel.assign(kernel * np.nan)

    sitter = kb.Babysitter(record=tmp_path, verbose=0)

    def make():
        model, x, y = faulty.nan_input()
        return model, np.nan_to_num(x), y, Poison()

    fit(make, sitter, epochs=3)
    (finding,) = reported(sitter)
    assert finding.message.startswith(UNLOCATED)
    assert "no training step" in finding.message
    assert list(tmp_path.iterdir()) == []


def test_what_lies_before_the_kept_batches_is_not_guessed(tmp_path):
    schedule = Schedule(budget=FIRST_SNAPSHOT_ONLY)
    drive = Drive(tmp_path, schedule=schedule, ring=Ring(max_steps=2))
    fit(faulty.infinite_target, drive, epochs=1)
    (finding,) = drive.recorder.findings
    assert finding.message == (
        f"{UNLOCATED} The latest snapshot is of step 0; of the 10 calls since only the latest 2 "
        "are kept."
    )
    assert drive.health.state is Health.LOST
    assert drive.recorder.phase is Phase.OVER
    assert list(tmp_path.iterdir()) == []


class Note(keras.callbacks.Callback):
    """Notes the health of a driven run at the end of each epoch, behind the recorder."""

    def __init__(self, drive):
        super().__init__()
        self.drive, self.states = drive, []

    def on_epoch_end(self, epoch, logs=None):
        self.states.append(str(self.drive.health))


def test_a_rescued_run_is_healthy_once_its_losses_have_held():
    """The second epoch does not hold the bad batch."""
    drive = Drive(rescue=kb.Rescue(lr_factor=1.0, max_times=1), schedule=Schedule(1))
    model, x, y = faulty.nan_input()
    note = Note(drive)

    class Cleans(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                np.nan_to_num(x, copy=False)

    data = [(x[i : i + faulty.BATCH], y[i : i + faulty.BATCH]) for i in range(0, 160, 16)]
    model.fit(
        (data[step % 10] for step in range(30)),
        steps_per_epoch=10,
        shuffle=False,
        epochs=3,
        verbose=0,
        callbacks=[drive, note, Cleans()],
    )
    assert note.states == ["rescued at step 10 (rescue 1)", "healthy", "healthy"]
    assert drive.skipped == [6]
    assert drive.recorder.findings == []
    assert (drive.health.rescues, drive.health.rescued_at) == (1, 10)


def test_a_run_that_is_not_rescued_stays_lost_and_the_recorder_ends(tmp_path):
    drive = Drive(tmp_path)
    note = Note(drive)
    fit(faulty.nan_input, drive, callbacks=[note])
    assert note.states == ["lost", "lost"]
    assert drive.recorder.phase is Phase.OVER
    assert len(drive.recorder.findings) == len(drive.skipped) == 1
    drive.health.lose()
    assert len(drive.recorder.findings) == 1


def test_a_loss_that_was_none_is_resolved(tmp_path):
    """Somebody reports a loss; the replay arrives where the run is, and all went well."""

    class Alarms(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 5:
                drive.health.lose()
                states.append(drive.health.state)

        def on_train_batch_end(self, batch, logs=None):
            states.append(drive.health.state)

    def healthy():
        model, x, y = faulty.nan_input()
        return model, np.nan_to_num(x), y

    states = []
    drive = Drive(tmp_path)
    fit(healthy, drive, callbacks=[Alarms()], epochs=1)
    assert states == [Health.HEALTHY] * 5 + [Health.LOST] + [Health.HEALTHY] * 5
    assert drive.recorder.findings == drive.skipped == []
    assert drive.recorder.phase is Phase.OVER  # as the run is
    assert list(tmp_path.iterdir()) == []


def test_a_recorder_that_fails_is_one_warning_and_a_finished_fit(tmp_path, monkeypatch):
    def broken(*args, **kwargs):
        raise MemoryError("no memory for a snapshot")

    monkeypatch.setattr(state_keeper, "on_host", broken)
    sitter = kb.Babysitter(record=tmp_path, every=1, verbose=0)
    with pytest.warns(kb.errors.KerasBabysitWarning, match="flight recorder is off") as caught:
        _, history = fit(faulty.nan_input, sitter)
    assert ours(caught) == 1
    assert len(history.history["loss"]) == 2
    assert sitter.history.last("loss/start") > 0  # the watch goes on


def test_nothing_is_left_on_the_model(tmp_path):
    model, x, y = faulty.nan_input()
    x = np.nan_to_num(x)
    model.fit(x, y, verbose=0)
    names, function = set(vars(model)), model.train_function
    sitters = [kb.Babysitter(record=tmp_path, verbose=0) for _ in range(2)]
    model.fit(x, y, verbose=0, callbacks=sitters)
    assert set(vars(model)) == names

    class Raises(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, verbose=0, callbacks=[sitters[0], Raises()])
    model.fit(x, y, verbose=0)
    assert model.train_function is function
    assert set(vars(model)) == names
