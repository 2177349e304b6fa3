import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.backends import backend
from keras_babysit.history import History
from keras_babysit.probes.derived import DerivedReadings
from keras_babysit.probes.loss_facts import describe_outputs
from keras_babysit.probes.output_rows import OutputRows
from keras_babysit.probes.probe import Probe
from keras_babysit.probes.score import Score
from keras_babysit.probes.scoring import BaselineComparison, Scoring
from keras_babysit.samples import ReferenceSample
from keras_babysit.schedule import CostEstimate
from tests.probes.parts import X, Y, choice_for, network, planned, reference, started


class Notices(dict):
    """Keeps the notices by what they are about."""

    def __call__(self, sentence, about=""):
        self[about] = sentence


def comparison_of(sample):
    ends = [("last", keras.activations.softmax)]
    outputs = describe_outputs(network(), ends, [(2,)])
    return BaselineComparison(sample, outputs=lambda: outputs, are_tokens=False)


def scoring_of(model, sample, schedule=None, notice=None, **options):
    choice, batch_size = choice_for(model, sample, schedule)
    return Scoring(
        model,
        sample,
        choice,
        batch_size,
        schedule or started(),
        CostEstimate(2, uncompiled_start=0.1),
        comparison=comparison_of(sample),
        notice=Notices() if notice is None else notice,
        layers=model.layers,
        **options,
    )


def derived(needed=1000):
    return DerivedReadings(needed=needed, batch_size=32)


def loss_of(model, x, y):
    p = np.asarray(model.predict(x, verbose=0), "float64")
    return -np.mean(np.log(p[np.arange(len(y)), y]))


def test_the_scores_are_those_of_the_samples():
    # Powers of two: where each size is compiled, a rest would be left out.
    model, sample = network(), reference(train=512, validation=256)
    scoring = scoring_of(model, sample)
    values = scoring.score(derived())
    for target, count in (("train", 512), ("validation", 256)):
        expected = loss_of(model, X[:count], Y[:count])
        assert values["score/loss", target] == pytest.approx(expected, rel=1e-4)
        assert values["score/loss_stderr", target] > 0


@pytest.mark.parametrize("is_compiled", [True, False])
def test_the_loss_is_exact_beside_any_weight_penalty(is_compiled):
    """Beside a penalty of 1e20, the whole loss is rounded to multiples of 9e12."""
    model = network()
    for variable in model.trainable_variables:
        variable.regularizer = keras.regularizers.L2(1e20)
    values = scoring_of(model, reference(train=512), is_compiled=is_compiled).score(derived())
    assert values["score/loss", "train"] == pytest.approx(
        loss_of(model, X[:512], Y[:512]), rel=1e-4
    )


def test_on_the_way_it_sees_which_units_are_dead():
    model = network()
    model.get_layer("hidden").bias.assign(np.array([-1000.0, 0.0, 1000.0], "float32"))
    scoring = scoring_of(model, reference(train=512))
    values = scoring.score(derived(needed=512))
    assert values["activations/dead_fraction", "hidden"] == pytest.approx(1 / 3)


@pytest.mark.skipif(backend.COMPILES_EACH_SIZE, reason="slices are powers of two there")
def test_a_part_is_scored_as_all_is():
    model = network()
    scoring = scoring_of(model, reference(train=1000), planned(score_examples=250))
    assert scoring.examples == 250
    values = scoring.score(derived())
    x, y, _ = reference(train=1000).train.subsample(250).batch(8 * 31)  # parts of equal length
    assert values["score/loss", "train"] == pytest.approx(loss_of(model, x, y), rel=1e-4)


def test_a_model_whose_batches_are_larger_than_the_sample_is_one_notice():
    notices = Notices()
    scoring = scoring_of(network(batch_size=1025), reference(train=1000), notice=notices)
    assert scoring.score(derived()) == {}
    assert list(notices) == ["scores"]
    assert "only batches of 1025 examples" in notices["scores"]
    assert not scoring.is_off


