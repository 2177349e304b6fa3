"""One trial of a worker: trained stage by stage, recorded, stopped or pruned."""

import dataclasses
from collections.abc import Callable

import optuna

from keras_babysit.search.hyper_parameters import HyperParameters
from keras_babysit.search.phases import goes_on
from keras_babysit.search.record import PARTIAL, STOPPED, mean
from keras_babysit.search.slots import PARAMS, SPACE
from keras_babysit.search.space import to_json
from keras_babysit.search.storage import retry_on_storage_fault
from keras_babysit.search.suggest import parameter_name, suggest

MIN_FOR_TENTH = 10
"""Smallest number of other trials among which one can be in the best tenth."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a worker knows when it starts a trial.

    Args:
        ranges: The ranges of the hyperparameters, by name.
        ladder: All `Stage`s of a trial.
        rung: Index of the fidelity that the trial is to reach.
        only: The hyperparameters that it may ask for, by Optuna's names; None for any.
        may_stop: Whether an ERROR may stop it in the first fold.
        costs: Function of the index of a fidelity that returns the costs of the other trials there.
        is_trusted: Function of the index of a fidelity that returns whether its ranks hold at the
            next one. A trial that is behind is pruned at such a fidelity only.
        inherited: Values by step that the trial which this one continues has reported.
        takes_fold_scores: Whether the pruner compares scores of single folds, not their mean.
    """

    ranges: dict
    ladder: list
    rung: int
    only: frozenset | None
    may_stop: bool
    costs: Callable
    is_trusted: Callable
    inherited: dict = dataclasses.field(default_factory=dict)
    takes_fold_scores: bool = False


class TrialRun:
    """Runs one trial.

    Args:
        trial: The Optuna trial.
        record: Its `Record` so far: that of the trial which it continues, or an empty one.
        evaluation: The `CrossValidation`.
        setting: The `Setting`.
        on_fold: Function called with the record after each stage.
        on_end: Function called with the record at the end.
    """

    def __init__(self, trial, record, evaluation, setting, *, on_fold, on_end):
        self.trial = trial
        self.record = record
        self._evaluation = evaluation
        self._setting = setting
        self._on_fold = on_fold
        self._on_end = on_end

    def __call__(self):
        """Run the trial and return the mean score.

        Raises:
            optuna.TrialPruned: If a cause stopped the trial, its score is behind the others, or its
                round asks for a part of the folds or epochs only.
            ValueError: If it asks for a hyperparameter that it may not ask for.
        """
        hp = HyperParameters(self._choose)
        first = len(self.record.rung_scores)
        due = [s for s in self._setting.ladder if first <= s.rung <= self._setting.rung]
        for step, value in self._setting.inherited.items():
            self._report(value, step)
        results = self._evaluation.run(
            hp,
            self.record.key,
            due,
            may_stop=self._setting.may_stop,
            stands_out=self._stands_out,
        )
        for index, (stage, fold) in enumerate(zip(due, results, strict=False)):
            self.record = extend_record(self.record, stage, fold, hp)
            write_attributes(self.trial, **_known(self.record, is_first=index == 0))
            self._on_fold(self.record)
            self._continue_or_prune(stage, is_last=index + 1 == len(due))
        return self._conclude()

    def _conclude(self):
        if len(self.record.rung_scores) <= self._setting.ladder[-1].rung:
            write_attributes(self.trial, is_partial=True)
            self._on_end(dataclasses.replace(self.record, state=PARTIAL))
            raise optuna.TrialPruned("its round asks for a part of the folds or epochs")
        self._on_end(dataclasses.replace(self.record, state="complete"))
        return self.record.score

    def _choose(self, dimension):
        now = self._current_range(dimension)
        only = self._setting.only
        if only is not None and parameter_name(now) not in only:
            raise ValueError(
                "All hyperparameters of a grid must be asked for before the first trial. Received: "
                f"{dimension.name!r} in a trial. Ask for it in `build`, or in `fit` before "
                "anything that depends on the training."
            )
        return suggest(self.trial, now)

    def _current_range(self, dimension):
        """Return a dimension with its range in this round."""
        now = self._setting.ranges.get(dimension.name)
        is_same = now is not None and now.kind == getattr(dimension, "kind", None)
        return now if is_same else dimension  # two branches may declare one name differently

    def _stands_out(self, score, rung):
        """Return whether a score is among the best tenth at a fidelity."""
        others = self._setting.costs(rung)
        better = sum(other < self.record.sign * score for other in others)
        return len(others) >= MIN_FOR_TENTH and better < len(others) / 10

    def _continue_or_prune(self, stage, *, is_last):
        record = self.record
        if record.state == STOPPED:
            self._on_end(record)
            raise optuna.TrialPruned(record.cause)
        score = record.scores[stage.fold] if self._setting.takes_fold_scores else record.score
        self._report(score, self._setting.ladder.index(stage))
        if not is_last and self._is_behind(stage):
            self._on_end(dataclasses.replace(record, state="pruned"))
            raise optuna.TrialPruned(f"behind the others after fold {stage.fold + 1}")

    def _report(self, value, step):
        retry_on_storage_fault(lambda: self.trial.report(value, int(step)))

    def _is_behind(self, stage):
        """Return whether to prune: by the ranks at a fidelity, and between folds by the pruner."""
        if self.record.repeats is not None:  # it is to be compared over all folds
            return False
        if not stage.is_last:
            return retry_on_storage_fault(self.trial.should_prune)
        cost = self.record.sign * self.record.rung_scores[stage.rung]
        is_trusted = self._setting.is_trusted(stage.rung)
        return is_trusted and not goes_on(cost, self._setting.costs(stage.rung))


