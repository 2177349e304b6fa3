"""What a run of `fit` notices of its training and validation data together."""

import keras
import numpy as np
import pytest

import keras_babysit as kb

RNG = np.random.default_rng(0)
MEANS = 2 * RNG.normal(size=(3, 6))
Y = RNG.integers(0, 3, 600)
X = (MEANS[Y] + RNG.normal(size=(600, 6))).astype("float32")
TRAIN, HELD_OUT = slice(0, 400), slice(400, 600)


def found(x, y, x_val, y_val, *, layers=(), **fit):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            *layers,
            keras.layers.Dense(16, "relu"),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    sitter = kb.Babysitter(verbose=0, every=20)
    model.fit(x, y, validation_data=(x_val, y_val), epochs=6, verbose=0, callbacks=[sitter], **fit)
    assert sitter.history.facts.comparison.validation_examples == len(x_val)
    return {one.rule: one for one in sitter.findings}


def test_an_ordinary_split_is_silent():
    rules = found(X[TRAIN], Y[TRAIN], X[HELD_OUT], Y[HELD_OUT])
    assert not {"validation_prepared_differently", "leakage", "unvalidated_classes"} & set(rules)


def test_validation_inputs_on_another_scale_are_the_cause_of_the_gap():
    rules = found(X[TRAIN], Y[TRAIN], 100 * X[HELD_OUT, ::-1] + 300, Y[HELD_OUT])
    assert rules["validation_prepared_differently"].severity is kb.Severity.WARNING
    gap = rules.get("overfitting")
    assert gap is None or gap.cause == "validation_prepared_differently"


def test_another_scale_that_the_network_takes_out_is_a_note():
    layers = [keras.layers.LayerNormalization(center=False, scale=False)]
    rules = found(X[TRAIN], Y[TRAIN], 100 * X[HELD_OUT], Y[HELD_OUT], layers=layers)
    assert rules["validation_prepared_differently"].severity is kb.Severity.NOTE


def test_copies_are_found():
    rules = found(X[TRAIN], Y[TRAIN], X[100:300], Y[100:300])
    assert rules["leakage"].evidence["leaked_fraction"] > 0.9


def test_validation_data_of_one_class_is_found():
    one = Y[HELD_OUT] == 1
    rules = found(X[TRAIN], Y[TRAIN], X[HELD_OUT][one], Y[HELD_OUT][one])
    assert "unvalidated_classes" in rules


@pytest.mark.parametrize(
    ("weights", "severity"),
    [({"0": 1, "1": 9, "2": 9}, kb.Severity.WARNING), ({0: 1, 1: 9, 2: 9}, None)],
)
def test_weights_of_classes_that_do_not_exist(weights, severity):
    rare = (Y == 0) | (np.arange(600) % 12 == 0)
    x, y = X[rare], Y[rare]
    rules = found(x[:150], y[:150], x[150:], y[150:], class_weight=weights)
    assert getattr(rules.get("weights_without_effect"), "severity", None) is severity


class Shrinking(keras.utils.PyDataset):
    """Divides its array in place, again in each epoch."""

    def __init__(self, *, in_place):
        super().__init__()
        self.x, self.y, self.in_place = 255 * np.abs(X[TRAIN]), Y[TRAIN], in_place

    def __len__(self):
        return 10

    def __getitem__(self, index):
        part = slice(40 * index, 40 * index + 40)
        if self.in_place:
            self.x[part] /= 255
            return self.x[part], self.y[part]
        return self.x[part] / 255, self.y[part]


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("every", ["auto", 100])
def test_arrays_that_are_divided_in_place_in_each_epoch(in_place, every):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    sitter = kb.Babysitter(verbose=0, every=every, budget=1.0)
    model.fit(Shrinking(in_place=in_place), epochs=4, verbose=0, callbacks=[sitter])
    looked = sitter.history.series("inputs/rms", "inputs[0]").epochs
    assert set(looked.tolist()) == {0, 1, 2, 3}
    assert ("data_stream_changes" in {one.rule for one in sitter.findings}) is in_place


