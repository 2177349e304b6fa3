"""Remedies for the learning rate run as they are printed, also with a schedule."""

import keras
import pytest

from keras_babysit.actions import KeepLearningRate
from keras_babysit.facts import OutputFacts
from keras_babysit.history import History, Measurement
from keras_babysit.probes.facts import describe
from keras_babysit.rules import learning_rate_too_low, non_finite_values, oscillating_loss
from keras_babysit.rules._texts import change_rate, clip_gradient
from tests.rules.table import TABLE

schedules = keras.optimizers.schedules


class Own(schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.01

    def get_config(self):
        return {}


SCHEDULES = [
    schedules.CosineDecay(0.01, 100),
    schedules.CosineDecay(0.0, 100, warmup_target=0.01, warmup_steps=10),
    schedules.CosineDecayRestarts(0.01, 100),
    schedules.ExponentialDecay(0.01, 100, 0.9),
    schedules.InverseTimeDecay(0.01, 100, 0.9),
    schedules.PolynomialDecay(0.01, 100, 1e-9),
    schedules.PiecewiseConstantDecay([10], [0.01, 0.005]),
]


def compiled(rate):
    """Return a compiled model, and the history of a run at a learning rate of 0.01."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(rate), "mse")
    history = History()
    history.note(**describe(model, {}, 32))
    history.append(Measurement(0, 0, "optimizer/learning_rate", "", 0.01))
    return model, history


def rate_at(model, step):
    rate = model.optimizer._learning_rate
    return float(rate(step) if callable(rate) else rate)


@pytest.mark.parametrize("schedule", [0.01, *SCHEDULES], ids=lambda one: type(one).__name__)
def test_the_learning_rate_is_lowered_as_pasted(schedule):
    model, history = compiled(schedule)
    before = rate_at(model, 5)
    remedy = change_rate(history, "Lower", 0.001)
    exec(remedy.code, {"model": model, "keras": keras})
    assert rate_at(model, 5) == pytest.approx(0.1 * before, rel=1e-5)
    name = None if isinstance(schedule, float) else type(schedule).__name__
    assert history.facts.learning_rate_schedule == name
    assert name is None or name in remedy.text


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda one: type(one).__name__)
def test_clipping_keeps_the_schedule(schedule):
    model, history = compiled(schedule)
    before = rate_at(model, 5)
    exec(clip_gradient(history).code, {"model": model, "keras": keras})
    assert rate_at(model, 5) == pytest.approx(before)
    assert model.optimizer.global_clipnorm == 1.0


def test_a_schedule_of_ones_own_gets_no_code():
    _, history = compiled(Own())
    remedy = change_rate(history, "Lower", 0.001)
    assert (remedy.text, remedy.code) == (
        "Lower the learning rate of the schedule `Own` to 0.1 times its values.",
        "",
    )


@pytest.mark.parametrize("schedule", [0.01, SCHEDULES[0]], ids=["number", "schedule"])
def test_a_callback_that_sets_the_rate_is_no_remedy_for_a_schedule(schedule):
    _, history = compiled(schedule)
    history.append(Measurement(0, 0, "loss/start", "", 0.7))
    for epoch in range(12):
        history.append(Measurement(epoch, epoch, "logs/loss", "", 0.3 if epoch % 2 else 0.6))
    codes = "".join(remedy.code for remedy in oscillating_loss(history)[0].remedies)
    assert ("ReduceLROnPlateau" in codes) == isinstance(schedule, float)


@pytest.mark.parametrize(
    ("form", "columns", "loss"),
    [
        ("binary", 1, "BinaryCrossentropy"),
        ("categorical", 3, "keras.losses.CategoricalCrossentropy"),
        ("other", 1, None),
        ("distance", 1, None),
    ],
)
def test_the_loss_from_logits_is_the_one_of_the_run(form, columns, loss):
    history = History()
    history.note(outputs=(OutputFacts(form=form, columns=columns),), loss="poisson")
    history.append(Measurement(9, 0, "loss/batch", "", float("nan")))
    codes = "".join(remedy.code for remedy in non_finite_values(history)[0].remedies)
    assert ("Crossentropy" in codes) == (loss is not None)
    assert loss is None or loss in codes


def test_a_schedule_that_is_too_low_is_scaled_up():
    _, history = compiled(SCHEDULES[0])
    history.note(epochs=10, steps_per_epoch=20)
    history.append(Measurement(0, 0, "loss/start", "", 2.3))
    for step in range(0, 50, 5):
        history.append(Measurement(step, 0, "updates/ratio", "dense/kernel", 1e-6))
        history.append(Measurement(step, 0, "loss/batch", "", 2.3))
    assert learning_rate_too_low(history)[0].remedies[0].text == (
        "Raise the learning rate of the schedule `CosineDecay` to 1000 times its values."
    )


def test_a_rate_that_has_decayed_is_kept_and_not_scaled_by_what_is_left_of_it():
    rule, history, _ = TABLE["rests-as-the-rate-has-decayed"]
    (finding,) = rule(history)
    assert finding.remedies[0].change == KeepLearningRate(0.01)
    assert "The learning rate fell from 0.01 to 1e-18." in finding.message
