"""Trains on copies of the variables, each step a pure function of its state."""

import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras
from keras import ops

from keras_babysit.backends import backend, to_array
from keras_babysit.checks._penalties import penalties_off
from keras_babysit.probes import taps
from keras_babysit.probes.probe import compute_loss, stateless
from keras_babysit.shadow import shadowed
from keras_babysit.typing import Batch, Tensor


class Trainer:
    """Trains a model without changing it.

    The optimizer updates copies of the model's trainable variables, and each step is a pure
    function of the values of the other variables.

    Args:
        model: A compiled and built model.
        optimizer: An unbuilt optimizer that nothing else uses.
        state: Initial values, `(trainable, other)`.
        is_bare: Whether penalties, dropout and augmentation are switched off.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        state: tuple[Sequence[Tensor], Sequence[Tensor]],
        *,
        is_bare: bool = False,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.is_bare = is_bare
        trainable, other = state
        pairs = zip(model.trainable_variables, trainable, strict=True)
        self._copies = [_copy(variable, value) for variable, value in pairs]
        optimizer.build(self._copies)
        self._other = list(other)
        self._start = (backend.copy([_value(v) for v in self._variables]), list(other))
        self._steps: dict[tuple[bool, ...], Callable[..., Any]] = {}

    @property
    def _variables(self) -> list[keras.Variable]:
        return [*self._copies, *self.optimizer.variables]

    def reset(self) -> None:
        """Restore the initial values; compiled steps are kept."""
        values, other = self._start
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)
        self._other = list(other)

    def step(self, batch: Batch) -> float:
        """Take one step on a batch of arrays and return the loss before that step, a float."""
        flat = keras.tree.flatten(batch)
        data = [ops.convert_to_tensor(leaf) for leaf in flat if leaf is not None]
        present = tuple(leaf is not None for leaf in flat)
        variables = self._variables
        arguments = ([_value(variable) for variable in variables], self._other, data)
        if present not in self._steps:
            run = self._make(batch, present)
            self._steps[present] = backend.compile(run, *arguments, varies=(2,))
        loss, self._other, values = self._steps[present](*arguments)
        if keras.backend.backend() == "jax":
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        return float(to_array(loss))

    def _make(self, batch: Batch, present: tuple[bool, ...]) -> Callable[..., Any]:
        def run(
            values: Sequence[Tensor], other: Sequence[Tensor], data: Sequence[Tensor]
        ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
            waiting = iter(data)
            leaves = [next(waiting) if is_there else None for is_there in present]
            return self._step(values, other, keras.tree.pack_sequence_as(batch, leaves))

        return run

    def _step(
        self, values: Sequence[Tensor], other: Sequence[Tensor], batch: Batch
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        count = len(self._copies)

        def loss_of(trainable: Sequence[Tensor]) -> tuple[Tensor, Any]:
            loss, after = self._forward(trainable, other, batch)
            return loss, (loss, after)

        (_, (loss, after)), gradients = backend.value_and_grad(loss_of, values[:count])
        loss, after = keras.tree.map_structure(ops.stop_gradient, (loss, after))
        return loss, after, self._apply(values, gradients)

    def _apply(self, values: Sequence[Tensor], gradients: Sequence[Tensor]) -> list[Tensor]:
        """Apply the gradients; on JAX the new values of all variables are returned."""
        if keras.backend.backend() != "jax":  # TensorFlow's optimizers have no stateless form
            self.optimizer.apply(gradients)
            return []
        count = len(self._copies)
        trainable, slots = self.optimizer.stateless_apply(values[count:], gradients, values[:count])
        return [*trainable, *slots]

    def _forward(
        self, trainable: Sequence[Tensor], other: Sequence[Tensor], batch: Batch
    ) -> tuple[Tensor, list[Tensor]]:
        x, y, sample_weight = batch
        model = self.model
        variables = [*model.non_trainable_variables, *model.metrics_variables]
        calm: AbstractContextManager[Any] = contextlib.nullcontext()
        bare: AbstractContextManager[Any] = contextlib.nullcontext()
        if self.is_bare:
            calm, bare = random_layers_off(model), penalties_off(model)
        with stateless(model, trainable, other) as scope:
            with calm:
                y_pred = model(x, training=True)
            if not self.is_bare:
                loss = compute_loss(model, x, y, y_pred, sample_weight, training=True)
        if self.is_bare:  # in a new scope, without the losses that the forward pass added
            with stateless(model, trainable, other), bare:
                loss = compute_loss(model, x, y, y_pred, sample_weight, training=True)
        loss = ops.cast(loss, "float32")
        after = [scope.get_current_value(variable) for variable in variables]
        return loss, [old if new is None else new for new, old in zip(after, other, strict=True)]


@contextlib.contextmanager
def random_layers_off(model: keras.Model) -> Iterator[None]:
    """Run layers that draw random numbers (dropout, augmentation) in inference mode.

    Batch normalization draws none and stays in training mode.
    """
    with contextlib.ExitStack() as stack:
        for layer in taps.leaves(model):
            if draws(layer) and "training" in inspect.signature(layer.call).parameters:
                stack.enter_context(_in_inference_mode(layer))
        yield


def draws(layer: keras.layers.Layer) -> bool:
    """Return whether a layer, or a cell inside it, has a random seed generator."""
    parts = [layer, *layer._flatten_layers(include_self=False)]
    return any(getattr(part, "_seed_generators", None) for part in parts)


def _in_inference_mode(layer: keras.layers.Layer) -> AbstractContextManager[Any]:
    inner = layer.call
    signature = inspect.signature(inner)

    def call(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.arguments["training"] = False
        return inner(*bound.args, **bound.kwargs)

    return shadowed(layer, "call", call)


def _copy(variable: keras.Variable, value: Any) -> keras.Variable:
    """Return a copy of a variable, with the path and constraint that optimizers read."""
    copy = keras.Variable(value, dtype=variable.dtype, name=variable.name)
    copy._path = variable.path
    copy.constraint = variable.constraint
    return copy


def _value(variable: keras.Variable) -> Tensor:
    return ops.stop_gradient(variable.value)
