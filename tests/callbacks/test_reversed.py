"""What a run says of predictions that are wrong more often than guesses."""

import keras
import numpy as np
import pytest

import keras_babysit as kb

X = np.random.default_rng(0).normal(size=(400, 3)).astype("float32")
Y = (X[:, 0] + 0.3 * X[:, 1] > 0).astype("float32")[:, None]


def reversed_loss(y_true, y_pred):
    return keras.losses.binary_crossentropy(1 - y_true, y_pred)


@pytest.mark.parametrize(
    ("loss", "rate", "epochs", "is_found"),
    [("binary_crossentropy", 0.05, 12, False), (reversed_loss, 0.5, 30, True)],
    ids=["first-weights-that-recover", "loss-of-the-other-class"],
)
def test_a_network_of_reversed_answers(loss, rate, epochs, is_found):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.SGD(rate), loss, metrics=["accuracy"])
    if not is_found:
        model.set_weights([np.array([[-2.0], [-0.6], [0.0]]), np.zeros(1)])
    sitter = kb.Babysitter(verbose=0, every=1)
    model.fit(X, Y, batch_size=400, epochs=epochs, verbose=0, callbacks=[sitter])
    assert sitter.history.last("logs/accuracy") < 0.2
    assert ("reversed_answers" in {one.rule for one in sitter.findings}) is is_found