def extend_record(record, stage, fold, hp):
    """Return the record of a trial, extended by one stage."""
    known = {"examples": record.examples + fold.examples}
    if not record.params:
        known |= {"params": dict(hp.values), "space": dict(hp.space), "traits": fold.traits}
    if fold.findings:
        known["findings"] = tuple(fold.findings)
    if fold.cause is not None:
        cause = fold.cause
        known |= {"cause": cause.rule, "message": cause.message, "step": cause.step}
    scores = _put(record.scores, stage.fold, fold.score)
    if fold.is_stopped:
        known["state"] = STOPPED
    else:
        known |= {"scores": scores, "epochs": _put(record.epochs, stage.fold, fold.epochs)}
        known["train_scores"] = _put(record.train_scores, stage.fold, fold.train_score)
        known["seconds"] = _put(record.seconds, stage.fold, fold.seconds, is_added=True)
        known["metrics"] = {
            name: _put(record.metrics.get(name, ()), stage.fold, value)
            for name, value in fold.metrics.items()
        }
        if stage.is_last:
            known["rung_scores"] = (*record.rung_scores, mean(scores))
    return dataclasses.replace(record, **known)


def write_attributes(trial, **known):
    """Store attributes of a trial, for other workers and for dashboards."""
    for name, value in known.items():
        retry_on_storage_fault(lambda name=name, value=value: trial.set_user_attr(name, value))


def _put(values, index, value, *, is_added=False):
    """Return a tuple with the value at this index, which may be the first one after its end."""
    values = list(values)
    if index == len(values):
        values.append(value)
    else:
        values[index] = values[index] + value if is_added else value
    return tuple(values)


def _known(record, *, is_first):
    known = {"examples": record.examples}
    if record.scores:
        known |= {"scores": record.scores, "train_scores": record.train_scores}
        known |= {"epochs": record.epochs, "seconds": record.seconds}
        known |= {"rung_scores": record.rung_scores, "metrics": dict(record.metrics)}
    if record.cause or is_first:  # overwrites what a dead worker wrote
        known |= {"cause": record.cause, "message": record.message, "step": record.step}
        known |= {"is_stopped": record.state == STOPPED, "is_partial": False}
    if is_first:
        known |= {PARAMS: record.params, "traits": record.traits}
        known[SPACE] = {name: to_json(one) for name, one in record.space.items()}
    if is_first or record.findings:
        known["findings"] = record.findings
    return known
