"""A program: the model, how it is compiled, its data, and how `fit` is called, as one value."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_babysit.errors import NotCompiledError
from keras_babysit.remedies.edits import Edit, flat_layers, rebuild
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
        callbacks: Callbacks of Keras that change the training, such as `EarlyStopping`. Each
            training gets copies.
        edits: Changes of the layers, in their order.
        prepare: Called with the new model and the program before the training.
        unfrozen: How many of the last layers are trained although the model's are frozen, 0 for
            all; None leaves them as they are.
        optimizer: Arguments of the optimizer that differ from the model's.
        compile: Arguments of `Model.compile` that differ from the model's.
        unscale: `(scale, offset)` that bring predictions to the units of the targets that were
            given; None if they are in these units.
        is_scored_by_loss: Whether its loss means the same as that of the unchanged program.
        is_reshaped: Whether the shape of the inputs differs from that of the model's.

    Raises:
        TypeError: If the model is of another kind, because a new one cannot be built from it.
        NotCompiledError: If it is not compiled.
    """

    model: Any
    x: Any
    y: Any
    sample_weight: Any = None
    validation: tuple[Any, Any, Any] = (None, None, None)
    fit: Mapping[str, Any] = field(default_factory=dict)
    callbacks: tuple[Any, ...] = ()
    edits: tuple[Edit, ...] = ()
    prepare: tuple[Callable[[Any, Program], None], ...] = ()
    unfrozen: int | None = None
    optimizer: Mapping[str, Any] = field(default_factory=dict)
    compile: Mapping[str, Any] = field(default_factory=dict)
    unscale: tuple[Any, Any] | None = None
    is_scored_by_loss: bool = True
    is_reshaped: bool = False

    def __post_init__(self) -> None:
        if not hasattr(self.model, "layers") or not (self.is_plain or _has_config(self.model)):
            raise TypeError(
                "The model must be a Sequential or functional one, or have a `get_config`, so that "
                f"another one can be built like it. Received: {type(self.model).__name__}. Add "
                "`get_config`, or change the model in its code and compare two trainings."
            )
        if not self.model.compiled:
            raise NotCompiledError(
                f"The model must be compiled. Received: model={self.model.name!r}. Call "
                "`model.compile(optimizer, loss)` first."
            )

    @property
    def is_plain(self) -> bool:
        """Whether the model is a Sequential or functional one, whose layers can be changed."""
        return type(self.model).__module__.startswith("keras.")

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

    @property
    def rate(self) -> Any:
        """Learning rate of its optimizer: a number, or a schedule."""
        return self.optimizer_config()["learning_rate"]

    @property
    def loss(self) -> Any:
        """Its loss, as it is given to `Model.compile`."""
        return self.argument("loss")

    @property
    def loss_name(self) -> str:
        """Name of its loss; may be empty."""
        loss = self.loss
        return loss if isinstance(loss, str) else _name(loss)

    @property
    def output_activation(self) -> str:
        """Name of the last activation of its model; `"linear"` if there is none."""
        for layer in reversed(flat_layers(self.model)):
            if getattr(layer, "activation", None) is not None:
                return _name(layer.activation) or "linear"
        return "linear"

    def argument(self, name: str) -> Any:
        """Return an argument of `Model.compile`."""
        return {**_compile_arguments(self.model), **self.compile}.get(name)

    def optimizer_config(self) -> dict[str, Any]:
        """Return the arguments of its optimizer, with the changes; a schedule as an object."""
        optimizer = _inner(self.model.optimizer)
        rate = getattr(optimizer, "_learning_rate", None)
        is_schedule = isinstance(rate, keras.optimizers.schedules.LearningRateSchedule)
        config = {} if "optimizer" in self.compile else optimizer.get_config()
        return {**config, **({"learning_rate": rate} if is_schedule else {}), **self.optimizer}

    def build(self, seed: int) -> Any:
        """Return a new compiled model with new weights.

        Args:
            seed: Seed of the weights. Initializers that hold a seed keep it.
        """
        keras.utils.set_random_seed(seed)
        if self.is_plain:
            model = rebuild(self.model, self.edits, self.x, is_reshaped=self.is_reshaped)
        else:
            model = type(self.model).from_config(self.model.get_config())
            model(self.sample(1)[0])  # builds it
        if self.unfrozen is not None:
            for layer in model.layers[-self.unfrozen :]:
                layer.trainable = True
        given = _compile_arguments(self.model)
        kind = self.compile.get("optimizer", type(_inner(self.model.optimizer)))
        arguments = {**given, **self.compile}
        arguments["optimizer"] = kind.from_config(self.optimizer_config())
        model.compile(**arguments)
        return model

    def train(self, model: Any, seed: int, *callbacks: Any) -> None:
        """Train a model on the training data, in an order that the seed fixes.

        What stops or slows the training down by its validation loss sees a fifth of the training
        data, never the validation data that the program is scored on.
        """
        for function in self.prepare:
            function(model, self)
        keras.utils.set_random_seed(seed)
        own = tuple(copy.copy(one) for one in self.callbacks)
        arguments = {"verbose": 0, **self.fit, "callbacks": [*own, *callbacks]}
        x, y, weight = self.x, self.y, self.sample_weight
        if any(str(getattr(one, "monitor", "")).startswith("val_") for one in own):
            rows = np.random.default_rng(0).permutation(self.size)
            count = max(1, int(STOP_FRACTION * self.size))
            held = take((x, y, weight), np.sort(rows[:count]))
            x, y, weight = take((x, y, weight), np.sort(rows[count:]))
            arguments["validation_data"] = held if held[2] is not None else held[:2]
        model.fit(x, y, sample_weight=weight, **arguments)

    def sample(self, count: int) -> tuple[Any, Any]:
        """Return inputs and targets of `count` training examples, evenly spread."""
        rows = np.unique(np.linspace(0, self.size - 1, min(count, self.size)).astype(int))
        x, y = take((self.x, self.y), rows)
        return x, y


def _has_config(model: Any) -> bool:
    try:
        return bool(model.get_config() is not None)
    except NotImplementedError:
        return False


def _name(thing: Any) -> str:
    return str(getattr(thing, "name", "") or getattr(thing, "__name__", ""))


def share_weights(model: Any, weights: list[NDArray[Any]]) -> None:
    """Give a model the weights of another one, in their order, as far as their shapes agree."""
    own = model.get_weights()
    if [value.shape for value in own] == [value.shape for value in weights]:
        model.set_weights(weights)
        return
    left = list(weights)
    for index, value in enumerate(own):
        match = next((i for i, one in enumerate(left) if one.shape == value.shape), None)
        if match is not None and value.ndim > 1:
            own[index] = left.pop(match)
    model.set_weights(own)


def _inner(optimizer: Any) -> Any:
    """Return the optimizer without the one that scales the loss around it."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def _compile_arguments(model: Any) -> dict[str, Any]:
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
