"""Seeded faults: healthy programs of `zoo.py` with one thing broken, at several strengths.

The label of a fault lists the rules for its condition or root cause; only they count as recall.
Known symptoms are listed separately. Whether a fault is harmful is measured without Babysitter (see
`outcomes.py`).
"""

import functools
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from benchmarks.diagnosis import data, outcomes, own_steps, zoo
from benchmarks.diagnosis.program import Label, Program, Split
from benchmarks.diagnosis.recipe import Recipe
from benchmarks.diagnosis.stream import Stream
from keras_babysit import Babysitter
from keras_babysit.layers import ChannelPReLU

Change = Callable[[Recipe], Recipe]

STUCK = ("loss_not_decreasing", "plateau", "underfitting", "constant_output")
"""Symptoms of a run that does not learn."""

BLOWN = ("loss_explosion", "non_finite_values", "exploding_activations", "exploding_gradients")
"""Symptoms of a run whose values explode."""

stopping, lowering = keras.callbacks.EarlyStopping, keras.callbacks.ReduceLROnPlateau

SHRUNK = ("vanishing_gradients", "collapsed_activations")
"""Symptoms of a network whose signal vanishes with depth."""


@dataclass(frozen=True)
class Fault:
    """One way to break a program.

    Args:
        name: Name of the fault.
        names: Rules for its condition or root cause.
        accepts: Rules for its symptoms.
        cases: Name of the base, name of the strength, and the change.
        is_same_loss: Whether its loss is comparable with that of the base.
        misleads: Whether it affects the measurement rather than the result, so that training
            cannot show harm.
        backend: The only backend on which it is possible; None for all.
    """

    name: str
    names: tuple[str, ...]
    accepts: tuple[str, ...]
    cases: tuple[tuple[str, str, Change], ...]
    is_same_loss: bool = True
    misleads: bool = False
    backend: str | None = None


# ------------------------------------------------------------------------------------- changes


def having(**changes: Any) -> Change:
    return lambda recipe: recipe.having(**changes)


def options(**changes: Any) -> Change:
    return lambda recipe: recipe.having(options=changes)


def smoothed(loss: str, smoothing: float) -> Callable[[], keras.losses.Loss]:
    return lambda: getattr(keras.losses, loss)(label_smoothing=smoothing)


def rate(factor: float) -> Change:
    return lambda recipe: recipe.having(rate=recipe.rate * factor, schedule=None)


def chain(*changes: Change) -> Change:
    return lambda recipe: functools.reduce(lambda r, change: change(r), changes, recipe)


def with_data(change: Callable[[Split, np.random.Generator], Split]) -> Change:
    """Return a change of the data."""

    def apply(recipe: Recipe) -> Recipe:
        def make(rng: np.random.Generator) -> Split:
            return change(recipe.data(rng), rng)

        return recipe.having(data=make)

    return apply


def with_inputs(function: Callable[[Any], Any]) -> Change:
    return with_data(lambda s, rng: s._replace(x=function(s.x), x_val=function(s.x_val)))


def with_targets(function: Callable[[Any], Any]) -> Change:
    return with_data(lambda s, rng: s._replace(y=function(s.y), y_val=function(s.y_val)))


def at_start(function: Callable[[keras.Model, Split], None]) -> Change:
    return lambda recipe: recipe.having(before=(*recipe.before, function))


def normal(spread: float) -> Callable[[int], Any]:
    return lambda index: keras.initializers.RandomNormal(stddev=spread)


def constant(value: float) -> Callable[[int], Any]:
    return lambda index: keras.initializers.Constant(value)


def l2(strength: float) -> Callable[[int], Any]:
    return lambda index: keras.regularizers.L2(strength)


def l1(strength: float) -> Callable[[int], Any]:
    return lambda index: keras.regularizers.L1(strength)


def permuted(rng: np.random.Generator, *arrays: Any) -> tuple[Any, ...]:
    return tuple(array[rng.permutation(len(array))] for array in arrays)


def validation_shuffled(s: Split, rng: np.random.Generator) -> Split:
    return s._replace(y_val=permuted(rng, s.y_val)[0])


def targets_shuffled(s: Split, rng: np.random.Generator) -> Split:
    y, y_val = permuted(rng, s.y, s.y_val)
    return s._replace(y=y, y_val=y_val)


def as_class_number(y: Any) -> Any:
    return y.argmax(axis=1).astype("float32") if y.ndim > 1 else y