@pytest.mark.parametrize("is_compiled", [True, False])
@pytest.mark.parametrize(("size", "passes"), [(40, 1), (200, 5), (60, 9)])
def test_a_model_that_takes_batches_of_one_size_is_scored_on_few_of_them(size, passes, is_compiled):
    model = network(batch_size=size)
    scoring = scoring_of(model, reference(train=size * passes + 3), is_compiled=is_compiled)
    values = scoring.score(derived())
    rows = size * passes
    expected = model.evaluate(X[:rows], Y[:rows], batch_size=size, verbose=0)
    expected = expected[0] if isinstance(expected, list) else expected
    assert values["score/loss", "train"] == pytest.approx(expected, rel=1e-4)
    assert values["score/loss_stderr", "train"] > 0


def test_examples_that_count_are_in_each_slice_of_a_batch_of_one_size():
    """Those of a graph to train on often come first."""
    model = network(batch_size=160)
    model.compile("sgd", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    sample = reference()
    weights = np.zeros(160, "float32")
    weights[:16] = 1.0
    sample.train.add(0, (X[:160], Y[:160], weights))
    right = np.argmax(model.predict(X[:160], batch_size=160, verbose=0), axis=1)[:16] == Y[:16]
    values = scoring_of(model, sample).score(derived())
    assert values["score/accuracy", "train"] == pytest.approx(np.mean(right), abs=1e-5)


@pytest.mark.parametrize(("count", "is_enough"), [(5, False), (8, True)])
def test_too_few_examples_of_one_shape_for_a_score_are_one_notice(count, is_enough):
    sample = reference()
    for index, length in enumerate((3, 4, 6)):
        x = np.ones((count, length, 4), "float32")
        sample.train.add(index, (x, np.zeros(count, "int32"), None))
    assert sample.train.joined_size == count
    why = (
        "Scores not measured: a score needs 8 examples of one shape, and the reference sample "
        "holds 5."
    )
    assert scoring_of(network(), sample).why_too_few == (None if is_enough else why)


def test_a_run_on_few_examples_says_that_they_were_not_scored():
    sitter = kb.Babysitter(verbose=0)
    network().fit(X[:5], Y[:5], epochs=2, verbose=0, callbacks=[sitter])
    notes = [one.message for one in sitter.verdict.not_checked if one.target == "scores"]
    assert notes == [
        "Scores not measured: a score needs 8 examples of one shape, and the reference sample "
        "holds 5."
    ]


def test_metrics_get_tensors_as_in_fit():
    def overlap(y, p):
        assert keras.ops.is_tensor(y)
        return keras.ops.mean(keras.ops.cast(y, "float32") * p[:, 0])

    model = network()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[overlap])
    model.fit(X[:32], Y[:32], verbose=0)  # builds the metric
    notices = Notices()
    scores = scoring_of(model, reference(train=100), notice=notices).score(derived())
    assert not notices
    assert scores["score/overlap", "train"] >= 0


def test_a_score_that_fails_is_one_notice_and_the_last(monkeypatch):
    def broken(*args, **options):
        raise ValueError("no score")

    notices = Notices()
    scoring = scoring_of(network(), reference(train=100), notice=notices)
    monkeypatch.setattr(Score, "__call__", broken)
    assert scoring.score(derived()) == {}
    assert notices == {"scores": "Scores not measured: a score raised ValueError."}
    assert scoring.is_off
    assert scoring.score(derived()) == {}


def scored(y):
    """Return examples that a network has scored, right in most cases."""
    predictions = np.eye(2, dtype="float32")[y] * 0.8 + 0.1
    predictions[:5] = 1 - predictions[:5]
    return OutputRows(y, predictions, None, None)


@pytest.mark.parametrize(
    ("is_sorted", "batches", "stands_for_all"),
    [
        pytest.param(True, 10, False, id="the-first-of-sorted-data"),
        pytest.param(False, 10, True, id="the-first-in-no-order"),
        pytest.param(True, 1, True, id="all-of-sorted-data"),
    ],
)
def test_the_first_of_sorted_validation_data_do_not_stand_for_all(
    is_sorted, batches, stands_for_all
):
    sample = reference()
    sample.take_validation_batch(0, (X[:200], Y[:200], None))
    sample.validation_batches = batches
    y = np.zeros(200, "int32") if is_sorted else Y[:200]
    comparison = comparison_of(sample)
    _, found = comparison.compare(scored(Y[:400]), scored(y), inputs=X[:400])
    assert found is stands_for_all


