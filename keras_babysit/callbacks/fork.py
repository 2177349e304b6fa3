"""Tries the remedies of findings about the optimizer in forks of the run."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from keras_babysit.actions import ScaleLearningRate
from keras_babysit.backends import backend
from keras_babysit.backends.protocol import Arguments
from keras_babysit.backends.untouched import untouched_random_state
from keras_babysit.callbacks.fork_training import (
    LONGER,
    REPLICATES,
    Fork,
    Scorer,
    Trainer,
    halves,
    is_finite,
    kept_batches,
)
from keras_babysit.callbacks.step_counter import StepCounter
from keras_babysit.findings import Finding, Outcome, Remedy, Tried
from keras_babysit.history import History
from keras_babysit.interval import paired_interval
from keras_babysit.probes.intercept import intercept
from keras_babysit.probes.loss_facts import has_own_step
from keras_babysit.recorder.vitals import learning_rate_index
from keras_babysit.samples import ReferenceSample, Sample
from keras_babysit.samples.batches import size
from keras_babysit.schedule import Schedule

STEPS, LEAST_STEPS = 25, 10
"""Steps of the shorter fork, and how few it has where steps are expensive. The longer one has four
times as many: a rate that wins both is not chosen by a greedy horizon alone (Wu et al.,
arXiv:1803.02021)."""

FORK_SECONDS, FORK_FRACTION = 20.0, 0.1
"""Budget of all forks of a run: nominal seconds, or a fraction of the training if that is more."""

COPYING = 1.5
"""A step of a fork takes so many steps of training: the values are copied before and after."""

ENOUGH_BATCHES, LEAST_BATCHES = 8, 2
"""Kept batches from which on a fork begins in the first epoch, and later."""

LEAST_SCORED = 32
"""Examples to score below which nothing is tried: four in each block."""

WARM_UP = "A warm-up changes the first steps, which are over."
CLIPPING = "Clipping is a part of the compiled training step, which a fork runs as it is."
NOT_TRIED = {
    "missing_warm_up": WARM_UP,
    "clipping_too_tight": CLIPPING,
    "exploding_gradients": CLIPPING,
}
"""Findings about the optimizer whose remedies no fork can try, and why."""

TRIED = ("learning_rate_too_high", "learning_rate_too_low", "loss_explosion", "oscillating_loss")
"""Rules whose remedy is another learning rate."""


@dataclass(frozen=True)
class _Change:
    """A change that waits to be tried: for which finding, and from which to which rate."""

    key: tuple[str, str]
    rate: float
    new: float

    @property
    def text(self) -> str:
        return f"learning rate {self.new:.3g} in place of {self.rate:.3g}"


class Forks:
    """Tries remedies at findings about the optimizer, each once.

    The run is continued on kept batches from its present state, with and without the change, in a
    sandbox: the run itself stays as it is. Every decision follows from the step, the kept examples
    and the estimated cost of a step, never from the clock.

    Args:
        model: The model in `fit`.
        history: The `History` of the run.
        reference: The `ReferenceSample` of the run.
        steps: The `StepCounter` of the run.
        schedule: The `Schedule` of the run.
        workers: Number of processes that train together.
        judge: Called without arguments once something was tried.
    """

    def __init__(
        self,
        model: keras.Model,
        history: History,
        reference: ReferenceSample,
        steps: StepCounter,
        schedule: Schedule,
        *,
        workers: int,
        judge: Callable[[], None],
    ) -> None:
        self._model = model
        self._history = history
        self._reference = reference
        self._steps = steps
        self._schedule = schedule
        self._workers = workers
        self._judge = judge
        self._known: dict[tuple[str, str], Tried] = {}
        self._waiting: dict[tuple[str, str], _Change] = {}
        self._spent = 0.0
        self._has_ended = False
        self._call_off: Callable[[], object] = _nothing
        self._feed: Any = None

    # --- findings ----------------------------------------------------------------------------

    def consider(self, holding: Iterable[Finding]) -> None:
        """Put the remedies of new findings on the list of what is to be tried."""
        for finding in holding:
            key = finding.key
            if key in self._known or key in self._waiting:
                continue
            if finding.rule in NOT_TRIED:
                self._leave(key, finding.remedies[0].text.rstrip("."), NOT_TRIED[finding.rule])
            elif finding.rule in TRIED:
                self._put_on_list(finding)

    def _put_on_list(self, finding: Finding) -> None:
        rate = self._history.last("optimizer/learning_rate")
        new = next((one for one in map(_new_rate, finding.remedies) if one), None)
        text = "another learning rate"
        if rate is None or new is None:
            self._leave(finding.key, text, "It is not known which.")
            return
        change = _Change(finding.key, rate, new)
        reason = self._why_impossible()
        if reason:
            self._leave(finding.key, change.text, reason)
        else:
            self._waiting[finding.key] = change

    def _why_impossible(self) -> str:
        """Return why no fork of this run is possible, as a sentence; empty if one is."""
        model = self._model
        if self._has_ended:
            return "The run has ended."
        if self._workers > 1:
            return "Several processes train together."
        if has_own_step(model) or not model.compiled:
            return "The model has a training step of its own."
        if self._steps.per_call > 1:
            return "A call of the training step runs several steps (`steps_per_execution`)."
        if learning_rate_index(model) is None:
            return "A schedule sets the learning rate."
        if not self._short():
            return "The fork would take longer than its budget."
        return ""

    def attach(self, holding: Iterable[Finding]) -> list[Finding]:
        """Return the findings, with what is known of their remedies."""
        return [
            replace(one, tried=self._known[one.key]) if one.key in self._known else one
            for one in holding
        ]

    def _leave(self, key: tuple[str, str], change: str, reason: str) -> None:
        self._known[key] = Tried(Outcome.NOT_TRIED, change, self._steps.now, reason=reason)

    # --- when --------------------------------------------------------------------------------

    def expect_step(self) -> None:
        """Be there at the step that comes next, if something waits and enough is kept."""
        batches = len(self._reference.train) // max(1, self._batch_size)
        if not self._waiting or batches < LEAST_BATCHES:
            return
        if batches < ENOUGH_BATCHES and self._steps.epoch_start == 0:
            return  # more is kept soon
        self._call_off()
        self._call_off = intercept(self._model, "train_function", self._before, _nothing)

    def end(self) -> None:
        """Note what was not tried before the run ended."""
        self._call_off()
        self._has_ended = True
        for change in list(self._waiting.values()):
            self._leave(change.key, change.text, "The run ended before enough examples were kept.")
        self._waiting.clear()

    @property
    def _batch_size(self) -> int:
        return int(self._history.facts.batch_size or 1)

    def _short(self) -> int:
        """Return the steps of the shorter fork; 0 if the budget does not cover one."""
        each = COPYING * self._schedule.step_seconds * 2 * REPLICATES * (1 + LONGER)
        planned = (self._steps.planned or 0) * self._schedule.step_seconds
        left = max(FORK_SECONDS, FORK_FRACTION * planned) - self._spent
        steps = STEPS if each <= 0 else min(STEPS, int(left / each))
        return steps if steps >= LEAST_STEPS else 0

    # --- trying ------------------------------------------------------------------------------

    def _before(self, arguments: Arguments) -> tuple[Arguments, None]:
        feed = self._feed = backend.Feed()  # it holds the batch until the step has taken it
        batches, arguments = feed.take(arguments, 1)
        waiting, self._waiting = list(self._waiting.values()), {}
        for change in waiting:
            try:
                self._known[change.key] = self._try(change, feed, batches, arguments)
            except Exception as error:
                reason = f"Training on kept batches raised {type(error).__name__}."
                self._leave(change.key, change.text, reason)
        self._judge()
        return arguments, None

    def _try(self, change: _Change, feed, batches, arguments: Arguments) -> Tried:  # type: ignore[no-untyped-def]
        """Return the measured effect of a change."""
        short, step = self._short(), self._steps.now
        if not batches or not short:
            reason = "The fork would take longer than its budget."
            return Tried(Outcome.NOT_TRIED, change.text, step, reason=reason)
        train, scored, is_validation = self._samples()
        if len(scored) < LEAST_SCORED:
            reason = f"Only {len(scored)} examples to score are kept."
            return Tried(Outcome.NOT_TRIED, change.text, step, reason=reason)
        values = backend.state(self._model, arguments)
        trainable, other, optimizer = (backend.copy(group) for group in values)
        start = (trainable, other, optimizer)
        if not is_finite(start):
            reason = "The weights are not finite any more."
            return Tried(Outcome.NOT_TRIED, change.text, step, reason=reason)
        self._spent += COPYING * self._schedule.step_seconds * 2 * REPLICATES * (1 + LONGER) * short
        kept = kept_batches(train, batches[0], size((batches[0],)))
        function = _own_function(self._model)
        with (
            untouched_random_state(),
            backend.Sandbox(self._model, function, feed, arguments) as box,
        ):
            fork = Fork(box, start, backend.random_state(), kept)
            trainer, scorer = Trainer(self._model, fork), Scorer(self._model, scored)
            losses = np.array(
                [
                    [
                        [scorer.score(trainer.train(rate, steps, replicate)) for rate in rates]
                        for replicate in range(REPLICATES)
                    ]
                    for steps, rates in (
                        (short, (change.new, change.rate)),
                        (LONGER * short, (change.new, change.rate)),
                    )
                ]
            )
        return judged(change.text, losses, step, LONGER * short, is_validation=is_validation)

    def _samples(self) -> tuple[Sample, Sample, bool]:
        reference = self._reference
        if len(reference.validation) >= LEAST_SCORED:
            return reference.train, reference.validation, True
        return *halves(reference.train), False


def judged(
    change: str, losses: np.ndarray, step: int, steps: int, *, is_validation: bool = False
) -> Tried:
    """Return what the losses of a fork say.

    Args:
        change: What was changed.
        losses: `(2, replicates, 2, blocks)`: at the shorter and the longer horizon, with the change
            and without.
        step: Optimizer steps done at the fork.
        steps: Steps of the longer horizon.
        is_validation: Whether validation examples were scored.

    Example:
        >>> blocks = np.linspace(0.9, 1.1, 8)
        >>> pair = np.stack([0.5 * blocks, blocks])
        >>> losses = np.stack([np.stack([pair, 1.01 * pair, 0.99 * pair])] * 2)
        >>> judged("half of it", losses, 10, 100).outcome
        <Outcome.HELPS: 'helps'>
    """
    means = losses.mean(axis=(1, 3))
    with_it, without = (float(one) for one in means[1])
    measured = functools.partial(
        Tried,
        change=change,
        step=step,
        steps=steps,
        replicates=losses.shape[1],
        is_validation=is_validation,
    )
    finite = np.isfinite(losses).all(axis=(0, 1, 3))
    if not finite.all():
        outcome = Outcome.UNDECIDED
        if finite.any():
            outcome = Outcome.HELPS if finite[0] else Outcome.HARMS
        return measured(outcome, with_it=_finite(with_it), without=_finite(without))
    differences = losses[:, :, 0] - losses[:, :, 1]
    short = float(differences[0].mean())
    interval = paired_interval(differences[1])
    agreeing = int((np.sign(differences[1].mean(axis=1)) == np.sign(interval.mean)).sum())
    outcome = Outcome.UNDECIDED
    if short * interval.mean > 0 and interval.low * interval.high > 0:
        outcome = Outcome.HELPS if interval.mean < 0 else Outcome.HARMS
    return measured(
        outcome,
        with_it=with_it,
        without=without,
        difference=interval.mean,
        margin=(interval.high - interval.low) / 2,
        agreeing=agreeing,
        short_difference=short,
    )


def _new_rate(remedy: Remedy) -> float | None:
    """Return the learning rate that a remedy asks for, None if it asks for no number."""
    change = remedy.change
    return change.rate if isinstance(change, ScaleLearningRate) else None


def _finite(loss: float) -> float | None:
    return loss if np.isfinite(loss) else None


def _own_function(model: keras.Model):  # type: ignore[no-untyped-def]
    """Return Keras' own train function, without those who intercept it."""
    function = model.train_function
    while hasattr(function, "inner"):
        function = function.inner
    return function


def _nothing(*_: object) -> None:
    """Do nothing."""
