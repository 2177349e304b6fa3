"""The main loop of a worker: run trials of the study until all are finished."""

import dataclasses
import functools
import time

import optuna
from optuna.trial import TrialState

from keras_babysit.search.agreement import agreement
from keras_babysit.search.cross_validation import CrossValidation
from keras_babysit.search.objective import Objective
from keras_babysit.search.phases import NEW, assignments
from keras_babysit.search.record import RUNNING, Record, latest
from keras_babysit.search.rounds import Steering, ranges_by_round
from keras_babysit.search.sampler import Context
from keras_babysit.search.slots import (
    ERROR,
    RAISED,
    ROUND,
    SURPLUS,
    SurplusError,
    fill_slot,
    slot_of,
)
from keras_babysit.search.storage import (
    StaleTrials,
    is_lost_trial,
    is_storage_fault,
    retries_stale_trials,
    retry_on_storage_fault,
)
from keras_babysit.search.trial_run import Setting, TrialRun, write_attributes
from keras_babysit.search.view import View

POLL_SECONDS = 0.5
"""Seconds between two checks of an idle worker for a trial to run."""

WAITING_TRIALS = 8
"""Number of trials that a worker adds at once when none is waiting."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """The settings that all workers of a search share.

    Args:
        phases: The `Phase`s.
        steering: Settings for how ranges change between rounds.
        max_stopped: Largest fraction of the new trials of a phase that may be stopped in the first
            fold.
        max_retries: How often a trial is repeated after its worker died.
        continues_on_errors: Whether the search continues after a trial that raised an exception.
    """

    phases: list
    steering: Steering
    max_stopped: float
    max_retries: int
    continues_on_errors: bool


class Worker:
    """Runs trials of a study, possibly alongside other workers.

    Args:
        study: The Optuna study.
        storage: Its storage.
        plan: The `Plan`.
        evaluation: The `CrossValidation`.
        objective: The `Objective`.
        on_change: Function called with all records when they may have changed.
        on_trial: Function called with the record of each trial that this worker finishes.
    """

    def __init__(
        self,
        study: optuna.Study,
        storage: optuna.storages.BaseStorage,
        plan: Plan,
        evaluation: CrossValidation,
        objective: Objective,
        *,
        on_change,
        on_trial,
    ):
        self.study = study
        self.plan = plan
        self.evaluation = evaluation
        self.objective = objective
        self._on_change = on_change
        self._on_trial = on_trial
        self._number = None  # of the current trial
        self._stale_trials = StaleTrials(study, storage)
        self._can_wait = retries_stale_trials(storage)
        self._view = View(study, plan.max_retries, objective.sign)
        self._assigned = {}  # assignments by slot, of the phases that have begun
        self._ranges = {}  # by phase
        self._pending = {}  # slots of the current phase that are not finished, in order; None each
        self._phase = -1
        if hasattr(study.sampler, "context"):
            study.sampler.context = self._context

    def run(self):
        """Run trials until those of all phases are finished."""
        while True:
            self._refresh()
            self._on_change(self._view)
            if not self._advance():
                return
            if self._view.has_waiting_trial():
                self._run_one_trial()
            elif not self._fill():  # other workers run the rest; one of them may die
                time.sleep(POLL_SECONDS)
                trials = self._view.open_trials()
                retry_on_storage_fault(lambda trials=trials: self._stale_trials.reclaim(trials))

    def show(self):
        """Show the state of the search while other workers run it."""
        self._refresh()
        self._on_change(self._view)

    def records(self):
        """Return the records of all trials that count."""
        self._refresh()
        return self._view.records()

    def _refresh(self):
        for slot in self._view.refresh():
            if slot in self._pending and self._is_finished(slot):
                del self._pending[slot]

    def _advance(self):
        """Begin the next phase if this one is finished; return whether there is one to run."""
        while not self._pending:
            if self._phase + 1 == len(self.plan.phases):
                return False
            self._phase += 1
            past = self._view.records(before=self._phase)
            found = assignments(self._phase, self.plan.phases, past)
            self._assigned |= found
            self._pending = {slot: None for slot in found if not self._is_finished(slot)}
        return True

    def _assignment(self, slot):
        """Return what to run in a slot; None if the search has no such slot.

        Another worker may have begun a phase, of which this one has got a trial already.
        """
        if slot not in self._assigned:
            self._refresh()
            self._advance()
        return self._assigned.get(slot)

    def _is_finished(self, slot):
        trial = self._view.counted.get(slot)
        # If the storage cannot detect a dead worker, do not wait for trials of other workers.
        return trial is not None and (
            trial.state.is_finished() or (trial.state == TrialState.RUNNING and not self._can_wait)
        )

    def _fill(self):
        """Add waiting trials for some of the slots that have none; return whether there are any."""
        empty = []
        for slot in self._pending:
            if slot not in self._view.counted:
                empty.append(slot)
            if len(empty) == WAITING_TRIALS:
                break
        for slot in empty:
            retry_on_storage_fault(lambda slot=slot: self._enqueue(slot))
        return bool(empty)

    def _enqueue(self, slot):
        found, phase = self._assigned[slot], self.plan.phases[slot[0]]
        origin = found.continues if found.repeats is None else found.repeats
        if origin is None:
            fill_slot(self.study, slot, found, found.params, phase.round)
            return
        trial = self._view.trials[origin]
        number = self._view.record(trial).round
        fill_slot(self.study, slot, found, trial.params, number)

    def _run_one_trial(self):
        catch = (Exception,) if self.plan.continues_on_errors else (SurplusError,)
        try:
            self.study.optimize(self._run_trial, n_trials=1, catch=catch)
        except Exception as error:
            if not (is_storage_fault(error) or is_lost_trial(error) or self._was_reassigned()):
                raise  # otherwise another worker runs, or will run, the trial

    def _was_reassigned(self):
        """Return whether another worker took over or ended the current trial.

        This happens if this worker was silent for too long. An exception after that loses nothing,
        unless it is one that ends the search.
        """
        self._refresh()
        trial = self._view.trials[self._number]
        return trial.state.is_finished() and RAISED not in trial.user_attrs

    def _run_trial(self, trial):
        """Run one trial, as the objective function of `study.optimize`."""
        self._number = trial.number
        self._refresh()
        slot = slot_of(trial)
        counted = self._view.counted.get(slot)
        if counted is None or counted.number != trial.number or self._assignment(slot) is None:
            write_attributes(trial, **{SURPLUS: True})
            raise SurplusError
        try:
            return self._evaluate(trial)
        except optuna.TrialPruned:
            raise
        except BaseException as error:
            if not (is_storage_fault(error) or is_lost_trial(error)):
                is_tolerated = self.plan.continues_on_errors and isinstance(error, Exception)
                what = f"{type(error).__name__}: {str(error)[:500]}"
                write_attributes(trial, **{ERROR if is_tolerated else RAISED: what})
            raise

    def _evaluate(self, trial):
        slot = slot_of(trial)
        found, phase = self._assigned[slot], self.plan.phases[slot[0]]
        record = Record(  # not what a dead worker may have written for it
            trial.number,
            trial.user_attrs.get(ROUND, slot[0]),
            RUNNING,
            sign=self.objective.sign,
            phase=slot[0],
            key=found.key,
            continues=found.continues,
            repeats=found.repeats,
        )
        inherited = {}
        if found.continues is not None:
            origin = self._view.trials[found.continues]
            inherited = origin.intermediate_values
            record = self._continued(self._view.record(origin), record)
        known = functools.cache(lambda: latest(self._others(trial)))
        setting = Setting(
            ranges=self._ranges_of(found.key[0]),
            ladder=self.evaluation.ladder,
            rung=phase.rung,
            only=frozenset(found.params) if phase.is_exhaustive else None,
            may_stop=self._may_stop(slot),
            costs=lambda rung: [
                r.sign * r.rung_scores[rung] for r in known() if len(r.rung_scores) > rung
            ],
            is_trusted=lambda rung: agreement(known(), rung).holds,
            inherited=inherited,
            takes_fold_scores=isinstance(self.study.pruner, optuna.pruners.WilcoxonPruner),
        )
        return TrialRun(
            trial,
            record,
            self.evaluation,
            setting,
            on_fold=lambda record: self._on_change(self._view, record),
            on_end=self._on_trial,
        )()

    def _others(self, trial):
        return [r for r in self._view.records() if r.number != trial.number]

    def _continued(self, origin, record):
        same = ("number", "phase", "continues", "repeats", "state")
        return dataclasses.replace(origin, **{name: getattr(record, name) for name in same})

    def _ranges_of(self, phase):
        """Return the ranges in which the trials of a phase are sampled."""
        if phase not in self._ranges:
            past = self._view.records(before=phase)
            self._ranges[phase] = ranges_by_round(
                past, self.plan.phases[: phase + 1], self.plan.steering
            )[0][-1]
        return self._ranges[phase]

    def _context(self, trial):
        """Return what a sampler needs to know for a trial; None if it has nothing to sample."""
        slot = slot_of(trial)
        found = None if slot is None else self._assignment(slot)
        if found is None or found.params or self.plan.phases[slot[0]].kind != NEW:
            return None
        phase = self.plan.phases[slot[0]]
        return Context(
            phase.round,
            phase.rung,
            slot[1],
            self._ranges_of(slot[0]),
            lambda: self._others(trial),
        )

    def _may_stop(self, slot):
        """Return whether a cause may stop one more trial of the phase.

        Trials that have not completed a fold count as stopped, because they may yet be.
        """
        phase = self.plan.phases[slot[0]]
        if phase.kind != NEW:
            return True
        at_risk = self._view.count_at_risk(slot[0])  # the trial itself is one of them
        return at_risk <= self.plan.max_stopped * phase.size
