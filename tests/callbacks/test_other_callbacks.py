"""What a run notes of the callbacks beside it, of its schedule and of changes of the rate."""

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.callbacks.after_fit import callbacks_of_fit
from keras_babysit.callbacks.other_callbacks import OtherCallbacks, better_end
from keras_babysit.findings import Severity
from keras_babysit.probes.optimizer_state import describe_schedule

rng = np.random.default_rng(0)
X = rng.normal(size=(256, 4)).astype("float32")
Y = (X[:, :1] + X[:, 1:2] > 0).astype("float32")
X_VAL = rng.normal(size=(256, 4)).astype("float32")
Y_VAL = (X_VAL[:, :1] + X_VAL[:, 1:2] > 0).astype("float32")
callbacks = keras.callbacks
schedules = keras.optimizers.schedules


def classifier(optimizer="adam"):
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, "relu"),
            keras.layers.Dense(1, "sigmoid", name="end"),
        ]
    )
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy", keras.metrics.AUC()])
    return model


def fit(*others, model=None, epochs=8, stop_on=None, **options):
    sitter = kb.Babysitter(verbose=0, every=4, stop_on=stop_on)
    model = model or classifier()
    model.fit(
        X, Y, batch_size=32, epochs=epochs, validation_data=(X_VAL, Y_VAL), verbose=0,
        callbacks=[*others, sitter], **options,
    )  # fmt: skip
    assert sitter.history.facts.broke_off is None
    return sitter


def found(sitter):
    return {one.rule for one in sitter.findings}


@pytest.mark.parametrize(
    ("monitor", "better"),
    [
        ("val_loss", "min"), ("loss", "min"), ("end_loss", "min"),
        ("val_accuracy", "max"), ("end_accuracy", "max"), ("val_auc", "max"), ("val_mine", None),
    ],
)  # fmt: skip
def test_which_end_is_better_is_what_the_metric_says(monitor, better):
    model = classifier()
    model.compile(
        "adam", "binary_crossentropy", metrics=["accuracy", keras.metrics.AUC(name="auc")]
    )
    model.evaluate(X, Y, verbose=0)
    model.output_names = ["end"]
    assert better_end(monitor, model) == better


class Observer(callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.seen = callbacks_of_fit()


def test_a_callback_sees_those_beside_it_and_nobody_sees_any_outside_of_fit():
    observer, other = Observer(), callbacks.TerminateOnNaN()
    classifier().fit(X, Y, verbose=0, callbacks=[other, observer])
    assert other in observer.seen
    assert observer in observer.seen
    assert callbacks_of_fit() == []


def test_the_facts_name_the_callbacks_that_act_on_the_run():
    stopper = callbacks.EarlyStopping("val_accuracy", patience=5, restore_best_weights=True)
    lowers = callbacks.ReduceLROnPlateau("loss", mode="max", patience=3)
    known = fit(stopper, lowers, callbacks.TerminateOnNaN(), epochs=2).history.facts.callbacks
    assert [(c.class_name, c.action, c.looks_for, c.better, c.patience) for c in known] == [
        ("EarlyStopping", "stops", "max", "max", 5),
        ("ReduceLROnPlateau", "lowers_learning_rate", "max", "min", 3),
    ]
    assert [c.restores_best for c in known] == [True, None]


def test_early_stopping_in_the_wrong_direction_is_the_cause_of_the_early_end():
    sitter = fit(callbacks.EarlyStopping("val_loss", mode="max", patience=2), epochs=60)
    assert sitter.history.facts.stopped_by == "EarlyStopping"
    assert sitter.findings[0].rule == "wrong_monitor_direction"
    assert sitter.findings[0].step == 8  # known after the first epoch
    assert {one.rule: one.cause for one in sitter.findings}["stopped_early"] == (
        "wrong_monitor_direction"
    )


class StopsAt(callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == 2


@pytest.mark.parametrize("is_before", [True, False])
def test_a_run_that_another_callback_ends_is_noted_but_not_by_whom(is_before):
    model = classifier()
    sitter, other = kb.Babysitter(verbose=0), StopsAt()
    pair = [other, sitter] if is_before else [sitter, other]
    model.fit(X, Y, epochs=9, verbose=0, callbacks=pair)
    assert sitter.history.facts.stopped_by == ""


def test_what_the_sitter_ends_itself_it_owns_up_to():
    model = classifier(keras.optimizers.SGD(1e4))
    model.compile(keras.optimizers.SGD(1e4), "mse")
    sitter = fit(model=model, epochs=40, stop_on=Severity.WARNING)
    assert sitter.history.facts.stopped_by == "Babysitter"
    assert "stopped_early" not in found(sitter)


def test_a_whole_run_was_stopped_by_nobody():
    sitter = fit(callbacks.EarlyStopping("val_loss", patience=3), epochs=3)
    assert sitter.history.facts.stopped_by is None
    assert not found(sitter) & {"stopped_early", "wrong_monitor_direction"}


def test_the_rate_that_a_callback_sets_is_recorded_at_the_next_epoch():
    scheduler = callbacks.LearningRateScheduler(lambda epoch, rate: 0.01 if epoch < 2 else 1e-6)
    rates = fit(scheduler, epochs=5).history.series("optimizer/learning_rate")
    fallen = rates.epochs[rates.values < 1e-5]
    assert fallen.min() == 2
    assert (rates.values[rates.epochs >= 3] < 1e-5).all()


@pytest.mark.parametrize(
    ("make", "is_found"),
    [
        (lambda steps: schedules.CosineDecay(0.01, 8), True),
        (lambda steps: schedules.CosineDecay(0.01, steps), False),
        (lambda steps: schedules.CosineDecay(1e-6, steps - 8, warmup_target=0.01, warmup_steps=8),
         False),
        (lambda steps: schedules.ExponentialDecay(0.01, 8, 0.9), False),
    ],
    ids=["counted-in-epochs", "cosine", "warm-up", "exponential"],
)  # fmt: skip
def test_a_schedule_is_read_before_the_first_step(make, is_found):
    model = classifier(keras.optimizers.Adam(make(64)))
    sitter = fit(model=model, epochs=8)
    assert len(sitter.history.facts.schedule.planned) == 11
    early = [one for one in sitter.findings if one.rule == "learning_rate_decays_early"]
    assert bool(early) == is_found
    assert not is_found or (early[0].step == 0 and "`decay_steps=8`" in early[0].message)


def test_a_second_fit_goes_on_where_the_schedule_ended():
    model = classifier(keras.optimizers.Adam(schedules.CosineDecay(0.01, 16)))
    fit(model=model, epochs=2)
    sitter = fit(model=model, epochs=4)
    schedule = sitter.history.facts.schedule
    assert schedule.done == 16
    assert schedule.highest == pytest.approx(0.01)
    assert max(schedule.planned) == 0
    assert "learning_rate_decays_early" in found(sitter)


class Broken(schedules.LearningRateSchedule):
    def __call__(self, step):
        raise RuntimeError("out of order")


def test_a_schedule_that_cannot_be_read_is_not_known():
    known = describe_schedule(keras.optimizers.SGD(Broken()), 0, 64)
    assert known.class_name == "Broken"
    assert known.planned == ()


def test_callbacks_of_ones_own_are_left_out():
    assert OtherCallbacks([StopsAt(), callbacks.TerminateOnNaN()], classifier()).describe() == ()