def test_the_comparison_counts_the_errors_of_a_constant_prediction():
    y = Y[:400]
    comparison = comparison_of(reference())
    values, _ = comparison.compare(scored(y), None, inputs=X[:400])
    assert values["reference/constant_error", "train"] == pytest.approx(min(y.mean(), 1 - y.mean()))
    assert comparison.compare(None, None) == ({}, True)


def test_class_weights_count_beside_the_baselines_and_not_beside_validation_data():
    """Keras weights the training data alone: losses are compared without, baselines with them."""
    model, sample = network(), reference(validation=256)
    weight = np.where(Y[:512] == 1, 9.0, 1.0).astype("float32")
    weight[::4] = 0
    sample.train.add(0, (X[:512], Y[:512], weight))
    values = scoring_of(model, sample).score(derived())
    counts = weight > 0
    x, y, weight = X[:512][counts], Y[:512][counts], weight[counts]
    assert values["score/loss", "train"] == pytest.approx(loss_of(model, x, y), rel=1e-3)
    wrong = model.predict(x, verbose=0).argmax(-1) != y
    assert values["score/error", "train"] == pytest.approx(wrong.mean())
    weighted = np.average(wrong, weights=weight)
    assert values["reference/network_error", "train"] == pytest.approx(weighted)
    constant = np.average(y != 1, weights=weight)
    assert values["reference/constant_error", "train"] == pytest.approx(constant)


RNG = np.random.default_rng(1)
POSITIONS, CLASSES = 6, 3


def scored_values(model, x, y, weight=None):
    """Return the scores of a model on 256 training examples, as a monitor takes them."""
    sample = ReferenceSample(History())
    sample.train.add(0, (x, y, weight))
    probe = Probe(model, is_compiled=False)
    probe(backend.state(model, None), sample.train.batch(32))
    outputs = describe_outputs(model, probe.outputs, probe.shapes)
    choice, batch_size = choice_for(model, sample)
    scoring = Scoring(
        model,
        sample,
        choice,
        batch_size,
        started(),
        CostEstimate(2, uncompiled_start=0.1),
        comparison=BaselineComparison(sample, outputs=lambda: outputs, are_tokens=False),
        notice=Notices(),
        layers=[],
    )
    return scoring.score(derived())


def compiled(inputs, outputs, loss):
    model = keras.Model(inputs, outputs)
    model.compile("sgd", loss)
    model.optimizer.build(model.trainable_variables)
    return model


def tagger():
    inputs = keras.Input((POSITIONS, 4))
    last = keras.layers.Dense(CLASSES, "softmax")(inputs)
    return compiled(inputs, last, "sparse_categorical_crossentropy")


def test_each_position_of_a_sequence_is_scored():
    model = tagger()
    x = RNG.normal(size=(256, POSITIONS, 4)).astype("float32")
    y = RNG.integers(0, CLASSES, (256, POSITIONS))
    values = scored_values(model, x, y)
    wrong = model.predict(x, verbose=0).argmax(-1) != y
    assert values["score/error", "train"] == pytest.approx(wrong.mean())
    # The positions of one example may be alike: the error is that of 256 means.
    expected = wrong.mean(axis=1).std(ddof=1) / 16
    assert values["score/error_stderr", "train"] == pytest.approx(expected)
    constant = 1 - np.bincount(y.ravel()).max() / y.size
    assert values["reference/constant_error", "train"] == pytest.approx(constant)


def test_positions_without_weight_do_not_count():
    model = tagger()
    x = RNG.normal(size=(256, POSITIONS, 4)).astype("float32")
    y = RNG.integers(0, CLASSES, (256, POSITIONS))
    weight = (np.arange(POSITIONS) < 4) * np.ones((256, 1), "float32")
    values = scored_values(model, x, y, weight)
    wrong = (model.predict(x, verbose=0).argmax(-1) != y)[:, :4]
    assert values["score/error", "train"] == pytest.approx(wrong.mean())


