"""Programs that train on what was trained before: healthy ones, and ones that explode."""

import keras
import numpy as np
from keras import ops

layers = keras.layers
BATCH = 16


def table(n=320, columns=8, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, columns)).astype("float32")


def numbers(x):
    return (x[:, :1] + 0.5 * x[:, 1:2] * x[:, 2:3]).astype("float32")


def classes(x, n=4):
    return np.digitize(x[:, 0] + 0.3 * x[:, 1], np.linspace(-1, 1, n - 1))


def dense(units, activation=None, hidden=32, columns=8, **options):
    return keras.Sequential(
        [
            keras.Input((columns,)),
            layers.Dense(hidden, activation="relu"),
            layers.Dense(hidden, activation="relu", **options),
            layers.Dense(units, activation=activation),
        ]
    )


def adam(rate=3e-3):
    return keras.optimizers.Adam(rate)


class Program:
    """What is watched: `fit` of a model that was trained before."""

    def __init__(self, model, x, y, epochs=3, **options):
        self.model, self.x, self.y = model, x, y
        self.options = {"epochs": epochs, "batch_size": BATCH, "verbose": 0} | options
        self.epochs = epochs - options.get("initial_epoch", 0)

    def fit(self, *callbacks):
        return self.model.fit(self.x, self.y, callbacks=list(callbacks), **self.options)


def trained(model, loss, x, y, *, epochs=40, optimizer=None, **options):
    model.compile(optimizer or adam(), loss)
    model.fit(x, y, epochs=epochs, batch_size=BATCH, verbose=0, **options)
    return model


def sparse(from_logits=True):
    return keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)


# ------------------------------------------------------------------------------------- healthy


def second_fit():
    x = table()
    return Program(trained(dense(1), "mse", x, numbers(x)), x, numbers(x))


def compiled_again():
    x = table()
    model = trained(dense(1), "mse", x, numbers(x))
    model.compile(adam(1e-3), "mse")
    return Program(model, x, numbers(x))


def few_examples_learnt_by_heart():
    x = table(64)
    model = trained(dense(1, hidden=64), "mse", x, numbers(x), epochs=300)
    model.compile(adam(), "mse")
    return Program(model, x, numbers(x), epochs=10)


def classifier():
    x = table()
    return Program(trained(dense(4), sparse(), x, classes(x), epochs=60), x, classes(x))


def classifier_compiled_again():
    x = table()
    model = trained(dense(4), sparse(), x, classes(x), epochs=60)
    model.compile(adam(), sparse())
    return Program(model, x, classes(x))


def initial_epoch():
    x = table()
    model = trained(dense(4, "softmax"), sparse(from_logits=False), x, classes(x), epochs=30)
    return Program(model, x, classes(x), epochs=34, initial_epoch=30)


def loop_of_fits():
    x = table()
    model = dense(1)
    model.compile(adam(), "mse")
    for _ in range(30):
        model.fit(x, numbers(x), batch_size=BATCH, verbose=0)
    return Program(model, x, numbers(x), epochs=1)


def warm_restart():
    x = table()
    model = trained(dense(1), "mse", x, numbers(x), epochs=60)
    rate = keras.optimizers.schedules.CosineDecayRestarts(0.02, 60)
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), "mse")
    return Program(model, x, numbers(x), epochs=6)


def rmsprop():
    x = table()
    model = trained(dense(1), "mae", x, numbers(x), epochs=60)
    model.compile(keras.optimizers.RMSprop(3e-3), "mae")
    return Program(model, x, numbers(x))


def unfrozen_base():
    x = table()
    model = trained(dense(4), sparse(), x, classes(x), epochs=60)
    for layer in model.layers[:-1]:
        layer.trainable = False
    trained(model, sparse(), x, classes(x), epochs=5)
    model.trainable = True
    model.compile(adam(1e-3), sparse())
    return Program(model, x, classes(x))


def low_rank_adapters():
    x = table()
    model = trained(dense(4), sparse(), x, classes(x), epochs=60)
    for layer in model.layers:
        layer.enable_lora(2)
    model.compile(adam(), sparse())
    return Program(model, x, classes(x))


def separable_labels():
    x = table()
    y = (x[:, 0] > 0).astype("float32")
    x[:, 0] += np.sign(x[:, 0])
    return Program(trained(dense(1, "sigmoid"), "binary_crossentropy", x, y, epochs=60), x, y)


def small_batches():
    x = table(160)
    model = trained(dense(1), "mse", x, numbers(x), epochs=60)
    model.compile(adam(1e-3), "mse")
    return Program(model, x, numbers(x), batch_size=4)


def single_examples():
    x = table(96)
    model = trained(dense(1), "mse", x, numbers(x), epochs=100)
    model.compile(adam(3e-4), "mse")
    return Program(model, x, numbers(x), batch_size=1)


def weighted_classes():
    x = table()
    y = (x[:, 0] > 1).astype("float32")
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    weight = {0: 0.6, 1: 3.0}
    model = trained(dense(1), loss, x, y, epochs=60, class_weight=weight)
    return Program(model, x, y, class_weight=weight)


