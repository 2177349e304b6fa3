"""One program for each kind of training that the table in docs/loops.md has a column for."""

import keras
import numpy as np
from keras import layers, ops

import keras_babysit as kb
from benchmarks.foreign.own_steps import BACKEND, Gan, OwnStep
from tests.callbacks.loops import LOOPS

RNG = np.random.default_rng(0)
X = RNG.normal(size=(256, 6)).astype("float32")
Y = (X[:, :1] + X[:, 1:2] ** 2).astype("float32")
X_VAL, Y_VAL = X[:64] + 1, Y[:64]
SIZE, EPOCHS = 64, 2
STEPS = EPOCHS * len(X) // SIZE


def body():
    """Return a network that calls the layer "twice" two times."""
    keras.utils.set_random_seed(0)
    twice = layers.Dense(8, "relu", name="twice")
    x = keras.Input((6,))
    h = layers.Dense(8, "relu", name="hidden")(x)
    return keras.Model(x, layers.Dense(1, name="head")(twice(twice(h))))


def watched_fit(model, sitter, *, with_validation=True):
    validation = {"validation_data": (X_VAL, Y_VAL)} if with_validation else {}
    model.fit(X, Y, batch_size=SIZE, epochs=EPOCHS, verbose=0, callbacks=[sitter], **validation)
    return sitter


def fit(given, **options):
    keras.utils.clear_session()
    model = body()
    model.compile("adam", "mse")
    return watched_fit(model, kb.Babysitter(verbose=0, every=1, **options))


class Plain(OwnStep):
    """Has a step of its own, and adds a loss in it."""

    def __init__(self):
        super().__init__()
        self.inner = body()

    def call(self, x, training=None):
        return self.inner(x, training=training)

    def own_loss(self, x, y):
        error = ops.mean(ops.square(self(x, training=True) - y))
        size = 1e-3 * ops.mean(ops.square(self.inner.get_layer("head").kernel))
        return error + size, {"loss": error + size, "size_loss": size}


class ComputesLoss(Plain):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(ops.square(y_pred - y))


class TestsItself(Plain):
    """Returns two numbers: of a single one named "loss" Keras would report its own, which is 0."""

    def test_step(self, *arguments):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(arguments[-1])
        if BACKEND != "jax":
            return self._errors(self(x, training=False), y)
        trainable, others, metrics = arguments[0]
        y_pred, others = self.stateless_call(trainable, others, x, training=False)
        return self._errors(y_pred, y), (trainable, others, metrics)

    def _errors(self, y_pred, y):
        return {"loss": ops.mean(ops.square(y_pred - y)), "mae": ops.mean(ops.abs(y_pred - y))}


def own_step(given, **options):
    keras.utils.clear_session()
    kinds = {"compute_loss": ComputesLoss, "test_step": TestsItself}
    model = next((kind() for name, kind in kinds.items() if name in given), None) or Plain()
    loss = {"loss": "mse"} if "compiled loss" in given else {}
    model.compile(keras.optimizers.Adam(1e-3), **loss)
    sitter = kb.Babysitter(verbose=0, every=1, **options)
    return watched_fit(model, sitter, with_validation=bool(given))


def two_optimizers():
    """Return the sitter of a model whose step has two optimizers."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    generator = keras.Sequential(
        [keras.Input((8,)), layers.Dense(784), layers.Reshape((28, 28, 1))]
    )
    discriminator = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(1)])
    model, sitter = Gan(generator, discriminator), kb.Babysitter(verbose=0, every=1)
    model.compile(1e-4)
    pictures = RNG.uniform(size=(32, 28, 28, 1)).astype("float32")
    model.fit(pictures, batch_size=16, verbose=0, callbacks=[sitter])
    return sitter


def validated(sitter, given):
    if "validate" in given:
        logs = {"logs": {"val_loss": 0.5}} if "logs" in given else {}
        sitter.validate(X_VAL, Y_VAL, **logs)
    return sitter


def train_on_batch(given, **options):
    keras.utils.clear_session()
    model = body()
    model.compile("adam", "mse")
    if "callback_list" in given:
        return in_callback_list(model, kb.Babysitter(verbose=0, every=1, **options))
    with kb.watch(model, steps=STEPS, verbose=0, every=1, **options) as sitter:
        for step in range(STEPS):
            rows = slice(SIZE * step % len(X), SIZE * step % len(X) + SIZE)
            sitter.step(model.train_on_batch, X[rows], Y[rows], return_dict=True)
        validated(sitter, given)
    return sitter


def in_callback_list(model, sitter):
    callbacks = keras.callbacks.CallbackList([sitter], model=model, epochs=EPOCHS, steps=STEPS // 2)
    callbacks.on_train_begin()
    for epoch in range(EPOCHS):
        callbacks.on_epoch_begin(epoch)
        for step in range(STEPS // EPOCHS):
            rows = slice(SIZE * step, SIZE * step + SIZE)
            callbacks.on_train_batch_begin(step)
            logs = model.train_on_batch(X[rows], Y[rows], return_dict=True)
            callbacks.on_train_batch_end(step, logs)
        callbacks.on_epoch_end(epoch, logs)
    callbacks.on_train_end()
    return sitter


def other_loop(given, *, kind=None, **options):
    keras.utils.clear_session()
    model, optimizer = body(), keras.optimizers.SGD(0.01)
    loss = {"loss": "mse"} if "loss" in given else {}
    with kb.watch(model, optimizer, steps=STEPS, verbose=0, every=1, **loss, **options) as sitter:
        LOOPS[kind or next(iter(LOOPS))](STEPS, sitter.step, model, optimizer)
        validated(sitter, given)
    return sitter


PROGRAMS = {
    "`fit`": fit,
    "`fit` with a `train_step` of your own": own_step,
    "`train_on_batch`": train_on_batch,
    "other loops": other_loop,
}
"""The program of each column: `program(given, **options)`, with a set of what it is given."""
