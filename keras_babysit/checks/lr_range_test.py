"""`lr_range_test`: a learning-rate range test on a copy of the model's state."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_babysit.backends import backend
from keras_babysit.checks import _data
from keras_babysit.checks._built import built
from keras_babysit.checks._data import Data, is_stream, read_data
from keras_babysit.checks._inputs import require_fit, require_model
from keras_babysit.checks._training import Trainer
from keras_babysit.checks._untouched import random_states_kept, untouched
from keras_babysit.checks.lr_range import START_WIDTH, LrRange, median_of
from keras_babysit.probes.loss_facts import has_plain_loss
from keras_babysit.samples.batches import take, unpack
from keras_babysit.typing import Batch

STOP_DECADES = 0.5
"""The sweep stops when the running loss was above the loss before training for so many decades of
learning rates: a loss that is going to fall again does so within the width of its fall."""

NOISE = 3.0
"""Standard deviations of the first losses by which the running loss must be above them."""

SMOOTHING = 0.9
"""Decay of the running mean that decides on stopping. In a sweep of 200 steps over eight decades it
lags by ten steps, 0.4 decades."""


def lr_range_test(
    model: keras.Model,
    x: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    min_lr: float = 1e-7,
    max_lr: float = 10.0,
    steps: int = 200,
    batch_size: int = 32,
    seed: int = 0,
    repeats: int = 1,
) -> LrRange:
    """Increase the learning rate at every step, and find where the loss falls and diverges.

    The learning rate grows from `min_lr` to `max_lr` by a constant factor per step. Training uses
    the model's own optimizer and loss on a copy of its state: model, optimizer, schedule, metrics
    and seeds stay bit for bit the same. The test stops when the loss is not finite, or stays above
    its initial value for half a decade of learning rates.

    With momentum, a step still holds the lower learning rates of the steps before. The optimizer
    gets higher ones therefore, so that each step is as long as at a constant learning rate.

    Args:
        model: A compiled `keras.Model`. Its learning-rate schedule, if any, is ignored.
        x: Inputs as `fit` takes them: arrays, a `tf.data.Dataset`, a `keras.utils.PyDataset`, a
            PyTorch `DataLoader`, a generator, or a function that returns one of the latter. A
            generator loses the batches that are read; other data restarts when it ends.
        y: Targets; None for a dataset, which provides its own.
        sample_weight: Weights of the examples, or None.
        min_lr: First learning rate, above 0.
        max_lr: Last learning rate, above `min_lr`.
        steps: Number of steps, at least 10.
        batch_size: Batch size for arrays, at least 1.
        seed: Seed for shuffling arrays.
        repeats: Number of sweeps, at least 1. Each starts from the same state with other batches;
            the median of their losses is judged, and `interval` says how far their suggestions lie
            apart.

    Returns:
        An `LrRange` with the curve as arrays, the suggested learning rate and `plot()`. The named
        suggestions are `steepest`, `valley` and `maximum`; `suggestion` is a third of the latter,
        and None where the loss does not fall.

    Raises:
        NotCompiledError: If the model is not compiled.
        ProbeMismatchError: If the inputs do not match the model in number or shape.
        ValueError: If an argument is out of range, if there are no examples, if x and y differ in
            length, or if a custom `train_step` computes the loss.
        TypeError: If `model` is not a Keras model, or if y is given together with a dataset.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(256, 4)).astype("float32")
        >>> found = lr_range_test(model, x, x.sum(axis=1), max_lr=100.0)
        >>> found.has_diverged, 0.001 < found.suggestion < 1
        (True, True)

    Reference:
        Smith, "Cyclical Learning Rates for Training Neural Networks", arXiv:1506.01186, 2017.
    """
    _require(model, min_lr, max_lr, steps, batch_size, repeats)
    with random_states_kept():
        if is_stream(x):
            stream = _stream(x)
            first = next(stream, (None, None, None))
            if first[0] is None or y is not None or sample_weight is not None:
                read_data(
                    [] if first[0] is None else x, y, sample_weight
                )  # raises the error that explains it
            data = _data.Data(first[0], first[1], first[2], True, None)
            batches: Iterator[Batch] = itertools.chain([first], stream)
        else:
            data = read_data(x, y, sample_weight)
            batches = _cut(data, batch_size, seed)
        require_fit(model, data.x)
    with built(model, data), untouched(model):
        rates = np.geomspace(min_lr, max_lr, steps)
        trainer = Trainer(model, fork(model.optimizer, min_lr), backend.state(model, None)[:2])
        sweeps = []
        for _ in range(repeats):
            trainer.reset()
            sweeps.append(_sweep(trainer, rates, batches))
        return median_of(sweeps)


def fork(optimizer: keras.optimizers.Optimizer, rate: float) -> keras.optimizers.Optimizer:
    """Return an unbuilt copy of `optimizer` with a constant learning rate.

    The loss-scaling wrapper for mixed precision is left out because it adapts its scale over
    thousands of steps.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    config = inner.get_config() | {"learning_rate": float(rate), "name": "lr_range_test"}
    return type(inner).from_config(config)