def two_heads():
    x = table()
    inputs = keras.Input((8,))
    hidden = layers.Dense(32, activation="relu")(inputs)
    hidden = layers.Dense(32, activation="relu")(hidden)
    heads = {"a": layers.Dense(1, name="a")(hidden), "b": layers.Dense(4, name="b")(hidden)}
    model = keras.Model(inputs, heads)
    y = {"a": 10 * numbers(x), "b": classes(x)}
    losses = {"a": "mse", "b": sparse()}
    for rate, epochs in ((3e-3, 60), (1e-3, 0)):
        model.compile(adam(rate), losses, loss_weights={"a": 0.1, "b": 1.0})
        model.fit(x, y, epochs=epochs, batch_size=BATCH, verbose=0)
    return Program(model, x, y)


def fourth_power(y, y_pred):
    """Falls much faster than the squared error."""
    return ops.mean((y - y_pred) ** 4, axis=-1)


def loss_of_ones_own():
    x = table()
    model = trained(dense(1), fourth_power, x, numbers(x), epochs=40)
    model.compile(adam(), fourth_power)
    return Program(model, x, numbers(x))


class Residual(keras.Model):
    """Its loss is computed from the inputs alone: f(2 x) = 2 f(x) and f(1) = 1."""

    def __init__(self):
        super().__init__()
        self.net = dense(1, columns=1, activation=None)

    def call(self, x):
        return self.net(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        one = self.net(ops.ones_like(x))
        return ops.mean((self.net(2 * x) - 2 * y_pred) ** 2) + ops.mean((one - 1) ** 2)


def equation():
    x = np.abs(table(columns=1))
    model = Residual()
    trained(model, None, x, x, epochs=60)
    model.compile(adam(), None)
    return Program(model, x, x, epochs=6)


def sequence():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(160, 6, 3)).astype("float32")
    y = (x[:, -1, 0] > 0).astype("int64")
    model = keras.Sequential([keras.Input((6, 3)), layers.LSTM(16), layers.Dense(2)])
    trained(model, sparse(), x, y, epochs=60, optimizer=adam(1e-2))
    model.compile(adam(), sparse())
    return Program(model, x, y)


def autoencoder():
    x = table(160) @ table(8, 36, seed=1) / 8
    x = x.reshape(-1, 6, 6, 1)
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.Conv2D(1, 3, padding="same"),
        ]
    )
    trained(model, "mse", x, x, epochs=30)
    model.compile(adam(1e-3), "mse")
    return Program(model, x, x)


def dropout():
    x = table()
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(4, activation="softmax"),
        ]
    )
    trained(model, sparse(from_logits=False), x, classes(x))
    return Program(model, x, classes(x))


def heavy_tailed_targets():
    x = table()
    y = np.exp(1.5 * numbers(x))
    model = trained(dense(1), "mse", x, y, epochs=60)
    return Program(model, x, y)


def more_data_of_the_kind():
    x, more = table(160), table(320, seed=3)
    model = trained(dense(4), sparse(), x, classes(x), epochs=60)
    both = np.concatenate([x, more])
    return Program(model, both, classes(both))


class OwnStep(keras.Model):
    """Has a `train_step` of its own around the compiled loss."""

    def train_step(self, *arguments):
        return super().train_step(*arguments)


def step_of_ones_own():
    x = table()
    inputs = keras.Input((8,))
    model = OwnStep(inputs, dense(1)(inputs))
    trained(model, "mse", x, numbers(x))
    model.compile(adam(), "mse")
    return Program(model, x, numbers(x))


def sorted_labels():
    """Not shuffled, as a data set of one's own is: the first batch is of one class."""
    x = table()
    y = classes(x)
    x, y = x[np.argsort(y)], np.sort(y)
    model = trained(dense(4), sparse(), x, y, epochs=60)
    return Program(model, x, y, shuffle=False)


HEALTHY = (
    second_fit,
    compiled_again,
    few_examples_learnt_by_heart,
    classifier,
    classifier_compiled_again,
    initial_epoch,
    loop_of_fits,
    warm_restart,
    rmsprop,
    unfrozen_base,
    low_rank_adapters,
    separable_labels,
    small_batches,
    single_examples,
    weighted_classes,
    two_heads,
    loss_of_ones_own,
    equation,
    sequence,
    autoencoder,
    dropout,
    heavy_tailed_targets,
    more_data_of_the_kind,
    step_of_ones_own,
    sorted_labels,
)


# ----------------------------------------------------------------------------------- explosions


def explodes(program, factor):
    """Raise the learning rate of a healthy program a thousandfold, or by another factor."""
    optimizer = program.model.optimizer
    optimizer.learning_rate = factor * float(optimizer.learning_rate)
    return program


EXPLODING = {
    "regression": lambda: explodes(second_fit(), 1000),
    "regression-compiled-again": lambda: explodes(compiled_again(), 1000),
    "classifier": lambda: explodes(classifier(), 1000),
    "probabilities": lambda: explodes(initial_epoch(), 1000),
    "rmsprop": lambda: explodes(rmsprop(), 1000),
    "unfrozen-base": lambda: explodes(unfrozen_base(), 1000),
    "adapters": lambda: explodes(low_rank_adapters(), 1000),
    "loss-of-ones-own": lambda: explodes(loss_of_ones_own(), 1000),
    "equation": lambda: explodes(equation(), 1000),
    "two-heads": lambda: explodes(two_heads(), 1000),
    "sequence": lambda: explodes(sequence(), 1000),
    "autoencoder": lambda: explodes(autoencoder(), 1000),
    "step-of-ones-own": lambda: explodes(step_of_ones_own(), 1000),
    "small-batches": lambda: explodes(small_batches(), 1000),
}
