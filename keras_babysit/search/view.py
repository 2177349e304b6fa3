"""What a worker knows about the trials of its study; each finished trial is read once."""

import collections

from optuna.trial import TrialState

from keras_babysit.search.record import STOPPED
from keras_babysit.search.slots import counted_trials, read_record, slot_of
from keras_babysit.search.storage import retry_on_storage_fault


class View:
    """The trials of a study, by slot and as records.

    A finished trial does not change, so that each one is read once: the work of all `refresh` calls
    together grows linearly with the number of trials.

    Args:
        study: The Optuna study.
        max_retries: How often a trial is repeated after its worker died.
        sign: See `Record`.

    Attributes:
        trials: All `FrozenTrial`s, by number.
        counted: The trial that counts in each slot, by slot.
    """

    def __init__(self, study, max_retries, sign):
        self.trials = []
        self.counted = {}
        self._study = study
        self._max_retries = max_retries
        self._sign = sign
        self._by_slot = collections.defaultdict(dict)
        self._open = set()  # numbers of the trials that have not ended
        self._records = {}  # by number, of trials that have ended
        self._of_phase = collections.defaultdict(dict)  # counted trials by slot, per phase
        self._stopped = collections.defaultdict(set)  # slots of the stopped ones, per phase

    def refresh(self):
        """Read what has changed since the last time; return the slots of these trials."""
        trials = retry_on_storage_fault(lambda: self._study.get_trials(deepcopy=False))
        changed = [*self._open, *range(len(self.trials), len(trials))]
        self.trials = trials
        slots = {self._read(trials[number]) for number in changed} - {None}
        for slot in slots:
            found = counted_trials(self._by_slot[slot].values(), self._max_retries).get(slot)
            if found is None:
                self.counted.pop(slot, None)
                self._of_phase[slot[0]].pop(slot, None)
            else:
                self.counted[slot] = found
                self._of_phase[slot[0]][slot] = found
                if found.state == TrialState.PRUNED and self.record(found).state == STOPPED:
                    self._stopped[slot[0]].add(slot)
        return slots

    def records(self, *, before=None, phase=None):
        """Return the records of the trials that count and have started, ordered by number.

        Args:
            before: Only trials of the phases before this one; None for all.
            phase: Only trials of this phase; None for all.
        """
        phases = [phase] if phase is not None else sorted(self._of_phase)
        found = [
            self.record(trial)
            for number in phases
            if before is None or number < before
            for trial in self._of_phase[number].values()
            if trial.state != TrialState.WAITING
        ]
        return sorted(found, key=lambda record: record.number)

    def record(self, trial):
        """Return the record of a trial."""
        if trial.number in self._records:
            return self._records[trial.number]
        found = read_record(trial, self._sign)
        if trial.state.is_finished():
            self._records[trial.number] = found
        return found

    def count_at_risk(self, phase):
        """Return how many trials of a phase were stopped or may yet be in their first fold."""
        unscored = [
            trial
            for trial in self.open_trials()
            if trial.state == TrialState.RUNNING and "scores" not in trial.user_attrs
        ]
        mine = [trial for trial in unscored if (slot_of(trial) or (None,))[0] == phase]
        return len(self._stopped[phase]) + len(mine)

    def has_waiting_trial(self):
        """Return whether a trial is waiting for a worker."""
        return any(self.trials[number].state == TrialState.WAITING for number in self._open)

    def open_trials(self):
        """Return the trials that have not ended."""
        return [self.trials[number] for number in sorted(self._open)]

    def _read(self, trial):
        """Note the state of a trial and return its slot."""
        if trial.state.is_finished():
            self._open.discard(trial.number)
        else:
            self._open.add(trial.number)
        slot = slot_of(trial)
        if slot is not None:
            self._by_slot[slot][trial.number] = trial
        return slot
