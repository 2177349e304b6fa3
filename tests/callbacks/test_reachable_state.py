"""Training is the same bit by bit where layers, losses, data and callbacks hold state of their own.

Each program is trained alone and monitored. Weights, losses and the Python objects that the program
names as its state must be equal.
"""

import collections
import itertools
import random

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_babysit as kb
from keras_babysit.backends.untouched import _of_the_user

BACKEND = keras.backend.backend()
X = np.random.default_rng(0).normal(size=(48, 4)).astype("float32")
Y = X[:, :1].astype("float32")
TOTAL = {"calls": 0}
EAGER = {"tensorflow": {"run_eagerly": True}, "jax": {"run_eagerly": True}}.get(BACKEND, {})


class Program:
    """A model, what `compile` gets, what `fit` gets, and the state to compare."""

    def __init__(self, *hidden, state=list, compiled=None, fitted=None):
        self.model = keras.Sequential(
            [keras.Input((4,)), layers.Dense(4), *hidden, layers.Dense(1)]
        )
        self.compiled = {"optimizer": "adam", "loss": "mse"} | (compiled or {})
        self.fitted = {"x": X, "y": Y, "batch_size": 16, "validation_data": (X, Y)} | (fitted or {})
        self.state = state

    def train(self, *callbacks):
        self.model.compile(**self.compiled)
        own = self.fitted.pop("callbacks", [])
        self.model(X[:4])  # builds layers that wrap modules
        self.model.optimizer.build(self.model.trainable_variables)  # else TensorFlow traces twice
        fitted = {k: v for k, v in self.fitted.items() if v is not None}
        history = self.model.fit(epochs=2, verbose=0, callbacks=[*own, *callbacks], **fitted)
        values = [ops.convert_to_numpy(v.value) for v in self.model.variables]
        values += [ops.convert_to_numpy(v.value) for v in self.model.optimizer.variables]
        return values, history.history, repr(self.state())


class Count:
    """An object of the user's with a number and a list."""

    def __init__(self):
        self.calls, self.seen = 0, []


class WithObject(layers.Layer):
    """Counts its calls on an object, and lists what it returned."""

    def __init__(self):
        super().__init__()
        self.count = Count()

    def call(self, x):
        self.count.calls += 1
        y = x * (1 + 0.01 * self.count.calls)
        self.count.seen.append(float(ops.convert_to_numpy(ops.mean(y))))
        return y


def an_object():
    layer = WithObject()
    return Program(layer, state=lambda: vars(layer.count), compiled=EAGER)


class InPlaceArray(layers.Layer):
    """Averages its outputs in an array, in place."""

    def __init__(self):
        super().__init__()
        self.average = np.zeros(4, "float32")

    def call(self, x):
        y = x + 0.1 * ops.convert_to_tensor(self.average)
        self.average *= 0.9
        self.average += 0.1 * ops.convert_to_numpy(ops.mean(y, axis=0))
        return y


def an_array_in_place():
    layer = InPlaceArray()
    return Program(layer, state=lambda: layer.average, compiled=EAGER)


class OwnGenerators(layers.Layer):
    """Draws its noise on generators of Python and numpy that belong to it."""

    def __init__(self):
        super().__init__()
        self.arrays, self.numbers = np.random.default_rng(3), random.Random(4)

    def call(self, x, training=False):
        if not training:
            return x
        scale = 1 + 0.1 * self.numbers.random()
        noise = self.arrays.normal(0, 0.1, (1, 4)).astype("float32")
        return x * scale + ops.convert_to_tensor(noise)


def generators_of_a_layer():
    layer = OwnGenerators()
    return Program(
        layer,
        state=lambda: (layer.arrays.bit_generator.state, layer.numbers.getstate()),
        compiled=EAGER,
    )


class GlobalCount(layers.Layer):
    """Counts its calls in a dictionary of the module."""

    def call(self, x):
        TOTAL["calls"] += 1
        return x * (1 + 0.01 * TOTAL["calls"])


def a_global():
    TOTAL["calls"] = 0
    return Program(GlobalCount(), state=lambda: TOTAL, compiled=EAGER)


class Window(layers.Layer):
    """Keeps the means of its latest calls in a deque and a dictionary of lists."""

    def __init__(self):
        super().__init__()
        self.latest, self.by_mode = collections.deque(maxlen=3), {"train": [], "test": []}

    def call(self, x, training=False):
        mean = float(ops.convert_to_numpy(ops.mean(x)))
        self.latest.append(mean)
        self.by_mode["train" if training else "test"].append(mean)
        return x + 0.1 * sum(self.latest)


def containers():
    layer = Window()
    return Program(layer, state=lambda: (layer.latest, dict(layer.by_mode)), compiled=EAGER)


