"""The callback that watches a run of `fit`."""

from __future__ import annotations

import copy
import importlib.util
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import keras

from keras_babysit import markup
from keras_babysit.callbacks.after_fit import call_after_fit, callbacks_of_fit
from keras_babysit.callbacks.session import Session
from keras_babysit.callbacks.settings import Settings
from keras_babysit.callbacks.trying import try_remedies_of
from keras_babysit.findings import FindingList, Severity, Verdict
from keras_babysit.history import History, Overhead
from keras_babysit.recorder import Rescue, read_rescue
from keras_babysit.rules import DEFAULT_RULES, RuleLike
from keras_babysit.samples import read_user_probe_data
from keras_babysit.schedule import Schedule
from keras_babysit.sinks import Console, Notebook, Report, Sink, TensorBoard
from keras_babysit.sinks.notebook import is_notebook
from keras_babysit.typing import Logs, Probe


class Babysitter(keras.callbacks.Callback):
    """Watches `fit`: measures the network, reports what is wrong, where, why and what to do.

    If several processes train together, only the first one does so, and it neither stops nor
    rescues the run.

    It can be pickled and copied, before and after a run. A deep copy, such as KerasTuner makes for
    each trial, has the sinks of the original, and the original shows the latest run of its copies.
    A pickled one keeps the report of its latest run, but not the model: return it from a worker
    process to read what was found there.

    Args:
        probe: Examples to measure on: `(x, y)`, `(x, y, sample_weight)`, a dataset, or a callable
            that returns a batch. None measures on the batches that `fit` trains on.
        rules: What to look for: rules, names of rules of `DEFAULT_RULES`, or both. A rule is a
            function `history -> list[Finding]`.
        every: `"auto"` measures at steps 0, 1, 2, 4, 8, ..., then evenly, at ends of epochs and at
            the end of the run, as `budget` allows; a number n of at least 1 measures before every
            n-th step and at the end of each epoch.
        budget: Fraction of the training time that the measurements are planned to take, in (0, 1].
            The plan follows from the network, the data, the backend and the planned steps, not from
            the clock: a script is measured at the same steps on a busy machine. A run of less than
            a minute counts as one minute, and the first measurements of a model may take the
            budget of 150 seconds (3 seconds at 0.02), once for all calls of `fit`. The clock is a
            guard only: measuring ends, with a note, if it takes more than five times `budget` of
            the run and more than the budget of 50 minutes (60 seconds at 0.02).
        log_dir: Folder for TensorBoard; None writes nothing.
        verbose: 1 to print findings and a summary, or to show them in a notebook as one card that
            is updated in place; 0 to show nothing.
        stop_on: `Severity`, or its name, at which training is stopped; None never stops it.
        record: Folder for the flight recorder; None for no recorder. It keeps the last good state
            and the latest batches. When values are no longer finite or the loss explodes, it finds
            the first bad layer, quantity, batch and example, and writes a bundle to that folder.
        rescue: Whether to restore the last good state (weights, optimizer, seeds) in that case and
            stop; a `Rescue` to train on from there.
        try_remedies: Whether to try the remedies of findings about the learning rate in forks of
            the run: 25 and 100 steps on kept batches with and without the change, which leave no
            trace. The effect on the loss is added to the finding. All forks of a run take about 20
            seconds, or a tenth of the training if that is more, beside `budget`. It needs SciPy
            (`pip install "keras-babysit[remedies]"`).
        sinks: Further `Sink`s that receive measurements and findings.

    Attributes:
        findings: Every `Finding` of the latest run: root causes first, their symptoms (with
            `cause`) behind each.
        verdict: The `Verdict` on the latest run.
        history: The `History` of the latest run.
        overhead: The time that the measurements took, an `Overhead`.
        session: The `Session` of the latest run, for tools that look into one; None before it.

    Raises:
        ValueError: If `every`, `budget`, `rules` or `stop_on` is out of range. At the start of
            `fit`: if the model is not compiled, if `probe` does not fit it, or if `log_dir`
            cannot be written.
        TypeError: If `probe`, `rescue`, `try_remedies` or a rule is of the wrong kind.
        ImportError: If `try_remedies` is True and SciPy is not installed.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> sitter = Babysitter(verbose=0)
        >>> x, y = np.random.normal(size=(64, 4)), np.zeros((64, 1))
        >>> _ = model.fit(x, y, verbose=0, callbacks=[sitter])
        >>> sitter.history.last("loss/start") > 0
        True
    """

    def __init__(
        self,
        probe: Probe | None = None,
        *,
        rules: Iterable[RuleLike | str] = DEFAULT_RULES,
        every: int | Literal["auto"] = "auto",
        budget: float = 0.02,
        log_dir: str | Path | None = None,
        verbose: int = 1,
        stop_on: Severity | str | None = None,
        record: str | os.PathLike[str] | None = None,
        rescue: bool | Rescue = False,
        try_remedies: bool = False,
        sinks: Iterable[Sink] = (),
    ) -> None:
        super().__init__()
        Schedule(every, budget)  # raises now rather than at the start of training
        self._settings = Settings(
            rules=DEFAULT_RULES.read(rules),
            given=None if probe is None else read_user_probe_data(probe),
            every=every,
            budget=budget,
            stop_on=None if stop_on is None else _read_severity(stop_on),
            record=record,
            rescue=read_rescue(rescue),
            try_remedies=_read_try_remedies(try_remedies),
            sinks=(
                *([Notebook() if is_notebook() else Console(verbose=verbose)] if verbose else []),
                *([TensorBoard(log_dir)] if log_dir else []),
                *sinks,
            ),
        )
        self._log_dir = None if log_dir is None else str(log_dir)
        self._session: Session | None = None
        self._is_training = False
        self._kept: Report | None = None  # of the latest run, where its session was left behind
        self._original: Babysitter | None = None  # what this is a deep copy of

    def __getstate__(self) -> dict[str, Any]:
        """Leave the model and the session behind; the report of the latest run comes along."""
        left = {"_session": None, "_model": None, "_original": None, "_is_training": False}
        return vars(self) | left | {"_kept": self.report() if self._has_run else self._kept}

    def __deepcopy__(self, memo: dict[int, Any]) -> Babysitter:
        """Return a callback that also reports to this one; both have the same sinks."""
        copied = copy.copy(self)
        memo[id(self)] = copied
        copied._original = self
        return copied

    @property
    def _has_run(self) -> bool:
        return self._session is not None or self._kept is not None

    @property
    def findings(self) -> FindingList:
        """Every finding of the latest run: root causes first, their symptoms behind each."""
        if self._session is not None:
            return FindingList(self._session.findings)
        return self._kept.findings if self._kept else FindingList()

    @property
    def session(self) -> Session | None:
        """The `Session` of the latest run, for tools that look into one; None before it."""
        return self._session

    @property
    def history(self) -> History:
        """The history of the latest run."""
        if self._session is not None:
            return self._session.history
        return self._kept.history if self._kept else History()

    @property
    def overhead(self) -> Overhead:
        """The time that the measurements of the latest run took."""
        if self._session is not None:
            return self._session.schedule.overhead
        return (self._kept and self._kept.overhead) or Overhead(0.0, 0.0, 0)

    @property
    def verdict(self) -> Verdict:
        """The `Verdict` on the latest run: root causes, what to do first, what was not checked."""
        return self.report().verdict

    def report(self) -> Report:
        """Return a `Report` of the latest run: print it, or write it as JSON or HTML."""
        return Report(self.history, self.findings, self.overhead)

    def try_remedies(self, x: Any = None, y: Any = None, **arguments: Any) -> Any:
        """Try the remedies of the latest run, each against the same training without it.

        The model is built anew, with the loss, the optimizer, the epochs and the batch size of the
        run; the run's model stays as it is. It requires the extra `[remedies]`. With `log_dir`,
        the result is written there, where `kb-report` shows it.

        Args:
            x: Training inputs, or a dataset; None takes the reference sample, up to 1,024 examples
                of the run, which gives another training than all of them.
            y: Training targets.
            **arguments: Further arguments of `keras_babysit.try_remedies`, such as `budget`,
                `validation_data` and `seeds`, and of `Model.fit`, in place of those of the run.

        Returns:
            A `Trial`: what helped, by how much, and the program to go on with.

        Raises:
            RuntimeError: If there was no run, or it goes on.
            ValueError: If no examples were kept and none are given.
        """
        if self._session is None or self._is_training:
            state = "no run yet" if self._session is None else "a run that is not over"
            raise RuntimeError(
                f"`try_remedies` must be called after `fit`, in the same process. Received: {state}"
            )
        trial = try_remedies_of(self._session, tuple(self.findings), (x, y), arguments)
        if self._log_dir is not None and "://" not in self._log_dir:
            trial.to_json(Path(self._log_dir) / "trial.json")
        return trial

    def __repr__(self) -> str:
        if not self._has_run:
            return f"{type(self).__name__}(no run yet)"
        state = "running: " if self._is_training else ""
        return f"{type(self).__name__}({state}{self.verdict.headline})"

    def _repr_html_(self) -> str:
        if not self._has_run:
            return markup.fragment(
                markup.heading(type(self).__name__, "", "no run yet"),
                markup.paragraph("Pass it to fit: model.fit(x, y, callbacks=[sitter])"),
            )
        return self.report().as_card("Charts: sitter.report()")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start to watch the run; bad settings raise here, before the first step."""
        if self._session is not None:
            self._session.abandon()
        self._session = Session(self.model, dict(self.params or {}), self._settings)
        original = self._original
        while original is not None:
            original._session, original = self._session, original._original
        self._session.start(callbacks_of_fit())
        call_after_fit(self._session.abandon)
        self._is_training = True

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the epoch."""
        if self._session is not None:
            self._session.begin_epoch(epoch)

    # There is no `on_train_batch_end`: overriding it would make Keras wait for every step.
    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Measure the step that comes next, if that is due."""
        if self._session is not None:
            self._session.expect_step(batch)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Keep validation examples."""
        if self._is_training and self._session is not None:
            self._session.expect_validation_step(batch)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Measure, score and judge."""
        if self._session is not None:
            self._session.end_epoch(logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Finish."""
        self._is_training = False
        if self._session is not None:
            self._session.end()


def _read_try_remedies(wanted: bool) -> bool:
    if not isinstance(wanted, bool):
        raise TypeError(f"Argument `try_remedies` must be True or False. Received: {wanted!r}")
    if wanted and importlib.util.find_spec("scipy") is None:
        raise ImportError(
            "`try_remedies=True` needs SciPy, for the intervals of effects. "
            'Install it with `pip install "keras-babysit[remedies]"`.'
        )
    return wanted


def _read_severity(stop_on: Severity | str) -> Severity:
    names = [severity.name for severity in Severity]
    name = stop_on.upper() if isinstance(stop_on, str) else getattr(stop_on, "name", None)
    if name not in names:
        raise ValueError(
            f"Argument `stop_on` must be a Severity or one of {names}. Received: {stop_on!r}"
        )
    return Severity[name]
