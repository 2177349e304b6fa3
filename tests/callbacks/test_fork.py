"""Remedies that are tried in forks of a run: the effect, and that the run stays as it is."""

import itertools

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.actions import ScaleLearningRate
from keras_babysit.backends import backend
from keras_babysit.callbacks.fork import judged
from keras_babysit.findings import Finding, Outcome, Remedy, Severity, Tried

rng = np.random.default_rng(0)
X = rng.normal(size=(256, 5)).astype("float32")
Y = X @ np.arange(5.0, dtype="float32")[:, None]
RULES = ["learning_rate_too_high", "learning_rate_too_low", "missing_warm_up"]


def network(rate, **options):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(8, "relu"),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.SGD(rate, momentum=0.5), "mse", **options)
    return model


def fit(model, sitter=None, epochs=6):
    callbacks = [] if sitter is None else [sitter]
    validation = (X[:64], Y[:64])
    model.fit(
        *(X, Y),
        batch_size=32,
        epochs=epochs,
        validation_data=validation,
        verbose=0,
        callbacks=callbacks,
    )
    values = [one for group in backend.state(model, None) for one in group]
    return [np.array(backend.to_numpy(one)) for one in values], backend.random_state()


def sitter(**options):
    return kb.Babysitter(verbose=0, rules=RULES, every=4, try_remedies=True, **options)


def test_the_effect_is_measured_and_the_run_stays_as_it_is():
    rate = 1e-6
    watching = sitter()
    (expected, drawn), (found, also_drawn) = fit(network(rate)), fit(network(rate), watching)
    (one,) = [one for one in watching.findings if one.rule == "learning_rate_too_low"]
    tried = one.tried
    assert tried.outcome is Outcome.HELPS
    assert tried.with_it < tried.without
    assert tried.difference == pytest.approx(tried.with_it - tried.without)
    assert 0 < tried.margin < -tried.difference
    assert (tried.agreeing, tried.replicates, tried.steps) == (3, 3, 100)
    assert tried.is_validation
    assert tried.text in watching._repr_html_()
    assert Finding.from_json(one.to_json()) == one
    for before, after in zip(expected, found, strict=True):
        np.testing.assert_array_equal(before, after)
    for before, after in itertools.zip_longest(drawn or (), also_drawn or ()):
        np.testing.assert_array_equal(before, after)


def too_low(history):
    rate = history.last("optimizer/learning_rate")
    remedy = Remedy("Raise it.", change=ScaleLearningRate(10, rate * 10))
    return [Finding("learning_rate_too_low", Severity.WARNING, "", "It is.", remedies=(remedy,))]


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        pytest.param(
            lambda: network(1e-3, steps_per_execution=2),
            "steps_per_execution",
            marks=pytest.mark.skipif(
                keras.backend.backend() == "torch", reason="PyTorch runs one step at a time"
            ),
        ),
        (
            lambda: network(keras.optimizers.schedules.ExponentialDecay(1e-3, 10, 0.9)),
            "A schedule sets the learning rate.",
        ),
    ],
    ids=["several-steps", "schedule"],
)
def test_where_it_is_impossible_that_is_said(made, reason):
    too_low.__name__ = "learning_rate_too_low"
    watching = kb.Babysitter(verbose=0, rules=[too_low], every=4, try_remedies=True)
    fit(made(), watching, epochs=1)
    (one,) = watching.findings
    assert one.tried.outcome is Outcome.NOT_TRIED
    assert reason in one.tried.reason


def test_without_the_argument_nothing_is_tried():
    watching = kb.Babysitter(verbose=0, rules=[too_low], every=4)
    fit(network(1e-3), watching, epochs=1)
    assert watching.findings[0].tried is None


def losses(short, long, *, spread=0.01):
    """Return losses of a fork with these effects, beside a control of 1."""
    blocks = 1 + spread * np.linspace(-1, 1, 8)
    replicates = 1 + spread * np.array([-1.0, 0.0, 1.0])[:, None]
    pairs = [
        np.stack([(1 + effect) * blocks * replicates, blocks * replicates], 1)
        for effect in (short, long)
    ]
    return np.stack(pairs)


@pytest.mark.parametrize(
    ("short", "long", "outcome"),
    [
        (-0.3, -0.5, Outcome.HELPS),
        (0.3, 0.5, Outcome.HARMS),
        (0.3, -0.5, Outcome.UNDECIDED),
        (-0.3, 0.5, Outcome.UNDECIDED),
    ],
)
def test_both_horizons_must_agree(short, long, outcome):
    tried = judged("x", losses(short, long), 7, 100)
    assert tried.outcome is outcome
    assert (tried.difference, tried.short_difference) == pytest.approx((long, short), rel=1e-3)
    assert ("undecided" in tried.text) == (outcome is Outcome.UNDECIDED)


def test_a_control_that_is_lost_shows_that_the_change_helps():
    lost = losses(-0.3, -0.5)
    lost[1, 0, 1] = np.nan
    tried = judged("x", lost, 7, 100)
    assert tried.outcome is Outcome.HELPS
    assert "against not finite" in tried.text
    assert Tried.from_json(tried.to_json()) == tried


@pytest.mark.parametrize("wanted", [1, "yes", None])
def test_the_argument_is_a_truth_value(wanted):
    with pytest.raises(TypeError, match="must be True or False"):
        kb.Babysitter(try_remedies=wanted)