class Annealed(keras.losses.Loss):
    """A loss whose weight grows with its calls."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def call(self, y_true, y_pred):
        self.calls += 1
        return (1 + 0.01 * self.calls) * ops.mean(ops.square(y_true - y_pred), axis=-1)


def a_loss_that_counts():
    loss = Annealed()
    return Program(state=lambda: loss.calls, compiled={"loss": loss} | EAGER)


def a_loss_that_closes_over_a_list():
    seen = []

    def loss(y_true, y_pred):
        seen.append(len(seen))
        return (1 + 0.01 * len(seen)) * ops.mean(ops.square(y_true - y_pred), axis=-1)

    return Program(state=lambda: seen, compiled={"loss": loss} | EAGER)


class Decaying(keras.regularizers.Regularizer):
    """A penalty that decays with its calls."""

    calls = 0

    def __call__(self, weight):
        self.calls += 1
        return 0.1 / self.calls * ops.sum(ops.square(weight))


def a_regularizer_that_counts():
    penalty = Decaying()
    return Program(
        layers.Dense(4, kernel_regularizer=penalty), state=lambda: penalty.calls, compiled=EAGER
    )


def an_activation_that_counts():
    calls = [0]

    def activation(x):
        calls[0] += 1
        return ops.tanh(x * (1 + 0.01 * calls[0]))

    return Program(layers.Dense(4, activation), state=lambda: calls, compiled=EAGER)


class WithMetric(layers.Layer):
    """Updates a metric of Keras in its `call`, and scales by it."""

    def __init__(self):
        super().__init__()
        self.mean = keras.metrics.Mean()

    def call(self, x):
        self.mean.update_state(ops.mean(ops.square(x)))
        return x / (1 + 0.1 * self.mean.result())


def a_metric_in_a_layer():
    return Program(WithMetric())


class Drawing(layers.Layer):
    """Draws on a seed generator that it shares with others."""

    def __init__(self, seeds):
        super().__init__()
        self.seeds = seeds

    def call(self, x, training=False):
        return x + keras.random.normal(ops.shape(x), stddev=0.1, seed=self.seeds)


def a_shared_seed_generator():
    seeds = keras.random.SeedGenerator(5)
    return Program(Drawing(seeds), Drawing(seeds), layers.Dropout(0.5))


def accumulated_gradients():
    optimizer = keras.optimizers.Adam(
        gradient_accumulation_steps=2, use_ema=True, ema_overwrite_frequency=2, clipnorm=1.0
    )
    return Program(layers.BatchNormalization(), compiled={"optimizer": optimizer})


def scaled_losses():
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(), dynamic_growth_steps=2)
    hidden = layers.Dense(4, dtype="mixed_float16")
    return Program(hidden, layers.Dropout(0.2), compiled={"optimizer": optimizer})


class Batches(keras.utils.PyDataset):
    """Augments on a generator of its own, and counts what it was asked for."""

    def __init__(self):
        super().__init__()
        self.rng, self.asked, self.ended = np.random.default_rng(6), [], 0

    def __len__(self):
        return 3

    def __getitem__(self, index):
        self.asked.append(index)
        noise = self.rng.normal(0, 0.1, (16, 4)).astype("float32")
        return X[16 * index : 16 * index + 16] + noise, Y[16 * index : 16 * index + 16]

    def on_epoch_end(self):
        self.ended += 1


def data_with_side_effects():
    data = Batches()
    fitted = {"x": data, "y": None, "batch_size": None}
    return Program(
        state=lambda: (data.asked, data.ended, data.rng.bit_generator.state), fitted=fitted
    )


def a_generator_of_data():
    drawn, rng = [], np.random.default_rng(7)

    def batches():
        while True:
            drawn.append(int(rng.integers(100)))
            rows = rng.permutation(48)[:16]
            yield X[rows], Y[rows]

    fitted = {"x": batches(), "y": None, "batch_size": None, "steps_per_epoch": 4, "shuffle": False}
    return Program(state=lambda: drawn, fitted=fitted)


def a_shuffled_pipeline():
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(48, seed=8).batch(16)
    return Program(fitted={"x": data, "y": None, "batch_size": None, "shuffle": False})


class Averages(keras.callbacks.Callback):
    """Keeps a moving average of the weights in a list of arrays, and swaps it in for validation."""

    def __init__(self):
        super().__init__()
        self.average, self.own = None, None

    def on_train_batch_end(self, batch, logs=None):
        now = self.model.get_weights() if BACKEND != "jax" else None
        if now is not None and self.average is None:
            self.average = now
        elif now is not None:
            self.average = [0.9 * a + 0.1 * b for a, b in zip(self.average, now, strict=True)]

    def on_test_begin(self, logs=None):
        if self.average is not None:
            self.own = self.model.get_weights()
            self.model.set_weights(self.average)

    def on_test_end(self, logs=None):
        if self.own is not None:
            self.model.set_weights(self.own)


def swapped_averages():
    callback = Averages()
    return Program(
        layers.Dropout(0.3), state=lambda: callback.average, fitted={"callbacks": [callback]}
    )


def a_torch_tensor_in_place():
    import torch

    class Sums(layers.Layer):
        def __init__(self):
            super().__init__()
            self.total = [torch.zeros(4)]
            self.generator = torch.Generator().manual_seed(9)

        def call(self, x, training=False):
            self.total[0].mul_(0.9).add_(0.1 * x.detach().mean(0))
            noise = torch.rand(x.shape, generator=self.generator)
            return x + 0.1 * self.total[0] + (0.1 * noise if training else 0)

    layer = Sums()
    return Program(layer, state=lambda: (layer.total, layer.generator.get_state()))


def a_torch_module_with_hooks():
    import torch

    class Inner(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(4, 4))
            self.norm = torch.nn.BatchNorm1d(4, momentum=None)
            self.drop, self.calls = torch.nn.Dropout(0.3), 0

        def forward(self, x):
            self.calls += 1
            return self.drop(self.norm(self.linear(x))) * (1 + 0.01 * self.calls)

    module = Inner()
    layer = layers.TorchModuleWrapper(module)
    return Program(layer, state=lambda: (module.calls, [b.tolist() for b in module.buffers()]))


def a_tensorflow_variable_of_an_object():
    import tensorflow as tf

    class Holder:
        def __init__(self):
            self.calls = tf.Variable(0.0)
            self.random = tf.random.Generator.from_seed(1)

    class Holding(layers.Layer):
        def __init__(self):
            super().__init__()
            self.holder = Holder()

        def call(self, x):
            noise = self.holder.random.normal([4], stddev=0.1)
            return x * (1 + 0.01 * self.holder.calls.assign_add(1.0)) + noise

    layer = Holding()
    return Program(layer, state=lambda: (layer.holder.calls.numpy(), layer.holder.random.state))


# What reads values in a call, or keeps results of one, cannot be differentiated on JAX at all.
READING = (an_object, an_array_in_place, containers, a_metric_in_a_layer)
EVERYWHERE = (
    *(
        generators_of_a_layer,
        a_global,
        a_loss_that_counts,
        a_loss_that_closes_over_a_list,
        a_regularizer_that_counts,
    ),
    *(an_activation_that_counts, a_shared_seed_generator),
    *(accumulated_gradients, scaled_losses, data_with_side_effects, a_generator_of_data),
    swapped_averages,
)
ONLY = {
    "tensorflow": (*READING, a_tensorflow_variable_of_an_object, a_shuffled_pipeline),
    "torch": (*READING, a_torch_tensor_in_place, a_torch_module_with_hooks),
}
PROGRAMS = {one.__name__: one for one in (*EVERYWHERE, *ONLY.get(BACKEND, ()))}


def trained(name, *callbacks):
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    random.seed(0)
    return PROGRAMS[name]().train(*callbacks)


@pytest.mark.any_backend
@pytest.mark.parametrize("every", [1, "auto"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_all_state_that_training_reaches_is_as_if_alone(name, every):
    values, history, state = trained(name)
    sitter = kb.Babysitter(every=every, verbose=0)
    found, monitored, left = trained(name, sitter)
    assert monitored == history
    assert left == state
    for one, other in zip(found, values, strict=True):
        np.testing.assert_array_equal(one, other)
    assert sitter.history.facts.broke_off is None


class ReadsIterator(layers.Layer):
    """Scales its inputs by what an iterator yields, which no measurement can put back."""

    def __init__(self):
        super().__init__()
        self.factors = itertools.count(1)

    def call(self, x):
        return x / self.factor()

    def factor(self):
        return next(self.factors)


class HoldsIterator(layers.Layer):
    """Holds an iterator that its `call` does not read."""

    def __init__(self):
        super().__init__()
        self.factors = itertools.count(1)

    def call(self, x):
        return x

    def log(self):
        return next(self.factors)


@pytest.mark.any_backend
@pytest.mark.parametrize(("kind", "is_read"), [(ReadsIterator, True), (HoldsIterator, False)])
def test_a_layer_that_reads_from_an_iterator_is_left_alone(kind, is_read):
    outcomes, sitter = [], kb.Babysitter(every=1, verbose=0)
    for callbacks in ([], [sitter]):
        keras.utils.set_random_seed(0)
        layer = kind()
        trained_layer = Program(layer, compiled=EAGER).train(*callbacks)
        outcomes.append((trained_layer[1], repr(layer.factors)))
    assert outcomes[0] == outcomes[1]
    about = [one.message for one in sitter.findings if one.rule == "not_watched"]
    assert any("iterator" in message for message in about) == is_read
    assert bool(sitter.history.targets("activations/std")) != is_read


def test_layers_of_keras_hold_nothing_of_the_user():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "relu")])
    model.compile("adam", "mse")
    assert _of_the_user(model, model._flatten_layers()) == []
    own = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, lambda x: x)])
    assert len(_of_the_user(own, own._flatten_layers())) == 1
