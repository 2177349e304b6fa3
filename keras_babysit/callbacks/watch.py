"""Watch a training loop of one's own, with the findings of `fit`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import keras

from keras_babysit.backends import to_array
from keras_babysit.callbacks.babysitter import Babysitter
from keras_babysit.callbacks.loop import Loop, loss_of
from keras_babysit.callbacks.session import Session
from keras_babysit.findings import Severity
from keras_babysit.recorder import Rescue
from keras_babysit.rules import DEFAULT_RULES, RuleLike
from keras_babysit.samples.batches import densify, keep
from keras_babysit.samples.sample import MAX_EXAMPLES
from keras_babysit.sinks import Sink
from keras_babysit.typing import Batch, Probe

MAX_LOSSES = 256
"""Losses that are held on the device before their mean is read: reading one waits for its step."""


class watch(Babysitter):  # noqa: N801 - it is used as a function
    """Watches a training loop of one's own: `with kb.watch(model, optimizer) as sitter:`.

    Each step is a call `sitter.step(function, *args)`, which returns `function(*args)`. The
    function may use a `tf.GradientTape`, also as a `tf.function`; explicit state on JAX, also under
    `jax.jit`; `backward()` on PyTorch; or be `model.train_on_batch`. When a measurement is due, the
    function is run once more before the step: what its layers compute, the gradients that its
    optimizers get and the losses that it returns are measured, and everything that it can reach is
    put back. The loop trains bit by bit as without `watch`.

    Scores and baselines need `loss`, unless the model is compiled with it. They are measured at
    each `validate`, and at the end.

    Args:
        model: The `keras.Model` that the loop trains. It need not be compiled.
        optimizer: The optimizer, for the facts of the run and the learning rate. None if the model
            is compiled with it.
        loss: What the step minimizes, as `model.compile` takes it: the name of a loss, a
            `keras.losses.Loss` or a function of `(y_true, y_pred)`, where `y_pred` is `model(x)`.
            Ignored if the model is compiled.
        steps: Number of steps of the whole loop, at least 1; None if that is not known.
        data: Function that is called with the arguments of a step and returns `(x, y)` or
            `(x, y, sample_weight)` among them. None looks for the arrays with as many examples as
            the first one. `x` is what the model is called on.
        probe: Examples to score instead of those that the loop trains on, see `Babysitter`. Layers
            are measured on the batch of a step in any case, unless the step is `train_on_batch`.
        rules: See `Babysitter`.
        every: See `Babysitter`.
        budget: See `Babysitter`.
        log_dir: See `Babysitter`.
        verbose: See `Babysitter`.
        stop_on: `Severity`, or its name, at which `should_stop` becomes true.
        record: Not available in a loop.
        rescue: Not available in a loop.
        sinks: See `Babysitter`.

    Attributes:
        should_stop: Whether there is a finding of the severity `stop_on`; the loop decides.

    Raises:
        ValueError: If `steps`, or one of the arguments of `Babysitter`, is out of range; if
            `record` or `rescue` is set, or `loss` cannot be read.

    Example:
        >>> import numpy as np
        >>> x, y = np.random.normal(size=(64, 4)), np.zeros((64, 1))
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> with watch(model, steps=20, verbose=0) as sitter:
        ...     for _ in range(20):
        ...         logs = sitter.step(model.train_on_batch, x, y, return_dict=True)
        ...     sitter.validate(x, y)
        >>> sitter.history.last("loss/start") > 0
        True
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: Any = None,
        *,
        loss: Any = None,
        steps: int | None = None,
        data: Callable[..., Batch] | None = None,
        probe: Probe | None = None,
        rules: Iterable[RuleLike | str] = DEFAULT_RULES,
        every: int | Literal["auto"] = "auto",
        budget: float = 0.02,
        log_dir: str | Path | os.PathLike[str] | None = None,
        verbose: int = 1,
        stop_on: Severity | str | None = None,
        record: str | os.PathLike[str] | None = None,
        rescue: bool | Rescue = False,
        sinks: Iterable[Sink] = (),
    ) -> None:
        if record is not None or rescue:
            raise ValueError(
                "Arguments `record` and `rescue` must not be set in a loop: its state may be in "
                "variables of its own, where it cannot be restored. Use `fit`, or "
                "`keras.callbacks.CallbackList([kb.Babysitter(record=...)], model=model)` around "
                f"`model.train_on_batch`. Received: record={record!r}, rescue={rescue!r}"
            )
        super().__init__(
            probe,
            rules=rules,
            every=every,
            budget=budget,
            log_dir=None if log_dir is None else os.fspath(log_dir),
            verbose=verbose,
            stop_on=stop_on,
            sinks=sinks,
        )
        if steps is not None and steps < 1:
            raise ValueError(f"Argument `steps` must be at least 1. Received: steps={steps}")
        self.set_model(model)
        self.should_stop = False
        self._optimizer = optimizer
        self._steps = steps
        self._data = data
        self._loss = keras.losses.get(loss) if isinstance(loss, str) else loss
        self._loop: Loop | None = None
        self._part = self._index = 0  # of the loop between two validations, and in it
        self._losses: list[Any] = []  # that were not read yet
        self._sum, self._count = 0.0, 0  # of those that were

    def __enter__(self) -> watch:
        """Start to watch."""
        known = self._optimizer if isinstance(self._optimizer, keras.optimizers.Optimizer) else None
        self._loop = Loop(self.model, known, self._data, self._loss)
        self._part = self._index = 0
        self._losses, self._sum, self._count = [], 0.0, 0
        planned = {"epochs": 1, "steps": self._steps}
        with self._loop.attached():
            self._session = Session(self.model, planned, self._settings, loop=self._loop)
            self._session.start()
            self._session.begin_epoch(0)
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """Judge a last time and close the sinks; after an error only the latter."""
        if self._session is None or self._loop is None:
            return
        if kind is not None:
            self._session.abandon()
            return
        with self._loop.between_steps():
            if self._index:
                self._session.end_epoch(self._logs())
            self._session.end()
        self._loop.forget()

    def step(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return `function(*args, **kwargs)`, and measure if that is due.

        Args:
            function: One training step.
            *args: What it is called with.
            **kwargs: The same by keyword.

        Raises:
            RuntimeError: If it is called outside of the `with` block.
        """
        session, loop = self._session, self._loop
        if session is None or loop is None:
            raise RuntimeError(
                "`step` must be called inside of `with kb.watch(...) as sitter:`. Received: a call "
                "outside of it."
            )
        with loop.attached():
            session.expect_step(self._index)
        self._index += 1
        result = loop.call(function, args, kwargs)
        loss = loss_of(result)
        if loss is not None:
            self._losses.append(loss)
            if len(self._losses) >= MAX_LOSSES:
                self._read_losses()
        self.should_stop = self.should_stop or session.has_stopped
        return result

    def validate(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        logs: Mapping[str, float] | None = None,
    ) -> None:
        """Take validation data into account: compare them with the training data, and score both.

        Args:
            x: Inputs, as `model.evaluate` takes them; up to 1,024 examples are kept.
            y: Targets, None without any.
            sample_weight: Weights of the examples, None if all count the same.
            logs: What the loop measured on the validation data, as `{"val_loss": 0.3}`; rules about
                the validation loss read it.
        """
        session, loop = self._session, self._loop
        if session is None or loop is None or not self._index:
            return
        batch = keep(densify((x, y, sample_weight)), MAX_EXAMPLES)
        with loop.between_steps():
            session.take_validation(batch)
            session.end_epoch(self._logs() | dict(logs or {}))
            self._part += 1
            self._index = 0
            session.begin_epoch(self._part)
        self.should_stop = self.should_stop or session.has_stopped

    def _read_losses(self) -> None:
        """Take the losses off the device."""
        self._sum += sum(float(to_array(one)) for one in self._losses)
        self._count += len(self._losses)
        self._losses = []

    def _logs(self) -> dict[str, float]:
        """Return the mean loss since the start or the latest validation, as the logs of `fit`."""
        self._read_losses()
        mean = {"loss": self._sum / self._count} if self._count else {}
        self._sum, self._count = 0.0, 0
        return mean
