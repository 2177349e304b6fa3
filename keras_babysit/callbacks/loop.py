"""A training loop of the user's: its steps one by one, for the session that watches it."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras.src.trainers.compile_utils import CompileLoss

from keras_babysit.backends import to_array
from keras_babysit.backends.variables import groups
from keras_babysit.callbacks.step_counter import StepCounter
from keras_babysit.callbacks.stepping import first_batch
from keras_babysit.typing import Batch


class LoopSteps(StepCounter):
    """Counts the steps of a loop, which are known exactly.

    Example:
        >>> steps = LoopSteps(keras.Sequential(), {"epochs": 1, "steps": 100})
        >>> steps.begin_epoch(0)
        >>> steps.expect(4)
        4
        >>> steps.end_epoch()
        >>> steps.now, steps.planned, steps.is_last_epoch
        (5, 100, False)
    """

    def __init__(self, model: keras.Model, planned: Mapping[str, Any]) -> None:
        super().__init__(model, planned, is_in_fit=False)
        self._has_stepped = False

    @property
    def is_last_epoch(self) -> bool:
        """Whether the last planned step is done."""
        return self.planned is not None and self._done() >= self.planned

    @property
    def per_epoch(self) -> int | None:
        """Steps of the whole loop, None while that is not known."""
        return self._planned.get("steps") or None

    @property
    def planned(self) -> int | None:
        """Steps of the whole loop, None while that is not known."""
        return self.per_epoch

    @property
    def per_call(self) -> int:
        """Steps in one call of the user's function."""
        return 1

    def begin_epoch(self, epoch: int) -> None:
        """Note that a part of the loop begins."""
        super().begin_epoch(epoch)
        self._has_stepped = False

    def expect(self, batch: int) -> int:
        """Note that the step at index `batch` of this part comes next; return `now`."""
        self._has_stepped = True
        return super().expect(batch)

    def end_epoch(self) -> None:
        """Note that this part of the loop is over."""
        super().end_epoch()
        self._has_stepped = False

    def _done(self) -> int:
        return self.now + int(self._has_stepped)


class LoopStep:
    """The step of a loop: a function, and what it is called with next.

    Attributes:
        function: The function.
        args: Its arguments.
        kwargs: Its keyword arguments.
        is_again: Whether it was run on these arguments before, so that what it finds is what it
            left itself.
    """

    def __init__(self) -> None:
        self.is_again = False
        self.function: Callable[..., Any] | None = None
        self.args: tuple[Any, ...] = ()
        self.kwargs: dict[str, Any] = {}

    def run(self, tapped: Any, state: Any, batch: Batch, *, scale: float) -> Any:
        """Run the step with taps, on what it is called with next; return what was `Seen`."""
        del state, batch
        again = {"is_again": self.is_again}
        return tapped.run(self.function, *self.args, scale=scale, **again, **self.kwargs)


