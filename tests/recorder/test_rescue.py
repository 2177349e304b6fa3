"""The rescue: what is put back is exactly what was, and others can work beside it."""

import itertools
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest

import keras_babysit as kb
from tests.callbacks.test_fit import assert_equal, everything
from tests.recorder import faulty
from tests.recorder.faulty import BAD, BATCH, fit, reported

BACKEND = keras.backend.backend()
GO_ON = kb.Rescue(lr_factor=1.0, max_times=8)


def state_of(model):
    """Return weights, seeds and optimizer as arrays by name, without the metrics."""
    history = keras.callbacks.History()
    metrics = {id(variable) for variable in model.metrics_variables}
    history.history = {}
    kept = everything(model, history)
    names = [f"variable {i}" for i, v in enumerate(model.variables) if id(v) in metrics]
    return {n: v for n, v in kept.items() if not n.startswith("metrics") and n not in names}


def without_bad_batch(make):
    """Return the parts of a faulty run with the whole of its bad batch left out."""
    model, x, y, *callbacks = make()
    kept = np.delete(np.arange(len(x)), np.s_[6 * BATCH : 7 * BATCH])
    return model, x[kept], None if y is None else y[kept], *callbacks


@pytest.mark.parametrize("every", [1, 4, "auto"])
@pytest.mark.parametrize("name", ["infinite_loss", "no_slope"])
def test_a_skipped_batch_is_as_if_it_had_never_come(name, every):
    """Weights, seeds and optimizer are bit for bit those of a run without that batch."""

    def train(make, sitter, epochs):
        keras.utils.set_random_seed(5)
        model, history = fit(make, sitter, epochs=epochs)
        return state_of(model), history.history

    make = getattr(faulty, name)
    expected, logs = train(lambda: without_bad_batch(make), None, 2)
    sitter = kb.Babysitter(rescue=GO_ON, every=every, verbose=0)
    rescued, its_logs = train(make, sitter, 2)
    assert_equal(expected, rescued)
    assert len(reported(sitter, "rescue")) == 2
    np.testing.assert_array_equal(its_logs["loss"], logs["loss"])


@pytest.mark.parametrize(
    ("beside", "is_first"),
    [
        pytest.param({"rescue": GO_ON}, True, id="rescues-first"),
        pytest.param({"rescue": GO_ON}, False, id="rescues-last", marks=pytest.mark.slow),
        pytest.param({"record": "folder"}, True, id="records-first", marks=pytest.mark.slow),
        pytest.param({"record": "folder"}, False, id="records-last"),
    ],
)
def test_another_sitter_that_records_does_not_disturb_it(beside, is_first, tmp_path):
    """Two in one run are bit for bit what one is, in either order."""

    def train(*sitters):
        keras.utils.set_random_seed(5)
        model, history = fit(faulty.no_slope, None, callbacks=sitters)
        return everything(model, history), vars(model), model.train_function

    beside = beside | ({"record": tmp_path} if "record" in beside else {})
    other = kb.Babysitter(every=1, verbose=0, **beside)
    sitter = kb.Babysitter(rescue=GO_ON, every=1, verbose=0)
    alone, names, _ = train(kb.Babysitter(rescue=GO_ON, every=1, verbose=0))
    together, its_names, function = train(*([other, sitter] if is_first else [sitter, other]))
    assert_equal(alone, together)
    assert len(reported(sitter, "rescue")) == 2
    assert set(its_names) == set(names)
    assert not hasattr(function, "inner")


@pytest.mark.parametrize("name", ["without_call", "adversarial"])
def test_a_model_with_a_step_of_its_own_is_rescued(name, tmp_path):
    """Its layers cannot be called: the step is reported as a whole. All its optimizers go back."""

    def train(make, sitter):
        keras.utils.set_random_seed(5)
        model, _ = fit(make, sitter)
        beside = getattr(model, "optimizers", {}).values()
        variables = [variable for one in beside for variable in one.variables]
        arrays = {str(i): np.array(v) for i, v in enumerate(map(on_host, variables))}
        return state_of(model) | arrays

    def on_host(variable):
        return keras.ops.convert_to_numpy(variable)

    make = getattr(faulty, name)
    expected = train(lambda: without_bad_batch(make), None)
    sitter = kb.Babysitter(rescue=GO_ON, record=tmp_path, every=1, verbose=0)
    assert_equal(expected, train(make, sitter))
    assert len(reported(sitter, "rescue")) == 2
    first, _ = reported(sitter)
    assert first.evidence["bad_step"] == 6
    assert (
        "in batch 6 of epoch 1: the layers or the loss of this model cannot be run" in first.message
    )
    assert len(list(tmp_path.iterdir())) == 2


