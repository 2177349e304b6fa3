"""Validation data beside training data: what is a difference of preparation, and what is none."""

import numpy as np
import pytest
from sklearn import datasets

from keras_babysit.findings import Severity
from keras_babysit.history import History
from keras_babysit.rules import leakage, target_in_inputs, validation_prepared_differently
from keras_babysit.samples.comparison import compare
from keras_babysit.samples.data_facts import describe_data

RNG = np.random.default_rng(0)
DIGITS = RNG.permutation(datasets.load_digits().images / 16).astype("float32")[..., None]
PHOTOS = RNG.beta(2, 2, size=(400, 12, 12, 3)) * np.array([0.9, 0.8, 0.7])
PHOTOS = (PHOTOS + RNG.normal(0, 0.1, (400, 1, 1, 1))).clip(0, 1).astype("float32")
PHOTOS[:, :6] **= 0.7  # the sky is bright
IRIS = RNG.permutation(datasets.load_iris().data)
WINE = RNG.permutation(datasets.load_wine().data)
CANCER = RNG.permutation(datasets.load_breast_cancer().data)
SIZES = np.geomspace(0.1, 1000, 6)
WAVES = np.sin(np.arange(40) / 6) * np.linspace(0, 2, 40) + RNG.normal(0, 0.3, (300, 40))