class Loop:
    """Is there at the steps of a loop, as `Stepping` is at those of `fit`.

    Args:
        model: The model.
        optimizer: The optimizer, None if it is not one of Keras or not known.
        data: Returns `(x, y)` or `(x, y, sample_weight)` from the arguments of a step; None to look
            for the arrays among them.
        loss: What the step minimizes, as `compile` takes it; None if that is not known, or if the
            model is compiled with it.

    Attributes:
        step: The `LoopStep` of the loop.
        calls_keras: Whether its function is `model.train_on_batch`, so that it trains on what the
            model is compiled for.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer | None,
        data: Callable[..., Batch] | None,
        loss: Any = None,
    ) -> None:
        self.step = LoopStep()
        self.calls_keras = False
        self._model = model
        self._optimizer = optimizer
        self._data = data
        self._see: Callable[..., Any] | None = None
        self._after: Callable[[Any, Any], None] | None = None
        self._has_key, self._key = False, None  # of the weights in the state, on JAX
        self._latest: tuple[Callable[..., Any], Any, Any, Any] | None = None
        self._compiled = {} if loss is None or model.compiled else _as_compiled(model, loss)

    def intercept_train(self, see: Callable[..., Any], after: Callable[[Any, Any], None]) -> None:
        """Be there at the next step; the arguments are those of `Stepping.intercept_train`."""
        self._see, self._after = see, after

    def intercept_test(self, see: Callable[..., Any]) -> None:
        """Do nothing: `validate` hands over its batches itself."""

    def call_off(self) -> None:
        """Give up an interception that has not happened yet."""
        self._see = self._after = None

    @contextlib.contextmanager
    def attached(self) -> Iterator[None]:
        """Let the model have the optimizer and the loss, as if compiled with them, for a while."""
        attributes = vars(self._model)
        missing = {"optimizer": self._optimizer, "stop_training": False}
        added = {k: v for k, v in missing.items() if k not in attributes} | self._compiled
        before = {name: attributes[name] for name in added if name in attributes}
        attributes.update(added)
        try:
            yield
        finally:
            for name in added:
                del attributes[name]
            attributes.update(before)

    @contextlib.contextmanager
    def between_steps(self) -> Iterator[None]:
        """As `attached`, with what the latest step left in the variables of the model.

        On JAX a step returns the state, and the variables know nothing of it.
        """
        before = []
        for variables, values in zip(self._groups(), self._state() or (), strict=False):
            before += [(variable, variable._value) for variable in variables]
            for variable, value in zip(variables, values, strict=True):
                variable._value = value
        try:
            with self.attached():
                yield
        finally:
            for variable, value in before:
                variable._value = value

    @property
    def knows_state(self) -> bool:
        """Whether the state after the latest step is known."""
        if keras.backend.backend() != "jax" or self._latest is None:
            return True
        has_taken_state = values_in(self._latest[1], self._model.trainable_variables) is not None
        return not has_taken_state or self._state() is not None

    def again(self) -> tuple[Any, Batch] | None:
        """Prepare to run the latest step once more, from the state that it left.

        Returns:
            What `see` of `intercept_train` would get: its arguments and a batch; None if the step
            has given up what it was called with, or if there was none.
        """
        if self._latest is None or self.calls_keras:
            return None
        function, args, kwargs, result = self._latest
        if keras.backend.backend() == "jax":
            args = tuple(self._follow(one, result) for one in args)
        leaves = keras.tree.flatten((args, kwargs))
        if any(getattr(one, "is_deleted", bool)() for one in leaves):
            return None
        batch = first_batch(self._batches(args, kwargs))
        if batch is None:
            return None
        self.step.function, self.step.args, self.step.kwargs = function, args, kwargs
        self.step.is_again = True
        return self._arguments(args), batch

    def forget(self) -> None:
        """Let go of the latest step."""
        self._latest = None
        self.step.function, self.step.args, self.step.kwargs = None, (), {}

    def call(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Return what the function returns; measure around it if that was asked for."""
        see, after = self._see, self._after
        self.call_off()
        owner = getattr(function, "__self__", None)
        is_keras = owner is self._model and function.__name__ == "train_on_batch"
        self.calls_keras = is_keras and self._model.compiled
        self.step.args, self.step.kwargs = (), {}  # a step may give up what it is called with
        self._latest = None
        if see is None or after is None:
            result = function(*args, **kwargs)
        else:
            result = self._measured(see, after, function, args, kwargs)
        is_explicit = keras.backend.backend() == "jax"  # elsewhere a result may hold a whole graph
        self._latest = (function, args, kwargs, result if is_explicit else None)
        return result

    def _measured(self, see: Any, after: Any, function: Any, args: Any, kwargs: Any) -> Any:
        step = self.step
        step.function, step.args, step.kwargs = function, args, kwargs
        step.is_again = False
        with self.attached():
            arguments = self._arguments(args)
            known = see(arguments, self._batches(args, kwargs))
        step.args, step.kwargs = (), {}
        result = function(*args, **kwargs)
        with self.attached():
            after(known, self._as_in_fit(result))
        return result

    def _groups(self) -> list[list[Any]]:
        optimizer = self._optimizer
        slots = optimizer.variables if optimizer is not None else []
        model = self._model
        return [model.trainable_variables, model.non_trainable_variables, slots]

    def _state(self) -> list[list[Any]] | None:
        """Return the values after the latest step by group, None where the step returned none."""
        if keras.backend.backend() != "jax" or self._latest is None:
            return None
        first, *others = self._groups()
        found = [values_in(self._latest[3], first, self._key)]
        found += [values_in(self._latest[3], group) for group in others]
        if found[0] is None:
            return None
        return [
            [one._value for one in group] if values is None else values
            for group, values in zip(self._groups(), found, strict=True)
        ]

    def _follow(self, argument: Any, result: Any) -> Any:
        """Return an argument, or what a step returned in its place if it holds the state."""
        variables = self._model.trainable_variables
        if values_in([argument], variables) is None:
            return argument
        parts = [result, *(result if isinstance(result, tuple | list) else [])]
        return next((one for one in parts if _are_alike(one, argument)), argument)

    def _batches(self, args: Any, kwargs: Any) -> list[Batch]:
        if self._data is not None:
            return [self._data(*args, **kwargs)]
        batch = arrays_in([*args, *kwargs.values()], self._model)
        return [] if batch is None else [batch]

    def _arguments(self, args: Any) -> Any:
        """Return what Keras would call its train function with where `args` hold the state."""
        if keras.backend.backend() != "jax":
            return None
        trainable, other, optimizer = groups(self._model)
        if not self._has_key:
            self._has_key, self._key = True, key_of_values(args, trainable)
        values = values_in(args, trainable, self._key)
        if values is None:
            return None
        count = len(self._model.non_trainable_variables)
        rest = [
            values_in(args, group) or [variable.value for variable in group]
            for group in (other[:count], optimizer, other[count:])
        ]
        return ((values, *rest),)

    def _as_in_fit(self, result: Any) -> Any:
        """Return the result of a step in the form in which Keras' train function returns it."""
        loss = loss_of(result)
        logs = {} if loss is None else {"loss": loss}
        if keras.backend.backend() != "jax":
            return logs
        variables = self._model.trainable_variables
        values = values_in(result, variables, self._key) or [one.value for one in variables]
        return logs, (values, [], [], [])


