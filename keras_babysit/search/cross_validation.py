"""Training and scoring one model per fold."""

import contextlib
import copy
import gc
import time
from dataclasses import dataclass, field

import keras
import numpy as np

from keras_babysit.callbacks import Babysitter
from keras_babysit.findings import Finding, Severity
from keras_babysit.samples.sample import MAX_EXAMPLES
from keras_babysit.schedule import account_of
from keras_babysit.search.causes import CAUSES, LATER_CAUSES, UNRECOVERABLE, exploded_at_end
from keras_babysit.search.checkpoint import Capture, Checkpoints, Restore
from keras_babysit.search.judge import judge
from keras_babysit.search.traits import rates, traits
from keras_babysit.search.validity import find_divergence, find_flaw, flaw

COLLECT_WEIGHTS, COLLECT_MODELS = 2**22, 10
"""Python's garbage is collected once models of so many weights, 16 MB, or so many models have been
left behind. It takes as long as the training of a small model, because it looks at all objects of
the process."""

ALLOWANCE_SHARE = 0.1
"""Fraction of the allowance of a model that is trained alone, 3 seconds, that one of a search
gets: a search trains many. Beyond that it is measured for 2 % of its training."""

LOOKS_PER_STEP = 0.2
"""Most measurements of a stage, as a fraction of its steps. One takes as long as about two steps of
a tiny network, for which 0.3 seconds are longer than its training. A stage of 20 steps, from which
on `no_update` judges, has the four that this and the rules of three in a row need."""

BUILD_EXAMPLES = 2
"""Number of examples with which a model is built before its state is restored."""


@dataclass(frozen=True)
class Fold:
    """The result of one fold, after one of its stages.

    Args:
        score: Objective on the validation part; NaN if the trial was stopped.
        train_score: Objective on as many training examples, in inference mode too; NaN before the
            last epoch.
        examples: Number of training examples processed.
        epochs: Epochs after which the model had the weights that were scored.
        seconds: Seconds of the training.
        cause: The ERROR by which the trial was stopped, or would have been if `max_stopped` had
            allowed it, or why its score says nothing; None if there is none.
        is_stopped: Whether the trial was stopped, or its score says nothing.
        findings: Names of other rules that found something in the watched fold.
        traits: Traits of the model (see `traits`).
        metrics: All values of `Model.evaluate` on the validation part, by name.
    """

    score: float
    train_score: float
    examples: int
    epochs: int = 0
    seconds: float = 0.0
    cause: Finding | None = None
    is_stopped: bool = False
    findings: list = field(default_factory=list)
    traits: dict = field(default_factory=dict)
    metrics: dict = field(default_factory=dict)