def standardised(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


def scaled(x):
    return (x - x.min(axis=0)) / np.ptp(x, axis=0)


def halves(x, first=lambda x: x, second=lambda x: x):
    middle = len(x) // 2
    return first(x)[:middle], second(x)[middle:]


def trend(power):
    """Return windows of a series with a trend, the last fifth of which is held out."""
    series = (np.arange(2000) / 2000) ** power + RNG.normal(0, 0.01, 2000)
    windows = np.lib.stride_tricks.sliding_window_view(series, 10)
    middle, spread = windows[:1500].mean(), windows[:1500].std()
    windows = (windows - middle) / spread
    return windows[:1500], windows[1510:]


DIFFERENT = {
    "bytes beside fractions": halves(DIGITS, second=lambda x: 255 * x),
    "fractions beside bytes": halves(DIGITS, lambda x: 255 * x),
    "minus one to one beside bytes": halves(DIGITS, lambda x: 2 * x - 1, lambda x: 255 * x),
    "minus one to one beside fractions": halves(DIGITS, lambda x: 2 * x - 1),
    "fractions beside minus half to half": halves(DIGITS, second=lambda x: x - 0.5),
    "divided twice": halves(DIGITS, second=lambda x: x / 255),
    "divided as whole numbers": halves(DIGITS, second=lambda x: (x * 200).astype("uint8") // 255),
    "standardised beside raw wine": halves(WINE, standardised),
    "raw beside standardised cancer": halves(CANCER, second=standardised),
    "standardised beside scaled iris": halves(IRIS, standardised, scaled),
    "standardised beside scaled cancer": halves(CANCER, standardised, scaled),
    "blue first": halves(PHOTOS, second=lambda x: x[..., ::-1]),
    "upside down": halves(PHOTOS, second=lambda x: x[:, ::-1]),
    "rows and columns swapped": halves(DIGITS, second=lambda x: x.transpose(0, 2, 1, 3)),
    "backwards": halves(WAVES[..., None], second=lambda x: x[:, ::-1]),
    "other order of columns": halves(
        RNG.normal(size=(600, 6)) * SIZES + SIZES, second=lambda x: x[:, [3, 1, 2, 0, 4, 5]]
    ),
    "other units": halves(RNG.normal(size=(600, 6)) * SIZES + SIZES, second=lambda x: x / 1000),
}

ALIKE = {
    "the same": halves(DIGITS),
    "wine as it is": halves(WINE),
    "each standardised by itself": tuple(map(standardised, halves(WINE))),
    "other people": halves(RNG.normal(size=(600, 6)), second=lambda x: 1.4 * x + 1),
    "darker images": halves(DIGITS, second=lambda x: 0.5 * x),
    "augmented training data": halves(
        DIGITS, lambda x: (x * RNG.uniform(0.6, 1.6, (len(x), 1, 1, 1))).clip(0, 1)
    ),
    "flipped at random": halves(
        PHOTOS, lambda x: np.where(RNG.random((len(x), 1, 1, 1)) < 0.5, x, x[:, :, ::-1])
    ),
    "moved at random": halves(
        DIGITS, lambda x: np.stack([np.roll(one, RNG.integers(-2, 3), axis=0) for one in x])
    ),
    "heavy tails": halves(RNG.standard_cauchy(size=(600, 3))),
    "amounts": halves(np.exp(2 * RNG.normal(size=(600, 3)))),
    "a linear trend": trend(1),
    "a steep trend": trend(2),
    "a growing series": trend(4),
    "a rare minus one": (
        RNG.choice([-1.0, 0, 1], (400, 8), p=[0.002, 0.6, 0.398]),
        RNG.choice([0.0, 1], (300, 8)),
    ),
    "an outlier": halves(RNG.normal(size=(80, 1)), second=lambda x: x + 1e4 * (x == x[40:].max())),
    "few of them": halves(DIGITS[:40], second=lambda x: 255 * x),
    "words": (RNG.integers(0, 500, (300, 20)), RNG.integers(0, 500, (200, 20))),
    "one column": (RNG.normal(size=(200, 1)), RNG.normal(size=(100, 1))),
    "random columns": halves(RNG.normal(size=(600, 6))),
    "sparse": halves((RNG.random((600, 200)) < 0.004).astype("float32")),
    "another shape": (RNG.normal(size=(100, 6)), RNG.normal(size=(100, 7))),
}


def judged(train, validation, targets=(None, None), are_tokens=False):
    history = History()
    first, second = ((x, y, None) for x, y in zip((train, validation), targets, strict=True))
    history.note(comparison=compare(first, second, are_tokens=are_tokens))
    return validation_prepared_differently(history)


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=DIFFERENT)
def test_another_preparation_is_found(pair):
    (found,) = judged(*pair)
    assert found.severity is Severity.WARNING
    assert found.target == "inputs[0]"


@pytest.mark.parametrize("pair", ALIKE.values(), ids=ALIKE)
def test_natural_differences_are_none(pair):
    assert judged(*pair) == []


def test_small_samples_with_heavy_tails_do_not_differ():
    rng, alarms = np.random.default_rng(3), 0
    for _ in range(200):
        x = np.exp(2.5 * rng.normal(size=(70, 1)))
        alarms += len(judged(x[:35], x[35:]))
    assert alarms <= 2


def test_only_the_input_that_differs_is_named():
    x, x_val = halves(WINE)
    found = judged({"a": x, "b": x}, {"a": x_val, "b": 1000 * x_val})
    assert [one.target for one in found] == ["inputs[1]"]


def test_targets_on_another_scale_are_found_and_classes_are_not_compared():
    x, x_val = halves(WINE)
    y, y_val = halves(300 + 50 * RNG.normal(size=(len(WINE), 1)))
    (found,) = judged(x, x_val, (standardised(y), y_val))
    assert found.target == "targets[0]"
    assert judged(x, x_val, (standardised(y), standardised(y_val))) == []
    classes = RNG.integers(0, 3, len(x)), 2 + np.zeros(len(x_val), int)
    assert judged(x, x_val, classes) == []


def test_another_vocabulary_is_found_and_new_users_are_not():
    words, others = RNG.integers(0, 500, (300, 20)), RNG.integers(400, 900, (200, 20))
    (found,) = judged(words, others, are_tokens=True)
    assert "tokens" in found.message
    assert judged(words[:, :1], others[:, :1], are_tokens=True) == []
    assert judged(words, RNG.integers(0, 500, (200, 20)), are_tokens=True) == []
    rare = RNG.integers(0, 100_000, (300, 20)), RNG.integers(0, 100_000, (300, 20))
    assert judged(*rare, are_tokens=True) == []


def leaks(train, validation, total=None):
    history = History()
    compared = compare((train, None, None), (validation, None, None))
    history.note(comparison=compared, examples_per_epoch=total)
    return leakage(history)


def test_copies_and_near_copies_are_found():
    x = RNG.normal(size=(800, 8)).astype("float32")
    train, clean = x[:600], x[600:]
    assert leaks(train, clean) == []
    (found,) = leaks(train, np.concatenate([clean, train[:100]]))
    assert found.evidence["leaked_fraction"] == pytest.approx(1 / 3)
    near = train[::4] + RNG.normal(0, 1e-3, (150, 8)).astype("float32")
    (found,) = leaks(train, np.concatenate([clean, near]))
    assert found.evidence["are_near"]


def test_a_few_copies_in_a_part_stand_for_many():
    x = RNG.normal(size=(20_000, 8)).astype("float32")
    part, validation = x[:1000], x[RNG.permutation(20_000)[:1000]]
    (found,) = leaks(part, validation, total=20_000)
    assert found.evidence["leaked_fraction"] > 0.5
    assert leaks(part, validation[np.arange(1000) > 998], total=20_000) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda n: RNG.integers(0, 2, (n, 2)).astype("float32"),  # exclusive or
        lambda n: RNG.integers(0, 3, (n, 6)).astype("float32"),  # a few categories
        lambda n: RNG.integers(18, 80, (n, 1)).astype("float32"),  # ages
        lambda n: np.repeat(RNG.normal(size=(n // 4, 8)), 4, axis=0) + RNG.normal(0, 1e-3, (n, 8)),
        lambda n: RNG.normal(size=(n, 8)) * np.where(np.arange(n) % 5, 1, 0.01)[:, None],
        lambda n: np.repeat([[0.0], [1.0]], n // 2, axis=0).repeat(128, axis=1),
    ],
    ids=[
        "exclusive-or",
        "categories",
        "ages",
        "near-copies-everywhere",
        "a-dense-part",
        "two-kinds",
    ],
)
@pytest.mark.parametrize("validation", [300, 50])
def test_equal_rows_are_no_leak_where_they_are_natural(make, validation):
    x = make(800)[RNG.permutation(800)]
    assert leaks(x[:500], x[500 : 500 + validation]) == []


def in_inputs(x, y):
    history = History()
    history.note(data=describe_data((np.asarray(x, "float32"), np.asarray(y), None)))
    return target_in_inputs(history)


def test_a_column_that_is_the_target_is_found():
    x = RNG.normal(size=(300, 5))
    classes, numbers = RNG.integers(0, 3, 300), np.round(RNG.gamma(2, 50, 300), 3)
    with_class, with_log = x.copy(), x.copy()
    with_class[:, 3] = np.array([5, 1, 7])[classes]
    with_log[:, 2] = -np.log(numbers)
    assert in_inputs(with_class, classes)[0].evidence["column"] == 3
    assert in_inputs(with_class, np.eye(3)[classes])[0].evidence["column"] == 3
    assert in_inputs(with_log, numbers)[0].evidence["column"] == 2


def test_a_good_feature_is_not_the_target():
    x = RNG.normal(size=(300, 5))
    sign, noisy = (x[:, 1] > 0).astype(int), x[:, 1] + RNG.normal(0, 0.01, 300)
    assert in_inputs(x, sign) == in_inputs(x, noisy) == in_inputs(x, x.sum(axis=1)) == []
    deciles = np.round(x[:, 1])
    assert in_inputs(np.column_stack([x[:, 2:], deciles]), x[:, 1]) == []
    assert in_inputs(x[:, :1], 2 * x[:, 0]) == []  # the function is the task
    assert in_inputs(x, x) == []  # an autoencoder
    almost = sign.astype("float32")
    almost[7] = 1 - almost[7]
    assert in_inputs(np.column_stack([x, almost]), sign) == []
    assert in_inputs(x, np.zeros(300)) == []


@pytest.mark.parametrize(
    "leaf",
    [
        np.zeros(80),
        np.zeros((80, 1)),
        np.zeros((80, 0)),
        np.zeros((80, 3, 0, 2)),
        np.zeros((80, 1, 1, 1)),
        np.zeros((80, 4, 4, 3), "uint8"),
        np.zeros((80, 2, 3, 4, 5)),
        np.ones((80, 3), bool),
        np.full((80, 3), np.nan),
        np.full((80, 3), 1e30),
        np.array([["a", "b"]] * 80),
        np.array([[None, 1]] * 80),
        np.zeros((1, 3)),
    ],
    ids=lambda leaf: f"{leaf.dtype}-{leaf.shape}",
)
def test_odd_arrays_are_compared_or_left_out(leaf):
    for other in (leaf, leaf[:0], np.ones((70, 4)), {"a": leaf, "b": leaf}):
        assert judged(leaf, other, targets=(leaf, leaf)) == []
        assert judged(leaf, leaf, targets=(other, leaf), are_tokens=True) == []