def _as_compiled(model: keras.Model, loss: Any) -> dict[str, Any]:
    """Return the attributes that tell a model compiled with a loss from one that is not."""
    names = getattr(model, "output_names", None)
    compiled = CompileLoss(loss, None, output_names=names)
    without = {"_compile_metrics": None, "_loss_tracker": None, "steps_per_execution": 1}
    return without | {"loss": loss, "_compile_loss": compiled, "compiled": True}


def _are_alike(one: Any, other: Any) -> bool:
    """Return whether two nested structures have arrays of the same shapes in the same places.

    Only paths and shapes are compared: the values of a state that a step gave up are gone.
    """
    shapes = [
        [
            (path, getattr(leaf, "shape", None))
            for path, leaf in keras.tree.flatten_with_path(nested)
        ]
        for nested in (one, other)
    ]
    return shapes[0] == shapes[1]


def loss_of(result: Any) -> Any:
    """Return the loss that a step returned, as it is; None if it is not clear which it is.

    Example:
        >>> loss_of({"loss": 2.0, "accuracy": 0.5}), loss_of(([1, 2], 3.0)), loss_of((1.0, 2.0))
        (2.0, 3.0, None)
    """
    parts = list(result) if isinstance(result, tuple | list) else [result]
    for part in parts:
        if isinstance(part, dict) and "loss" in part:
            return part["loss"]
    numbers = [one for one in parts if isinstance(one, float) or _is_scalar(one)]
    return numbers[0] if len(numbers) == 1 else None