def test_positions_that_are_masked_do_not_count():
    inputs = keras.Input((POSITIONS, 4))
    h = keras.layers.Masking()(inputs)
    model = compiled(inputs, keras.layers.LSTM(CLASSES, return_sequences=True)(h), "mse")
    x = RNG.normal(size=(256, POSITIONS, 4)).astype("float32")
    y = RNG.normal(size=(256, POSITIONS, CLASSES)).astype("float32")
    x[:, 4:], y[:, 4:] = 0, 99
    values = scored_values(model, x, y)
    left = np.square(model.predict(x, verbose=0) - y)[:, :4].mean()
    assert values["score/error", "train"] == pytest.approx(left / y[:, :4].var(), rel=0.01)


def test_some_pixels_stand_for_all():
    inputs = keras.Input((16, 16, 1))
    last = keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")(inputs)
    model = compiled(inputs, last, "binary_crossentropy")
    x = RNG.normal(size=(256, 16, 16, 1)).astype("float32")
    y = (RNG.random((256, 16, 16, 1)) < 0.05).astype("float32")
    values = scored_values(model, x, y)
    wrong = ((model.predict(x, verbose=0) > 0.5) != y).mean()
    assert values["score/error", "train"] == pytest.approx(wrong, abs=0.02)
    assert values["reference/constant_error", "train"] == pytest.approx(0.05, abs=0.01)
    found = (model.predict(x, verbose=0) > 0.5)[y == 1].mean()
    assert values["predictions/recall", "train"] == pytest.approx(found, abs=0.1)


def test_each_of_several_outputs_is_scored_under_its_name():
    inputs = keras.Input((4,))
    ends = {"size": keras.layers.Dense(1, name="size")(inputs)}
    ends["kind"] = keras.layers.Dense(3, "softmax", name="kind")(inputs)
    model = compiled(inputs, ends, {"size": "mse", "kind": "sparse_categorical_crossentropy"})
    x = RNG.normal(size=(256, 4)).astype("float32")
    y = {"size": x[:, :1], "kind": RNG.integers(0, 3, 256)}
    values = scored_values(model, x, y)
    found = model.predict(x, verbose=0)
    wrong = found["kind"].argmax(-1) != y["kind"]
    left = np.square(found["size"] - y["size"]).mean() / y["size"].var()
    assert values["score/error", "train/kind"] == pytest.approx(wrong.mean())
    assert values["score/error", "train/size"] == pytest.approx(left, rel=1e-4)
    assert ("score/error", "train") not in values
    assert ("score/loss", "train") in values


def test_an_output_whose_targets_do_not_fit_it_has_no_score():
    inputs = keras.Input((POSITIONS, 4))

    def loss(y_true, y_pred):
        return keras.ops.mean(keras.ops.square(keras.ops.mean(y_pred, axis=(1, 2)) - y_true[:, 0]))

    model = compiled(inputs, keras.layers.Dense(CLASSES)(inputs), loss)
    x = RNG.normal(size=(256, POSITIONS, 4)).astype("float32")
    values = scored_values(model, x, RNG.normal(size=(256, 5)).astype("float32"))
    assert ("score/error", "train") not in values
    assert ("score/loss", "train") in values


def test_a_score_of_slices_leaves_out_what_a_mask_does():
    words = np.random.default_rng(0).integers(1, 9, (256, 10))
    words *= np.arange(10) < np.random.default_rng(1).integers(2, 9, (256, 1))
    model = keras.Sequential(
        [
            keras.Input((10,), dtype="int32"),
            keras.layers.Embedding(9, 4, mask_zero=True),
            keras.layers.Dense(9, "softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    sample = reference()
    sample.train.add(0, (words, (words + 1) % 9, None))
    scores, _, _ = Score(model, is_compiled=False)(backend.state(model, None), sample.train, 256)
    expected = [
        model.evaluate(part, (part + 1) % 9, batch_size=32, verbose=0)
        for part in np.split(words, 8)
    ]
    assert scores["loss"][0] == pytest.approx(np.mean(expected), rel=1e-4)
