"""A recipe: a program in pieces that can be changed one by one, as a fault does."""

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
    """A program in pieces.

    Args:
        name: What it is called.
        data: Returns the data from a generator.
        net: A function of `nets.py`.
        options: Its options.
        loss: Returns the loss.
        optimizer: Returns the optimizer from a learning rate.
        rate: The learning rate.
        schedule: Returns a schedule from the learning rate and the steps of the run; None keeps it.
        batch_size: Examples of a step.
        epochs: Passes over the data.
        metrics: Names of metrics.
        policy: Keras' dtype policy.
        fit: Further arguments of `fit`.
        task: `"class"`, `"value"` or `"labels"`: how its result is scored.
        aim: Score on validation data that a healthy run reaches.
        before: Changes of the finished model before training.
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

    def having(self, **changes: Any) -> "Recipe":
        """Return the recipe with some pieces changed; `options` are merged into the old ones."""
        if "options" in changes:
            changes["options"] = self.options | changes["options"]
        return replace(self, **changes)

    def build(self, seed: int = 0) -> Run:
        """Return the compiled model with data."""
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
        return Run(model, split, {"batch_size": self.batch_size, "epochs": self.epochs, **self.fit})