def _is_scalar(one: Any) -> bool:
    is_array = hasattr(one, "shape") and hasattr(one, "dtype")
    return is_array and len(one.shape) == 0 and "float" in str(one.dtype)


def values_in(nested: Any, variables: Sequence[Any], key: Any = None) -> list[Any] | None:
    """Return the values of variables among nested arguments, None if they are not there.

    Args:
        nested: Tuples, lists and dictionaries.
        variables: The variables, whose shapes the values have in this order.
        key: Key, or index, of the values where several have these shapes; None for the first ones.

    Example:
        >>> layer = keras.layers.Dense(2)
        >>> layer.build((None, 3))
        >>> state = ([np.zeros((3, 2)), np.zeros(2)], [np.zeros(())])
        >>> [value.shape for value in values_in((state, "batch"), layer.trainable_variables)]
        [(3, 2), (2,)]
    """
    if not variables or not isinstance(nested, list | tuple | dict):
        return None
    found = list(_found_in(nested, variables))
    return next((values for name, values in found if name == key), found[0][1] if found else None)


def key_of_values(nested: Any, variables: Sequence[Any]) -> Any:
    """Return under which key `values_in` is to look for the values of variables.

    An optimizer's moments have the shapes of the weights. So of several candidates it is the one
    whose values the variables have now, as when a loop begins; None if that is none.
    """
    found = list(_found_in(nested, variables)) if isinstance(nested, list | tuple | dict) else []
    if len(found) < 2:
        return None
    now = [to_array(variable.value) for variable in variables]
    for key, values in found:
        if all(np.array_equal(a, to_array(b)) for a, b in zip(now, values, strict=True)):
            return key
    return None


def _found_in(nested: Any, variables: Sequence[Any], key: Any = None) -> Iterator[tuple[Any, Any]]:
    """Yield lists of the shapes of variables among nested arguments, each with its key."""
    items = list(nested.items() if isinstance(nested, dict) else enumerate(nested))
    inner = [one for _, one in items]
    if [getattr(one, "shape", None) for one in inner] == [tuple(v.shape) for v in variables]:
        yield key, inner
        return
    for name, one in items:
        if isinstance(one, list | tuple | dict):
            yield from _found_in(one, variables, name)


def arrays_in(arguments: Sequence[Any], model: keras.Model) -> Batch | None:
    """Return `(x, y)` or `(x, y, sample_weight)` among the arguments of a step.

    These are arrays, or nested arrays, with the same number of examples; other arguments, such as
    the state of a step on JAX, an optimizer or a number, are left out.

    Returns:
        None where there are none.

    Example:
        >>> model = keras.Sequential()
        >>> x, y = arrays_in([model, np.ones((4, 2)), np.ones(4), 0.1], model)
        >>> x.shape, y.shape
        ((4, 2), (4,))
    """
    states = [values_in([one], model.trainable_variables) for one in arguments]
    candidates = [one for one, state in zip(arguments, states, strict=True) if state is None]
    if len(candidates) == 1 and isinstance(candidates[0], tuple | list):
        candidates = list(candidates[0])
    found = [(one, _examples(one)) for one in candidates]
    found = [(one, count) for one, count in found if count]
    if not found:
        return None
    batch = [one for one, count in found if count == found[0][1]][:3]
    return tuple(batch) if len(batch) > 1 else (batch[0], None)


def _examples(nested: Any) -> int:
    """Return the number of examples of nested arrays, 0 where they are none."""
    if not isinstance(nested, dict | tuple | list) and not hasattr(nested, "shape"):
        return 0
    leaves = keras.tree.flatten(nested)
    are_arrays = all(hasattr(leaf, "shape") and hasattr(leaf, "dtype") for leaf in leaves)
    if not are_arrays or not all(len(leaf.shape) for leaf in leaves):
        return 0
    sizes = {leaf.shape[0] for leaf in leaves}
    return int(sizes.pop() or 0) if len(sizes) == 1 else 0
