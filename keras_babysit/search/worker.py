"""The main loop of a worker: run trials of the study until all are finished."""

import dataclasses
import time

import optuna
from optuna.trial import TrialState

from keras_babysit.search.cross_validation import CrossValidation
from keras_babysit.search.objective import Objective
from keras_babysit.search.record import RUNNING, STOPPED
from keras_babysit.search.rounds import Steering, ranges_by_round
from keras_babysit.search.slots import (
    ERROR,
    RAISED,
    SURPLUS,
    SurplusError,
    counted_trials,
    fill_slots,
    has_waiting_trial,
    read_records,
    slot_of,
)
from keras_babysit.search.storage import (
    StaleTrials,
    is_lost_trial,
    is_storage_fault,
    retries_stale_trials,
    retry_on_storage_fault,
)
from keras_babysit.search.trial_run import TrialRun, write_attributes

POLL_SECONDS = 0.5
"""Seconds between two checks of an idle worker for a trial to run."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """The settings that all workers of a search share.

    Args:
        rounds: One dictionary per round: its slots, and the hyperparameters fixed for each (see
            `fill_slots`).
        steering: Settings for how ranges change between rounds.
        max_stopped: Largest fraction of the trials of a round that may be stopped in the first
            fold.
        max_retries: How often a trial is repeated after its worker died.
        continues_on_errors: Whether the search continues after a trial that raised an exception.
        is_exhaustive: Whether the hyperparameters fixed for a slot are all that a trial may ask
            for. Another one would be sampled, and the search would be no grid.
    """

    rounds: list
    steering: Steering
    max_stopped: float
    max_retries: int
    continues_on_errors: bool
    is_exhaustive: bool = False


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

    def run(self):
        """Run trials until those of all rounds are finished."""
        while True:
            trials = self._trials()
            self._on_change(self._records(trials))
            number = self._round(trials)
            if number is None:
                return
            if self._fill(trials, self.plan.rounds[number]):
                continue
            if has_waiting_trial(trials):
                self._run_one_trial()
            else:  # other workers run the rest; one of them may die
                time.sleep(POLL_SECONDS)
                retry_on_storage_fault(lambda trials=trials: self._stale_trials.reclaim(trials))

    def records(self):
        """Return the records of all trials that count."""
        return self._records(self._trials())

    def _trials(self):
        return retry_on_storage_fault(lambda: self.study.get_trials(deepcopy=False))

    def _records(self, trials):
        return read_records(trials, self.plan.max_retries, self.objective.sign)

    def _round(self, trials):
        """Return the first round that is not finished; None if all are."""
        counted = counted_trials(trials, self.plan.max_retries)
        for number, slots in enumerate(self.plan.rounds):
            if not all(slot in counted and self._is_finished(counted[slot]) for slot in slots):
                return number
        return None

    def _is_finished(self, trial):
        # If the storage cannot detect a dead worker, do not wait for trials of other workers.
        return trial.state.is_finished() or (
            trial.state == TrialState.RUNNING and not self._can_wait
        )

    def _fill(self, trials, slots):
        return retry_on_storage_fault(
            lambda: fill_slots(self.study, trials, slots, self.plan.max_retries)
        )

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
        trial = self._trials()[self._number]
        return trial.state.is_finished() and RAISED not in trial.user_attrs

    def _run_trial(self, trial):
        """Run one trial, as the objective function of `study.optimize`."""
        self._number = trial.number
        trials = self._trials()
        counted = counted_trials(trials, self.plan.max_retries).get(slot_of(trial))
        if counted is None or counted.number != trial.number:
            write_attributes(trial, **{SURPLUS: True})
            raise SurplusError
        try:
            return self._evaluate(trial, self._records(trials))
        except optuna.TrialPruned:
            raise
        except BaseException as error:
            if not (is_storage_fault(error) or is_lost_trial(error)):
                is_tolerated = self.plan.continues_on_errors and isinstance(error, Exception)
                what = f"{type(error).__name__}: {str(error)[:500]}"
                write_attributes(trial, **{ERROR if is_tolerated else RAISED: what})
            raise

    def _evaluate(self, trial, records):
        slot = slot_of(trial)
        number = slot[0]
        past = [record for record in records if record.round < number]
        others = [record for record in records if record.number != trial.number]
        run = TrialRun(
            trial,
            number,
            ranges_by_round(past, number, self.plan.steering)[0][-1],
            self.evaluation,
            self.objective.sign,
            only=self.plan.rounds[number][slot] if self.plan.is_exhaustive else None,
            may_stop=self._may_stop([r for r in others if r.round == number], number),
            on_fold=lambda record: self._on_change([*others, record]),
            on_end=self._on_trial,
        )
        return run()

    def _may_stop(self, others, number):
        """Return whether a cause may stop one more trial of the round.

        Trials that have not completed a fold count as stopped, because they may yet be.
        """
        at_risk = sum(
            record.state == STOPPED or (record.state == RUNNING and not record.scores)
            for record in others
        )
        return at_risk + 1 <= self.plan.max_stopped * len(self.plan.rounds[number])
