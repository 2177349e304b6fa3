"""Training and scoring one model per fold."""

import contextlib
import copy
import math
import time
from dataclasses import dataclass, field

import keras
import numpy as np

from keras_babysit import baselines
from keras_babysit.backends import to_array
from keras_babysit.callbacks import Babysitter
from keras_babysit.findings import Finding, Severity
from keras_babysit.history import Measurement
from keras_babysit.rules import overfitting, underfitting
from keras_babysit.samples.batches import take
from keras_babysit.samples.sample import MAX_EXAMPLES
from keras_babysit.search.causes import CAUSES
from keras_babysit.search.traits import traits

MEASUREMENTS = 40
MIN_EVERY, MAX_EVERY = 5, 25
"""In the first fold, `MEASUREMENTS` measurements are spread over the training, at least `MIN_EVERY`
and at most `MAX_EVERY` steps apart: a rule needs three of them, and should stop a trial within tens
of steps. The interval is fixed: the `Babysitter`'s automatic one depends on the speed of the
machine, and the same seed should give the same search everywhere."""

DEFAULT_BATCH_SIZE = 32
"""Batch size of `Model.fit` if none is given."""

PREDICT_BATCH_SIZE = 128
"""Number of examples per forward pass."""


@dataclass(frozen=True)
class Fold:
    """The result of one fold.

    Args:
        score: Objective on the validation part; NaN if the trial was stopped.
        train_score: Objective on as many training examples, in inference mode too.
        examples: Number of training examples processed.
        epochs: Epochs after which the model had the weights that were scored.
        seconds: Seconds of the training.
        cause: The ERROR by which the trial was stopped, or would have been if `max_stopped` had
            allowed it; None if there is none.
        is_stopped: Whether the trial was stopped.
        findings: Names of other rules that found something in the watched fold.
        traits: Traits of the model (see `traits`).
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
    """

    def __init__(self, hypermodel, examples, folds, objective, *, seed, is_watched, fit_arguments):
        self.hypermodel = hypermodel
        self.examples = examples
        self.folds = folds
        self.objective = objective
        self.seed = seed
        self.is_watched = is_watched
        self.fit_arguments = fit_arguments

    def run(self, hp, number, *, may_stop):
        """Yield one `Fold` per fold. A trial that is stopped ends after the first one.

        Args:
            hp: The `HyperParameters` of the trial.
            number: Number of the trial. It is part of the random seeds.
            may_stop: Whether an ERROR in the first fold stops the trial.
        """
        keras.utils.clear_session()  # releases the models of earlier trials
        for fold_index, (train, validation) in enumerate(self.folds):
            seed = np.random.SeedSequence([self.seed, number, fold_index]).generate_state(1)[0]
            keras.utils.set_random_seed(int(seed))
            model = self.hypermodel.build(hp)
            sitter = None
            if self.is_watched and fold_index == 0:
                sitter = self._sitter(train, may_stop)
            yield self._run_fold(model, hp, train, validation, sitter, may_stop)

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

    def _sitter(self, train, may_stop):
        x, y, sample_weight = self.examples.take(self._sample(train, MAX_EXAMPLES))
        probe = (x, y) if sample_weight is None else (x, y, sample_weight)
        stop_on = Severity.ERROR if may_stop else None
        return Babysitter(
            probe, rules=CAUSES, every=self._every(len(train)), verbose=0, stop_on=stop_on
        )

    def _every(self, examples):
        known = self.fit_arguments
        steps = known.get("steps_per_epoch") or math.ceil(
            examples / (known.get("batch_size") or DEFAULT_BATCH_SIZE)
        )
        return min(max(known.get("epochs", 1) * steps // MEASUREMENTS, MIN_EVERY), MAX_EVERY)

    def _run_fold(self, model, hp, train, validation, sitter, may_stop):
        held_out = self.examples.take(validation)
        shown = _ExamplesShown(len(train))
        own = self._own_callbacks()
        watching = [shown, *([sitter] if sitter else [])]
        start = time.perf_counter()
        # The user's callbacks may monitor validation metrics.
        self._fit(model, hp, train, held_out if own else None, [*own, *watching])
        seconds = time.perf_counter() - start
        cause = _cause(sitter)
        seen = {"examples": shown.total, "epochs": _epochs_kept(shown.epochs, own)}
        seen |= {"seconds": seconds, "cause": cause, "traits": traits(model)}
        if cause is not None and may_stop:
            return Fold(np.nan, np.nan, is_stopped=True, **seen)
        batch_size = self.fit_arguments.get("batch_size")
        train_sample = self.examples.take(self._sample(train, len(validation)))
        scores = [
            self.objective.score(model, part, batch_size) for part in (held_out, train_sample)
        ]
        findings = self._judge(model, sitter, train_sample, held_out) if sitter else []
        return Fold(*scores, findings=findings, **seen)

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

    def _judge(self, model, sitter, train, validation):
        """Return the names of the rules that find over- or underfitting in inference mode."""
        history = sitter.history
        train, validation = (_first(part, baselines.MAX_VOTERS) for part in (train, validation))
        outputs, neighbours = history.facts.outputs, None
        tasks = [_task(model, outputs, *part) for part in (train, validation)]
        if tasks[0] is not None:
            are_tokens = baselines.takes_tokens(model)
            neighbours = baselines.Neighbours(are_tokens=are_tokens).errors(tasks[0], train[0])
        for key, value in baselines.compare_with_baselines(*tasks, neighbours).items():
            history.append(Measurement(history.step, history.epoch, *key, value))
        history.note(has_ended=True)
        return [
            finding.rule
            for rule in (overfitting, underfitting)
            for finding in rule(history, patience=1)
        ]


class _ExamplesShown(keras.callbacks.Callback):
    """Counts the training examples, including those of an interrupted epoch, and the epochs."""

    def __init__(self, size):
        super().__init__()
        self.total = self.epochs = 0
        self._size = size
        self._batches = 0

    def on_train_batch_begin(self, batch, logs=None):
        self._batches = batch + (getattr(self.model, "steps_per_execution", 1) or 1)

    def on_epoch_end(self, epoch, logs=None):
        steps = self.params.get("steps") or self._batches
        self.total += round(self._size * min(1.0, self._batches / max(steps, 1)))
        self.epochs += 1


def _epochs_kept(epochs, callbacks):
    """Return the number of epochs after which the weights were those that the model ends with."""
    restored = [c for c in callbacks if getattr(c, "restore_best_weights", False)]
    return min([epochs, *(getattr(c, "best_epoch", epochs) + 1 for c in restored)])


def _monitors_validation(callback):
    return str(getattr(callback, "monitor", "")).startswith("val_")


def _cause(sitter):
    errors = [a for a in sitter.findings if a.severity >= Severity.ERROR] if sitter else []
    return errors[0] if errors else None


def _first(part, most):
    return keras.tree.map_structure(lambda leaf: None if leaf is None else leaf[:most], part)


def _task(model, outputs, x, y, sample_weight):
    """Return the `Task` of the model on these examples; None if it cannot be determined."""
    predictions = _predict(model, x)
    if predictions is None or predictions.ndim != 2 or not isinstance(y, np.ndarray):
        return None
    return baselines.read_task(y, predictions, outputs, sample_weight)


def _predict(model, x):
    """Return the predictions of a model with one output; None if it has several.

    `Model.predict` would compile a function for a single use.
    """
    size = len(keras.tree.flatten(x)[0])
    parts = []
    for start in range(0, size, PREDICT_BATCH_SIZE):
        batch = take(x, slice(start, start + PREDICT_BATCH_SIZE))
        with _no_gradients():
            predictions = model(batch, training=False)
        if not hasattr(predictions, "shape"):
            return None
        parts.append(to_array(predictions))
    return np.concatenate(parts)


def _no_gradients():
    if keras.backend.backend() != "torch":
        return contextlib.nullcontext()
    import torch

    return torch.no_grad()