def folds(between):
    """Train one model on two folds; return what the second run found."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, "softmax")])
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy")
    first = model.get_weights()
    for x, y, part in ((X[:300], Y[:300], slice(300, 600)), (X[300:], Y[300:], slice(0, 300))):
        sitter = kb.Babysitter(verbose=0, every=20)
        model.fit(x, y, validation_data=(X[part], Y[part]), epochs=5, verbose=0, callbacks=[sitter])
        between(model, first)
    return {one.rule for one in sitter.findings}


def test_a_second_fold_of_a_trained_model_is_reported():
    assert "trained_on_validation_data" in folds(lambda model, first: None)


def test_a_second_fold_with_reset_or_new_weights_is_not():
    rng = np.random.default_rng(1)
    assert "trained_on_validation_data" not in folds(lambda model, first: model.set_weights(first))
    assert "trained_on_validation_data" not in folds(
        lambda model, first: model.set_weights([0.1 * rng.normal(size=w.shape) for w in first])
    )


def test_training_that_goes_on_with_the_same_split_is_not():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, "softmax")])
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy")
    for epochs in (3, 6):
        sitter = kb.Babysitter(verbose=0, every=20)
        model.fit(
            X[TRAIN],
            Y[TRAIN],
            validation_data=(X[HELD_OUT], Y[HELD_OUT]),
            initial_epoch=epochs - 3,
            epochs=epochs,
            verbose=0,
            callbacks=[sitter],
        )
    assert sitter.history.facts.comparison.seen_before == 0
    assert "trained_on_validation_data" not in {one.rule for one in sitter.findings}


def test_a_random_walk_split_in_time_is_at_most_a_note():
    walk = np.cumsum(np.random.default_rng(5).normal(size=1500))
    walk = (walk - walk[:1200].mean()) / walk[:1200].std()
    x = np.stack([walk[start : start + 12] for start in range(1488)]).astype("float32")
    y = walk[12:, None].astype("float32")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(24, "tanh"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.005), "mse")
    sitter = kb.Babysitter(verbose=0, every=20)
    held_out = (x[1200:], y[1200:])
    model.fit(x[:1188], y[:1188], validation_data=held_out, epochs=8, verbose=0, callbacks=[sitter])
    rules = {one.rule: one.severity for one in sitter.findings}
    assert rules["validation_prepared_differently"] is kb.Severity.NOTE
    assert rules["overfitting"] is kb.Severity.NOTE
    assert max(rules.values()) is kb.Severity.NOTE


@pytest.mark.parametrize("marker", [None, -999])
def test_missing_values_marked_by_a_number_are_the_cause(marker):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(800, 5))
    y = (x.sum(axis=1) > 0).astype("float32")
    if marker is not None:
        x[rng.random(x.shape) < 0.08] = marker
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(16, "relu"), keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    sitter = kb.Babysitter(verbose=0, every=20)
    model.fit(x, y, validation_split=0.25, epochs=8, verbose=0, callbacks=[sitter])
    rules = {one.rule: one.severity for one in sitter.findings}
    expected = None if marker is None else kb.Severity.WARNING
    assert rules.get("missing_value_markers") is expected


@pytest.mark.parametrize("is_number", [True, False])
def test_categories_that_are_given_as_a_number_are_named(is_number):
    rng = np.random.default_rng(0)
    city = rng.integers(0, 60, 900)
    y = rng.normal(size=60)[city] + 0.2 * rng.normal(size=900)
    x = city[:, None] / 60 if is_number else np.eye(60)[city]
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(16, "relu"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    sitter = kb.Babysitter(verbose=0, every=20)
    model.fit(x, y, validation_split=0.2, epochs=8, verbose=0, callbacks=[sitter])
    rules = {one.rule: one.severity for one in sitter.findings}
    assert rules.get("categories_as_numbers") is (kb.Severity.WARNING if is_number else None)
    if is_number:
        assert sitter.findings[0].rule == "categories_as_numbers"


@pytest.mark.parametrize("known", [5, 200])
def test_texts_of_unknown_words_are_named(known):
    rng = np.random.default_rng(0)
    x = rng.integers(2, 200, (400, 12))
    y = rng.normal(size=200)[x].sum(axis=1) > 0
    x[x > known] = 1
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Embedding(200, 8),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy")
    sitter = kb.Babysitter(verbose=0, every=20)
    model.fit(x, y, validation_split=0.2, epochs=8, verbose=0, callbacks=[sitter])
    rules = {one.rule: one.severity for one in sitter.findings}
    assert rules.get("dominant_token") is (kb.Severity.WARNING if known == 5 else None)


@pytest.mark.parametrize("own", [True, False])
def test_a_column_that_was_computed_from_the_targets_is_named(own):
    rng = np.random.default_rng(0)
    shop, others, y = rng.integers(0, 300, 1000), rng.normal(size=(1000, 2)), rng.normal(size=1000)
    y = (y + others.sum(axis=1)).astype("float32")
    sums, counts = (np.bincount(shop[:800], w, 300) for w in (y[:800], np.ones(800)))
    is_left_out = (np.arange(1000) < 800) & (not own)
    code = (sums[shop] - is_left_out * y) / np.maximum(counts[shop] - is_left_out, 1)
    x = np.concatenate([others, code[:, None]], axis=1)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(16, "relu"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    sitter = kb.Babysitter(verbose=0, every=20)
    held_out = (x[800:], y[800:])
    model.fit(x[:800], y[:800], validation_data=held_out, epochs=6, verbose=0, callbacks=[sitter])
    rules = {one.rule: one.severity for one in sitter.findings}
    assert rules.get("column_from_targets") is (kb.Severity.WARNING if own else None)