def first_batch_only(split: Split, batch_size: int) -> Stream:
    """Return a stream of as many batches as usual, all of which are the first one."""
    times = -(-len(split.x) // batch_size)
    rows = np.tile(np.arange(batch_size), times)
    return Stream(split._replace(x=split.x[rows], y=split.y[rows]), batch_size)


def channels_first(x: Any) -> Any:
    return np.moveaxis(x, -1, 1)


# ------------------------------------------------------------------------------------- losses


def opposite_entropy(y_true: Any, y_pred: Any) -> Any:
    """Return the crossentropy of the opposite labels."""
    return keras.losses.binary_crossentropy(1 - y_true, y_pred)


class Drift(keras.callbacks.Callback):
    """Moves all output logits together, further in each epoch, which a softmax does not notice."""

    FASTEST = 512.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Lower the bias of the last layer."""
        bias = self.model.layers[-1].bias
        bias.assign(bias - min(2.0**epoch, self.FASTEST))


def hyperbolic(y_true: Any, y_pred: Any) -> Any:
    """Return a distance that is not among Keras' own."""
    return ops.mean(ops.sqrt(1 + ops.square(y_true - y_pred)) - 1, axis=-1)


def summed_squares(y_true: Any, y_pred: Any) -> Any:
    return ops.sum(ops.square(y_true - y_pred))


def summed_crossentropy(y_true: Any, y_pred: Any) -> Any:
    return -ops.sum(y_true * ops.log(ops.clip(y_pred, 1e-7, 1.0)))


def broadcast_squares(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of `(n, n)` squares: targets `(n,)` beside predictions `(n, 1)`."""
    return ops.mean(ops.square(ops.reshape(y_true, (-1,)) - y_pred))


def broadcast_absolutes(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.abs(ops.reshape(y_true, (-1,)) - y_pred), axis=-1)


def broadcast_entropy(y_true: Any, y_pred: Any) -> Any:
    y_true, y_pred = ops.reshape(y_true, (-1,)), ops.clip(y_pred, 1e-6, 1 - 1e-6)
    return -ops.mean(y_true * ops.log(y_pred) + (1 - y_true) * ops.log(1 - y_pred))


def negative_squares(y_true: Any, y_pred: Any) -> Any:
    return -ops.mean(ops.square(y_true - y_pred), axis=-1)


def log_likelihood(y_true: Any, y_pred: Any) -> Any:
    """Return the log-likelihood without its minus."""
    return ops.mean(ops.sum(y_true * ops.log(ops.clip(y_pred, 1e-7, 1.0)), axis=-1))


def dice_score(y_true: Any, y_pred: Any) -> Any:
    """Return the Dice coefficient, which is 1 where all is right."""
    y_true = ops.reshape(y_true, ops.shape(y_pred))
    return 2 * ops.sum(y_true * y_pred) / (ops.sum(y_true) + ops.sum(y_pred) + 1e-7)


def bare_counts(y_true: Any, y_pred: Any) -> Any:
    """Return the Poisson loss of a rate that may be negative."""
    return ops.mean(y_pred - y_true * ops.log(y_pred))


def calling(make: Callable[..., Any], *arguments: Any, **settings: Any) -> Change:
    """Return a change that adds a callback to `fit`."""
    return having(callbacks=(functools.partial(make, *arguments, **settings),))


def scheduled(make: Callable[..., Any], **settings: Any) -> Change:
    """Return a change of the schedule: `make` gets the learning rate and these settings."""
    return having(schedule=lambda rate, steps: make(rate, **settings))


class LeavingOut(keras.optimizers.SGD):
    """SGD that never reaches hidden kernels, as if they had been made trainable too late."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change a variable by a step, or leave it as it is."""
        if len(variable.shape) < 2 or variable.shape[-1] < 16:
            super().update_step(gradient, variable, learning_rate)


class InInference(keras.layers.BatchNormalization):
    """A batch normalization in inference mode, as in a training step without `training=True`."""

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Return the inputs, normalized by the moving averages."""
        return super().call(inputs, training=False, mask=mask)


def through_a_function(x: Any, index: int) -> Any:
    """Apply a layer inside a `Lambda`, where the model does not find its weights."""
    hidden = keras.layers.Dense(x.shape[-1], "relu")
    hidden.build(x.shape)
    return keras.layers.Lambda(lambda tensor: hidden(tensor), output_shape=x.shape[1:])(x)


def train_first(model: keras.Model, split: Split) -> None:
    """Train on the same data before, at a healthy learning rate."""
    kind = "categorical" if split.y.ndim > 1 and split.y.shape[1] > 1 else "binary"
    model.compile(keras.optimizers.Adam(3e-3), f"{kind}_crossentropy")
    model.fit(split.x, split.y, epochs=10, verbose=0)


def freeze(model: keras.Model, split: Split) -> None:
    """Freeze all layers but the last."""
    for layer in model.layers[:-1]:
        layer.trainable = False


def pretrain_on(factor: float) -> Callable[[keras.Model, Split], None]:
    """Return a change that trains and freezes all but the head, on inputs of another scale."""

    def change(model: keras.Model, split: Split) -> None:
        scaled = split._replace(x=factor * split.x)
        zoo.pretrain(model, scaled, frozen=True)

    return change


# ---------------------------------------------------------------------------------------- data


def few(n: int) -> Change:
    return with_data(lambda s, rng: s._replace(x=s.x[:n], y=s.y[:n]))


def misaligned(s: Split, rng: np.random.Generator) -> Split:
    return s._replace(y=s.y[rng.permutation(len(s.y))])


def by_class(s: Split, rng: np.random.Generator) -> Split:
    order = np.argsort(s.y.argmax(axis=1) if s.y.ndim > 1 else s.y, kind="stable")
    return s._replace(x=s.x[order], y=s.y[order])


def last_classes_apart(s: Split, rng: np.random.Generator) -> Split:
    """Return sorted data as `validation_split` cuts it: the last classes are held out."""
    x, y = np.concatenate([s.x, s.x_val]), np.concatenate([s.y, s.y_val])
    order = np.argsort(y.argmax(axis=1) if y.ndim > 1 else y, kind="stable")
    cut, last = order[: len(s.x)], order[len(s.x) :]
    return Split(x[cut], y[cut], x[last], y[last])


def held_out(function: Callable[[Any], Any]) -> Change:
    """Return a change of the validation inputs alone."""
    return with_data(lambda s, rng: s._replace(x_val=function(s.x_val)))


def leaking(fraction: float) -> Change:
    """Return a change that adds training examples, a fraction of all, to the validation data."""

    def change(s: Split, rng: np.random.Generator) -> Split:
        rows = rng.permutation(len(s.x))[: int(fraction * len(s.x))]
        return s._replace(
            x_val=np.concatenate([s.x_val, s.x[rows]]), y_val=np.concatenate([s.y_val, s.y[rows]])
        )

    return with_data(change)


def dropped_at_the_end(rate: float) -> Change:
    """Return a change that adds dropout behind the last layer."""

    def change(recipe: Recipe) -> Recipe:
        def net(shape: Any, **more: Any) -> keras.Model:
            made = recipe.net(shape, **more)
            return keras.Model(made.input, keras.layers.Dropout(rate)(made.output))

        return recipe.having(net=net)

    return change


def divide_by_255() -> keras.layers.Layer:
    """Return a layer that expects pixels of up to 255."""
    return keras.layers.Rescaling(1 / 255)


def renumbered(x: Any) -> Any:
    """Return texts whose words have other numbers, but for the padding."""
    words = np.arange(1, int(x.max()) + 1)
    return np.concatenate([[0], np.random.default_rng(3).permutation(words)])[x.astype(int)]


def unknown(known: int) -> Callable[[Any], Any]:
    """Return a function that replaces all tokens but the first ones by that of unknown words."""
    return lambda x: np.where((x > known) & (x != 0), 1, x)


def scaled_tokens(x: Any) -> Any:
    """Return tokens divided by the largest one, as if they were pixels."""
    return (x / x.max()).astype("float32")


def split_at_random(s: Split, rng: np.random.Generator) -> Split:
    """Split the examples at random, whatever they have to do with each other."""
    x, y = np.concatenate([s.x, s.x_val]), np.concatenate([s.y, s.y_val])
    order = rng.permutation(len(x))
    return data.head(x[order], y[order], len(s.x))


def with_target_column(function: Callable[[Any], Any]) -> Change:
    """Return a change that appends a function of the target to the inputs."""

    def widen(x: Any, y: Any) -> Any:
        answer = y.argmax(axis=1) if y.ndim > 1 else y
        return np.concatenate([x, function(answer.reshape(-1, 1))], axis=1)

    return with_data(lambda s, rng: s._replace(x=widen(s.x, s.y), x_val=widen(s.x_val, s.y_val)))


def one_class_held_out(s: Split, rng: np.random.Generator) -> Split:
    """Return validation data of the last class alone."""
    labels = s.y_val.argmax(axis=1) if s.y_val.ndim > 1 else s.y_val
    is_last = labels == labels.max()
    return s._replace(x_val=s.x_val[is_last], y_val=s.y_val[is_last])


def resampled(s: Split, rng: np.random.Generator) -> Split:
    """Return training data in which the rare class was repeated until both are as frequent."""
    rare, common = np.flatnonzero(s.y == 1), np.flatnonzero(s.y == 0)
    rows = rng.permutation(np.concatenate([common, rng.choice(rare, len(common))]))
    return s._replace(x=s.x[rows], y=s.y[rows])


def next_fold(recipe: Recipe) -> Recipe:
    """Return the second fold of a cross-validation that goes on with the model of the first one."""

    def train(model: keras.Model, s: Split) -> None:
        model.compile(recipe.optimizer(recipe.rate), recipe.loss())
        sitter = Babysitter(verbose=0)
        model.fit(s.x_val, s.y_val, epochs=recipe.epochs, verbose=0, callbacks=[sitter])

    return at_start(train)(recipe)


def compiled_in_a_loop(rounds: int = 8, epochs: int = 1) -> Change:
    """Return a change that compiles before each of some rounds, the run being the last one."""

    def loop(recipe: Recipe) -> Recipe:
        def train(model: keras.Model, s: Split) -> None:
            for _ in range(rounds):
                steps = recipe.epochs * -(-len(s.x) // recipe.batch_size)
                rate = recipe.schedule(recipe.rate, steps) if recipe.schedule else recipe.rate
                model.compile(recipe.optimizer(rate), recipe.loss(), metrics=list(recipe.metrics))
                model.fit(
                    s.x,
                    s.y,
                    batch_size=recipe.batch_size,
                    epochs=epochs,
                    verbose=0,
                    callbacks=[Babysitter(verbose=0)],
                )

        return at_start(train)(recipe)

    return loop


def warming_up(rate: float, steps: int) -> Any:
    """Return a schedule that rises for the whole run and more."""
    return keras.optimizers.schedules.CosineDecay(
        0.0, 10 * steps, warmup_target=rate, warmup_steps=2 * steps
    )


def swapped_binary(y_true: Any, y_pred: Any) -> Any:
    """Return a binary crossentropy that takes the prediction for the truth."""
    return keras.losses.binary_crossentropy(y_pred, ops.cast(y_true, y_pred.dtype))


def freeze_adapters(model: keras.Model, split: Split) -> None:
    """Add adapters to the hidden layers, and freeze the layers afterwards."""
    hidden = [one for one in model.layers if isinstance(one, keras.layers.Dense)][:-1]
    for layer in hidden:
        layer.enable_lora(4)
        layer.trainable = False


def penalize_activity(strength: float) -> Callable[[keras.Model, Split], None]:
    """Return a change that lets every hidden layer add its squared activity to the loss."""

    def change(model: keras.Model, split: Split) -> None:
        for layer in [one for one in model.layers if isinstance(one, keras.layers.Dense)][:-1]:
            layer.activity_regularizer = keras.regularizers.L2(strength)

    return change


def byte_differences(scale: float) -> Change:
    """Return a change of the inputs to differences of neighbours in 8-bit arithmetic."""

    def change(x: Any) -> Any:
        low, high = x.min(), x.max()
        levels = np.round(scale * (x - low) / (high - low)).astype("uint8")
        return (levels - np.roll(levels, 1, axis=1)).astype("float32") / 255

    return with_inputs(change)


def without_scale(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return what makes an optimizer that scales the loss by 1 for good."""

    def optimizer(rate: Any) -> Any:
        return keras.optimizers.LossScaleOptimizer(
            make(rate), initial_scale=1.0, dynamic_growth_steps=10**9
        )

    return optimizer


def tiny_crossentropy(y_true: Any, y_pred: Any) -> Any:
    """Return a loss that is divided by the number of many things."""
    return 1e-7 * keras.losses.categorical_crossentropy(y_true, y_pred)


def streaming(spoil: Callable[[Any, Any, int], None] | None = None) -> Change:
    return having(stream=functools.partial(Stream, spoil=spoil))


def divided(x: Any, y: Any, epoch: int) -> None:
    x /= 20


def divided_targets(x: Any, y: Any, epoch: int) -> None:
    """Divide the targets of a batch by 10 in place, in each epoch."""
    y /= 10


def emptied(x: Any, y: Any, epoch: int) -> None:
    if epoch > 0:
        x[:] = 0


def one_label(x: Any, y: Any, epoch: int) -> None:
    if epoch > 0:
        x[:], y[:] = x[:1], y[:1]


def weighting(weights: Any) -> Change:
    return having(fit={"class_weight": weights})


def marked(value: float, fraction: float) -> Change:
    """Return a change that sets inputs to a number for missing values, and scales them then."""

    def change(s: Split, rng: np.random.Generator) -> Split:
        x, x_val = (np.where(rng.random(x.shape) < fraction, value, x) for x in (s.x, s.x_val))
        axes = tuple(range(x.ndim - 1))
        mean, spread = x.mean(axis=axes), x.std(axis=axes)
        return s._replace(x=(x - mean) / spread, x_val=(x_val - mean) / spread)

    return with_data(change)


def scaled_together(factor: float) -> Change:
    """Return a change that makes one column larger, and scales all of them by one mean then."""

    def change(s: Split, rng: np.random.Generator) -> Split:
        factors = np.where(np.arange(s.x.shape[-1]) == 0, factor, 1.0)
        x, x_val = (one * factors for one in (s.x, s.x_val))
        return s._replace(x=(x - x.mean()) / x.std(), x_val=(x_val - x.mean()) / x.std())

    return with_data(change)


def flipped_labels(fraction: float) -> Change:
    """Return a change that replaces a fraction of the training labels by random other ones."""

    def change(s: Split, rng: np.random.Generator) -> Split:
        y = s.y.copy()
        hit = rng.random(len(y)) < fraction
        y[hit] = rng.permutation(y[hit])
        return s._replace(y=y)

    return with_data(change)


def one_class_rare(fraction: float, keep: int = 0) -> Change:
    """Return a change that keeps one class and only a small fraction of all others."""

    def thin(x: Any, y: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        labels = y.argmax(axis=1) if y.ndim > 1 else y.astype(int)
        stays = (labels == keep) | (rng.random(len(y)) < fraction)
        return x[stays], y[stays]

    def change(s: Split, rng: np.random.Generator) -> Split:
        return Split(*thin(s.x, s.y, rng), s.x_val, s.y_val)

    return with_data(change)


def with_value(value: float, fraction: float) -> Change:
    """Return a change that sets a fraction of the training inputs, at least one, to a value."""

    def change(s: Split, rng: np.random.Generator) -> Split:
        x = s.x.astype("float32").copy()
        flat = x.reshape(-1)
        flat[rng.choice(flat.size, max(1, int(fraction * flat.size)), replace=False)] = value
        return s._replace(x=x)

    return with_data(change)


def frozen_columns(fraction: float, value: float = 0.0) -> Change:
    """Return a change that sets the most variable features, a fraction of all, to one value."""

    def change(s: Split, rng: np.random.Generator) -> Split:
        order = np.argsort(-s.x.std(axis=0))[: int(fraction * s.x.shape[1])]
        x, x_val = s.x.copy(), s.x_val.copy()
        x[:, order] = x_val[:, order] = value
        return s._replace(x=x, x_val=x_val)

    return with_data(change)


def easy_validation(s: Split, rng: np.random.Generator) -> Split:
    """Return validation data with the examples that are easiest for a nearest-mean classifier."""
    truth = s.y.argmax(axis=1) if s.y.ndim > 1 else s.y.astype(int)
    truth_val = s.y_val.argmax(axis=1) if s.y_val.ndim > 1 else s.y_val.astype(int)
    means = np.stack([s.x[truth == c].mean(axis=0) for c in range(truth.max() + 1)])
    distance = ((s.x_val[:, None] - means) ** 2).sum(axis=-1)
    own = distance[np.arange(len(truth_val)), truth_val]
    distance[np.arange(len(truth_val)), truth_val] = np.inf
    keep = np.argsort(own - distance.min(axis=1))[: len(own) // 2]
    return s._replace(x_val=s.x_val[keep], y_val=s.y_val[keep])


# -------------------------------------------------------------------------------- broken pieces


def log_without_floor() -> Any:
    def loss(y: Any, p: Any) -> Any:
        return -ops.sum(y * ops.log(p) + (1 - y) * ops.log(1 - p), axis=-1)

    return loss


def square_root(x: Any, index: int) -> Any:
    """Return the square root of a rectified signal, whose slope at 0 is infinite."""
    return keras.layers.Lambda(lambda z: ops.sqrt(ops.relu(z)), output_shape=x.shape[1:])(x)


def divided_by_sum(x: Any, index: int) -> Any:
    def scale(z: Any) -> Any:
        return z / ops.sum(ops.relu(z - 1.5), axis=-1, keepdims=True)

    return keras.layers.Lambda(scale, output_shape=x.shape[1:])(x)


def centred_over_the_batch(x: Any, index: int) -> Any:
    """Return a layer's output less its mean over the batch, also in inference mode."""
    return keras.layers.Lambda(lambda z: z - ops.mean(z, axis=0), output_shape=x.shape[1:])(x)


def normalized_alone(x: Any, index: int) -> Any:
    """Return a layer's output with a layer normalization whose last axis has one entry."""
    alone = keras.layers.LayerNormalization()(keras.layers.Reshape((*x.shape[1:], 1))(x))
    return keras.layers.Reshape(x.shape[1:])(alone)


def one_group_for_each(x: Any, index: int) -> Any:
    """Return a layer's output with a group normalization of as many groups as units."""
    return keras.layers.GroupNormalization(groups=-1)(x)


def wide_attention() -> Any:
    """Return an initializer that makes attention logits of some ten thousands."""
    return keras.initializers.RandomNormal(stddev=30.0, seed=1)


def pulling() -> Any:
    """Return a loss that pulls embeddings of one class together and pushes nothing apart."""
    return zoo.triplet(pushes=False)


def cut_after(index: int, kind: Callable[[Any], Any]) -> Callable[[Any, int], Any]:
    """Return a function that adds an operation without gradient after one layer."""

    def between(x: Any, at: int) -> Any:
        return keras.layers.Lambda(kind, output_shape=x.shape[1:])(x) if at == index else x

    return between


def rounded(z: Any) -> Any:
    return ops.round(z)


def doubled_unused(model: keras.Model, split: Split) -> None:
    """Add a weight to the last hidden layer that no output depends on."""
    layer = model.layers[-2] if model.layers[-2].weights else model.layers[-3]
    layer._tracker.unlock()
    layer.add_weight(name="forgotten", shape=(32, 32), initializer="glorot_uniform")
    layer._tracker.lock()


def shut(fraction: float, by: float = -30.0) -> Callable[[int], Any]:
    """Return a bias initializer that makes a fraction of the units inactive."""

    def make(index: int) -> Any:
        def init(shape: Any, dtype: Any = None) -> Any:
            bias = np.zeros(shape, "float32")
            bias[: round(fraction * shape[0])] = by
            return ops.convert_to_tensor(bias, dtype)

        return init

    return make


def weak_pieces(pieces: int = 2, by: float = -30.0) -> Callable[[int], Any]:
    """Return a bias initializer that makes the first piece win always."""

    def make(index: int) -> Any:
        def init(shape: Any, dtype: Any = None) -> Any:
            bias = np.full(shape, by, "float32")
            bias[::pieces] = 0.0
            return ops.convert_to_tensor(bias, dtype)

        return init

    return make


def slope(alpha: float) -> Any:
    return (lambda: ChannelPReLU(alpha_initializer=alpha),)


def tower(depth: int, width: int, activation: str, **more: Any) -> Change:
    return options(units=(width,) * depth, activation=activation, norm=None, **more)


def early_decay(rate: float, steps: int) -> Any:
    return keras.optimizers.schedules.ExponentialDecay(rate, max(steps // 60, 1), 0.3)


def narrow(recipe: Recipe) -> Recipe:
    return recipe.having(options={"units": (1,)})


# ------------------------------------------------------------------------------------ the faults

FROM_LOGITS = chain(
    options(last=None),
    having(loss=lambda: keras.losses.CategoricalCrossentropy(from_logits=True)),
)

DRIFTING = having(callbacks=(Drift,), policy="mixed_bfloat16")

NUMBERS = chain(
    with_targets(as_class_number),
    options(outputs=1, last=None),
    having(loss=keras.losses.MeanSquaredError),
)
"""Classes as one number."""

NUMBERED_CITIES = having(data=zoo.generated(data.cities, 1200, is_number=True))
NUMBERED_CLASSES = having(data=zoo.generated(data.cities, 1200, is_number=True, classes=True))
"""Cities as one column with their number."""

ENCODED_BY_OWN = having(data=zoo.generated(data.shops, 1000, own=True))
ENCODED_CLASSES = having(data=zoo.generated(data.shops, 1000, own=True, classes=True))
"""Means of the targets of each shop that count the target of the row itself."""

SMOOTHED_AROUND = having(data=zoo.generated(data.smoothed, 800, around=True))
"""A series smoothed with its future."""

FAULTS = [
    Fault(
        "rate-explodes",
        ("learning_rate_too_high", "loss_explosion"),
        (*BLOWN, "dead_units", "oscillating_loss", "update_ratio", *STUCK),
        (
            ("friedman-sgd", "100", rate(100)),
            ("friedman-sgd", "1000", rate(1000)),
            ("friedman-huber", "1000", rate(1000)),
            ("digits-mlp-sgd", "100", rate(100)),
            ("digits-mlp-momentum", "1000", rate(1000)),
            ("digits-cnn-prelu-sgd", "300", rate(300)),
            ("digits-autoencoder", "sgd-30", having(optimizer=zoo.momentum, rate=30.0)),
        ),
    ),
    Fault(
        "rate-high",
        ("learning_rate_too_high",),
        (*BLOWN, *STUCK, "oscillating_loss", "dead_units", "saturated_units", "update_ratio"),
        (
            ("digits-mlp", "200", rate(200)),
            ("digits-mlp", "1000", rate(1000)),
            ("digits-cnn", "100", rate(100)),
            ("digits-mlp-tanh-momentum", "100", rate(100)),
            ("digits-selu-deep", "100", rate(100)),
            ("series-lstm", "100", rate(100)),
            ("words-transformer", "200", rate(200)),
            ("friedman-mlp", "1000", rate(1000)),
            ("spirals-mlp", "100", rate(100)),
        ),
    ),
    Fault(
        "rate-low",
        ("learning_rate_too_low",),
        (*STUCK, "update_ratio"),
        (
            ("digits-mlp", "1000th", rate(1e-3)),
            ("digits-mlp-sgd", "1000th", rate(1e-3)),
            ("digits-mlp-sgd", "30th", rate(1 / 30)),
            ("digits-cnn", "1000th", rate(1e-3)),
            ("digits-resnet-bn-sgd", "3000th", rate(1 / 3000)),
            ("friedman-sgd", "300th", rate(1 / 300)),
            ("series-lstm", "1000th", rate(1e-3)),
            ("words-mean", "1000th", rate(1e-3)),
            ("cancer-mlp", "300th", rate(1 / 300)),
        ),
    ),
    Fault(
        "decays-early",
        ("plateau", "learning_rate_too_low"),
        ("underfitting", "update_ratio", "loss_not_decreasing"),
        (
            ("digits-mlp-momentum", "a", having(schedule=early_decay)),
            ("friedman-mlp", "a", having(schedule=early_decay)),
            ("digits-cnn", "a", having(schedule=early_decay)),
            ("spirals-mlp", "a", having(schedule=early_decay)),
        ),
    ),
    Fault(
        "loss-without-floor",
        ("loss_at_limit", "non_finite_values"),
        (*BLOWN, "output_loss_mismatch", "learning_rate_too_high"),
        (
            ("cancer-mlp", "a", having(loss=log_without_floor, rate=0.03, epochs=60)),
            ("labels-mlp", "a", having(loss=log_without_floor, rate=0.03, epochs=40)),
            ("spirals-mlp", "a", having(loss=log_without_floor, rate=0.02, epochs=60)),
            ("counts-poisson", "linear", chain(
                having(loss=lambda: bare_counts), options(last=None))),
        ),
        is_same_loss=False,
    ),
    Fault(
        "infinite-slope",
        ("non_finite_values",),
        BLOWN,
        (
            ("digits-mlp", "root", options(between=square_root)),
            ("friedman-mlp", "root", options(between=square_root)),
            ("digits-cnn", "root", options(between=square_root)),
            ("digits-mlp-tanh-momentum", "division", options(between=divided_by_sum)),
        ),
    ),
    Fault(
        "half-overflow",
        ("non_finite_values", "exploding_activations"),
        BLOWN,
        (
            ("digits-mlp-float16", "deep", options(kernel=normal(2.0), units=(64,) * 8)),
            ("digits-mlp-float16", "linear", tower(6, 64, "linear", kernel=normal(3.0))),
        ),
    ),
    Fault(
        "half-inputs",
        ("non_finite_values", "unscaled_inputs"),
        (*BLOWN, "non_finite_inputs"),
        (
            ("digits-mlp-float16", "1e5", with_inputs(lambda x: 1e5 * x)),
            ("digits-cnn-float16", "1e5", with_inputs(lambda x: 1e5 * x)),
        ),
    ),
    Fault(
        "misaligned",
        ("uninformative_inputs", "loss_not_decreasing", "plateau", "underfitting"),
        ("constant_output", "overfitting"),
        (
            ("digits-mlp", "a", chain(options(units=(8,)), with_data(misaligned))),
            ("words-mean", "a", chain(options(width=1), with_data(misaligned))),
            ("friedman-mlp", "a", chain(options(units=(4,)), with_data(misaligned))),
            ("series-gru", "a", chain(options(units=(2,)), with_data(misaligned))),
        ),
    ),
    Fault(
        "oscillates",
        ("oscillating_loss", "learning_rate_too_high"),
        (*BLOWN, *STUCK, "update_ratio", "dead_units"),
        (
            ("friedman-huber", "batch-2", having(batch_size=2, rate=0.15, epochs=2)),
            ("digits-mlp-momentum", "batch-2", having(batch_size=2, rate=0.05, epochs=2)),
            ("iris-tanh-sgd", "momentum-0.99", having(optimizer=functools.partial(
                keras.optimizers.SGD, momentum=0.99), rate=0.5)),
            ("digits-autoencoder", "rate-30", rate(30)),
            ("cancer-logistic", "rate-300", rate(300)),
        ),
    ),
    Fault(
        "unshuffled",
        ("unshuffled_data", "oscillating_loss"),
        (*STUCK, "loss_explosion", "learning_rate_too_high", "class_imbalance", "overfitting"),
        (
            ("digits-mlp", "by-class", chain(with_data(by_class), having(fit={"shuffle": False}))),
            ("digits-cnn", "by-class", chain(with_data(by_class), having(fit={"shuffle": False}))),
            ("digits-mlp-momentum", "by-class", chain(
                with_data(by_class), having(fit={"shuffle": False}))),
            ("digits-mlp-small-batch", "by-class", chain(
                with_data(by_class), having(fit={"shuffle": False}))),
        ),
    ),
    Fault(
        "classes-apart",
        ("unseen_classes",),
        ("overfitting", "unvalidated_classes"),
        (
            ("digits-mlp", "last", with_data(last_classes_apart)),
            ("digits-cnn", "last", with_data(last_classes_apart)),
            ("digits-mlp-momentum", "last", with_data(last_classes_apart)),
            ("wine-mlp", "last", with_data(last_classes_apart)),
        ),
        misleads=True,
    ),
    Fault(
        "classes-not-held-out",
        ("unvalidated_classes",),
        ("overfitting", "validation_better_than_train"),
        (
            ("digits-mlp", "one", with_data(one_class_held_out)),
            ("digits-cnn", "one", with_data(one_class_held_out)),
            ("cancer-mlp", "one", with_data(one_class_held_out)),
        ),
        misleads=True,
    ),
    Fault(
        "validation-prepared",
        ("validation_prepared_differently",),
        ("overfitting", "uninformative_inputs", "validation_better_than_train"),
        (
            ("digits-mlp", "divided", held_out(lambda x: x / 255)),
            ("digits-cnn", "minus-1-1", held_out(lambda x: 2 * x - 1)),
            ("digits-cnn", "transposed", held_out(lambda x: x.transpose(0, 2, 1, 3))),
            ("cancer-mlp", "raw", held_out(lambda x: 20 + x * np.geomspace(0.01, 500, 30))),
            ("friedman-mlp", "min-max", held_out(data.min_max)),
            ("wine-mlp", "divided", held_out(lambda x: x / 255)),
        ),
        misleads=True,
    ),
    Fault(
        "leaked",
        ("leakage",),
        ("validation_better_than_train",),
        (
            ("digits-mlp", "half", leaking(0.3)),
            ("cancer-mlp", "all", leaking(1.0)),
            ("friedman-mlp", "tenth", leaking(0.1)),
        ),
        misleads=True,
    ),
    Fault(
        "fold-before",
        ("trained_on_validation_data",),
        ("validation_better_than_train",),
        (
            ("digits-mlp", "same-model", next_fold),
            ("cancer-mlp", "same-model", next_fold),
            ("friedman-mlp", "same-model", next_fold),
        ),
        misleads=True,
    ),
    Fault(
        "optimizer-reset",
        ("optimizer_reset",),
        (*STUCK, "learning_rate_too_low", "learning_rate_decays_early"),
        (
            ("digits-mlp", "adam", compiled_in_a_loop()),
            ("digits-mlp-momentum", "momentum", compiled_in_a_loop()),
            ("digits-mlp-sgd", "warm-up", chain(
                having(schedule=warming_up), compiled_in_a_loop())),
        ),
        misleads=True,
    ),
    Fault(
        "loss-swapped",
        ("swapped_loss_arguments",),
        (*BLOWN, *STUCK, "learning_rate_too_high", "update_ratio", "dead_units"),
        (
            ("cancer-mlp", "binary", having(loss=lambda: swapped_binary)),
            ("labels-mlp", "binary", having(loss=lambda: swapped_binary)),
            ("digits-autoencoder-sigmoid", "soft", having(loss=lambda: swapped_binary)),
        ),
        is_same_loss=False,
        misleads=True,
    ),
    Fault(
        "adapters-frozen",
        ("frozen_adapters",),
        STUCK,
        (
            ("digits-mlp", "all", at_start(freeze_adapters)),
            ("friedman-mlp", "all", at_start(freeze_adapters)),
            ("cancer-mlp", "all", at_start(freeze_adapters)),
        ),
    ),
    Fault(
        "activity-penalized",
        ("regularization_dominates",),
        (*STUCK, *SHRUNK, "dead_units", "no_gradient"),
        (
            ("digits-mlp", "10", at_start(penalize_activity(10.0))),
            ("friedman-mlp", "10", at_start(penalize_activity(10.0))),
            ("cancer-mlp", "100", at_start(penalize_activity(100.0))),
        ),
        is_same_loss=False,
    ),
    Fault(
        "warm-up-missing",
        ("missing_warm_up", "learning_rate_too_high"),
        (*STUCK, *BLOWN, "update_ratio", "attention_collapse", "oscillating_loss"),
        (
            ("halves-transformer", "30", rate(30)),
            ("digits-transformer", "30", rate(30)),
            ("halves-transformer-wide", "20", rate(20)),
        ),
    ),
    Fault(
        "bytes-wrapped",
        ("wrapped_integers",),
        (*STUCK, "overfitting", "uninformative_inputs"),
        (
            ("digits-mlp", "differences", byte_differences(16)),
            ("digits-cnn", "differences", byte_differences(16)),
            ("digits-mlp-tanh-momentum", "differences", byte_differences(24)),
        ),
        misleads=True,
    ),
    Fault(
        "loss-unscaled",
        ("missing_loss_scale",),
        (*STUCK, *SHRUNK, "no_gradient", "unmoved_weights", "learning_rate_too_low"),
        (
            ("digits-mlp-float16", "adam", having(
                loss=lambda: tiny_crossentropy, optimizer=without_scale(keras.optimizers.Adam))),
            ("digits-cnn-float16", "adam", having(
                loss=lambda: tiny_crossentropy, optimizer=without_scale(keras.optimizers.Adam))),
            ("digits-mlp-float16", "sgd", having(
                loss=lambda: tiny_crossentropy, optimizer=without_scale(keras.optimizers.SGD))),
        ),
        is_same_loss=False,
    ),
    Fault(
        "stream-changes",
        ("data_stream_changes",),
        (*STUCK, *BLOWN, "overfitting", "uninformative_inputs", "validation_better_than_train"),
        (
            ("digits-mlp", "divided", streaming(divided)),
            ("cancer-mlp", "zeros", streaming(emptied)),
            ("friedman-mlp", "one-example", streaming(one_label)),
            ("friedman-mlp", "targets-divided", streaming(divided_targets)),
            ("friedman-huber", "targets-divided", streaming(divided_targets)),
            ("digits-cnn", "one-example", streaming(one_label)),
        ),
    ),
    Fault(
        "target-column",
        ("target_in_inputs",),
        (),
        (
            ("cancer-mlp", "class", with_target_column(lambda y: 3 - 2 * y)),
            ("digits-mlp", "class", with_target_column(lambda y: y / 9)),
            ("friedman-mlp", "exponential", with_target_column(np.exp)),
        ),
        misleads=True,
    ),
    Fault(
        "weights",
        ("weights_without_effect",),
        ("class_imbalance", *STUCK),
        (
            ("rare-mlp-weighted", "texts", weighting({"0": 0.5, "1": 8.0})),
            ("rare-mlp-weighted", "reversed", weighting({0: 8.0, 1: 0.5})),
            ("rare-mlp-weighted", "twice", with_data(resampled)),
            ("clicks-mlp", "equal", weighting({0: 1.0, 1: 1.0})),
        ),
        is_same_loss=False,
    ),
    Fault(
        "dead",
        ("dead_units",),
        (*STUCK, *SHRUNK, "no_gradient"),
        (
            ("digits-mlp", "all", options(bias=shut(1.0))),
            ("digits-mlp", "most", options(bias=shut(0.97))),
            ("digits-relu-deep", "most", options(bias=shut(0.9))),
            ("digits-cnn", "most", options(bias=shut(0.95))),
            ("friedman-mlp", "most", options(bias=shut(0.97))),
            ("spirals-mlp", "most", options(bias=shut(0.97))),
            ("diabetes-mlp", "all", options(bias=shut(1.0))),
        ),
    ),
    Fault(
        "saturated",
        ("saturated_units",),
        (*STUCK, "vanishing_gradients", "exploding_activations", "overfitting"),
        (
            ("digits-mlp-tanh-momentum", "wide", options(kernel=normal(5.0))),
            ("digits-mlp-sigmoid", "wide", options(kernel=normal(10.0))),
            ("digits-mlp-sigmoid", "biased", options(bias=constant(15.0))),
            ("sine-tanh", "biased", options(bias=constant(6.0))),
            ("plane-autoencoder-tanh", "wide", options(kernel=normal(10.0))),
            ("spirals-tanh", "wide", options(kernel=normal(20.0))),
        ),
    ),
    Fault(
        "fades",
        ("collapsed_activations", "vanishing_gradients"),
        (*STUCK, "learning_rate_too_low", "symmetric_units", "update_ratio"),
        (
            ("digits-mlp-tanh-momentum", "0.01-8", tower(8, 32, "tanh", kernel=normal(0.01))),
            ("digits-relu-deep", "0.02-8", tower(8, 32, "relu", kernel=normal(0.02))),
            ("friedman-mlp", "0.01-6", tower(6, 32, "elu", kernel=normal(0.01))),
            ("digits-cnn", "0.003", options(kernel=normal(0.003), filters=(16, 16, 16))),
            ("digits-autoencoder", "0.01-8", tower(8, 32, "relu", kernel=normal(0.01))),
        ),
    ),
    Fault(
        "sigmoid-tower",
        ("vanishing_gradients",),
        (*STUCK, "collapsed_activations", "saturated_units", "learning_rate_too_low",
         "not_zero_centered", "update_ratio"),
        (
            ("digits-mlp-sigmoid", "8", tower(8, 32, "sigmoid")),
            ("digits-mlp-sigmoid", "14", tower(14, 32, "sigmoid")),
            ("digits-mlp", "10", tower(10, 32, "sigmoid")),
            ("friedman-mlp", "10", tower(10, 32, "sigmoid")),
            ("spirals-mlp", "8", tower(8, 32, "sigmoid")),
            ("labels-mlp", "10", tower(10, 16, "sigmoid")),
        ),
    ),
    Fault(
        "grows",
        ("exploding_activations", "exploding_gradients"),
        (*BLOWN, *STUCK, "dead_units", "saturated_units", "oscillating_loss", "update_ratio",
         "overfitting"),
        (
            ("digits-relu-deep", "1.0-8", tower(8, 64, "relu", kernel=normal(1.0))),
            ("digits-mlp-leaky", "0.5-10", tower(10, 64, "leaky_relu", kernel=normal(0.5))),
            ("friedman-mlp", "1.0-6", tower(6, 64, "relu", kernel=normal(1.0))),
            ("digits-cnn", "1.0", options(kernel=normal(1.0), filters=(16, 32, 32))),
            ("digits-resnet-bn", "no-norm-20", options(norm=None, blocks=8, kernel="he_normal")),
            ("digits-mlp-elu", "exponential-6", tower(6, 16, "exponential")),
            ("digits-mlp-float16", "wide", options(kernel=normal(30.0))),
            ("digits-cnn-float16", "wide", options(kernel=normal(30.0))),
        ),
    ),
    Fault(
        "recurrence-grows",
        ("exploding_gradients", "exploding_activations"),
        (*BLOWN, *STUCK, "learning_rate_too_high", "oscillating_loss", "saturated_units"),
        (
            ("series-rnn", "linear-2", options(settings={
                "recurrent_initializer": lambda p: keras.initializers.Orthogonal(gain=2.0),
                "activation": "linear"})),
            ("series-rnn", "relu-3", options(settings={
                "recurrent_initializer": lambda p: keras.initializers.Orthogonal(gain=3.0),
                "activation": "relu"})),
            ("next-value-gru", "rnn-relu-3", options(kind="SimpleRNN", settings={
                "recurrent_initializer": lambda p: keras.initializers.Orthogonal(gain=3.0),
                "activation": "relu"})),
        ),
    ),
    Fault(
        "not-centred",
        ("not_zero_centered",),
        (*STUCK, *SHRUNK, "saturated_units", "unscaled_inputs", "learning_rate_too_low"),
        (
            ("digits-mlp-sgd", "sigmoid-4", tower(4, 32, "sigmoid")),
            ("digits-mlp-momentum", "sigmoid-5", tower(5, 32, "sigmoid")),
            ("spirals-tanh", "sigmoid-4", tower(4, 32, "sigmoid")),
            ("friedman-sgd", "sigmoid-4", tower(4, 32, "sigmoid")),
        ),
    ),
    Fault(
        "dead-pieces",
        ("dead_pieces",),
        ("underfitting", "plateau"),
        (
            ("spirals-maxout", "a", options(bias=weak_pieces())),
            ("friedman-maxout", "a", options(bias=weak_pieces())),
            ("digits-mlp-maxout", "a", options(bias=weak_pieces())),
            ("spirals-maxout", "of-4", options(bias=weak_pieces(4), pieces=4)),
            ("friedman-maxout", "of-4", options(bias=weak_pieces(4), pieces=4)),
        ),
    ),
    Fault(
        "slope-out-of-range",
        ("negative_slope_out_of_range",),
        (*BLOWN, "underfitting", "plateau", "overfitting"),
        (
            ("spirals-prelu", "1", options(activation=slope(1.0))),
            ("digits-mlp-prelu", "3-deeper", options(activation=slope(3.0), units=(64,) * 8)),
            ("digits-mlp-prelu", "minus-4-deep", options(
                activation=slope(-4.0), units=(64,) * 6)),
            ("digits-cnn-prelu-sgd", "minus-5", options(
                activation=slope(-5.0), filters=(16, 32, 32))),
            ("digits-mlp-prelu", "5-deep", options(activation=slope(5.0), units=(64,) * 6)),
            ("digits-cnn-prelu-sgd", "5", options(activation=slope(5.0), filters=(16, 32, 32))),
        ),
    ),
    Fault(
        "constant",
        ("constant_output", "dead_units", "output_loss_mismatch"),
        (*STUCK, "no_gradient"),
        (
            ("friedman-mlp", "relu-output", options(last="relu", last_bias=constant(-20.0))),
            ("diabetes-mlp", "relu-output", options(last="relu", last_bias=constant(-20.0))),
            ("sine-tanh", "relu-output", options(last="relu", last_bias=constant(-20.0))),
        ),
    ),
    Fault(
        "unmoved",
        ("unmoved_weights",),
        (*STUCK, "learning_rate_too_low"),
        (
            ("digits-mlp", "rate-0", rate(0.0)),
            ("friedman-mlp", "integer-division", calling(
                keras.callbacks.LearningRateScheduler, lambda epoch: 1e-3 * (1 // (epoch + 2)))),
            ("digits-mlp-sgd", "hidden-left-out", having(optimizer=LeavingOut)),
            ("spirals-mlp", "hidden-left-out", having(optimizer=LeavingOut, rate=0.1)),
        ),
    ),
    Fault(
        "lost-to-rounding",
        ("lost_updates",),
        (*STUCK, "learning_rate_too_low", "unmoved_weights"),
        (
            ("digits-mlp", "bfloat16", chain(rate(0.01), having(policy="bfloat16"))),
            ("digits-mlp-sgd", "bfloat16", chain(rate(0.01), having(policy="bfloat16"))),
            ("friedman-mlp", "bfloat16", chain(rate(0.01), having(policy="bfloat16"))),
        ),
    ),
    Fault(
        "clipped-too-tight",
        ("clipping_too_tight",),
        (*STUCK, "learning_rate_too_low"),
        (
            ("digits-mlp-sgd", "norm", having(optimizer=functools.partial(
                keras.optimizers.SGD, clipnorm=1e-4))),
            ("friedman-sgd", "value", having(optimizer=functools.partial(
                keras.optimizers.SGD, clipvalue=1e-6))),
            ("digits-resnet-bn-sgd", "whole-norm", having(optimizer=functools.partial(
                keras.optimizers.SGD, global_clipnorm=1e-4))),
        ),
    ),
    Fault(
        "tuned-too-fast",
        ("pretrained_weights_lost",),
        (*STUCK, *BLOWN, "learning_rate_too_high", "update_ratio", "dead_units"),
        (
            ("digits-mlp", "0.3", chain(at_start(train_first), having(rate=0.3, epochs=3))),
            ("digits-cnn", "0.1", chain(at_start(train_first), having(rate=0.1, epochs=3))),
            ("cancer-mlp", "1", chain(at_start(train_first), having(rate=1.0, epochs=3))),
        ),
    ),
    Fault(
        "epsilon-in-float16",
        ("epsilon_too_small",),
        (*BLOWN, *STUCK, "learning_rate_too_high", "update_ratio", "dead_units"),
        (
            ("digits-mlp", "adam", having(policy="float16")),
            ("friedman-mlp", "adam", having(policy="float16")),
            ("digits-mlp-standardised", "adam", having(policy="float16")),
        ),
    ),
    Fault(
        "untracked",
        ("untracked_weights",),
        STUCK,
        (
            ("digits-mlp", "lambda", options(between=through_a_function)),
            ("friedman-mlp", "lambda", options(between=through_a_function)),
            ("spirals-mlp", "lambda", options(between=through_a_function)),
        ),
    ),
    Fault(
        "norm-not-updating",
        ("batch_norm_not_updating",),
        (*STUCK, *SHRUNK, *BLOWN, "dead_units", "batch_norm_mismatch"),
        (
            ("digits-mlp-bn", "inference", options(norm_layer=InInference)),
            ("digits-cnn-bn", "inference", options(norm_layer=InInference)),
            ("digits-resnet-bn", "inference", options(norm_layer=InInference)),
        ),
    ),
    Fault(
        "frozen-on-another-scale",
        ("frozen_norm_mismatch",),
        (*STUCK, *BLOWN, *SHRUNK, "overfitting", "dead_units", "unscaled_inputs"),
        (
            ("digits-mlp-bn", "255-in-training", having(before=(pretrain_on(255.0),))),
            ("digits-cnn-bn", "255-in-training", having(before=(pretrain_on(255.0),))),
            ("digits-cnn-bn", "small-in-training", having(before=(pretrain_on(0.01),))),
        ),
    ),
    Fault(
        "frozen-untrained",
        ("untrained_frozen_layers",),
        (*STUCK, "overfitting", *SHRUNK),
        (
            ("digits-mlp", "frozen", chain(options(units=(16,) * 6), at_start(freeze))),
            ("digits-cnn", "frozen", chain(options(filters=(8, 8, 8)), at_start(freeze))),
            ("digits-mlp-bn", "frozen", at_start(freeze)),
        ),
    ),
    Fault(
        "recurrence-unbounded",
        ("unbounded_recurrence",),
        (*BLOWN, *STUCK, "learning_rate_too_high", "update_ratio", "dead_units"),
        (
            ("series-lstm", "relu", chain(options(settings={"activation": "relu"}), rate(30))),
            ("series-gru", "relu", chain(options(settings={"activation": "relu"}), rate(30))),
            ("series-rnn", "relu", chain(options(settings={"activation": "relu"}), rate(100))),
        ),
    ),
    Fault(
        "wrong-direction",
        ("wrong_monitor_direction",),
        (*STUCK, "stopped_early", "learning_rate_decays_early"),
        (
            ("digits-mlp", "accuracy-min", calling(
                stopping, "val_accuracy", mode="min", patience=2, restore_best_weights=True)),
            ("friedman-mlp", "loss-max", calling(
                stopping, "val_loss", mode="max", patience=1, restore_best_weights=True)),
            ("digits-cnn", "loss-max", calling(
                lowering, "val_loss", mode="max", patience=1, factor=0.05)),
            ("words-lstm", "accuracy-min", calling(
                stopping, "val_accuracy", mode="min", patience=1)),
        ),
    ),
    Fault(
        "stopped-early",
        ("stopped_early",),
        STUCK,
        (
            ("digits-mlp-sgd", "min-delta", calling(
                stopping, "val_loss", min_delta=1.0, patience=1)),
            ("friedman-mlp", "min-delta", calling(
                stopping, "val_loss", min_delta=1.0, patience=1)),
            ("words-mean", "min-delta", calling(
                stopping, "val_loss", min_delta=0.5, patience=1)),
            ("digits-cnn", "baseline", calling(stopping, "val_loss", baseline=0.0, patience=1)),
        ),
    ),
    Fault(
        "rate-decays-early",
        ("learning_rate_decays_early",),
        (*STUCK, "learning_rate_too_low", "stopped_early"),
        (
            ("digits-mlp", "in-epochs", scheduled(
                keras.optimizers.schedules.CosineDecay, decay_steps=10)),
            ("friedman-mlp", "in-epochs", scheduled(
                keras.optimizers.schedules.PolynomialDecay, decay_steps=20, end_learning_rate=0.0)),
            ("digits-cnn", "each-step", scheduled(
                keras.optimizers.schedules.ExponentialDecay, decay_steps=1, decay_rate=0.8)),
            ("words-lstm", "plateau", calling(
                lowering, "val_loss", min_delta=1.0, patience=1, factor=0.05)),
            ("spirals-mlp", "plateau", calling(
                lowering, "val_loss", min_delta=1.0, patience=1, factor=0.05)),
        ),
    ),
    Fault(
        "no-gradient",
        ("no_gradient",),
        (*STUCK, "vanishing_gradients"),
        (
            ("digits-mlp-tanh-momentum", "stopped", options(between=cut_after(
                1, ops.stop_gradient), units=(4, 4, 64))),
            ("digits-mlp-elu", "rounded", options(between=cut_after(0, rounded), units=(8, 64))),
            ("friedman-mlp", "stopped", options(between=cut_after(0, ops.stop_gradient),
                                                units=(3, 64))),
            ("digits-cnn", "stopped", options(between=cut_after(1, ops.stop_gradient),
                                              filters=(2, 2))),
            ("spirals-tanh", "rounded", options(between=cut_after(0, rounded), units=(8, 32))),
        ),
    ),
    Fault(
        "symmetric",
        ("symmetric_units",),
        (*STUCK, *SHRUNK, "no_gradient", "dead_units", "output_loss_mismatch"),
        (
            ("digits-mlp", "zeros", options(kernel="zeros", last_kernel="zeros")),
            ("digits-mlp-tanh-momentum", "0.1", options(kernel=constant(0.1),
                                                        last_kernel=constant(0.1))),
            ("digits-mlp-sgd", "ones", options(kernel=constant(0.02), last_kernel=constant(0.02))),
            ("friedman-mlp", "0.1", options(kernel=constant(0.1), last_kernel=constant(0.1))),
            ("spirals-mlp", "0.3", options(kernel=constant(0.3), last_kernel=constant(0.3))),
            ("digits-cnn", "0.1", options(kernel=constant(0.1), last_kernel=constant(0.1))),
        ),
    ),
    Fault(
        "no-activation",
        ("linear_stack",),
        (*STUCK, "uninformative_inputs", "oscillating_loss"),
        (
            ("spirals-mlp", "linear", options(activation="linear")),
            ("spirals-tanh", "linear", options(activation="linear")),
            ("spirals-mlp", "linear-deep", options(activation="linear", units=(64, 64, 64, 64))),
        ),
    ),
    Fault(
        "updates-too-small",
        ("update_ratio", "learning_rate_too_low"),
        (*STUCK, *BLOWN),
        (
            ("digits-mlp-bn", "sgd", chain(options(kernel=normal(100.0)), having(
                optimizer=zoo.sgd, rate=0.02))),
            ("digits-resnet-bn-sgd", "wide", options(kernel=normal(100.0))),
            ("digits-cnn-bn", "wide", chain(options(kernel=normal(100.0), units=()), having(
                optimizer=zoo.sgd, rate=0.02))),
        ),
    ),
    Fault(
        "penalty-dominates",
        ("regularization_dominates",),
        (*STUCK, *SHRUNK, "dead_units"),
        (
            ("digits-mlp", "l2-1", options(penalty=l2(1.0))),
            ("digits-mlp-l2", "l2-0.1", options(penalty=l2(0.1))),
            ("digits-mlp", "l1-0.03", options(penalty=l1(0.03))),
            ("digits-cnn", "l2-1", options(penalty=l2(1.0))),
            ("friedman-mlp", "l2-1", options(penalty=l2(1.0))),
            ("cancer-mlp-full-batch", "l1-1", options(penalty=l1(1.0))),
            ("spirals-mlp", "l2-0.1", options(penalty=l2(0.1))),
        ),
        is_same_loss=False,
    ),
    Fault(
        "overfits",
        ("overfitting",),
        (),
        (
            ("digits-mlp", "60", chain(few(60), having(epochs=60, batch_size=4, rate=3e-3))),
            ("digits-cnn", "60", chain(few(60), having(epochs=40, batch_size=4))),
            ("noise-mlp", "200", chain(few(200), options(units=(256, 256)), having(epochs=60))),
            ("diabetes-mlp", "wide", chain(options(units=(256, 256)), having(epochs=60))),
            ("friedman-mlp", "60", chain(few(60), options(units=(256,)), having(
                epochs=60, batch_size=4))),
            ("words-lstm", "200", chain(few(200), having(epochs=40))),
            ("labels-mlp", "100", chain(few(100), options(units=(256,)), having(
                epochs=60, batch_size=8))),
        ),
    ),
    Fault(
        "too-small",
        ("underfitting",),
        ("plateau", "dead_units", "loss_not_decreasing"),
        (
            ("digits-mlp", "1-unit", narrow),
            ("digits-mlp-tanh-momentum", "1-unit", narrow),
            ("spirals-mlp", "linear", options(units=())),
            ("sine-tanh", "linear", options(units=())),
            ("digits-autoencoder", "1-unit", narrow),
            ("friedman-mlp", "1-unit", narrow),
            ("digits-mlp-dropout", "0.95", options(dropout=0.95)),
        ),
    ),
    Fault(
        "too-short",
        ("underfitting",),
        ("learning_rate_too_low",),
        (
            ("digits-mlp-large-batch", "5-epochs", having(epochs=5, rate=3e-4)),
            ("digits-mlp-sgd", "2-epochs", having(epochs=2, rate=0.02)),
            ("words-mean", "2-epochs", having(epochs=2, rate=5e-3)),
        ),
    ),
    Fault(
        "validation-easier",
        ("validation_better_than_train",),
        ("underfitting",),
        (
            ("digits-mlp", "noisy-train", chain(flipped_labels(0.3), having(epochs=8))),
            ("cancer-mlp", "noisy-train", flipped_labels(0.5)),
            ("digits-mlp-elu", "noisy-train", chain(flipped_labels(0.4), options(
                units=(256, 256)), having(epochs=40))),
            ("noise-mlp", "easy", with_data(easy_validation)),
            ("digits-mlp-momentum", "easy-noisy", chain(
                with_data(easy_validation), flipped_labels(0.2), having(epochs=8))),
        ),
        misleads=True,
    ),
    Fault(
        "statistics-lag",
        ("batch_norm_mismatch",),
        (),
        (
            ("digits-mlp-bn", "0.9999", options(momentum=0.9999)),
            ("digits-mlp-bn", "0.999", options(momentum=0.999)),
            ("digits-cnn-bn", "0.9999", options(momentum=0.9999)),
            ("digits-resnet-bn", "0.9999", options(momentum=0.9999)),
            ("digits-resnet-bn-small-batch", "0.9999", options(momentum=0.9999)),
        ),
    ),
    Fault(
        "inputs-unscaled",
        ("unscaled_inputs",),
        (*BLOWN, *STUCK, "dead_units", "saturated_units", "learning_rate_too_high",
         "oscillating_loss", "not_zero_centered", "update_ratio"),
        (
            ("digits-mlp-tanh-momentum", "1000", with_inputs(lambda x: 1000 * x)),
            ("digits-mlp", "shifted-1000", with_inputs(lambda x: x + 1000)),
            ("digits-mlp-sgd", "255", with_inputs(lambda x: 255 * x)),
            ("cancer-mlp", "raw", having(data=zoo.bundled("breast_cancer", scale="none"))),
            ("cancer-logistic", "raw", having(data=zoo.bundled("breast_cancer", scale="none"))),
            ("wine-mlp", "raw", having(data=zoo.bundled(
                "wine", scale="none", one_hot_labels=True))),
            ("friedman-sgd", "100", with_inputs(lambda x: 100 * x)),
            ("series-lstm", "1000", with_inputs(lambda x: 1000 * x)),
            ("digits-cnn-prelu-sgd", "255", with_inputs(lambda x: 255 * x)),
        ),
    ),
    Fault(
        "targets-unscaled",
        ("unscaled_targets",),
        (*BLOWN, *STUCK, "learning_rate_too_low", "learning_rate_too_high", "update_ratio",
         "oscillating_loss", "dead_units"),
        (
            ("friedman-mlp", "5000", with_targets(lambda y: 1000 * y + 5000)),
            ("friedman-sgd", "5000", with_targets(lambda y: 1000 * y + 5000)),
            ("diabetes-mlp", "raw", having(data=zoo.bundled("diabetes"))),
            ("sine-tanh", "1000", with_targets(lambda y: 1000 * y)),
            ("next-value-gru", "shifted", with_targets(lambda y: 100 * y + 1000)),
        ),
        is_same_loss=False,
    ),
    Fault(
        "inputs-not-finite",
        ("non_finite_inputs",),
        ("non_finite_values", "loss_explosion"),
        (
            ("digits-mlp", "one-nan", with_value(np.nan, 0.0)),
            ("friedman-mlp", "some-nan", with_value(np.nan, 0.001)),
            ("digits-cnn", "one-inf", with_value(np.inf, 0.0)),
            ("series-lstm", "some-nan", with_value(np.nan, 0.001)),
            ("cancer-mlp", "one-inf", with_value(np.inf, 0.0)),
        ),
    ),
    Fault(
        "features-constant",
        ("constant_features",),
        ("underfitting", "overfitting"),
        (
            ("digits-mlp-standardised", "80", frozen_columns(0.8)),
            ("friedman-mlp", "half", frozen_columns(0.5)),
            ("labels-mlp", "half", frozen_columns(0.5)),
            ("cancer-mlp", "95", frozen_columns(0.95)),
            ("digits-mlp-momentum", "80", frozen_columns(0.8, 1.0)),
        ),
    ),
    Fault(
        "padding-counts",
        ("padding_in_loss",),
        (*STUCK, "class_imbalance"),
        (
            ("words-tagger", "unmasked", options(mask_zero=False)),
            ("words-tagger-both-ways", "unmasked", options(mask_zero=False)),
            ("words-tagger-gru-long", "unmasked", options(mask_zero=False)),
        ),
        is_same_loss=False,
        misleads=True,
    ),
    Fault(
        "mask-hides-data",
        ("masked_data",),
        (*STUCK, "uninformative_inputs", "overfitting"),
        (
            ("levels-lstm", "0", options(mask_zero=True)),
            ("levels-gru", "0", options(mask_zero=True)),
            ("spikes-lstm", "0", options(first=(keras.layers.Masking,))),
        ),
    ),
    Fault(
        "padding-read-last",
        ("unmasked_padding",),
        (*STUCK, *SHRUNK, "uninformative_inputs"),
        (
            ("texts-lstm", "unmasked", options(mask_zero=False)),
            ("texts-gru", "unmasked", options(mask_zero=False)),
            ("texts-rnn", "unmasked", options(mask_zero=False)),
        ),
    ),
    Fault(
        "one-step",
        ("single_time_step",),
        (*STUCK, "no_gradient"),
        (
            ("series-lstm", "flat", with_inputs(lambda x: x.reshape(len(x), 1, -1))),
            ("series-gru", "flat", with_inputs(lambda x: x.reshape(len(x), 1, -1))),
            ("series-rnn", "flat", with_inputs(lambda x: x.reshape(len(x), 1, -1))),
        ),
        misleads=True,
    ),
    Fault(
        "next-step-seen",
        ("sees_later_steps",),
        (),
        (
            ("letters-lstm", "both-ways", options(both_ways=True)),
            ("letters-conv", "same", options(is_causal=False)),
            ("letters-attention", "unmasked", options(is_causal=False)),
        ),
        misleads=True,
    ),
    Fault(
        "batch-mixed",
        ("batch_dependence",),
        ("overfitting", "batch_norm_mismatch", "underfitting"),
        (
            ("digits-mlp", "centred", options(between=centred_over_the_batch)),
            ("friedman-mlp", "centred", options(between=centred_over_the_batch)),
            ("digits-cnn", "centred", options(between=centred_over_the_batch)),
        ),
        misleads=True,
    ),
    Fault(
        "positions-missing",
        ("order_ignored",),
        (*STUCK, "uninformative_inputs"),
        (
            ("halves-transformer", "none", options(positions=False)),
            ("halves-transformer-one-block", "none", options(positions=False)),
            ("halves-transformer-wide", "none", options(positions=False)),
        ),
    ),
    Fault(
        "attention-saturated",
        ("attention_collapse",),
        (*STUCK, *BLOWN, *SHRUNK, "overfitting", "uninformative_inputs", "update_ratio"),
        (
            ("halves-transformer", "wide", options(attention_kernel=wide_attention())),
            ("halves-transformer-one-block", "wide", options(attention_kernel=wide_attention())),
            ("digits-transformer", "wide", options(attention_kernel=wide_attention())),
        ),
    ),
    Fault(
        "nothing-pushes-apart",
        ("collapsed_embeddings",),
        ("constant_output", "no_gradient", *SHRUNK, *STUCK),
        (
            ("digits-triplet", "pulls", having(loss=pulling, epochs=30)),
            ("digits-triplet-wide", "pulls", having(loss=pulling, epochs=30)),
            ("digits-triplet-sgd", "pulls", having(loss=pulling, epochs=30)),
        ),
        is_same_loss=False,
    ),
    Fault(
        "forecast-of-a-walk",
        ("no_better_than_last_value",),
        ("overfitting", *STUCK),
        (
            ("wave-gru", "walk", having(data=zoo.generated(data.walk, 800))),
            ("wave-mlp", "walk", having(data=zoo.generated(data.walk, 800))),
            ("wave-conv", "walk", having(data=zoo.generated(data.walk, 800))),
        ),
        is_same_loss=False,
        misleads=True,
    ),
    Fault(
        "state-shuffled",
        ("shuffled_state",),
        (*STUCK, "overfitting"),
        (
            ("continued-lstm", "shuffled", having(fit={"shuffle": True})),
            ("continued-gru", "shuffled", having(fit={"shuffle": True})),
            ("continued-rnn", "shuffled", having(fit={"shuffle": True})),
        ),
    ),
    Fault(
        "class-rare",
        ("class_imbalance",),
        ("constant_output", "underfitting", "overfitting", "unseen_classes"),
        (
            ("cancer-mlp", "2", one_class_rare(0.02, keep=1)),
            ("digits-mlp", "1", one_class_rare(0.01)),
            ("spirals-mlp", "1", one_class_rare(0.01)),
            ("rare-mlp", "half-percent", having(data=zoo.generated(
                data.imbalanced, 3000, limit=3.6))),
            ("words-mean", "2", one_class_rare(0.02)),
        ),
        is_same_loss=False,
    ),
    Fault(
        "output-mismatch",
        ("output_loss_mismatch",),
        (*STUCK, "non_finite_values", "no_gradient"),
        (
            ("cancer-mlp", "one-softmax", options(last="softmax")),
            ("spirals-mlp", "one-softmax", options(last="softmax")),
            ("cancer-logits", "not-told", having(loss=zoo.binary)),
            ("digits-mlp-logits", "not-told", having(loss=zoo.sparse)),
            ("digits-mlp", "told-but-softmax", having(
                loss=lambda: keras.losses.CategoricalCrossentropy(from_logits=True), epochs=6)),
            ("friedman-mlp", "sigmoid", options(last="sigmoid")),
            ("sine-tanh", "softmax", options(last="softmax")),
            ("diabetes-mlp", "relu", options(last="relu")),
            ("spirals-tanh", "tanh", options(last="tanh")),
            ("labels-mlp", "softmax", options(last="softmax")),
            ("digits-mlp-sgd", "relu", options(last="relu")),
        ),
        is_same_loss=False,
    ),
    Fault(
        "labels-off",
        ("labels_out_of_range",),
        (*BLOWN, *STUCK, "output_loss_mismatch", "unscaled_targets"),
        (
            ("cancer-mlp", "minus-1-1", with_targets(lambda y: 2 * y - 1)),
            ("spirals-mlp", "1-2", with_targets(lambda y: y + 1)),
            ("labels-mlp", "255", with_targets(lambda y: 255 * y)),
            ("digits-autoencoder-sigmoid", "16", with_targets(lambda y: 16 * y)),
            ("digits-mlp", "divided", with_targets(lambda y: y / 255)),
        ),
        is_same_loss=False,
    ),
    Fault(
        "loss-summed",
        ("summed_loss",),
        (*BLOWN, *STUCK, "learning_rate_too_high", "update_ratio", "dead_units",
         "oscillating_loss"),
        (
            ("digits-mlp-sgd", "categorical", having(loss=lambda: summed_crossentropy)),
            ("digits-mlp-momentum", "categorical", having(loss=lambda: summed_crossentropy)),
            ("friedman-sgd", "squared", having(loss=lambda: summed_squares)),
            ("friedman-huber", "keras", having(
                loss=lambda: keras.losses.MeanSquaredError(reduction="sum"))),
        ),
        is_same_loss=False,
    ),
    Fault(
        "output-dominates",
        ("dominant_output",),
        ("unscaled_targets", "underfitting", "plateau"),
        (
            ("heads-mlp", "age", with_targets(lambda y: {**y, "size": 15 * y["size"] + 35})),
            ("heads-mlp", "centimetres", with_targets(lambda y: {**y, "size": 100 * y["size"]})),
            ("heads-mlp-tanh", "age", with_targets(
                lambda y: {**y, "size": 15 * y["size"] + 35})),
            ("heads-mlp", "summed", having(loss=zoo.losses_of_heads(size=summed_squares))),
        ),
        is_same_loss=False,
    ),
    Fault(
        "loss-broadcast",
        ("loss_mixes_examples",),
        (*STUCK, "collapsed_activations"),
        (
            ("friedman-mlp", "squared", having(loss=lambda: broadcast_squares)),
            ("skewed-mae", "absolute", having(loss=lambda: broadcast_absolutes)),
            ("sine-tanh", "squared", having(loss=lambda: broadcast_squares)),
            ("cancer-mlp", "entropy", having(loss=lambda: broadcast_entropy)),
        ),
        is_same_loss=False,
    ),
    Fault(
        "loss-inverted",
        ("inverted_loss",),
        (*BLOWN, *STUCK, "learning_rate_too_high", "update_ratio", "overfitting"),
        (
            ("friedman-mlp", "squared", having(loss=lambda: negative_squares)),
            ("friedman-sgd", "squared", having(loss=lambda: negative_squares)),
            ("digits-mlp", "likelihood", having(loss=lambda: log_likelihood)),
            ("cancer-mlp", "dice", having(loss=lambda: dice_score)),
        ),
        is_same_loss=False,
    ),
    Fault(
        "at-chance",
        ("not_learning", "uninformative_inputs"),
        (*STUCK, "overfitting"),
        (
            ("friedman-mlp", "own-loss", chain(
                with_data(targets_shuffled), having(loss=lambda: hyperbolic, epochs=2))),
            ("sine-tanh", "own-loss", chain(
                with_data(targets_shuffled), having(loss=lambda: hyperbolic, epochs=3))),
            ("digits-mlp", "one-epoch", chain(with_data(targets_shuffled), having(epochs=1))),
            ("spirals-mlp", "one-epoch", having(epochs=1, rate=1e-3)),
        ),
        is_same_loss=False,
    ),
    Fault(
        "metric-of-another-task",
        ("metric_mismatch",),
        (),
        (
            ("digits-mlp", "binary", having(metrics=("binary_accuracy",))),
            ("labels-mlp", "categorical", having(metrics=("categorical_accuracy",))),
            ("friedman-mlp", "accuracy", having(metrics=("accuracy",))),
        ),
        misleads=True,
    ),
    Fault(
        "one-unit-for-many-targets",
        ("shapes_broadcast",),
        (*STUCK, "learning_rate_too_low", "collapsed_activations"),
        (
            ("digits-autoencoder", "1", options(outputs=1)),
            ("digits-autoencoder-sigmoid", "1", options(outputs=1)),
            ("plane-autoencoder-tanh", "1", options(outputs=1)),
        ),
    ),
    Fault(
        "channels-first",
        ("image_axes",),
        (*STUCK, "overfitting"),
        (
            ("digits-resnet-bn", "8", with_inputs(channels_first)),
            ("digits-resnet-bn-small-batch", "8", with_inputs(channels_first)),
            ("digits-resnet-bn-sgd", "8", with_inputs(channels_first)),
        ),
    ),
    Fault(
        "targets-constant",
        ("constant_targets",),
        (*STUCK, "dead_units", "unscaled_targets", "class_imbalance"),
        (
            ("friedman-mlp", "3", with_targets(lambda y: 0 * y + 3)),
            ("sine-tanh", "0", with_targets(lambda y: 0 * y)),
            ("cancer-mlp", "1", with_targets(lambda y: 0 * y + 1)),
        ),
        is_same_loss=False,
        misleads=True,
    ),
    Fault(
        "same-batch",
        ("repeated_batches",),
        ("overfitting", *STUCK),
        (
            ("digits-mlp", "first", having(stream=first_batch_only)),
            ("cancer-mlp", "first", having(stream=first_batch_only)),
            ("friedman-mlp", "first", having(stream=first_batch_only)),
        ),
    ),
    Fault(
        "validation-shuffled",
        ("validation_not_paired",),
        ("overfitting",),
        (
            ("digits-mlp", "all", with_data(validation_shuffled)),
            ("digits-cnn", "all", with_data(validation_shuffled)),
            ("cancer-mlp", "all", with_data(validation_shuffled)),
        ),
    ),
    Fault(
        "few-steps",
        ("too_few_steps", "learning_rate_too_low"),
        STUCK,
        (
            ("digits-mlp", "8", having(batch_size=2000, epochs=8)),
            ("friedman-mlp", "8", having(batch_size=2000, epochs=8)),
            ("spirals-mlp", "8", having(batch_size=2000, epochs=8)),
        ),
    ),
    Fault(
        "classes-as-numbers",
        ("classes_as_numbers",),
        (*STUCK, "dead_units", "metric_mismatch"),
        (
            ("digits-mlp", "squared", NUMBERS),
            ("digits-mlp-sgd", "squared", NUMBERS),
            ("digits-cnn", "squared", NUMBERS),
        ),
        is_same_loss=False,
        misleads=True,
    ),
    Fault(
        "dropout-kept",
        ("dropout_too_high",),
        (*STUCK, "dead_units", "validation_better_than_train"),
        (
            ("digits-mlp-dropout", "95", options(dropout=0.95)),
            ("digits-cnn-swish-dropout", "98", options(dropout=0.98)),
            ("spirals-mlp", "95", options(dropout=0.95)),
        ),
    ),
    Fault(
        "dropout-at-the-end",
        ("dropout_on_output",),
        (*BLOWN, *STUCK, "dead_units", "validation_better_than_train"),
        (
            ("digits-mlp", "50", dropped_at_the_end(0.5)),
            ("friedman-mlp", "30", dropped_at_the_end(0.3)),
            ("cancer-mlp", "50", dropped_at_the_end(0.5)),
        ),
        is_same_loss=False,
        misleads=True,
    ),
    Fault(
        "alone",
        ("normalized_alone",),
        (*STUCK, *SHRUNK, "dead_units", "learning_rate_too_low"),
        (
            ("digits-mlp", "each-value", options(between=normalized_alone)),
            ("spirals-tanh", "each-value", options(between=normalized_alone)),
            ("friedman-mlp", "each-group", options(between=one_group_for_each)),
        ),
    ),
    Fault(
        "categories-numbered",
        ("categories_as_numbers",),
        (*STUCK, *SHRUNK, "dead_units", "underfitting", "learning_rate_too_low", "too_few_steps"),
        (
            ("cities-mlp", "1", NUMBERED_CITIES),
            ("cities-mlp-tanh", "1", NUMBERED_CITIES),
            ("cities-classes", "1", NUMBERED_CLASSES),
        ),
    ),
    Fault(
        "encoded-by-own-target",
        ("column_from_targets",),
        ("overfitting", "validation_not_paired"),
        (
            ("shops-mlp", "1", ENCODED_BY_OWN),
            ("shops-mlp-tanh", "1", ENCODED_BY_OWN),
            ("shops-classes", "1", ENCODED_CLASSES),
        ),
    ),
    Fault(
        "words-unknown",
        ("dominant_token",),
        (*STUCK, *SHRUNK, "dead_units", "uninformative_inputs", "learning_rate_too_low"),
        (
            ("words-mean", "10", with_inputs(unknown(10))),
            ("words-lstm", "10", with_inputs(unknown(10))),
            ("words-transformer", "10", with_inputs(unknown(10))),
        ),
    ),
    Fault(
        "scaled-tokens",
        ("fractional_indices",),
        (*STUCK, *SHRUNK, "dead_units", "learning_rate_too_high", "learning_rate_too_low"),
        (
            ("words-mean", "vocabulary", with_inputs(scaled_tokens)),
            ("words-lstm", "vocabulary", with_inputs(scaled_tokens)),
            ("words-transformer", "vocabulary", with_inputs(scaled_tokens)),
        ),
    ),
    Fault(
        "labels-smoothed-away",
        ("label_smoothing_too_high",),
        STUCK,
        (
            ("digits-mlp", "95", having(loss=smoothed("CategoricalCrossentropy", 0.95))),
            ("digits-cnn", "90", having(loss=smoothed("CategoricalCrossentropy", 0.9))),
            ("cancer-mlp", "90", having(loss=smoothed("BinaryCrossentropy", 0.9))),
        ),
        is_same_loss=False,
        misleads=True,
    ),
    Fault(
        "inputs-scaled-twice",
        ("unscaled_inputs",),
        (*STUCK, *SHRUNK, "dead_units", "learning_rate_too_low"),
        (
            ("digits-mlp", "255", options(first=(divide_by_255,))),
            ("digits-mlp-sgd", "255", options(first=(divide_by_255,))),
            ("digits-cnn", "255", options(first=(divide_by_255,))),
        ),
    ),
    Fault(
        "tokenizer-fitted-twice",
        ("validation_prepared_differently",),
        ("overfitting", "validation_not_paired"),
        (
            ("words-mean", "all", held_out(renumbered)),
            ("words-lstm", "all", held_out(renumbered)),
            ("words-transformer", "all", held_out(renumbered)),
        ),
        misleads=True,
    ),
    Fault(
        "softmax-inside",
        ("hidden_softmax",),
        (*STUCK, *SHRUNK),
        (
            ("digits-mlp", "all", options(activation="softmax")),
            ("friedman-mlp", "all", options(activation="softmax")),
            ("spirals-tanh", "all", options(activation="softmax")),
        ),
    ),
    Fault(
        "penalties-forgotten",
        ("penalties_left_out",),
        ("overfitting",),
        (
            ("digits-own-step", "all", options(model=own_steps.Forgetful)),
            ("friedman-own-step", "all", options(model=own_steps.Forgetful)),
            ("cancer-own-step", "all", options(model=own_steps.Forgetful)),
        ),
        is_same_loss=False,
        misleads=True,
    ),
    Fault(
        "metric-goes-on",
        ("metric_not_reset",),
        ("overfitting", "plateau"),
        (
            ("digits-own-step", "all", options(model=own_steps.Averaging)),
            ("friedman-own-step", "all", options(model=own_steps.Averaging)),
            ("cancer-own-step", "all", options(model=own_steps.Averaging)),
        ),
        is_same_loss=False,
        misleads=True,
    ),
    Fault(
        "generator-trains-both",
        ("optimizers_overlap",),
        ("samples_alike", *STUCK),
        (
            ("ring-gan", "all", options(mixes_up=True)),
            ("ring-gan-wide", "all", options(mixes_up=True)),
            ("ring-gan-noise", "all", options(mixes_up=True)),
        ),
        misleads=True,
    ),
    Fault(
        "discriminator-strong",
        ("discriminator_won",),
        (),
        (
            ("ring-gan", "strong", options(pace=30.0, targets=(1.0, 0.0), pulls=100.0)),
            ("ring-gan-wide", "strong", options(pace=30.0, targets=(1.0, 0.0), pulls=100.0)),
            ("ring-gan-noise", "strong", options(pace=30.0, targets=(1.0, 0.0), pulls=100.0)),
        ),
        misleads=True,
    ),
    Fault(
        "samples-pulled-together",
        ("samples_alike",),
        ("discriminator_won",),
        (
            ("ring-gan", "10", options(pulls=10.0)),
            ("ring-gan-wide", "10", options(pulls=10.0)),
            ("ring-gan-noise", "10", options(pulls=10.0)),
        ),
        misleads=True,
    ),
    Fault(
        "labels-reversed-in-loss",
        ("reversed_answers", "inverted_loss"),
        (*STUCK, "overfitting", "metric_mismatch"),
        (
            ("cancer-mlp", "own", having(loss=lambda: opposite_entropy)),
            ("spirals-mlp", "own", having(loss=lambda: opposite_entropy)),
            ("series-gru", "own", having(loss=lambda: opposite_entropy)),
        ),
        is_same_loss=False,
    ),
    Fault(
        "related-on-both-sides",
        ("related_examples",),
        ("validation_better_than_train", "leakage"),
        (
            ("wave-gru", "windows", with_data(split_at_random)),
            ("wave-mlp", "windows", with_data(split_at_random)),
            ("people-mlp", "people", with_data(split_at_random)),
            ("people-mlp-tanh", "people", with_data(split_at_random)),
            ("people-mlp-many", "people", with_data(split_at_random)),
        ),
        misleads=True,
    ),
    Fault(
        "smoothed-with-the-future",
        ("inputs_from_later_steps",),
        (),
        (
            ("smooth-mlp", "7", SMOOTHED_AROUND),
            ("smooth-gru", "7", SMOOTHED_AROUND),
            ("smooth-conv", "7", SMOOTHED_AROUND),
        ),
        misleads=True,
    ),
    Fault(
        "generator-stands-still",
        ("unmoved_weights",),
        ("discriminator_won", "samples_alike"),
        (
            ("ring-gan", "all", options(mistakes=True)),
            ("ring-gan-wide", "all", options(mistakes=True)),
            ("ring-gan-noise", "all", options(mistakes=True)),
        ),
        misleads=True,
    ),
    Fault(
        "gradients-kept",
        ("missing_zero_grad",),
        (*BLOWN, *STUCK, "learning_rate_too_high", "update_ratio", "oscillating_loss",
         "dead_units", "overfitting"),
        (
            ("digits-own-step", "adam", options(model=own_steps.Accumulating)),
            ("friedman-own-step", "sgd", chain(
                options(model=own_steps.Accumulating), having(optimizer=zoo.sgd, rate=0.01))),
            ("cancer-own-step", "momentum", chain(
                options(model=own_steps.Accumulating), having(optimizer=zoo.momentum, rate=0.01))),
        ),
        backend="torch",
    ),
    Fault(
        "generator-concedes",
        ("generator_not_opposed",),
        ("samples_alike",),
        (
            ("ring-gan", "hard", options(concedes=True, targets=(1.0, 0.0))),
            ("ring-gan-wide", "hard", options(concedes=True, targets=(1.0, 0.0))),
            ("ring-gan-noise", "hard", options(concedes=True, targets=(1.0, 0.0))),
            ("ring-gan", "smoothed", options(concedes=True)),
        ),
        misleads=True,
    ),
    Fault(
        "noise-repeated",
        ("repeated_noise",),
        ("discriminator_won", "samples_alike", "overfitting"),
        (
            ("ring-gan", "seed", options(seed=42)),
            ("ring-gan-noise", "once", options(draws_once=True)),
            ("digits-variational", "seed", options(seed=7)),
            ("cancer-denoising", "seed", options(seed=1)),
        ),
        misleads=True,
    ),
    Fault(
        "time-step-constant",
        ("constant_time_step",),
        STUCK,
        (
            ("ring-denoising", "0", options(time=0.0)),
            ("digits-denoising", "1", options(time=1.0)),
            ("cancer-denoising", "0.5", options(time=0.5)),
        ),
        misleads=True,
    ),
    Fault(
        "teacher-follows",
        ("teacher_is_trained",),
        (*STUCK, "collapsed_activations"),
        (
            ("digits-distilling", "all", options(trains_both=True)),
            ("friedman-distilling", "all", options(trains_both=True)),
            ("cancer-distilling", "all", options(trains_both=True)),
        ),
        misleads=True,
    ),
    Fault(
        "distances-exchanged",
        ("reversed_triplets",),
        (*STUCK, "collapsed_embeddings"),
        (
            ("digits-triplets", "all", options(is_reversed=True)),
            ("wine-triplets", "all", options(is_reversed=True)),
            ("cancer-triplets", "all", options(is_reversed=True)),
        ),
    ),
    Fault(
        "positive-is-anchor",
        ("anchor_is_positive",),
        ("collapsed_embeddings",),
        (
            ("digits-triplets", "same", options(is_same=True)),
            ("wine-triplets", "same", options(is_same=True)),
            ("cancer-triplets", "same", options(is_same=True)),
        ),
        misleads=True,
    ),
    Fault(
        "code-not-sampled",
        ("code_without_noise",),
        (),
        (
            ("digits-variational", "mean", options(samples=False)),
            ("digits-variational-wide", "mean", options(samples=False)),
            ("plane-variational", "mean", options(samples=False)),
        ),
        misleads=True,
    ),
    Fault(
        "average-left-behind",
        ("average_not_updated",),
        (*STUCK, "not_learning"),
        (
            ("digits-following", "1", options(decay=1.0)),
            ("friedman-following", "1", options(decay=1.0)),
            ("cancer-following", "1", options(decay=1.0)),
        ),
        misleads=True,
    ),
    Fault(
        "average-copied",
        ("average_without_memory",),
        (),
        (
            ("digits-following", "0", options(decay=0.0)),
            ("friedman-following", "0.01", options(decay=0.01)),
            ("cancer-following", "0", options(decay=0.0)),
        ),
        misleads=True,
    ),
    Fault(
        "missing-marked",
        ("missing_value_markers",),
        (*STUCK, "unscaled_inputs", "overfitting", "uninformative_inputs", "not_learning"),
        (
            ("friedman-mlp", "999", marked(-999, 0.1)),
            ("diabetes-mlp", "9999", marked(9999, 0.2)),
            ("labels-mlp", "99", marked(-99, 0.15)),
            ("series-gru", "999", marked(-999, 0.2)),
        ),
    ),
    Fault(
        "columns-scaled-together",
        ("unscaled_inputs",),
        (*STUCK, *SHRUNK, "not_learning", "learning_rate_too_low", "uninformative_inputs"),
        (
            ("friedman-mlp", "30000", scaled_together(3e4)),
            ("diabetes-mlp", "30000", scaled_together(3e4)),
            ("cancer-mlp", "30000", scaled_together(3e4)),
        ),
    ),
    Fault(
        "code-ignored",
        ("regularization_dominates",),
        STUCK,
        (
            ("digits-variational", "mean", options(is_mean=True)),
            ("digits-variational-wide", "mean", options(is_mean=True)),
            ("plane-variational", "mean", options(is_mean=True)),
        ),
        is_same_loss=False,
        misleads=True,
    ),
    Fault(
        "logits-drift",
        ("output_logits_diverge",),
        (*BLOWN, *STUCK, "learning_rate_too_high", "lost_updates", "unscaled_targets"),
        (
            ("digits-mlp-logits", "bfloat16", DRIFTING),
            ("digits-mlp", "bfloat16", chain(FROM_LOGITS, DRIFTING)),
            ("digits-cnn", "bfloat16", chain(FROM_LOGITS, DRIFTING)),
        ),
        is_same_loss=False,
        misleads=True,
    ),
]  # fmt: skip
"""Every way to break a program."""


# -------------------------------------------------------------------------------------- programs


@functools.cache
def cases() -> dict[str, tuple[Fault, Recipe, Recipe]]:
    """Return the fault, the broken recipe and the healthy base of each id."""
    return {
        f"{fault.name}-{base}-{strength}": (fault, change(zoo.find(base)), zoo.find(base))
        for fault in FAULTS
        for base, strength, change in fault.cases
        if zoo.runs_here(zoo.find(base)) and fault.backend in (None, keras.backend.backend())
    }


def recipes() -> dict[str, Recipe]:
    """Return the broken recipe of each program by its id."""
    return {name: recipe for name, (_, recipe, _) in cases().items()}


def does_hurt(name: str, measured: dict[str, Any]) -> bool:
    """Return whether a fault is harmful by its outcome; True without an outcome."""
    fault, _, base = cases()[name]
    healthy = [measured[key] for seed in zoo.SEEDS if (key := f"{base.name}-{seed}") in measured]
    if fault.misleads or name not in measured:
        return True
    return outcomes.hurts(measured[name], healthy, same_loss=fault.is_same_loss)


def seed_of(name: str) -> int:
    """Return a seed that does not depend on other faults, and differs from those of the bases."""
    return 100 + zlib.crc32(name.encode()) % 1000


def programs() -> list[Program]:
    """Return every fault on every base, each with a seed of its own."""
    measured = outcomes.load()
    return [
        Program(
            id=name,
            family=f"zoo-{base.name}",
            part="faults",
            label=Label(
                frozenset(fault.names),
                frozenset(fault.accepts),
                words=(fault.name,),
                is_harmless=not does_hurt(name, measured),
            ),
            build=functools.partial(recipe.build, seed_of(name)),
        )
        for name, (fault, recipe, base) in cases().items()
    ]
