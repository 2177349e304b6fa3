"""How the flight recorder is there at each step: it stands around functions of the model."""

from collections.abc import Callable, Iterator
from typing import Any

from keras_babysit.typing import Logs

STEPS_END = "_get_metrics_result_or_logs"
"""What Keras calls once when the steps of an epoch are over, before validation and before any
callback sees the epoch end. Where it is missing the epoch's end as a callback sees it has to do."""


class Wrapper:
    """Stands around a function of a model until it is withdrawn.

    Args:
        call: Called in place of the function, with its arguments.

    Attributes:
        inner: The function that it stands around, None before it is attached.
        is_withdrawn: Whether the owner has left. A wrapper that another recorder stands around
            cannot be taken away by its owner; the other one does that later.
    """

    def __init__(self, call: Callable[..., Any]) -> None:
        self.inner: Any = None
        self.is_withdrawn = False
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        """Do what the owner does in place of the function."""
        return self._call(*arguments)


class Attachment:
    """Stands around the train function of a model, and around the end of an epoch's steps.

    Several may stand around each other, and around what `probes.intercept` puts there.

    Args:
        model: The model in `fit`.
        on_step: Called in place of the train function, with its arguments; it calls `run_step`.
        on_steps_end: Called when the steps of an epoch are over, without arguments.

    Example:
        >>> from types import SimpleNamespace
        >>> model = SimpleNamespace(train_function=lambda iterator: "logs")
        >>> seen = []
        >>> attachment = Attachment(
        ...     model,
        ...     on_step=lambda iterator: seen.append(iterator) or attachment.run_step(iterator),
        ...     on_steps_end=lambda: None,
        ... )
        >>> attachment.attach()
        >>> model.train_function("iterator"), seen
        ('logs', ['iterator'])
        >>> attachment.detach()
        >>> attachment.is_attached
        False
    """

    def __init__(
        self, model: Any, *, on_step: Callable[..., Any], on_steps_end: Callable[[], None]
    ) -> None:
        self._model = model
        self._on_steps_end = on_steps_end
        self._step = Wrapper(on_step)
        self._steps_end = Wrapper(self._run_steps_end)

    def attach(self) -> None:
        """Stand around the model's functions; where that is so already, nothing changes."""
        self._step.is_withdrawn = self._steps_end.is_withdrawn = False
        if self.is_attached:
            return
        model = self._model
        if model.train_function is None:  # outside of `fit` Keras makes it when it is called
            model.make_train_function()
        self._step.inner = model.train_function
        model.train_function = self._step
        steps_end = getattr(model, STEPS_END, None)
        if steps_end is not None and not _is_around(steps_end, self._steps_end):
            self._steps_end.inner = steps_end
            object.__setattr__(model, STEPS_END, self._steps_end)

    def detach(self) -> None:
        """Leave; a wrapper that another recorder stands around goes with that one."""
        self._step.is_withdrawn = self._steps_end.is_withdrawn = True
        model = self._model
        model.train_function = _without_withdrawn(model.train_function)
        if STEPS_END not in vars(model):
            return
        left = _without_withdrawn(getattr(model, STEPS_END))
        object.__delattr__(model, STEPS_END)
        if left != getattr(model, STEPS_END):  # a wrapper, of another recorder
            object.__setattr__(model, STEPS_END, left)

    @property
    def is_attached(self) -> bool:
        """Whether the next step will come by here; Keras makes its function anew at times."""
        return _is_around(self._model.train_function, self._step)

    @property
    def train_function(self) -> Any:
        """Keras' own train function; other recorders take no part in a replay."""
        *_, innermost = _with_inner(self._step.inner)
        return innermost

    def run_step(self, *arguments: Any) -> Any:
        """Run the step, with whatever stands further inside."""
        return self._step.inner(*arguments)

    def _run_steps_end(self, logs: Logs) -> Any:
        self._on_steps_end()
        return self._steps_end.inner(logs)


def _is_around(function: Any, wrapper: Wrapper) -> bool:
    return any(one is wrapper for one in _with_inner(function))


def _with_inner(function: Any) -> Iterator[Any]:
    """Yield a function and what it stands around, down to Keras' own."""
    while function is not None:
        yield function
        function = getattr(function, "inner", None)


def _without_withdrawn(function: Any) -> Any:
    """Return the function without the outermost wrappers whose owners have left."""
    while getattr(function, "is_withdrawn", False):
        function = function.inner
    return function