def _sweep(trainer: Trainer, rates: np.ndarray, batches: Iterator[Batch]) -> LrRange:
    """Train with one learning rate after the other until the loss is lost or they are used up."""
    spacing = np.log10(rates[1] / rates[0])
    lead = lead_of(trainer.optimizer, float(rates[1] / rates[0]))
    first = max(3, int(START_WIDTH / spacing) + 1)
    patience = max(3, math.ceil(STOP_DECADES / spacing))
    losses: list[float] = []
    running, steps_above = 0.0, 0
    for step, (rate, batch) in enumerate(zip(rates, batches, strict=False), 1):
        trainer.optimizer.learning_rate = lead * rate
        losses.append(trainer.step(batch))
        if not np.isfinite(losses[-1]):
            break
        running = SMOOTHING * running + (1 - SMOOTHING) * losses[-1]
        mean = running / (1 - SMOOTHING**step)
        start = losses[:first]
        is_above = step > first and mean > np.median(start) + NOISE * np.std(start)
        steps_above = steps_above + 1 if is_above else 0
        if steps_above >= patience:
            break
    return LrRange(rates[: len(losses)], np.array(losses))


def lead_of(optimizer: keras.optimizers.Optimizer, growth: float) -> float:
    """Return how much higher the learning rate has to be for steps as long as at a constant one.

    SGD and RMSprop add `learning_rate * gradient` to a velocity that keeps the part `momentum` of
    its value per step. At a constant learning rate r the weights of all gradients in it sum to
    `r / (1 - momentum)`, at one that grows by a factor g per step to `r / (1 - momentum / g)`.
    Adam's averages are those of gradients alone.

    Args:
        optimizer: The optimizer of the sweep.
        growth: The learning rate of a step over that of the step before.
    """
    has_velocity = isinstance(optimizer, keras.optimizers.SGD | keras.optimizers.RMSprop)
    momentum = float(optimizer.momentum) if has_velocity else 0.0
    if not momentum < 1:
        return 1.0
    constant, growing = (1 / (1 - momentum / factor) for factor in (1.0, growth))
    if getattr(optimizer, "nesterov", False):  # a step by the velocity that the next one will have
        constant, growing = (1 + momentum * total for total in (constant, growing))
    return constant / growing


def _stream(x: Any) -> Iterator[Batch]:
    """Return an iterator over batches of arrays that restarts when the data ends."""
    is_once = isinstance(x, Iterator)
    while True:
        count = 0
        for batch in _data.batches_of(x):
            count += 1
            yield unpack(batch)
        if is_once or not count:
            return


def _cut(data: Data, batch_size: int, seed: int) -> Iterator[Batch]:
    """Return an infinite iterator over batches of arrays, reshuffled for each pass."""
    rng = np.random.default_rng(seed)
    size = min(batch_size, len(data))
    while True:
        order = rng.permutation(len(data))
        for start in range(0, len(data) - size + 1, size):
            yield take(data.batch, order[start : start + size])


def _require(
    model: keras.Model, min_lr: float, max_lr: float, steps: int, batch_size: int, repeats: int
) -> None:
    require_model(model)
    if not 0 < min_lr < max_lr:
        raise ValueError(
            f"`0 < min_lr < max_lr` must hold. Received: min_lr={min_lr}, max_lr={max_lr}"
        )
    if steps < 10:
        raise ValueError(f"Argument `steps` must be at least 10. Received: steps={steps}")
    for name, count in (("batch_size", batch_size), ("repeats", repeats)):
        if count < 1:
            raise ValueError(f"Argument `{name}` must be at least 1. Received: {name}={count}")
    if model.optimizer is None or not has_plain_loss(model):
        raise ValueError(
            "The model must have an optimizer, and must minimize what `compute_loss` returns. "
            f"Received: model={model.name!r}, whose train_step computes the loss itself"
        )