@contextlib.contextmanager
def quick_garbage_collection():
    """Leave the objects that there are before a search out of garbage collection.

    Those of the imported libraries are most of a process: with them, a collection takes as long as
    a trial of a small model.
    """
    if gc.get_freeze_count():  # the user's, who would lose it at the end
        yield
        return
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class CrossValidation:
    """Trains and scores one model per fold.

    Args:
        hypermodel: A `Hypermodel`.
        examples: The `Examples`.
        folds: Row numbers of each fold, from `make_folds`.
        objective: The `Objective`.
        seed: Seed of the search.
        is_watched: Whether the `Babysitter` watches the first fold.
        fit_arguments: Further arguments of `Model.fit`. Callbacks are copied for each fold, or made
            for each fold where `callbacks` is a function that returns them.
        ladder: All `Stage`s of a trial, in order.
        checkpoints: `Checkpoints` from which other workers continue trials; None for own ones.
    """

    def __init__(
        self,
        hypermodel,
        examples,
        folds,
        objective,
        *,
        seed,
        is_watched,
        fit_arguments,
        ladder,
        checkpoints=None,
    ):
        self.hypermodel = hypermodel
        self.examples = examples
        self.folds = folds
        self.objective = objective
        self.seed = seed
        self.is_watched = is_watched
        self.fit_arguments = fit_arguments
        self.ladder = ladder
        self.checkpoints = checkpoints or Checkpoints()
        self._spent = 0  # examples processed since the last result
        self._left_models, self._left_weights = 0, 0  # since garbage was collected

    def run(self, hp, key, stages, *, may_stop, stands_out=lambda score, rung: False):
        """Yield one `Fold` per stage. A trial that is stopped ends after the first one.

        Args:
            hp: The `HyperParameters` of the trial.
            key: Key of the trial (see `Record`). It is part of the random seeds.
            stages: The stages to run, without those that an earlier trial has run.
            may_stop: Whether an ERROR in the first fold stops the trial.
            stands_out: Function of a score and the index of a fidelity: whether it is so good that
                the trial may only be stopped by what cannot recover.
        """
        self._release()
        model = state = current = None
        for stage in stages:
            if stage.fold != current:
                model, state = self._begin(hp, key, stage)
                current = stage.fold
            is_watched = self.is_watched and stage.fold == 0 and not (state and state.is_over)
            sitter = self._sitter(stage, may_stop=may_stop) if is_watched else None
            found, after = self._run_stage(model, hp, key, stage, state, sitter, may_stop)
            if found.is_stopped and self._can_recover(model, found.cause, stage, stands_out):
                model, state = self._begin(hp, key, stage)
                sitter = self._sitter(stage, may_stop=False)
                found, after = self._run_stage(model, hp, key, stage, state, sitter, False)
            state = after
            yield found

    def train_on_all(self, hp, epochs):
        """Return a model trained on all examples.

        There is no validation data: callbacks that monitor it are left out, and where there are
        such, the model is trained for the median of the epochs that its folds kept.

        Args:
            hp: The `HyperParameters` of the model.
            epochs: The epochs of each fold, as in `Record`.
        """
        keras.utils.set_random_seed(self.seed)
        model = self.hypermodel.build(hp)
        own = self._own_callbacks()
        kept = [callback for callback in own if not _monitors_validation(callback)]
        changes = {}
        if len(kept) < len(own) and epochs and "epochs" in self.fit_arguments:
            changes["epochs"] = max(1, round(float(np.median(epochs))))
        self._fit(model, hp, np.arange(self.examples.size), None, kept, changes)
        return model

    def _begin(self, hp, key, stage):
        """Return a model before a stage, and the state that it is to be given.

        Without a checkpoint, the stages before are trained again, with the same result.
        """
        self._set_seed(key, stage.fold, 0)
        model = self.hypermodel.build(hp)
        self._left_models += 1
        self._left_weights += model.count_params() if model.built else COLLECT_WEIGHTS
        account = account_of(model)
        account.share, account.looks_per_step = ALLOWANCE_SHARE, LOOKS_PER_STEP
        account.is_watched_only = True  # `judge` scores it at the end
        if not stage.start:
            return model, None
        state = self.checkpoints.load(key, stage.fold, stage.start)
        if state is not None:
            # `fit` would draw a batch to build metrics, and with it from the random numbers.
            few = self.examples.take(self.folds[stage.fold][1][:BUILD_EXAMPLES])
            self.objective.evaluate(model, few, None)
            if state.restore(model):
                return model, state
        state = None
        for earlier in self.ladder:
            if earlier.fold == stage.fold and earlier.rung < stage.rung:
                state, _, _ = self._train(model, hp, key, earlier, state, ())
        return model, state

    def _set_seed(self, key, fold, epochs):
        entropy = [self.seed, *key, fold, epochs]
        keras.utils.set_random_seed(int(np.random.SeedSequence(entropy).generate_state(1)[0]))

    def _release(self):
        """Release the models of earlier trials."""
        is_due = self._left_models >= COLLECT_MODELS or self._left_weights >= COLLECT_WEIGHTS
        keras.utils.clear_session(free_memory=is_due)
        if is_due:
            self._left_models, self._left_weights = 0, 0

    def _sitter(self, stage, *, may_stop):
        train, _ = self.folds[stage.fold]
        x, y, sample_weight = self.examples.take(self._sample(train, MAX_EXAMPLES))
        probe = (x, y) if sample_weight is None else (x, y, sample_weight)
        return Babysitter(
            probe,
            rules=LATER_CAUSES if stage.start else CAUSES,
            verbose=0,
            stop_on=Severity.ERROR if may_stop else None,
        )

    def _can_recover(self, model, cause, stage, stands_out):
        """Return whether a stopped trial is among the best so far, and its cause may pass."""
        if cause.rule in UNRECOVERABLE:
            return False
        score = self.objective.score(model, self._held_out(stage), self._batch_size)
        return bool(np.isfinite(score)) and stands_out(score, stage.rung)

    def _run_stage(self, model, hp, key, stage, state, sitter, may_stop):
        """Return the `Fold` after a stage, and the state of the training."""
        try:
            return self._train_and_score(model, hp, key, stage, state, sitter, may_stop)
        except Exception as error:  # of NaN, for one: PyTorch's binary crossentropy refuses it
            diverged = find_divergence(model, self._held_out(stage)[0])
            if diverged is None:
                raise
            cause = flaw(f"{diverged}. It raised {type(error).__name__}: {str(error)[:200]}")
            seen = {"examples": self._spent, "cause": cause, "traits": traits(model)}
            self._spent = 0
            return Fold(np.nan, np.nan, is_stopped=True, **seen), state

    def _train_and_score(self, model, hp, key, stage, state, sitter, may_stop):
        watching = [sitter, _FullLength(sitter, self.fit_arguments)] if sitter else []
        start = time.perf_counter()
        state, epochs, own = self._train(model, hp, key, stage, state, watching)
        seconds = time.perf_counter() - start
        cause = _cause(sitter)
        seen = {"examples": self._spent, "epochs": _epochs_kept(epochs, own)}
        known = traits(model) | (rates(sitter.history) if sitter and not stage.start else {})
        seen |= {"seconds": seconds, "cause": cause, "traits": known}
        self._spent = 0
        if cause is not None and may_stop:
            return Fold(np.nan, np.nan, is_stopped=True, **seen), state
        held_out = self._held_out(stage)
        metrics = self.objective.evaluate(model, held_out, self._batch_size)
        found = find_flaw(model, held_out, metrics, self.objective)
        if found is not None:
            return Fold(np.nan, np.nan, is_stopped=True, **seen | {"cause": cause or found}), state
        if sitter and cause is None:
            seen["cause"] = exploded_at_end(sitter.history, metrics.get("loss", 0.0))
            if seen["cause"] is not None and may_stop:
                return Fold(np.nan, np.nan, is_stopped=True, **seen), state
        seen |= {"metrics": metrics, "score": metrics[self.objective.key]}
        if not self._is_full(stage):
            return Fold(train_score=np.nan, **seen), state
        train, validation = self.folds[stage.fold]
        train_sample = self.examples.take(self._sample(train, len(validation)))
        train_score = self.objective.score(model, train_sample, self._batch_size)
        findings = judge(model, sitter, train_sample, held_out) if sitter else []
        return Fold(train_score=train_score, findings=findings, **seen), state

    def _train(self, model, hp, key, stage, state, watching):
        """Train a model for a stage.

        Returns:
            Its `TrainingState` if a later stage continues it, the number of epochs so far, and the
            user's callbacks.
        """
        train, validation = self.folds[stage.fold]
        own = self._own_callbacks()
        shown = _ExamplesShown(len(train), stage.start)
        callbacks = [*own, *watching, shown]
        changes = {}
        if stage.start:
            state.restore(model)
            self._set_seed(key, stage.fold, stage.start)
            callbacks.insert(len(own), Restore(own, state.callbacks))
            changes = {"initial_epoch": stage.start}
        if stage.end is not None:
            changes["epochs"] = stage.end
        if stage.start and state.is_over:  # `fit` only ends the training once more
            changes = {"initial_epoch": state.epochs, "epochs": state.epochs}
        capture = Capture(stage.end, own)
        if not self._is_full(stage):
            callbacks.append(capture)
        # The user's callbacks may monitor validation metrics.
        held_out = self.examples.take(validation) if own else None
        try:
            self._fit(model, hp, train, held_out, callbacks, changes)
        finally:
            self._spent += shown.total
        if stage.start and state.is_over:
            return state, state.epochs, own
        if capture.state is not None:
            self.checkpoints.save(key, stage.fold, stage.end, capture.state)
        return capture.state, shown.epochs, own

    def _held_out(self, stage):
        """Return `(x, y, sample_weight)` of the validation part of a fold."""
        return self.examples.take(self.folds[stage.fold][1])

    @property
    def _batch_size(self):
        return self.fit_arguments.get("batch_size")

    def _is_full(self, stage):
        """Return whether the fold is trained for all epochs after this stage."""
        return stage.end == self.ladder[-1].end

    def _fit(self, model, hp, train, held_out, callbacks, changes=()):
        x, y, sample_weight = self.examples.take(train)
        arguments = {"verbose": 0} | self.fit_arguments | dict(changes)
        if held_out is not None:
            arguments["validation_data"] = tuple(part for part in held_out if part is not None)
        if sample_weight is not None:
            arguments["sample_weight"] = sample_weight
        self.hypermodel.fit(hp, model, x, y, **arguments | {"callbacks": callbacks})

    def _own_callbacks(self):
        """Return new copies of the user's callbacks, as a list."""
        given = self.fit_arguments.get("callbacks") or []
        if callable(given) and not isinstance(given, keras.callbacks.Callback):
            return list(given())
        given = given if isinstance(given, list | tuple) else [given]
        try:
            return list(copy.deepcopy(given))
        except TypeError as error:
            raise TypeError(
                "Callbacks must be copyable, because each fold trains with copies of its own. "
                f"Received: {[type(callback).__name__ for callback in given]} ({error}). Pass a "
                "function that returns new callbacks: callbacks=lambda: [...]."
            ) from error

    def _sample(self, rows, most):
        """Return at most `most` of the rows, always the same ones."""
        if len(rows) <= most:
            return rows
        return np.sort(np.random.default_rng(self.seed).choice(rows, most, replace=False))


