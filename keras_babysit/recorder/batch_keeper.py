"""Keeps the batches of a run: what a replay trains on again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from keras_babysit.backends import backend
from keras_babysit.backends.protocol import Arguments
from keras_babysit.recorder.ring import KeptStep, Ring
from keras_babysit.recorder.vitals import learning_rate_index
from keras_babysit.typing import Batch, Tensor

if TYPE_CHECKING:
    from keras_babysit.recorder.snapshot import Position


class BatchKeeper:
    """Takes the batches out of each step, hands them on, and keeps the latest in a `Ring`.

    Args:
        model: The model in `fit`.
        is_on: Whether to take and keep any.
        ring: The `Ring` to keep them in; a new one by default.

    Attributes:
        ring: What is kept.
    """

    def __init__(self, model: Any, *, is_on: bool = True, ring: Ring | None = None) -> None:
        self.ring = Ring() if ring is None else ring
        self._model = model
        self._is_on = is_on
        self._feed = backend.Feed()
        self._rate: tuple[Any, Any] | None = (
            None  # the learning rate's variable and index, once the optimizer is built
        )

    def take(self, arguments: Arguments) -> tuple[list[Batch], Arguments]:
        """Return the batches of the step that comes next, and arguments that hand them on.

        What the user's data raise is raised here, as Keras would a moment later.

        Args:
            arguments: Those of the train function.

        Returns:
            A list of batches, empty where none can be seen, and the arguments to use instead.
        """
        if not self._is_on:
            return [], arguments
        return self._feed.take(arguments, steps_per_call(self._model))

    def keep(
        self, position: Position, batch_index: int, batches: list[Batch], arguments: Arguments
    ) -> None:
        """Keep the batches of a step that is about to run.

        Args:
            position: The `Position` before it.
            batch_index: Index of its first batch in the epoch, from 0.
            batches: What `take` returned; nothing is kept of a step without any.
            arguments: Those of the train function.
        """
        if not batches:
            return
        self.ring.add(
            KeptStep(
                position.call,
                position.step,
                position.epoch,
                batch_index,
                batches,
                self._learning_rate(arguments),
                backend.random_state(),
            )
        )

    def cancel(self, batches: list[Batch]) -> None:
        """Forget a step that raised, of these batches."""
        self._feed = backend.Feed()  # it may hold a batch that was not used
        if batches:
            self.ring.drop_latest()

    def sandbox(
        self, train_function: Callable[..., Any], arguments: Arguments | None
    ) -> AbstractContextManager[Any]:
        """Return a context of a `backend.Sandbox` for the kept steps.

        Args:
            train_function: Keras' own.
            arguments: Those of the step that comes next, None outside of one.

        Returns:
            A context that yields None where no batches are kept.
        """
        if not self._is_on:
            return contextlib.nullcontext()
        return backend.Sandbox(self._model, train_function, self._feed, arguments)

    def clear(self) -> None:
        """Let go of all that is kept."""
        self._feed = backend.Feed()
        self.ring.clear()

    def _learning_rate(self, arguments: Arguments) -> Tensor:
        if self._rate is None:
            index = learning_rate_index(self._model)
            variable = None if index is None else self._model.optimizer.variables[index]
            self._rate = (variable, index)
        variable, index = self._rate
        return None if index is None else self._feed.optimizer_value(arguments, variable, index)


def steps_per_call(model: Any) -> int:
    """Return how many steps one call of the model's train function makes."""
    return int(getattr(model, "steps_per_execution", 1) or 1)
