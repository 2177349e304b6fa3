"""One trial of a worker: trained fold by fold, recorded, stopped or pruned."""

import dataclasses
import math

import optuna

from keras_babysit.search.hyper_parameters import HyperParameters
from keras_babysit.search.record import RUNNING, STOPPED, Record, mean
from keras_babysit.search.slots import PARAMS, SPACE
from keras_babysit.search.space import to_json
from keras_babysit.search.storage import retry_on_storage_fault
from keras_babysit.search.suggest import parameter_name, suggest


class TrialRun:
    """Runs one trial.

    Args:
        trial: The Optuna trial.
        round_number: Round of the trial.
        ranges: The ranges of that round.
        evaluation: The `CrossValidation`.
        sign: See `Record`.
        only: The hyperparameters that it may ask for, by Optuna's names; None for any.
        may_stop: Whether an ERROR may stop it in the first fold.
        on_fold: Function called with the record after each fold.
        on_end: Function called with the record at the end.
    """

    def __init__(
        self, trial, round_number, ranges, evaluation, sign, *, only, may_stop, on_fold, on_end
    ):
        self.trial = trial
        self.record = Record(trial.number, round_number, RUNNING, sign=sign)
        self._ranges = ranges
        self._evaluation = evaluation
        self._only = only
        self._may_stop = may_stop
        self._on_fold = on_fold
        self._on_end = on_end

    def __call__(self):
        """Run the trial and return the mean score.

        Raises:
            optuna.TrialPruned: If a cause stopped the trial, or its score is behind the others.
            ValueError: If it asks for a hyperparameter that it may not ask for.
        """
        hp = HyperParameters(self._choose)
        folds = self._evaluation.run(hp, self.trial.number, may_stop=self._may_stop)
        for fold_index, fold in enumerate(folds):
            self.record = extend_record(self.record, fold, hp)
            write_attributes(self.trial, **_known(self.record, is_first=fold_index == 0))
            self._on_fold(self.record)
            self._continue_or_prune(fold_index)
        self._on_end(dataclasses.replace(self.record, state="complete"))
        return self.record.score

    def _choose(self, dimension):
        now = self._current_range(dimension)
        if self._only is not None and parameter_name(now) not in self._only:
            raise ValueError(
                "All hyperparameters of a grid must be asked for before the first trial. Received: "
                f"{dimension.name!r} in a trial. Ask for it in `build`, or in `fit` before "
                "anything that depends on the training."
            )
        return suggest(self.trial, now)

    def _current_range(self, dimension):
        """Return a dimension with its range in this round."""
        now = self._ranges.get(dimension.name)
        is_same = now is not None and now.kind == getattr(dimension, "kind", None)
        return now if is_same else dimension  # two branches may declare one name differently

    def _continue_or_prune(self, fold_index):
        record = self.record
        if record.state == STOPPED:
            self._on_end(record)
            raise optuna.TrialPruned(record.cause)
        retry_on_storage_fault(lambda: self.trial.report(record.score, fold_index))
        is_last = fold_index + 1 == len(self._evaluation.folds)
        if not is_last and retry_on_storage_fault(self.trial.should_prune):
            self._on_end(dataclasses.replace(record, state="pruned"))
            raise optuna.TrialPruned(f"behind the median after fold {fold_index + 1}")


def extend_record(record, fold, hp):
    """Return the record of a trial, extended by one fold."""
    known = {"examples": record.examples + fold.examples}
    if not record.params:
        known |= {"params": dict(hp.values), "space": dict(hp.space)}
        known |= {"traits": fold.traits, "findings": tuple(fold.findings)}
    if fold.cause is not None:
        cause = fold.cause
        known |= {"cause": cause.rule, "message": cause.message, "step": cause.step}
    scores = (*record.scores, fold.score)
    if fold.is_stopped:
        known["state"] = STOPPED
    elif not math.isfinite(mean(scores)):
        cause = record.cause or known.get("cause") or "non_finite_score"
        known |= {"state": STOPPED, "cause": cause}
    else:
        known |= {"scores": scores, "train_scores": (*record.train_scores, fold.train_score)}
        known |= {"epochs": (*record.epochs, fold.epochs)}
        known |= {"seconds": (*record.seconds, fold.seconds)}
    return dataclasses.replace(record, **known)


def write_attributes(trial, **known):
    """Store attributes of a trial, for other workers and for dashboards."""
    for name, value in known.items():
        retry_on_storage_fault(lambda name=name, value=value: trial.set_user_attr(name, value))


def _known(record, *, is_first):
    known = {"examples": record.examples}
    if record.scores:
        known |= {"scores": record.scores, "train_scores": record.train_scores}
        known |= {"epochs": record.epochs, "seconds": record.seconds}
    if record.cause or is_first:  # overwrites what a dead worker wrote
        known |= {"cause": record.cause, "message": record.message, "step": record.step}
        known["is_stopped"] = record.state == STOPPED
    if is_first:
        known |= {PARAMS: record.params, "traits": record.traits, "findings": record.findings}
        known[SPACE] = {name: to_json(one) for name, one in record.space.items()}
    return known
