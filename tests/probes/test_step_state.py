"""State of any kind that a training step of the user's changes is as it was after a measurement."""

import collections
import itertools

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_babysit as kb
from benchmarks.foreign.own_steps import OwnStep
from keras_babysit.backends import kept_state, to_array
from keras_babysit.errors import UnkeepableStateError

BACKEND = keras.backend.backend()
X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
Y = X[:, :1].copy()
SEEN = {"steps": 0, "factors": collections.deque([1.0], maxlen=4)}


class Plain(OwnStep):
    """Fits a line, with a loss that `factor` changes."""

    def __init__(self):
        super().__init__()
        self.hidden, self.last = layers.Dense(6, "relu"), layers.Dense(1)

    def call(self, x):
        return self.last(self.hidden(x))

    def factor(self):
        return 1.0

    def own_loss(self, x, y):
        loss = ops.mean(ops.square(self(x) - y)) * self.factor()
        return loss, {"loss": loss}


class WithAttributes(Plain):
    """Counts its steps, draws on a generator of numpy, keeps a list, an array and a set."""

    def __init__(self):
        super().__init__()
        self.count, self.rng, self.kept = 0, np.random.default_rng(1), {"losses": [1.0]}
        self.bank, self.names, self.newest = np.ones(4), {"a"}, None

    def factor(self):
        self.count += 1
        self.newest = self.rng.random()
        self.kept["losses"].append(self.newest)
        self.bank[self.count % 4] = self.newest
        self.names.add(str(self.count))
        return float(np.mean(self.bank) + np.mean(self.kept["losses"]) + 0.01 * len(self.names))


class WithGlobals(Plain):
    """Counts in a global dictionary and in a closure."""

    def __init__(self):
        super().__init__()
        inside = [0]

        def closed():
            inside[0] += 1
            return inside[0]

        self.closed = closed

    def factor(self):
        SEEN["steps"] += 1
        SEEN["factors"].append(self.closed() + SEEN["steps"])
        return 1.0 + 0.01 * sum(SEEN["factors"])


class WithMetric(Plain):
    """Returns a running mean, which goes on over the steps of an epoch."""

    def __init__(self):
        super().__init__()
        self.mean = keras.metrics.Mean()

    def train_step(self, *arguments):
        result = super().train_step(*arguments)
        if BACKEND == "jax":
            return result
        self.mean.update_state(result["loss"])
        return {"loss": self.mean.result()}


def with_tensorflow_state():
    import tensorflow as tf

    class WithVariables(Plain):
        def __init__(self):
            super().__init__()
            self.counts = [tf.Variable(1.0, trainable=False)]
            self.generator = tf.random.Generator.from_seed(1)

        def factor(self):
            return self.counts[0].assign_add(0.1) + self.generator.uniform(())

    return WithVariables()


def with_pytorch_optimizer():
    import torch

    class OwnOptimizer(Plain):
        def train_step(self, data):
            x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
            self.adam.zero_grad()
            loss, reported = self.own_loss(x, y)
            loss.backward()
            self.adam.step()
            self.decay.step()
            self.moving = 0.9 * self.moving + 0.1 * loss.detach()
            self.scale.add_(self.moving)
            return {name: value.detach() for name, value in reported.items()}

        def factor(self):
            return 1 + self.scale

    model = OwnOptimizer()
    model(X[:1])
    model.scale = torch.zeros(())
    model.moving = torch.ones(())
    model.adam = torch.optim.Adam([v.value for v in model.trainable_variables], lr=0.01)
    model.decay = torch.optim.lr_scheduler.ExponentialLR(model.adam, 0.9)
    return model


MAKERS = {
    "attributes": WithAttributes,
    "globals": WithGlobals,
    "metric": WithMetric,
    **({"tensorflow": with_tensorflow_state} if BACKEND == "tensorflow" else {}),
    **({"torch-optimizer": with_pytorch_optimizer} if BACKEND == "torch" else {}),
}


def train(make, *callbacks, eagerly=False):
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    SEEN["steps"] = 0
    SEEN["factors"].clear()
    model = make()
    model.compile("adam", run_eagerly=eagerly)
    # Else TensorFlow traces the first step twice, and what Python computes there is another number.
    model(X[:1])
    model.optimizer.build(model.trainable_variables)
    history = model.fit(X, Y, batch_size=16, epochs=3, verbose=0, callbacks=list(callbacks))
    return model, history.history


@pytest.mark.parametrize("eagerly", [True, False] if BACKEND == "tensorflow" else [False])
@pytest.mark.parametrize("name", MAKERS)
def test_training_is_the_same_with_and_without(name, eagerly):
    sitter = kb.Babysitter(every=1, verbose=0)
    watched, history = train(MAKERS[name], sitter, eagerly=eagerly)
    alone, expected = train(MAKERS[name], eagerly=eagerly)
    assert history == expected
    for one, other in zip(watched.variables, alone.variables, strict=True):
        np.testing.assert_array_equal(to_array(one.value), to_array(other.value))
    assert getattr(watched, "count", None) == getattr(alone, "count", None)
    found = sitter.history
    notices = [one for one in sitter.findings if one.rule == "not_watched"]
    assert [
        one.message for one in notices if one.target not in ("scores", "logs")
    ] == []  # it has no test step
    assert all(found.last("gradients/norm", n) > 0 for n in found.facts.weights)
    rates = found.series("optimizer/learning_rate").values
    assert (rates[-1] < rates[0]) == (name == "torch-optimizer")


class WithIterator(Plain):
    """Draws from an iterator, which no measurement can put back."""

    def __init__(self):
        super().__init__()
        self.factors = itertools.count(1)

    def factor(self):
        return 1.0 / next(self.factors)


def test_a_step_that_draws_from_an_iterator_is_left_alone():
    sitter = kb.Babysitter(every=1, verbose=0)
    watched, history = train(WithIterator, sitter)
    alone, expected = train(WithIterator)
    assert history == expected
    assert next(watched.factors) == next(alone.factors)
    notices = [one for one in sitter.findings if one.rule == "not_watched"]
    (note,) = [one.message for one in notices if one.target not in ("scores", "logs")]
    assert note.startswith("Training step not measured: it reads from an iterator")
    assert sitter.history.targets("activations/std")  # of a pass through the model


def test_the_validation_data_that_fit_keeps_on_the_model_are_no_state_of_a_step():
    model = keras.Sequential()
    vars(model)["_eval_epoch_iterator"] = iter([1, 2])  # as Keras sets it
    with kept_state(model):
        pass


losses = iter([1.0])  # of the script, under the name of an attribute that a step reads
steps_done = 0


def test_an_attribute_is_not_taken_for_a_global_of_its_name():
    model = keras.Sequential([layers.Dense(1, kernel_regularizer="l2")])
    model.build((None, 4))

    def penalty():
        return sum(model.losses)

    with kept_state(penalty):
        assert float(to_array(penalty())) > 0


def test_a_global_that_a_step_only_writes_is_put_back():
    def step():
        global steps_done
        steps_done = 1

    with kept_state(step):
        step()
        assert steps_done == 1
    assert steps_done == 0


def test_a_global_iterator_that_a_step_reads_is_refused():
    def step():
        return [next(losses) for _ in range(1)]

    with pytest.raises(UnkeepableStateError), kept_state(step):
        pass
