"""A program: the model, how it is compiled, its data, and how `fit` is called, as one value."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from keras_babysit.errors import NotCompiledError
from keras_babysit.remedies.edits import Edit, rebuild
from keras_babysit.samples.batches import take

DEFAULT_BATCH_SIZE = 32
"""Batch size of `Model.fit` where none is given."""

STOP_FRACTION = 0.2
"""Fraction of the training data by which a training is stopped early. The validation data that a
program is scored on must not decide when it stops."""


@dataclass(frozen=True)
class Program:
    """A training that can be repeated with changes.

    A change returns another program and leaves this one as it is. The model is never trained: it is
    what new models are built like.

    Args:
        model: A compiled Sequential or functional model.
        x: Training inputs, arrays.
        y: Training targets.
        sample_weight: Weight of each training example, or None.
        validation: `(x, y, sample_weight)` to score on.
        fit: Further arguments of `Model.fit`, such as `epochs`.
        patience: Epochs after which it stops if the loss no longer falls on a fifth of the training
            data that is held out for this; None if it does not stop.
        edits: Changes of the layers, in their order.
        optimizer: Arguments of the optimizer that differ from the model's.
        compile: Arguments of `Model.compile` that differ from the model's.
        unscale: `(scale, offset)` that bring predictions to the units of the targets that were
            given; None if they are in these units.
        is_scored_by_loss: Whether its loss means the same as that of the unchanged program.

    Raises:
        TypeError: If the model is of another kind, because a new one cannot be built from it.
        NotCompiledError: If it is not compiled.
    """

    model: keras.Model
    x: Any
    y: Any
    sample_weight: Any = None
    validation: tuple[Any, Any, Any] = (None, None, None)
    fit: Mapping[str, Any] = field(default_factory=dict)
    patience: int | None = None
    edits: tuple[Edit, ...] = ()
    optimizer: Mapping[str, Any] = field(default_factory=dict)
    compile: Mapping[str, Any] = field(default_factory=dict)
    unscale: tuple[Any, Any] | None = None
    is_scored_by_loss: bool = True

    def __post_init__(self) -> None:
        is_plain = type(self.model).__module__.startswith("keras.")
        if not is_plain or not hasattr(self.model, "layers"):
            raise TypeError(
                "The model must be a Sequential or functional one, so that another one can be "
                f"built like it. Received: {type(self.model).__name__}. Change a subclassed model "
                "in its code, and compare two trainings."
            )
        if not self.model.compiled:
            raise NotCompiledError(
                f"The model must be compiled. Received: model={self.model.name!r}. Call "
                "`model.compile(optimizer, loss)` first."
            )

    @property
    def size(self) -> int:
        """Number of training examples."""
        return len(keras.tree.flatten(self.x)[0])

    @property
    def batch_size(self) -> int:
        """Number of examples of a batch."""
        return int(self.fit.get("batch_size") or DEFAULT_BATCH_SIZE)

    @property
    def epochs(self) -> int:
        """Number of epochs."""
        return int(self.fit.get("epochs", 1))

    @property
    def steps(self) -> int:
        """Number of optimizer steps of the training."""
        return self.epochs * -(-self.size // self.batch_size)

    def changed(self, **changes: Any) -> Program:
        """Return the program with other values of some arguments."""
        return dataclasses.replace(self, **changes)

    def with_fit(self, **arguments: Any) -> Program:
        """Return the program with other arguments of `fit`."""
        return self.changed(fit={**self.fit, **arguments})

    def optimizer_config(self) -> dict[str, Any]:
        """Return the arguments of its optimizer, with the changes."""
        return {**_inner(self.model.optimizer).get_config(), **self.optimizer}

    def build(self, seed: int) -> keras.Model:
        """Return a new compiled model with new weights.

        Args:
            seed: Seed of the weights. Initializers that hold a seed keep it.
        """
        keras.utils.set_random_seed(seed)
        model = rebuild(self.model, self.edits, self.x)
        given = _compile_arguments(self.model)
        kind = self.compile.get("optimizer", type(_inner(self.model.optimizer)))
        arguments = {**given, **self.compile}
        arguments["optimizer"] = kind.from_config(self.optimizer_config())
        model.compile(**arguments)
        return model

    def train(self, model: keras.Model, seed: int, **changes: Any) -> None:
        """Train a model on the training data, in an order that the seed fixes."""
        keras.utils.set_random_seed(seed)
        arguments = {"verbose": 0, **self.fit, **changes}
        if self.sample_weight is not None:
            arguments["sample_weight"] = self.sample_weight
        if self.patience is not None:
            stopper = keras.callbacks.EarlyStopping(
                "val_loss", patience=self.patience, restore_best_weights=True
            )
            arguments["validation_split"] = STOP_FRACTION
            arguments["callbacks"] = [*arguments.get("callbacks", ()), stopper]
        model.fit(self.x, self.y, **arguments)

    def sample(self, count: int) -> tuple[Any, Any]:
        """Return inputs and targets of `count` training examples, evenly spread."""
        rows = np.unique(np.linspace(0, self.size - 1, min(count, self.size)).astype(int))
        x, y = take((self.x, self.y), rows)
        return x, y


def _inner(optimizer: Any) -> Any:
    """Return the optimizer without the one that scales the loss around it."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def _compile_arguments(model: keras.Model) -> dict[str, Any]:
    """Return the arguments that a model was compiled with, its metrics as new objects."""
    given = dict(model._compile_config.config)
    given["metrics"] = _fresh(given.get("metrics"))
    given["weighted_metrics"] = _fresh(given.get("weighted_metrics"))
    return given


def _fresh(metrics: Any) -> Any:
    return keras.tree.map_structure(
        lambda one: (
            type(one).from_config(one.get_config())
            if isinstance(one, keras.metrics.Metric)
            else one
        ),
        metrics,
    )
