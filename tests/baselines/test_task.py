"""What is learnt, by loss and values."""

import keras
import numpy as np
import pytest

from keras_babysit import baselines
from tests.baselines.tasks import one_hot, read


def kind(task):
    return task and task.kind


CLASSES, NUMBERS, YES_OR_NO = np.array([0, 2, 1, 2]), np.array([0.5, 2.0, -1.0, 3.3]), [0, 1, 1, 0]
THREE = one_hot(CLASSES)
SHARE = np.array([[0.9], [0.6], [0.8], [0.7]])
MIXED = SHARE * THREE + (1 - SHARE) * THREE[[1, 2, 3, 0]]
HALVES = np.full((4, 1), 0.7)


@pytest.mark.parametrize(
    ("loss", "targets", "predictions", "expected"),
    [
        ("sparse_categorical_crossentropy", CLASSES, THREE, "classes"),
        ("sparse_categorical_crossentropy", CLASSES[:, None], THREE, "classes"),
        ("sparse_categorical_crossentropy", np.array([0, 7, 1, 2]), THREE, None),
        ("categorical_crossentropy", THREE, THREE, "classes"),
        ("categorical_crossentropy", 0.9 * THREE + 0.1 / 3, THREE, "classes"),
        ("categorical_crossentropy", MIXED, THREE, None),
        ("categorical_hinge", THREE, THREE, "classes"),
        ("mse", THREE, THREE, "classes"),
        ("mse", MIXED, THREE, "numbers"),
        ("binary_crossentropy", YES_OR_NO, HALVES, "labels"),
        ("binary_crossentropy", np.array([[0, 0], [1, 1]]), np.full((2, 2), 0.7), "labels"),
        ("binary_crossentropy", MIXED, THREE, "numbers"),
        ("hinge", [-1, 1, 1, -1], HALVES, "labels"),
        ("mse", NUMBERS, NUMBERS[:, None], "numbers"),
        ("mae", NUMBERS, NUMBERS[:, None], "numbers"),
        ("poisson", CLASSES, NUMBERS[:, None], "numbers"),
        ("mse", THREE, NUMBERS[:, None], None),
        ("mse", NUMBERS * np.nan, NUMBERS[:, None], None),
        ("cosine_similarity", MIXED, THREE, None),
    ],
)
def test_the_task_is_read_off_loss_and_values(loss, targets, predictions, expected):
    assert kind(read(loss, np.array(targets), predictions)) == expected


def own_loss(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred))


def test_of_an_unknown_loss_only_probabilities_are_read():
    assert read(own_loss, NUMBERS, NUMBERS[:, None]) is None
    assert read(own_loss, CLASSES, THREE) is None  # an embedding may be as wide
    assert kind(read(own_loss, CLASSES, THREE, probabilities=True)) == "classes"
    assert read(own_loss, YES_OR_NO, HALVES) is None  # a distance is small where two are equal
    assert kind(read(own_loss, YES_OR_NO, HALVES, low=0.0, high=1.0)) == "labels"


def errors(task):
    return task.errors(task.predictions).tolist()


def test_each_loss_has_its_limit_between_yes_and_no():
    targets, logits = np.array([0, 1, 1]), np.array([[-2.0], [0.3], [4.0]])
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    assert errors(read(loss, targets, logits)) == [0, 0, 0]
    probabilities = np.array([[0.2], [0.6], [0.9]])
    assert errors(read("binary_crossentropy", targets, probabilities)) == [0, 0, 0]
    # A straight line through 0 and 1 leaves that range, and its limit is 1/2 all the same.
    assert errors(read("mse", targets, np.array([[-0.1], [0.6], [1.1]]))) == [0, 0, 0]
    assert errors(read("mse", targets, np.array([[0.2], [0.6], [1.1]]))) == [0, 0, 0]


def test_soft_labels_are_compared_with_probabilities():
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    targets = np.array([[0.1], [0.5], [0.9]])
    logits = np.log(targets / (1 - targets))
    np.testing.assert_allclose(errors(read(loss, targets, logits)), 0, atol=1e-12)


def test_numbers_are_compared_with_what_minimises_the_loss():
    numbers = np.exp(np.random.default_rng(0).normal(0, 2, 400))
    for loss, best in (("mse", numbers.mean()), ("mae", np.median(numbers))):
        task = read(loss, numbers, np.full((400, 1), best))
        assert np.mean(errors(task)) == pytest.approx(1)
        assert np.mean(baselines.constant_errors(task)) == pytest.approx(1)
    # A mean is far from the least absolute error where the distribution is skewed.
    assert np.mean(errors(read("mae", numbers, np.full((400, 1), numbers.mean())))) > 1.2


def test_huber_counts_squares_up_to_its_limit():
    task = read(keras.losses.Huber(delta=2.0), NUMBERS, NUMBERS[:, None])
    assert task.distance(np.array([1.0, 2.0, 5.0])).tolist() == [0.5, 2.0, 8.0]
