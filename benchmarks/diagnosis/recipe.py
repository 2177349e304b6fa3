"""`Recipe`: a program in parts, each of which a fault can change."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from benchmarks.diagnosis.data import as_floats
from benchmarks.diagnosis.program import Run, Split, seed_everything

Rate = Any
"""A learning rate, or a schedule."""


@dataclass(frozen=True)
class Recipe:
    """A program in parts.

    Args:
        name: Name of the recipe.
        data: Returns the data, given a random generator.
        net: A function of `nets.py`.
        options: Its options.
        loss: Returns the loss.
        optimizer: Returns the optimizer, given a learning rate.
        rate: The learning rate.
        schedule: Returns a schedule, given learning rate and number of steps; None for constant.
        batch_size: Examples per step.
        epochs: Number of epochs.
        metrics: Names of metrics.
        policy: Keras' dtype policy.
        fit: Further arguments of `fit`.
        task: How the result is scored: `"class"`, `"value"`, `"labels"`, `"steps"`, `"near"` or
            `"samples"`.
        aim: Validation score that a healthy run reaches.
        before: Changes the model before training.
        stream: Returns what yields the training examples, given the data and the batch size; None
            for the arrays as they are.
        callbacks: Each returns a callback of `fit`.
    """

    name: str
    data: Callable[[np.random.Generator], Split]
    net: Callable[..., keras.Model]
    options: dict[str, Any]
    loss: Callable[[], Any]
    optimizer: Callable[[Rate], keras.optimizers.Optimizer]
    rate: float
    schedule: Callable[[float, int], Rate] | None = None
    batch_size: int = 32
    epochs: int = 20
    metrics: tuple[str, ...] = ("accuracy",)
    policy: str = "float32"
    fit: dict[str, Any] = field(default_factory=dict)
    task: str = "class"
    aim: float = 0.9
    before: tuple[Callable[[keras.Model, Split], None], ...] = ()
    stream: Callable[[Split, int], keras.utils.PyDataset] | None = None
    callbacks: tuple[Callable[[], keras.callbacks.Callback], ...] = ()

    def having(self, **changes: Any) -> "Recipe":
        """Return the recipe with some parts changed; `options` are merged into the old ones."""
        if "options" in changes:
            changes["options"] = self.options | changes["options"]
        return replace(self, **changes)

    def build(self, seed: int = 0) -> Run:
        """Return the compiled model with its data."""
        rng = seed_everything(seed)
        split = as_floats(self.data(rng))
        previous = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.policy)
        try:
            model = self.net(split.x.shape[1:], **self.options)
        finally:
            keras.config.set_dtype_policy(previous)
        for change in self.before:
            change(model, split)
        steps = self.epochs * -(-len(split.x) // self.batch_size)
        rate = self.schedule(self.rate, steps) if self.schedule else self.rate
        model.compile(self.optimizer(rate), self.loss(), metrics=list(self.metrics) or None)
        stream = self.stream(split, self.batch_size) if self.stream else None
        fit = {"batch_size": self.batch_size, "epochs": self.epochs, **self.fit}
        return Run(model, split, fit, stream, tuple(make() for make in self.callbacks))
