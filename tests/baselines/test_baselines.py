"""The baselines against scikit-learn."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.metrics import recall_score, roc_auc_score
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

from keras_babysit import baselines
from keras_babysit.baselines.neighbours import MAX_FEATURES, NEIGHBOURS
from keras_babysit.baselines.variety import auc
from tests.baselines.tasks import one_hot, read


def errors_of_neighbours(task, inputs, *, are_tokens=False):
    return baselines.Neighbours(are_tokens=are_tokens).errors(task, inputs)


def test_baselines_are_weighted_as_the_loss():
    classes = np.repeat([0, 1], [90, 10])
    weights = np.where(classes == 1, 9.0, 1.0)
    gives_up = one_hot(classes)[np.zeros(100, int)]
    loss = "sparse_categorical_crossentropy"
    plain = read(loss, classes, gives_up)
    counted = read(loss, classes, gives_up, weights=5 * weights)
    assert baselines.constant_errors(plain).mean() == pytest.approx(0.1)
    found = baselines.measure_baselines(counted, None)
    assert found["reference/constant_error"] == pytest.approx(0.5)
    assert found["reference/network_error"] == pytest.approx(0.5)
    assert found["reference/constant_advantage"] == pytest.approx(0)
    assert "reference/network_error" not in baselines.measure_baselines(plain, None)
    assert read(loss, classes, gives_up, weights=np.full(100, 3.0)).weights is None
    assert read(loss, classes, gives_up, weights=np.full(7, 3.0)) is None


def test_neighbours_vote_with_their_weights():
    rng = np.random.default_rng(0)
    classes = (rng.random(400) < 0.1).astype(int)
    x = rng.normal(size=(400, 2)) + classes[:, None]
    weights = np.where(classes == 1, 9.0, 1.0)
    loss = "sparse_categorical_crossentropy"
    counted = read(loss, classes, one_hot(classes), weights=weights)
    ours = baselines.mean_and_error(errors_of_neighbours(counted, x), weights)[0]
    plain = errors_of_neighbours(read(loss, classes, one_hot(classes)), x)
    assert ours < baselines.mean_and_error(plain, weights)[0] - 0.05


def test_nothing_is_measured_where_a_few_examples_outweigh_all_others():
    classes = np.repeat([0, 1], [499, 1])
    weights = np.where(classes == 1, 500.0, 1.0)
    task = read("sparse_categorical_crossentropy", classes, one_hot(classes), weights=weights)
    assert baselines.measure_baselines(task, None) == {}


def test_yes_above_no_is_counted_as_scikit_learn_does():
    rng = np.random.default_rng(0)
    is_yes, probabilities = rng.random(200) < 0.1, rng.random(200).round(1)
    found = baselines.variety(read("binary_crossentropy", is_yes * 1.0, probabilities[:, None]))
    assert found["auc"] == pytest.approx(roc_auc_score(is_yes, probabilities))
    drawn = [auc(is_yes[:, None], rng.random((200, 1))) for _ in range(2000)]
    assert np.std([one["auc"] for one in drawn]) == pytest.approx(found["auc_stderr"], rel=0.1)
    assert auc(np.ones((9, 1)), rng.random((9, 1))) == {}


def test_many_labels_may_all_be_unlikely():
    labels = (np.random.default_rng(0).random((50, 4)) < 0.1).astype(float)
    found = baselines.variety(read("binary_crossentropy", labels, np.full((50, 4), 0.1)))
    assert found.keys() == {"auc", "auc_stderr"}
    assert found["auc"] == 0.5


@pytest.mark.parametrize(("fraction", "is_told"), [(0.05, True), (0.3, False), (0.001, False)])
def test_the_recall_of_rare_labels_is_that_of_scikit_learn(fraction, is_told):
    rng = np.random.default_rng(0)
    labels, probabilities = (rng.random((300, 5)) < fraction).astype(float), rng.random((300, 5))
    found = baselines.variety(read("binary_crossentropy", labels, probabilities))
    expected = recall_score(labels.ravel(), probabilities.ravel() > 0.5, zero_division=0)
    assert found.get("recall") == (pytest.approx(expected) if is_told else None)


def test_classes_that_were_never_shown_are_counted():
    def unseen(train, validation):
        return baselines.unseen_classes(class_task(train), class_task(validation)).popitem()[1]

    seen, last = np.repeat(np.arange(8), 100), np.repeat([8, 9], 50)
    assert unseen(seen, last) == 1.0
    assert unseen(seen, seen) == 0.0
    assert unseen(np.append(seen, [8, 8]), last) == 1.0  # 2 of 802, and half of the others
    assert unseen(seen, np.append(seen, 9)) == 0.0  # one of many may be missing by chance
    numbers = number_task(np.arange(8.0))
    assert baselines.unseen_classes(numbers, numbers) == {}


def test_a_part_is_representative_if_it_is_like_training_data_or_in_no_order():
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 10, 1000)
    train = class_task(classes[:700])
    assert baselines.is_representative(train, class_task(classes[700:]))
    assert not baselines.is_representative(train, class_task(np.sort(classes)[700:]))
    assert not baselines.is_representative(train, class_task(np.full(100, 3)))
    uneven = class_task((rng.random(700) < 0.02).astype(int))
    even = rng.integers(0, 2, 300)
    assert baselines.is_representative(uneven, class_task(even))
    assert not baselines.is_representative(uneven, class_task(np.sort(even)))
    numbers = rng.normal(size=1000)
    assert baselines.is_representative(number_task(numbers[:700]), number_task(numbers[700:]))
    assert not baselines.is_representative(
        number_task(numbers), number_task(np.sort(numbers)[700:])
    )
    assert baselines.is_representative(number_task(numbers), number_task(numbers + 9))
    nearly_one = np.repeat([0, 1], [75, 5])
    assert not baselines.is_representative(train, class_task(nearly_one))


def test_a_weighted_mean_has_the_error_of_repeated_samples():
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.1, 2, 200)
    drawn = [baselines.mean_and_error(rng.normal(size=200), weights) for _ in range(2000)]
    assert np.std([mean for mean, _ in drawn]) == pytest.approx(drawn[0][1], rel=0.15)
    values = rng.normal(size=50)
    plain = baselines.mean_and_error(values)
    assert plain == pytest.approx((values.mean(), values.std(ddof=1) / np.sqrt(50)))
    assert baselines.mean_and_error(values, np.full(50, 2.0)) == pytest.approx(plain)


def number_task(y):
    return read("mse", y, y[:, None])


def class_task(y):
    return read("sparse_categorical_crossentropy", y, one_hot(y))


def test_neighbours_of_numbers_are_those_of_scikit_learn():
    x, y = load_diabetes(return_X_y=True)
    x, y = x[:200], y[:200]
    task = number_task(y)
    model = KNeighborsRegressor(NEIGHBOURS)
    answers = cross_val_predict(model, StandardScaler().fit_transform(x), y, cv=LeaveOneOut())
    expected = np.mean((answers - y) ** 2) / y.var()
    ours = errors_of_neighbours(task, x.astype("float32")).mean()
    assert ours == pytest.approx(expected, rel=1e-3)


def test_neighbours_classify_digits_and_a_constant_does_not():
    x, y = load_digits(return_X_y=True)
    x, y = x[:500], y[:500]
    task = class_task(y)
    assert errors_of_neighbours(task, x).mean() < 0.1
    assert baselines.constant_errors(task).mean() == 1 - np.bincount(y).max() / len(y)


def test_a_part_has_the_neighbours_of_all():
    x, y = load_digits(return_X_y=True)
    neighbours = baselines.Neighbours()
    whole = neighbours.errors(class_task(y), x)
    part = neighbours.errors(class_task(y[::16]), x[::16])
    assert np.array_equal(part, whole[::16])
    assert part.mean() < errors_of_neighbours(class_task(y[::16]), x[::16]).mean()
    # One that is new votes with all that are known.
    part = np.concatenate([x[:64], x[:1] + 0.5])
    again = neighbours.errors(class_task(np.append(y[:64], y[0])), part)
    assert np.array_equal(again[:64], whole[:64])
    assert again[64] == 0


def test_sentences_are_near_each_other_by_their_words():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    # Class 1 has the odd words: as numbers they say nothing, wherever they stand.
    x = 2 * rng.integers(1, 50, (200, 20)) + y[:, None]
    task = read("binary_crossentropy", y, y[:, None])
    assert errors_of_neighbours(task, x, are_tokens=True).mean() < 0.1
    assert errors_of_neighbours(task, x).mean() > 0.3


def test_a_model_takes_tokens_if_it_looks_them_up():
    words = keras.Sequential([keras.Input((4,)), keras.layers.Embedding(9, 2)])
    table = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    assert baselines.takes_tokens(words)
    assert not baselines.takes_tokens(table)


def test_what_cannot_be_compared_has_no_neighbours():
    task = number_task(np.arange(8.0))
    assert errors_of_neighbours(task, {"a": np.zeros((8, 2))}) is None
    assert errors_of_neighbours(task, np.full((8, 2), np.nan)) is None
    assert errors_of_neighbours(task, np.linspace(-1e300, 1e300, 16).reshape(8, 2)) is None
    assert errors_of_neighbours(task, np.zeros((8, MAX_FEATURES + 1))) is None
    assert errors_of_neighbours(task, np.array([["a"]] * 8)) is None
