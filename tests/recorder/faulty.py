"""Runs that go bad at a known step, for the tests of the flight recorder."""

import keras
import numpy as np

from benchmarks.foreign.own_steps import NEEDS_BUILT, Gan, VariationalWithOwnStep

layers = keras.layers
EXAMPLES, BATCH = 160, 16
BAD = 100  # in batch 6, example 4


@keras.saving.register_keras_serializable("faulty")
def log_loss(y, p):
    """Is infinite where the prediction is 0."""
    return -keras.ops.mean(keras.ops.log(p) * y, axis=-1)


@keras.saving.register_keras_serializable("faulty")
class Norm(layers.Layer):
    """Has no slope at 0."""

    def call(self, x):
        return keras.ops.sqrt(keras.ops.sum(keras.ops.square(x), axis=-1, keepdims=True))


@keras.saving.register_keras_serializable("faulty")
def masked_log_loss(y, p):
    """Leaves out the targets that are NaN."""
    return -keras.ops.log(p) * keras.ops.where(keras.ops.isnan(y), 0.0, 1.0)


@keras.saving.register_keras_serializable("faulty")
class Mask(layers.Layer):
    """Has a weight that is -inf by design."""

    def build(self, shape):
        def first_out(shape, dtype=None):
            return np.array([-np.inf, *np.zeros(shape[0] - 1)], "float32")

        self.mask = self.add_weight(shape=shape[-1:], initializer=first_out, trainable=False)

    def call(self, x):
        return x + self.mask


@keras.saving.register_keras_serializable("faulty")
class Center(layers.Layer):
    """Has a mean over the batch."""

    def call(self, x):
        return x - keras.ops.mean(x, axis=0)


@keras.saving.register_keras_serializable("faulty")
class Roll(layers.Layer):
    """Gives the examples in another order."""

    def call(self, x):
        return keras.ops.roll(x, 3, axis=0)


def inputs(size=4):
    return np.random.default_rng(0).uniform(0.1, 1.0, (EXAMPLES, size)).astype("float32")


def labels():
    return np.random.default_rng(1).integers(0, 2, EXAMPLES)


def stack(*hidden, size=4):
    return keras.Sequential([keras.Input((size,)), *hidden])


def positive(units, name, **options):
    return layers.Dense(units, kernel_initializer="ones", name=name, **options)


def overflow():
    """A product of float16 numbers is above 65,504."""
    keras.config.set_dtype_policy("mixed_float16")
    x = inputs()
    x[BAD] = 1e4
    model = stack(
        positive(4, "fits"), positive(8, "dense_3"), layers.Dense(2, "softmax", dtype="float32")
    )
    model.layers[0].trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, x, labels()


def cast():
    """An input is above 65,504 and goes into a layer that computes in float16."""
    keras.config.set_dtype_policy("mixed_float16")
    x = inputs()
    x[BAD] = 8.1e4
    last = layers.Dense(2, "softmax", dtype="float32", name="last")
    model = stack(positive(4, "dense"), last)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, x, labels()


def nan_input():
    x = inputs()
    x[BAD, 2] = np.nan
    model = stack(layers.Dense(4, "relu"), layers.Dropout(0.3), layers.Dense(2, "softmax"))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, x, labels()


def infinite_target():
    x, y = inputs(), inputs(1)
    y[BAD] = np.inf
    model = stack(layers.Dense(4, "relu"), layers.Dense(1))
    model.compile("adam", "mse")
    return model, x, y


def infinite_loss():
    x, y = inputs(), np.ones((EXAMPLES, 1), "float32")
    x[BAD] = 0.0
    model = stack(positive(1, "only", use_bias=False, activation="relu"))
    model.compile(keras.optimizers.SGD(1e-3), log_loss)
    return model, x, y


def no_slope():
    x, y = inputs(), np.ones((EXAMPLES, 1), "float32")
    x[BAD] = 0.0
    model = stack(layers.Dense(3, use_bias=False, name="first"), Norm(name="norm"))
    model.compile(keras.optimizers.SGD(1e-3), "mse")
    return model, x, y


