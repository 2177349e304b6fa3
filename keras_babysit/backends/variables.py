"""The variables of a model, for the backends' files: in which groups, and how to change them."""

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Self

import keras

from keras_babysit.backends.protocol import Arguments, Values
from keras_babysit.typing import Batch, Tensor


def groups(model: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """Return the variables of a model as `(trainable, other, optimizer)`.

    `other` is all that is neither, the metrics last. The optimizer that `compile` was given comes
    first among those of a model.
    """
    other = [*model.non_trainable_variables, *model.metrics_variables]
    optimizer = flat(one.variables for one in optimizers(model))
    return model.trainable_variables, other, optimizer


def optimizers(model: Any) -> list[Any]:
    """Return the optimizer that `compile` was given, if any, and those that a model has beside it.

    A GAN has one for each part. On JAX the state of a step holds one optimizer alone.
    """
    given = getattr(model, "optimizer", None)  # a model of a loop may not be compiled
    found = {id(given): given} if given else {}
    if keras.backend.backend() != "jax":
        for value in vars(model).values():
            some = value.values() if isinstance(value, dict) else value
            some = list(some) if isinstance(value, dict | list | tuple) else [value]
            found |= {id(one): one for one in some if isinstance(one, keras.optimizers.Optimizer)}
    return list(found.values())


def flat(grouped: Iterable[Iterable[Any]]) -> list[Any]:
    """Return the entries of all groups as one list."""
    return list(itertools.chain(*grouped))


def assign(model: Any, values: Values) -> None:
    """Give the variables of a model other values, in the same groups."""
    for variable, value in zip(flat(groups(model)), flat(values), strict=True):
        variable.assign(value)


def stride(size: int, count: int) -> int:
    """Return the distance of about `count` entries that are spread over `size`.

    It is odd: kernels are mostly a power of two wide, and the entries would lie in a few columns.
    """
    return max(1, size // count) | 1


class InPlace:
    """What backends have in common whose variables hold their values while `fit` runs.

    Args:
        read: Function that returns what this process can compute with of a variable's value.
        copy: The function `copy` of the backend.
    """

    def __init__(
        self,
        read: Callable[[Any], Tensor],
        copy: Callable[[Sequence[Tensor]], list[Tensor]],
    ) -> None:
        self._read = read
        self._copy = copy

    def state(self, model: Any, arguments: Arguments | None) -> Values:
        """Return `(trainable, other, optimizer)` values of the variables of `model`."""
        del arguments
        trainable, other, optimizer = groups(model)
        return self._values(trainable), self._values(other), self._values(optimizer)

    def copies(self, model: Any) -> Values:
        """Return copies of what `state` returns."""
        trainable, other, optimizer = self.state(model, None)
        return self._copy(trainable), self._copy(other), self._copy(optimizer)

    def trained(self, model: Any, result: Any) -> list[Tensor]:
        """Return the values of the trainable variables after a training step."""
        del result
        return self._values(model.trainable_variables)

    def _values(self, variables: Iterable[Any]) -> list[Tensor]:
        return [self._read(variable.value) for variable in variables]

    def exchange(self, model: Any, arguments: Arguments | None, values: Values) -> Arguments | None:
        """Give the variables of `model` other values; return the arguments of the next step."""
        assign(model, values)
        return arguments

    def logs(self, result: Any) -> Any:
        """Return what a training step returned of losses and metrics."""
        return result


class InPlaceSandbox:
    """Runs training steps on the variables themselves and puts them back exactly.

    A subclass names the `InPlace` of its backend.
    """

    in_place: ClassVar[InPlace]

    def __init__(
        self, model: Any, function: Callable[..., Any], feed: Any, arguments: Arguments | None
    ) -> None:
        del arguments
        self._model, self._function, self._feed = model, function, feed

    def __enter__(self) -> Self:
        self._saved = self.values()
        return self

    def __exit__(self, *error: object) -> None:
        assign(self._model, self._saved)

    def values(self) -> Values:
        """Return copies of what the variables are now."""
        return self.in_place.copies(self._model)

    def load(self, values: Values) -> None:
        """Start from these values, as `state` returns them."""
        assign(self._model, values)

    def step(self, batches: Sequence[Batch]) -> Any:
        """Train on these batches and return the logs."""
        return self._function(*self._feed.hand(batches))

    @contextlib.contextmanager
    def attached(self) -> Iterator[None]:
        """Have the values of the sandbox in the variables, as they are here."""
        yield