class _ExamplesShown(keras.callbacks.Callback):
    """Counts the training examples, including those of an interrupted epoch, and the epochs."""

    def __init__(self, size, epochs=0):
        super().__init__()
        self.epochs = epochs
        self._size = size
        self._before = 0  # in earlier epochs
        self._batches = 0

    @property
    def total(self):  # `params` is None if `fit` raised before it began
        steps = (self.params or {}).get("steps") or self._batches
        return self._before + round(self._size * min(1.0, self._batches / max(steps, 1)))

    def on_train_batch_begin(self, batch, logs=None):
        self._batches = batch + (getattr(self.model, "steps_per_execution", 1) or 1)

    def on_epoch_end(self, epoch, logs=None):
        self._before, self._batches = self.total, 0
        self.epochs += 1


class _FullLength(keras.callbacks.Callback):
    """Notes for how many epochs the model will be trained in all: some causes depend on it."""

    def __init__(self, sitter, fit_arguments):
        super().__init__()
        self._sitter = sitter
        self._epochs = fit_arguments.get("epochs", 1)

    def on_train_begin(self, logs=None):
        self._sitter.history.note(epochs=self._epochs)


def _epochs_kept(epochs, callbacks):
    """Return the number of epochs after which the weights were those that the model ends with."""
    restored = [c for c in callbacks if getattr(c, "restore_best_weights", False)]
    return min([epochs, *(getattr(c, "best_epoch", epochs) + 1 for c in restored)])


def _monitors_validation(callback):
    return str(getattr(callback, "monitor", "")).startswith("val_")


def _cause(sitter):
    errors = [a for a in sitter.findings if a.severity >= Severity.ERROR] if sitter else []
    return errors[0] if errors else None
