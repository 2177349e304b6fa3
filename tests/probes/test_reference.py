"""Yardsticks against scikit-learn."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

from keras_babysit.probes import reference


def one_hot(classes):
    return np.eye(classes.max() + 1)[classes]


def test_the_task_is_read_off_the_values():
    classes, numbers = np.array([0, 2, 1, 2]), np.array([0.5, 2.0, -1.0, 3.3])
    three = one_hot(classes)
    assert reference.read_task(classes, three).kind == "classes"
    assert reference.read_task(classes[:, None], three).kind == "classes"
    assert reference.read_task(three, three).kind == "classes"
    assert reference.read_task(np.array([0, 1, 1, 0]), np.full((4, 1), 0.7)).kind == "labels"
    assert reference.read_task(np.array([[0, 0], [1, 1]]), np.full((2, 2), 0.7)).kind == "labels"
    assert reference.read_task(numbers, numbers[:, None]).kind == "numbers"
    assert reference.read_task(np.array([0, 7, 1, 2]), three) is None
    assert reference.read_task(three, numbers[:, None]) is None
    assert reference.read_task(numbers * np.nan, numbers[:, None]) is None


def test_logits_and_probabilities_have_their_own_limit():
    targets = np.array([0, 1, 1])
    logits = reference.read_task(targets, np.array([[-2.0], [0.3], [4.0]]))
    probabilities = reference.read_task(targets, np.array([[0.2], [0.6], [0.9]]))
    assert logits.errors(logits.predictions).tolist() == [0, 0, 0]
    assert probabilities.errors(probabilities.predictions).tolist() == [0, 0, 0]


def test_neighbours_of_numbers_are_those_of_scikit_learn():
    x, y = load_diabetes(return_X_y=True)
    x, y = x[:200], y[:200]
    task = reference.read_task(y, y[:, None])
    model = KNeighborsRegressor(reference.NEIGHBOURS)
    answers = cross_val_predict(model, StandardScaler().fit_transform(x), y, cv=LeaveOneOut())
    expected = np.mean((answers - y) ** 2) / y.var()
    ours = reference.neighbour_errors(task, x.astype("float32")).mean()
    assert ours == pytest.approx(expected, rel=1e-3)


def test_neighbours_tell_digits_apart_and_a_constant_does_not():
    x, y = load_digits(return_X_y=True)
    x, y = x[:500], y[:500]
    task = reference.read_task(y, one_hot(y))
    assert reference.neighbour_errors(task, x).mean() < 0.1
    assert reference.constant_errors(task).mean() == 1 - np.bincount(y).max() / len(y)


def test_sentences_are_near_each_other_by_their_words():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    # Class 1 has the odd words: as numbers they say nothing, wherever they stand.
    x = 2 * rng.integers(1, 50, (200, 20)) + y[:, None]
    task = reference.read_task(y, y[:, None])
    assert reference.neighbour_errors(task, x, are_tokens=True).mean() < 0.1
    assert reference.neighbour_errors(task, x).mean() > 0.3


def test_a_model_takes_tokens_if_it_looks_them_up():
    words = keras.Sequential([keras.Input((4,)), keras.layers.Embedding(9, 2)])
    table = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    assert reference.takes_tokens(words)
    assert not reference.takes_tokens(table)


def test_what_cannot_be_compared_has_no_neighbours():
    task = reference.read_task(np.arange(8.0), np.arange(8.0)[:, None])
    assert reference.neighbour_errors(task, {"a": np.zeros((8, 2))}) is None
    assert reference.neighbour_errors(task, np.full((8, 2), np.nan)) is None
    assert reference.neighbour_errors(task, np.zeros((8, reference.MAX_FEATURES + 1))) is None
    assert reference.neighbour_errors(task, np.array([["a"]] * 8)) is None
