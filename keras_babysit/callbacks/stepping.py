"""Being there at single steps of `fit`: their batch before, their result after."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from keras_babysit.backends import backend
from keras_babysit.backends.protocol import Arguments
from keras_babysit.callbacks.step_counter import StepCounter
from keras_babysit.probes.intercept import intercept
from keras_babysit.samples.batches import densify, size
from keras_babysit.schedule import Schedule
from keras_babysit.typing import Batch


class Stepping:
    """Intercepts the next step of one run when it is asked to.

    Args:
        model: The model in `fit`.
        steps: The `StepCounter` of the run.
        schedule: A started `Schedule`.
    """

    def __init__(self, model: keras.Model, steps: StepCounter, schedule: Schedule) -> None:
        self._model = model
        self._steps = steps
        self._schedule = schedule
        self._call_off = _nothing
        self._record_of_fit = getattr(model, "history", None)  # Keras makes one for each `fit`

    def intercept_train(
        self, see: Callable[[Arguments, Sequence[Batch]], Any], after: Callable[[Any, Any], None]
    ) -> None:
        """Be there at the next training step.

        Args:
            see: Called before the step with the arguments of Keras' train function and the batches
                of the step, none where they cannot be read. It must not raise.
            after: Called after it with what `see` returned, None if `see` was not called, and
                with the result of the step. It must not raise.
        """
        self._intercept("train_function", "keep", see, after)

    def intercept_test(self, see: Callable[[Arguments, Sequence[Batch]], Any]) -> None:
        """Be there at the next validation step; `see` as for `intercept_train`."""
        self._intercept("test_function", "keep_validation", see, lambda known, result: None)

    def call_off(self) -> None:
        """Give up an interception that has not happened yet."""
        self._call_off()

    def _intercept(
        self,
        attribute: str,
        kind: str,
        see: Callable[[Arguments, Sequence[Batch]], Any],
        after: Callable[[Any, Any], None],
    ) -> None:
        def before(arguments: Arguments) -> tuple[Arguments, Any]:
            if self._is_over:
                return arguments, None
            batches, arguments = self._borrow(arguments, kind)
            return arguments, see(arguments, batches)

        self._call_off = intercept(self._model, attribute, before, after)

    @property
    def _is_over(self) -> bool:
        """Whether this is the step of a later `fit`, after one that broke off before its step."""
        return getattr(self._model, "history", None) is not self._record_of_fit

    def _borrow(self, arguments: Arguments, kind: str) -> tuple[Sequence[Batch], Arguments]:
        """Return the batches of the step and its new arguments.

        What the user's data raises is raised here, as Keras would a moment later.
        """
        with self._schedule.charging(kind):
            return backend.borrow(
                arguments, self._steps.per_call, fetching=self._schedule.leaving_out
            )


def first_batch(batches: Sequence[Batch]) -> Batch | None:
    """Return the first of some batches as `(x, y, sample_weight)`; None if it has no examples.

    Sparse tensors become dense ones where these are small enough to be kept.

    Example:
        >>> first_batch([(np.ones((2, 3)), np.ones(2))])[0].shape
        (2, 3)
        >>> first_batch([]) is None
        True
    """
    if not batches:
        return None
    whole = batches[0]
    if isinstance(whole, tuple | list) and len(whole) > 3:  # only a step of one's own takes those
        whole = (tuple(whole),)
    batch = keras.utils.unpack_x_y_sample_weight(whole)
    return densify(batch) if batch is not None and size(batch) else None


def _nothing() -> None:
    """Do nothing."""