def test_dropout_goes_on_where_it_was():
    def make():
        model, x, y = faulty.nan_input()
        return model, x, y

    def train(make, sitter):
        keras.utils.set_random_seed(5)
        return state_of(fit(make, sitter, epochs=1)[0])

    if BACKEND == "torch":
        pytest.skip("PyTorch's own random state goes on with the data")
    sitter = kb.Babysitter(rescue=GO_ON, every=1, verbose=0)
    assert_equal(train(lambda: without_bad_batch(make), None), train(make, sitter))


def test_moving_averages_are_put_back():
    """Nothing but them is spoilt, and only `predict` would show it."""
    sitter = kb.Babysitter(rescue=GO_ON, every=1, verbose=0)
    model, _ = fit(faulty.averages, sitter)
    assert len(reported(sitter, "rescue")) == 2
    assert all(np.isfinite(weights).all() for weights in model.get_weights())
    assert np.ptp(model.predict(faulty.inputs(), verbose=0)) > 0


@pytest.mark.parametrize("epochs", [1, 2], ids=["another-batch", "another-epoch"])
def test_each_finding_is_reported_with_its_own_bundle(epochs, tmp_path):
    def make():
        model, x, y = faulty.infinite_target()
        if epochs == 1:
            y[BAD + BATCH] = np.inf
        return model, x, y

    log = tmp_path / "log.jsonl"
    sitter = kb.Babysitter(
        record=tmp_path / "record",
        rescue=GO_ON,
        every=1,
        verbose=0,
        sinks=[kb.sinks.JsonLines(log)],
    )
    fit(make, sitter, epochs=epochs)
    findings = reported(sitter)
    folders = list((tmp_path / "record").iterdir())
    assert len(findings) == len(folders) == 2
    for folder in folders:
        assert sum(str(folder) in one.remedies[0].code for one in findings) == 1
        assert str(folder) in log.read_text()
    assert len(reported(sitter, "rescue")) == len(findings)


def test_it_stops_with_the_last_good_state(tmp_path):
    def train(make, sitter, **options):
        keras.utils.set_random_seed(5)
        model, _ = fit(make, sitter, epochs=3, **options)
        return state_of(model), model

    def first_six():
        model, x, y = faulty.nan_input()
        return model, x[: 6 * BATCH], y[: 6 * BATCH]

    keras.utils.set_random_seed(5)
    expected = state_of(fit(first_six, None, epochs=1)[0])
    sitter = kb.Babysitter(record=tmp_path, rescue=True, every=1, verbose=0)
    rescued, model = train(faulty.nan_input, sitter)
    assert_equal(expected, rescued)
    assert model.stop_training
    (finding,) = reported(sitter, "rescue")
    assert finding.message.startswith(
        "Restored the state of step 6 (weights, optimizer, seeds) and stopped training."
    )


def test_the_learning_rate_is_lowered_and_rescues_are_counted():
    sitter = kb.Babysitter(rescue=kb.Rescue(lr_factor=0.5, max_times=2), every=2, verbose=0)
    model, history = fit(faulty.nan_input, sitter, epochs=5)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.001 / 4)
    rescues = reported(sitter, "rescue")
    assert ["Rescue 1 of 2" in rescues[0].message, "Rescue 2 of 2" in rescues[1].message] == [1, 1]
    assert "and stopped training" in rescues[2].message
    assert len(history.history["loss"]) == 3
    assert all(np.isfinite(weights).all() for weights in model.get_weights())


def test_a_batch_that_is_not_skipped_is_tried_again():
    """At a lower rate the same batches do well: nothing is lost of the data."""

    def make():
        model, x, y, _ = faulty.exploding()
        model.optimizer.learning_rate = 0.01
        return model, x, y

    rescue = kb.Rescue(lr_factor=1e-3, skip_batch=False, max_times=2)
    sitter = kb.Babysitter(rescue=rescue, every=1, verbose=0)
    _, history = fit(make, sitter, epochs=2)
    (finding,) = reported(sitter, "rescue")
    assert "Learning rate lowered from 0.01 to 1e-5." in finding.message
    assert "skipped" not in finding.message
    assert history.history["loss"][-1] < 3 * sitter.history.last("loss/start")


