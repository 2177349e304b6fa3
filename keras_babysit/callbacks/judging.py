"""Judging a run as it stands, and what follows from that."""

from dataclasses import dataclass

from keras_babysit.callbacks.bad_batch_search import BadBatchSearch
from keras_babysit.callbacks.fork import Forks
from keras_babysit.callbacks.recorder_link import RecorderLink
from keras_babysit.callbacks.rule_runner import RuleRunner
from keras_babysit.callbacks.step_counter import StepCounter
from keras_babysit.callbacks.stopping import Stopping
from keras_babysit.findings import CONDITIONS, Finding
from keras_babysit.history import History
from keras_babysit.recorder.health import RunHealth


@dataclass(frozen=True)
class JudgedMoment:
    """One judgement of a run.

    Args:
        step: Optimizer steps done.
        epoch: Epoch, counted from 0.
        may_wait: Whether a finding whose cause is not known may wait until the cause is searched.
    """

    step: int
    epoch: int
    may_wait: bool


class Judging:
    """Asks the rules of one run, publishes what they find, and passes on what is fatal.

    Args:
        history: The `History` of the run.
        runner: The `RuleRunner` of the run.
        steps: The `StepCounter` of the run.
        health: The `RunHealth` of the run.
        search: The `BadBatchSearch` of the run.
        stopping: The `Stopping` of the run.
        recorder: The `RecorderLink` of the run.
        forks: The `Forks` that try remedies; None if none are tried.

    Attributes:
        latest: The `JudgedMoment` that is made now, or was made last; None before the first.
    """

    def __init__(
        self,
        history: History,
        runner: RuleRunner,
        steps: StepCounter,
        *,
        health: RunHealth,
        search: BadBatchSearch,
        stopping: Stopping,
        recorder: RecorderLink,
        forks: Forks | None = None,
    ) -> None:
        self.latest: JudgedMoment | None = None
        self._history = history
        self._runner = runner
        self._steps = steps
        self._health = health
        self._search = search
        self._stopping = stopping
        self._recorder = recorder
        self._forks = forks

    @property
    def acts_at_once(self) -> bool:
        """Whether a finding stops or rescues the run, so that none may wait for its cause."""
        return self._stopping.is_on or self._recorder.is_on

    def judge_and_publish(self) -> None:
        """Judge the run as it stands, and do what follows from that."""
        steps = self._steps
        may_wait = not self._search.is_over and not self.acts_at_once
        self.latest = JudgedMoment(int(steps.now), int(steps.epoch), may_wait)
        holding = self._runner.holding() + self._stopping.disabled()
        holding = [one for one in holding if not self._is_past(one)] + self._recorder.findings
        self._update_health(holding)
        if self._must_wait(holding):
            return
        if self._forks is not None:
            self._forks.consider(holding)
            holding = self._forks.attach(holding)
        self._runner.publish(holding, step=steps.now, epoch=steps.epoch)
        self._stopping.stop_if_needed(holding)

    def _update_health(self, holding: list[Finding]) -> None:
        health = self._health
        if any(CONDITIONS[finding.rule].is_fatal for finding in holding):
            if not health.is_searching:
                health.lose()
        elif health.is_lost and not self._recorder.is_on:  # a recorder investigates it first
            health.resolve()

    def _is_past(self, finding: Finding) -> bool:
        """Return whether a fatal finding rests on what was measured before a rescue."""
        if not CONDITIONS[finding.rule].is_fatal:
            return False
        step = finding.measured_step
        if step is None:
            losses = self._history.series("loss/batch").steps
            step = losses[-1] if len(losses) else 0
        return self._health.is_past(step)

    def _must_wait(self, holding: list[Finding]) -> bool:
        """Return whether to search for the cause first, rather than to report an effect alone.

        Of a model with a training step of its own nothing but the weights may be measured: there is
        nothing else to learn first.
        """
        has_own_step = bool(self._history.facts.has_own_step)
        is_unexplained = not has_own_step and any(one.needs_cause for one in holding)
        if is_unexplained and not self.acts_at_once:
            self._search.begin()
        return is_unexplained and self._search.is_on
