"""A model whose loss only its own steps know is scored by its `test_step`."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_babysit as kb
from benchmarks.foreign.own_steps import BACKEND, OwnStep

X = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
FAR = (3 * X[:64]).astype("float32")


class Rebuilding(OwnStep):
    """Compresses its inputs; the loss, with noise, is known to its steps alone."""

    def __init__(self):
        super().__init__()
        self.hidden, self.last = layers.Dense(2, "tanh"), layers.Dense(4)
        self.noise = keras.random.SeedGenerator(0)
        self.tracker = keras.metrics.Mean(name="total_loss")
        self.tests = 0

    def call(self, x):
        return self.last(self.hidden(x))

    def own_loss(self, x, y):
        noise = 0.1 * keras.random.normal(keras.ops.shape(x), seed=self.noise)
        loss = keras.ops.mean(keras.ops.square(self(x + noise) - x))
        return loss, {"total_loss": loss}


class Scored(Rebuilding):
    """It has a `test_step` as well, with a metric and a counter."""

    @property
    def metrics(self):
        return [self.tracker]

    def test_step(self, *arguments):
        self.tests += 1
        x, _, _ = keras.utils.unpack_x_y_sample_weight(arguments[-1])
        if BACKEND != "jax":
            self.tracker.update_state(self.own_loss(x, None)[0])
            return {"total_loss": self.tracker.result()}
        trainable, others, tracked = arguments[0]
        loss, (_, others) = self.stateless_loss(trainable, others, x, None)
        tracked = self.tracker.stateless_update_state(tracked, loss)
        result = self.tracker.stateless_result(tracked)
        return {"total_loss": result}, (trainable, others, tracked)


def fit(kind, callbacks, **options):
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    model = kind()
    model(X[:1])
    model.compile(keras.optimizers.SGD(0.1))
    model.fit(X, batch_size=32, epochs=3, verbose=0, callbacks=callbacks, **options)
    return model, [np.array(keras.ops.convert_to_numpy(v)) for v in model.variables]


def test_both_samples_are_scored_and_nothing_is_changed():
    sitter = kb.Babysitter(verbose=0)
    data = {"validation_data": keras_data(FAR)}
    bare, alone = fit(Scored, [], **data)
    model, watched = fit(Scored, [sitter], **data)
    for found, expected in zip(watched, alone, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert model.tests == bare.tests
    history = sitter.history
    assert history.facts.broke_off is None
    # Its training step does not update the mean of the same name that Keras logs.
    assert {one.target for one in sitter.findings if one.rule == "not_watched"} <= {"logs"}
    for target, x in (("train", X), ("validation", FAR)):
        expected = np.mean((model.predict(x, verbose=0) - x) ** 2)  # the noise adds about 1 %
        assert history.last("score/loss", target) == pytest.approx(expected, rel=0.1)
        assert history.last("score/loss_stderr", target) > 0


def keras_data(x):
    """Return validation data without targets, as `fit` takes them."""

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return (x[32 * index :][:32],)

    return Batches()


def test_without_a_test_step_the_verdict_says_so():
    sitter = kb.Babysitter(verbose=0)
    fit(Rebuilding, [sitter])
    assert "score/loss" not in sitter.history.quantities()
    (note,) = [one.message for one in sitter.findings if one.target == "scores"]
    assert "neither a `test_step`" in note
