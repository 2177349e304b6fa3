"""Training and validation data are scored with weights that count alike."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_babysit as kb

RNG = np.random.default_rng(0)
X = RNG.normal(size=(128, 4)).astype("float32")
Y = (X[:, 0] + RNG.normal(size=128) > 0.8).astype("int32")
WEIGHTS = np.where(Y == 1, 5.0, 1.0).astype("float32")
QUANTITIES = ("score/loss", "score/error")


class OwnStep(keras.Sequential):
    """A model with a training step of its own, that of Keras."""

    def train_step(self, *arguments):
        return super().train_step(*arguments)


def scores(x=X, y=Y, validation=(X, Y), kind=keras.Sequential, **options):
    model = kind([keras.Input((4,)), layers.Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    sitter = kb.Babysitter(every=1, verbose=0)
    data = {"validation_data": validation, "batch_size": 32, "shuffle": False} | options
    model.fit(x, y, epochs=2, verbose=0, callbacks=[sitter], **data)
    return [
        [sitter.history.last(name, target) for name in QUANTITIES]
        for target in ("train", "validation")
    ]


@pytest.mark.parametrize("kind", [keras.Sequential, OwnStep], ids=["plain", "own-step"])
@pytest.mark.parametrize(
    "options",
    [
        {"class_weight": {0: 1.0, 1: 5.0}},
        {"sample_weight": WEIGHTS},
        {"validation": (X, Y, WEIGHTS)},
        # Keras takes class weights and sample weights together in this way only.
        {"class_weight": {0: 1.0, 1: 5.0}, "validation": (X, Y, WEIGHTS)},
    ],
    ids=["class-weight", "sample-weight", "validation-weight", "class-and-sample-weight"],
)
def test_weights_do_not_set_the_scores_of_the_same_examples_apart(options, kind):
    train, validation = scores(kind=kind, **options)
    np.testing.assert_allclose(train, validation, rtol=1e-5)


def test_class_weights_beside_sample_weights_are_refused_by_keras_as_without_the_callback():
    with pytest.raises(ValueError, match=r"class_weight.*sample_weight"):
        scores(class_weight={0: 1.0, 1: 5.0}, sample_weight=WEIGHTS)


def test_weights_of_both_sides_count():
    validation = (X, Y, np.ones(128, "float32"))
    train, validation = scores(sample_weight=WEIGHTS, validation=validation)
    assert abs(train[0] - validation[0]) > 0.05 * validation[0]


def test_examples_of_weight_0_count_on_neither_side():
    """In a graph such weights select the examples to train on; the others may have any label."""
    weights = np.tile([1.0, 0.0], 64).astype("float32")
    wrong = np.where(weights == 0, 1 - Y, Y)
    train, validation = scores(y=wrong, sample_weight=weights, validation=(X[::2], Y[::2]))
    np.testing.assert_allclose(train, validation, rtol=1e-5)
