"""A loop of `fit(epochs=1)`: nothing is found out twice, and what goes wrong late is found."""

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.probes import description
from keras_babysit.samples.reference_sample import ReferenceSample

pytestmark = pytest.mark.any_backend
RNG = np.random.default_rng(0)
X = RNG.normal(size=(640, 8)).astype("float32")
Y = (X[:, 0] + 0.5 * X[:, 1] > 0).astype("int32")
RUNS = 9


def network():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(16, "relu", name=name) for name in ("first", "second")]
    model = keras.Sequential([keras.Input((8,)), *layers, keras.layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def fit(model, x=X[:512], y=Y[:512], *, validation=(X[512:], Y[512:]), **options):
    sitter = kb.Babysitter(verbose=0, **options)
    model.fit(x, y, batch_size=32, validation_data=validation, verbose=0, callbacks=[sitter])
    assert sitter.history.facts.broke_off is None
    return sitter


@pytest.fixture
def counted(monkeypatch):
    """Count what is done to know the data."""
    counts = {"batches": 0, "compared": 0}

    def count(name, owner, attribute):
        inner = getattr(owner, attribute)

        def call(*args, **kwargs):
            counts[name] += 1
            return inner(*args, **kwargs)

        monkeypatch.setattr(owner, attribute, call)

    count("batches", ReferenceSample, "take_train_batch")
    count("batches", ReferenceSample, "take_validation_batch")
    count("compared", description, "compare")
    return counts


def test_data_that_stay_the_same_are_kept_and_compared_once(counted):
    model, sitters = network(), []
    sitters.append(fit(model))
    first = dict(counted)
    sitters += [fit(model) for _ in range(RUNS - 1)]
    further = (counted["batches"] - first["batches"]) / (RUNS - 1)
    assert counted["compared"] == first["compared"] == 1
    assert further <= 0.6 * first["batches"]
    one, last = sitters[0].history, sitters[-1].history
    for quantity, target in (("score/loss", "train"), ("score/loss", "validation")):
        assert last.last(quantity, target) < one.last(quantity, target)
    assert last.last("reference/neighbour_error", "train") == pytest.approx(
        one.last("reference/neighbour_error", "train")
    )
    assert last.facts.validation == one.facts.validation
    assert last.facts.comparison.copies == one.facts.comparison.copies == 0
    assert last.last("activations/dead_fraction", "first") is not None
    assert len(sitters[-1].session.reference.train) == 512


@pytest.mark.parametrize("batch_size", [8, 64])
def test_each_run_knows_its_own_batch_size(batch_size):
    """Small batches are measured on the reference sample, which holds more from the start."""
    model = network()
    for _ in range(3):
        sitter = kb.Babysitter(verbose=0)
        model.fit(X[:512], Y[:512], batch_size=batch_size, verbose=0, callbacks=[sitter])
        facts = sitter.history.facts
        assert (facts.batch_size, facts.examples_per_epoch) == (batch_size, 512)
    assert sitter.session.reference.is_carried


def test_a_healthy_loop_has_the_findings_of_a_healthy_run():
    model = network()
    sitters = [fit(model) for _ in range(RUNS)]
    bad = [one for sitter in sitters for one in sitter.findings if one.severity > kb.Severity.NOTE]
    assert not bad


def dead(model):
    layer = model.get_layer("second")
    layer.bias.assign(np.full(16, -1000.0))


def not_finite(model):
    layer = model.get_layer("second")
    layer.bias.assign(np.full(16, np.nan))


def fast(model):
    model.optimizer.learning_rate = 1e4


LATE = {
    "dead": (dead, {}, "dead_units"),
    "not-finite": (not_finite, {}, "non_finite_values"),
    "learning-rate": (fast, {}, "loss_explosion"),
    "inputs-not-finite": (None, {"x": np.full_like(X[:512], np.nan)}, "non_finite_inputs"),
    "other-scale": (None, {"x": 255 * X[:512]}, "validation_prepared_differently"),
    "validation-scale": (
        None,
        {"validation": (255 * X[512:], Y[512:])},
        "validation_prepared_differently",
    ),
    "leak": (None, {"validation": (X[:128], Y[:128])}, "leakage"),
}
"""What is done before the ninth run, what that is given, and which rule must find it."""


@pytest.mark.parametrize("name", LATE)
def test_what_goes_wrong_in_the_ninth_run_is_found(name):
    break_it, data, rule = LATE[name]
    model = network()
    for _ in range(RUNS - 1):
        fit(model)
    if break_it is not None:
        break_it(model)
    found = {one.rule for one in fit(model, **data).findings}
    assert rule in found