def test_examples_of_ones_own_that_are_bad_are_no_reason_to_act():
    """The probe's examples explode; training itself goes well, which a replay shows."""
    model, x, y = faulty.no_slope()
    keras.utils.set_random_seed(5)
    sitter = kb.Babysitter((x, y * 1e20), rescue=GO_ON, every=1, verbose=0)
    model.fit(x + 0.1, y, batch_size=BATCH, epochs=1, verbose=0, callbacks=[sitter])
    assert not np.isfinite(sitter.history.last("loss/batch"))
    assert not reported(sitter, "rescue") + reported(sitter)


def test_a_run_that_is_bad_from_the_start_goes_back_to_it():
    def make():
        model, x, y = faulty.infinite_target()
        return model, x, y * np.inf

    keras.utils.set_random_seed(5)
    expected = make()[0].get_weights()
    keras.utils.set_random_seed(5)
    sitter = kb.Babysitter(rescue=True, every=1, verbose=0)
    model, _ = fit(make, sitter)
    (finding,) = reported(sitter, "rescue")
    assert "Restored the state of step 0" in finding.message
    for one, other in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def others(folder):
    callbacks = keras.callbacks
    return {
        "backup": callbacks.BackupAndRestore(folder / "backup"),
        "checkpoint": callbacks.ModelCheckpoint(folder / "{epoch}.keras"),
        "early": callbacks.EarlyStopping("loss", patience=5, restore_best_weights=True),
        "plateau": callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=10.0),
    }


FIVE = ("sitter", "backup", "checkpoint", "early", "plateau")
SOME_ORDERS = [
    FIVE,
    FIVE[::-1],
    ("checkpoint", "sitter", "plateau", "backup", "early"),
    ("early", "backup", "plateau", "sitter", "checkpoint"),
]
"""Each of the five callbacks comes before and after each other one, twice."""

MORE_ORDERS = [order for order in itertools.permutations(FIVE) if order not in SOME_ORDERS]
ORDERS = SOME_ORDERS + [pytest.param(o, marks=pytest.mark.slow) for o in MORE_ORDERS]


def test_some_orders_hold_every_pair_both_ways_and_all_orders_are_there():
    met = {pair for order in SOME_ORDERS for pair in itertools.combinations(order, 2)}
    assert met == set(itertools.permutations(FIVE, 2))
    assert len(ORDERS) == len({*SOME_ORDERS, *MORE_ORDERS}) == 120


def fit_beside(make, order, folder, *more, epochs=3, **sitter_options):
    """Train beside the named callbacks; return model, losses and the sitter, None if left out."""
    sitter = None
    beside = others(folder)
    if "sitter" in order:
        sitter = beside["sitter"] = kb.Babysitter(rescue=GO_ON, verbose=0, **sitter_options)
    keras.utils.set_random_seed(5)
    callbacks = [*(beside[name] for name in order), *more]
    model, history = fit(make, None, epochs=epochs, callbacks=callbacks)
    return model, history.history["loss"], sitter


@pytest.fixture(scope="module")
def without_bad(tmp_path_factory):
    """A run of three epochs whose bad batch is not there and which nobody watches."""
    folder = tmp_path_factory.mktemp("alone")
    model, losses, _ = fit_beside(
        lambda: without_bad_batch(faulty.infinite_target), FIVE[1:], folder
    )
    assert float(model.optimizer.learning_rate) == pytest.approx(0.001 / 4)
    return state_of(model), losses


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_keras_own_callbacks_work_beside_it_in_any_order(order, tmp_path, without_bad):
    """Whatever the order, it is as if the bad batch of each epoch had never come."""
    model, losses, sitter = fit_beside(
        faulty.infinite_target, order, tmp_path, record=tmp_path / "record"
    )
    expected, expected_losses = without_bad
    assert_equal(expected, state_of(model))
    np.testing.assert_array_equal(losses, expected_losses)
    assert len(reported(sitter, "rescue")) == 3
    saved = [keras.models.load_model(tmp_path / f"{epoch}.keras") for epoch in (1, 2, 3)]
    assert all(np.isfinite(weights).all() for one in saved for weights in one.get_weights())
    best = saved[int(np.argmin(losses))].get_weights()
    for one, other in zip(model.get_weights(), best, strict=True):
        np.testing.assert_array_equal(one, other)


