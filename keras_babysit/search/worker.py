"""The loop of one worker: make the trials of a study until none is left to make."""

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
    read_records,
    settle,
    slot_of,
    top_up,
    waiting,
)
from keras_babysit.search.storage import (
    Reaper,
    is_lost_trial,
    is_storage_fault,
    outlasting,
    retries_the_dead,
)
from keras_babysit.search.trial_run import TrialRun, write

POLL_SECONDS = 0.5
"""How often a worker that has nothing to do looks whether a trial has become free."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a search is to do; the same for all of its workers.

    Args:
        rounds: For each round the slots to fill, with their parameters (see `top_up`).
        steering: How one round leads to the next.
        max_stopped: Share of a round's trials that a cause may stop in the first fold.
        max_retries: How often the trial of a dead worker is tried again.
        puts_up_with_errors: Whether a trial that raises is a failed trial and no more.
    """

    rounds: list
    steering: Steering
    max_stopped: float
    max_retries: int
    puts_up_with_errors: bool


class Worker:
    """Makes trials of a study together with any number of other workers.

    Args:
        study: The Optuna study.
        plan: The `Plan`.
        evaluation: The `CrossValidation`.
        objective: The `Objective`.
        on_change: Called with all records whenever they may have changed.
        on_trial: Called with the record of each trial that this worker has finished.
    """

    def __init__(
        self,
        study: optuna.Study,
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
        self._number = None  # of the trial that it is at
        self._reaper = Reaper(study)
        self._can_wait = retries_the_dead(study._storage)

    def run(self):
        """Make trials until those of all rounds are over."""
        while True:
            trials = self._trials()
            self._on_change(self._records(trials))
            number = self._round(trials)
            if number is None:
                return
            if self._fill(trials, self.plan.rounds[number]):
                continue
            if waiting(trials):
                self._make_one()
            else:  # others are at it; one of them may die
                time.sleep(POLL_SECONDS)
                outlasting(lambda trials=trials: self._reaper.reap(trials))

    def records(self):
        """Return the records of all trials that count."""
        return self._records(self._trials())

    def _trials(self):
        return outlasting(lambda: self.study.get_trials(deepcopy=False))

    def _records(self, trials):
        return read_records(trials, self.plan.max_retries, self.objective.sign)

    def _round(self, trials):
        """Return the first round that is not over, None if all are."""
        counted = settle(trials, self.plan.max_retries)
        for number, slots in enumerate(self.plan.rounds):
            if not all(slot in counted and self._is_over(counted[slot]) for slot in slots):
                return number
        return None

    def _is_over(self, trial):
        # Where death goes unnoticed nobody may wait for a trial that runs elsewhere.
        return trial.state.is_finished() or (
            trial.state == TrialState.RUNNING and not self._can_wait
        )

    def _fill(self, trials, slots):
        return outlasting(lambda: top_up(self.study, trials, slots, self.plan.max_retries))

    def _make_one(self):
        catch = (Exception,) if self.plan.puts_up_with_errors else (SurplusError,)
        try:
            self.study.optimize(self._try, n_trials=1, catch=catch)
        except Exception as error:
            if not (is_storage_fault(error) or is_lost_trial(error) or self._was_taken()):
                raise  # otherwise the trial is, or will be, in other hands

    def _was_taken(self):
        """Return whether others took us for dead and gave our trial away, or ended it themselves.

        What was raised after the end of a trial loses nothing, unless it is what ends the search.
        """
        trial = self._trials()[self._number]
        return trial.state.is_finished() and RAISED not in trial.user_attrs

    def _try(self, trial):
        """Make one trial; what `study.optimize` calls."""
        self._number = trial.number
        trials = self._trials()
        counted = settle(trials, self.plan.max_retries).get(slot_of(trial))
        if counted is None or counted.number != trial.number:
            write(trial, **{SURPLUS: True})
            raise SurplusError
        try:
            return self._evaluate(trial, self._records(trials))
        except optuna.TrialPruned:
            raise
        except BaseException as error:
            if not (is_storage_fault(error) or is_lost_trial(error)):
                is_put_up_with = self.plan.puts_up_with_errors and isinstance(error, Exception)
                what = f"{type(error).__name__}: {str(error)[:500]}"
                write(trial, **{ERROR if is_put_up_with else RAISED: what})
            raise

    def _evaluate(self, trial, records):
        number, _ = slot_of(trial)
        past = [record for record in records if record.round < number]
        others = [record for record in records if record.number != trial.number]
        run = TrialRun(
            trial,
            number,
            ranges_by_round(past, number, self.plan.steering)[0][-1],
            self.evaluation,
            self.objective.sign,
            may_stop=self._may_stop([r for r in others if r.round == number], number),
            on_fold=lambda record: self._on_change([*others, record]),
            on_end=self._on_trial,
        )
        return run()

    def _may_stop(self, others, number):
        """Return whether a cause may stop one more trial, counting those that yet may be."""
        at_risk = sum(
            record.state == STOPPED or (record.state == RUNNING and not record.scores)
            for record in others
        )
        return at_risk + 1 <= self.plan.max_stopped * len(self.plan.rounds[number])