def wild_update():
    """The gradient is finite, and its product with the learning rate is not."""
    x, y = inputs(), np.full((EXAMPLES, 1), -1e3, "float32")
    model = stack(layers.Dense(1, name="only"))
    model.compile(keras.optimizers.SGD(1e-12), "mse")

    class Wild(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 1e37 if epoch else 1e-12

    return model, x, y, Wild()


class WithoutCall(VariationalWithOwnStep):
    """Its gradient is NaN where all inputs are 0; `model(x)` cannot be asked."""

    def __init__(self):
        keras.Model.__init__(self)
        self.only = positive(1, "only", use_bias=False)
        self.only.build((None, 4))
        self.built = self.built or NEEDS_BUILT

    def own_loss(self, x, y):
        loss = keras.ops.mean(keras.ops.sqrt(keras.ops.square(self.only(x))))
        return loss, {"loss": loss}


def without_call():
    x = inputs()
    x[BAD] = 0.0
    model = WithoutCall()
    model.compile(keras.optimizers.SGD(1e-3))
    return model, x, None


def masked_targets():
    """Targets that are NaN are left out by the loss, which is infinite for one that is not."""
    x, y = inputs(), np.ones((EXAMPLES, 1), "float32")
    x[BAD] = 0.0
    y[::3] = np.nan
    model = stack(positive(1, "only", use_bias=False, activation="relu"))
    model.compile(keras.optimizers.SGD(1e-3), masked_log_loss)
    return model, x, y


def masked_entries():
    """A layer that gives -inf by design comes before the one that overflows."""
    x = inputs()
    x[BAD] = 100.0
    given = keras.Input((4,))
    masked = layers.Softmax(name="soft")(Mask(name="mask")(given))
    wide = positive(2, "wide", activation="exponential")(layers.add([given, masked]))
    model = keras.Model(given, layers.Dense(1)(wide))
    model.compile(keras.optimizers.SGD(1e-6), "mse")
    return model, x, inputs(1)


def over_the_batch():
    """Two examples are too large together, and spoil all of their batch."""
    x = inputs()
    x[BAD : BAD + 2] = 3e38
    model = stack(Center(name="center"), layers.Dense(1))
    model.compile(keras.optimizers.SGD(1e-3), "mse")
    return model, x, inputs(1)


def other_order():
    """The rows of what overflows are not the examples."""
    x = inputs()
    x[BAD] = 100.0
    wide = positive(2, "wide", activation="exponential")
    model = stack(Roll(name="roll"), wide, layers.Dense(1))
    model.compile(keras.optimizers.SGD(1e-6), "mse")
    return model, x, inputs(1)


def only_without_call():
    return without_call()[0]


def averages(**options):
    """An input is so large that the moving variance of a batch norm overflows, and nothing else."""
    x = inputs()
    x[BAD] = 1e20
    norm = layers.BatchNormalization(name="norm", **options)
    model = stack(norm, layers.Dense(1, name="last"))
    model.compile(keras.optimizers.SGD(1e-3), "mse")
    return model, x, inputs(1)


def adversarial():
    """Two optimizers, neither of which `compile` is given, and an input that is too large."""
    x = inputs()
    x[BAD] = 3e38
    generator = keras.Sequential([keras.Input((8,)), layers.Dense(4)], name="generator")
    discriminator = keras.Sequential([keras.Input((4,)), positive(1, "judge")])
    model = Gan(generator, discriminator)
    model.compile(1e-3)
    return model, x, None


def only_adversarial():
    return adversarial()[0]


def exploding():
    """The loss is finite and grows by each step."""
    x, y = inputs() * 10, np.zeros((EXAMPLES, 1), "float32")
    model = stack(positive(1, "only"))
    model.compile(keras.optimizers.SGD(1e-6), "mse")

    class TooFast(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.01 if epoch else 1e-6

    return model, x, y, TooFast()


def fit(make, sitter, **options):
    """Train a faulty run under the eyes of `sitter`; return its model and what `fit` returned."""
    model, x, y, *callbacks = make()
    options = {"batch_size": BATCH, "epochs": 2, "shuffle": False, "verbose": 0} | options
    callbacks = [*callbacks, *([sitter] if sitter else []), *options.pop("callbacks", [])]
    return model, model.fit(x, y, callbacks=callbacks, **options)


def reported(sitter, rule="flight_recorder"):
    found = (finding for finding in sitter.findings if finding.rule == rule)
    return sorted(found, key=lambda finding: finding.step)