class Interrupt(keras.callbacks.Callback):
    """Stands for a user who interrupts the second epoch, behind its bad batch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch, batch) == (1, 8):
            raise KeyboardInterrupt


def fit_in_two_parts(make, order, folder, **sitter_options):
    """Train, be interrupted, and go on from the backup with a model that is new."""
    with pytest.raises(KeyboardInterrupt):
        fit_beside(make, order, folder, Interrupt(), **sitter_options)
    assert list((folder / "backup").iterdir())
    return fit_beside(make, order, folder, **sitter_options)


@pytest.mark.parametrize("order", [FIVE, FIVE[::-1]], ids="-".join)
def test_an_interrupted_run_goes_on_from_its_backup_while_watched(order, tmp_path):
    """Both parts are as if the bad batch had never come and nobody had watched."""
    keras_own = tuple(name for name in order if name != "sitter")
    alone, expected, _ = fit_in_two_parts(
        lambda: without_bad_batch(faulty.infinite_target), keras_own, tmp_path / "alone"
    )
    model, losses, sitter = fit_in_two_parts(
        faulty.infinite_target, order, tmp_path / "watched", record=tmp_path / "record"
    )
    assert len(losses) == 2  # it went on where the backup was
    np.testing.assert_array_equal(losses, expected)
    assert_equal(state_of(alone), state_of(model))
    rescues = reported(sitter, "rescue")
    assert [finding.target for finding in rescues] == ["batch 6 of epoch 2", "batch 6 of epoch 3"]
    assert not (tmp_path / "watched" / "backup").exists()  # the run is over


def test_after_a_nan_that_ends_the_run_the_good_state_is_there(tmp_path):
    """`TerminateOnNaN` has the last word, wherever it stands."""
    for order in [("nan", "sitter"), ("sitter", "nan")]:
        folder = tmp_path / order[0]
        sitter = kb.Babysitter(record=folder, rescue=GO_ON, verbose=0)
        beside = {"nan": keras.callbacks.TerminateOnNaN(), "sitter": sitter}
        beside |= others(folder)
        keras.utils.set_random_seed(5)
        callbacks = [beside[name] for name in (*order, *FIVE[1:])]
        model, history = fit(faulty.infinite_target, None, callbacks=callbacks)
        assert len(history.history["loss"]) == 1
        assert np.isfinite(history.history["loss"]).all()
        assert reported(sitter, "rescue")
        saved = keras.models.load_model(folder / "1.keras")
        for one, other in zip(model.get_weights(), saved.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
            assert np.isfinite(one).all()


@pytest.mark.any_backend
def test_a_plateau_is_not_undone():
    """The learning rate stays as the other callback left it, before the factor of the rescue."""
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=10.0)
    sitter = kb.Babysitter(rescue=kb.Rescue(lr_factor=0.1), verbose=0)
    model, _ = fit(faulty.infinite_target, sitter, epochs=2, callbacks=[plateau])
    assert float(model.optimizer.learning_rate) == pytest.approx(0.001 * 0.1 * 0.5 * 0.1)


@pytest.mark.any_backend
def test_a_checkpoint_loads_where_the_package_is_not_installed(tmp_path):
    sitter = kb.Babysitter(record=tmp_path / "record", rescue=GO_ON, verbose=0)
    checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "model.keras")
    model, _ = fit(faulty.infinite_target, sitter, callbacks=[checkpoint])
    script = f"""
        import sys

        class Blocked:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] == "keras_babysit":
                    raise ImportError("keras_babysit is blocked")

        sys.meta_path.insert(0, Blocked())
        import keras, numpy as np

        model = keras.models.load_model({str(tmp_path / "model.keras")!r})
        assert np.isfinite(model.predict(np.ones((2, 4)), verbose=0)).all()
        assert not any(name.startswith("keras_babysit") for name in sys.modules)
        print(repr(float(model.get_weights()[0].sum())))
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
    )
    assert float(ran.stdout.split()[-1]) == float(model.get_weights()[0].sum())


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: kb.Rescue(lr_factor=0), ValueError, r"`lr_factor` must be in \(0, 1\]"),
        (lambda: kb.Rescue(lr_factor=2.0), ValueError, "Received: lr_factor=2.0"),
        (lambda: kb.Rescue(max_times=-1), ValueError, "`max_times` must be at least 0"),
        (lambda: kb.Rescue(max_times=1.5), TypeError, "`max_times` must be an integer"),
        (lambda: kb.Babysitter(rescue="yes"), TypeError, "Received: rescue='yes'"),
    ],
)
def test_bad_arguments_are_refused_at_once(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_rate_that_follows_a_schedule_is_refused_before_training():
    model, x, y = faulty.nan_input()
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy")
    before = model.get_weights()
    with pytest.raises(ValueError, match="follows a schedule"):
        model.fit(x, y, verbose=0, callbacks=[kb.Babysitter(rescue=kb.Rescue(), verbose=0)])
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
