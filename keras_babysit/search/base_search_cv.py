"""What the searches have in common: arguments, one `fit`, results."""

import uuid
import zlib

from keras_babysit.errors import SearchFailedError
from keras_babysit.search.cross_validation import CrossValidation
from keras_babysit.search.data import Examples, fingerprint, make_folds
from keras_babysit.search.hparams import HParams
from keras_babysit.search.hyper_parameters import HyperParameters
from keras_babysit.search.hypermodel import Hypermodel
from keras_babysit.search.objective import read_objective
from keras_babysit.search.plot import plot
from keras_babysit.search.progress import ProgressBar, ends
from keras_babysit.search.record import best
from keras_babysit.search.results import cv_results
from keras_babysit.search.rounds import Steering, ranges_by_round
from keras_babysit.search.sampler import read_pruner, read_sampler
from keras_babysit.search.storage import read_storage
from keras_babysit.search.study import agree, open_study, silent
from keras_babysit.search.table import as_text, show, summary
from keras_babysit.search.worker import Plan, Worker

FIRST_LOOK = 8
"""Examples on which the default model is tried before the first trial."""


class BaseSearchCV:
    """Searches over hyperparameters by cross-validated trials.

    A trial trains a model on each fold in turn. The mean score so far is reported after each, and
    a trial that is behind the median of the others is pruned. The folds are the same for all
    trials. In the first fold it runs under the `Babysitter`: a trial whose loss explodes, is not
    finite, has a layer dead or saturated through, or does not move is stopped within tens of steps,
    and the cause is noted.

    Start the same script any number of times, on one machine or on many, with the same `storage`
    and `study_name`, and the processes share the trials. One that is killed loses nothing.

    Args:
        hypermodel: A function `hp -> compiled model`, or a KerasTuner `HyperModel`. `hp` is a
            `HyperParameters`, with KerasTuner's names.
        objective: `"val_loss"`, or `"val_"` and the name of a metric of the model. The loss counts
            without the penalties on weights.
        direction: `"min"`, `"max"`, or `"auto"` to read it off the name.
        cv: Number of folds, a scikit-learn splitter, or pairs of row numbers.
        pruner: `"median"` prunes between folds after 5 complete trials; None never; or an Optuna
            pruner.
        diagnose: Whether trials are watched, and stopped by cause.
        max_stopped: Share of the trials of a round that a cause may stop in the first fold, in
            [0, 1], so that models that start slowly get their chance.
        error_score: `"raise"` ends the search if a trial raises; `"fail"` counts it as failed.
        refit: Whether to train the best hyperparameters on all examples in the end.
        storage: None keeps the trials in memory; `"sqlite:///search.db"` for the processes of one
            machine, `"postgresql+psycopg://..."` for many; or what `open_storage` returns.
        study_name: Name of the search in the storage.
        heartbeat_interval: Seconds between signs of life; a worker that was silent for twice as
            long has its trial given to another.
        max_retries: How often a trial is tried again after its worker died.
        allow_lost_trials: Whether to accept a storage that does not notice the death of a worker.
        log_dir: Folder for TensorBoard's HParams; None writes nothing.
        seed: Seed of folds, samples and weights; None makes one from `study_name`.
        verbose: 1 to show progress and a table, 0 for nothing.

    Attributes:
        best_params_: Values of the best complete trial of all rounds.
        best_score_: Its mean score.
        best_trial_: Its `Record`.
        best_model_: With `refit`, the model trained on all examples.
        cv_results_: Columns by name, one entry per trial (see `cv_results`).
        ranges_: For each round the `Range` of each numeric hyperparameter, by name.
        advice_: The `Finding` that explains each edit of a range, and what to search next.
        records_: The `Record` of each trial.
        study_: The Optuna study.
        n_splits_: Number of folds.

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If `hypermodel` or `storage` is of the wrong kind.
    """

    def __init__(
        self,
        hypermodel,
        *,
        objective,
        direction="auto",
        cv=5,
        pruner="median",
        diagnose=True,
        max_stopped=0.5,
        error_score="raise",
        refit=False,
        storage=None,
        study_name=None,
        heartbeat_interval=60,
        max_retries=2,
        allow_lost_trials=False,
        log_dir=None,
        seed=None,
        verbose=1,
    ):
        _check(max_stopped, error_score, storage, study_name)
        self.hypermodel = Hypermodel(hypermodel)
        self.objective = read_objective(objective, direction)
        self.cv = cv
        self.pruner = read_pruner(pruner)
        self.diagnose = diagnose
        self.max_stopped = max_stopped
        self.error_score = error_score
        self.refit = refit
        self.storage = read_storage(
            storage,
            heartbeat_interval=heartbeat_interval,
            max_retries=max_retries,
            allow_lost_trials=allow_lost_trials,
        )
        self.study_name = study_name or f"search-{uuid.uuid4().hex[:8]}"
        self.max_retries = max_retries
        self.log_dir = log_dir
        self.seed = zlib.crc32(self.study_name.encode()) if seed is None else seed
        self.verbose = verbose

    def fit(self, x, y=None, *, groups=None, sample_weight=None, **fit_arguments):
        """Search; the arguments are those of `Model.fit`.

        Args:
            x: Inputs: an array, or a list, tuple or dict of arrays.
            y: Targets of the same kinds.
            groups: Group of each example, for splitters that keep groups together.
            sample_weight: Weight of each example.
            **fit_arguments: Further arguments of `fit`: `epochs`, `batch_size`, `callbacks`, ...

        Returns:
            The search itself.

        Raises:
            ValueError: Before the first trial: if there are fewer examples than folds, if the
                model does not log the objective, or if the study was begun on other terms.
            TypeError: If the data cannot be cut by rows, or the hypermodel returns no model.
            SearchFailedError: If no trial was completed.
        """
        _check_fit(fit_arguments)
        examples = Examples(x, y, sample_weight)
        folds = make_folds(examples, self.cv, self.seed, groups)
        space = self._look(examples)
        rounds = self._rounds(space)
        evaluation = CrossValidation(
            self.hypermodel,
            examples,
            folds,
            self.objective,
            seed=self.seed,
            is_watched=self.diagnose,
            fit_arguments=fit_arguments,
        )
        hparams = HParams(self.log_dir, self.objective, space)
        plan = Plan(
            rounds,
            self._steering(),
            self.max_stopped,
            self.max_retries,
            self.error_score == "fail",
        )
        with silent():
            self.study_ = self._open_study(folds)
            total = sum(len(slots) for slots in rounds)
            bar = ProgressBar(self.objective, total, len(rounds), verbose=self.verbose)
            with bar:
                worker = Worker(
                    self.study_,
                    plan,
                    evaluation,
                    self.objective,
                    on_change=bar.update,
                    on_trial=hparams.write,
                )
                worker.run()
            self._conclude(worker.records(), len(rounds), len(folds))
        if self.refit:
            self.best_model_ = evaluation.train_on_all(self._hp(self.best_params_))
        return self

    def build(self, params):
        """Return a fresh compiled model of these hyperparameters, as `best_params_` has them."""
        return self.hypermodel.build(self._hp(params))

    def plot(self):
        """Draw the score against each parameter (see `keras_babysit.search.plot`).

        Returns:
            A `matplotlib.figure.Figure`; save it by `savefig`.

        Raises:
            ImportError: If matplotlib is not installed.
        """
        return plot(self.records_, self.ranges_, self.objective)

    def summary(self):
        """Return the table of the best trials and the advice as text."""
        return as_text(summary(self.records_, self.findings_, self.objective))

    def _hp(self, params):
        return HyperParameters(lambda dimension: params.get(dimension.name, dimension.first))

    def _rounds(self, space):
        """Return for each round the slots to fill with their parameters."""
        raise NotImplementedError

    def _sampler(self):
        return read_sampler("random", self.seed)

    def _steering(self):
        return Steering()

    def _look(self, examples):
        """Return the space as far as it shows in a model of all defaults, which is tried out."""
        model, space = self.hypermodel.look()
        x, y, sample_weight = examples.take(slice(0, FIRST_LOOK))
        self.objective.score(model, (x, y, sample_weight), None)
        return space

    def _open_study(self, folds):
        study = open_study(
            self.storage,
            self.study_name,
            direction={"min": "minimize", "max": "maximize"}[self.objective.direction],
            sampler=self._sampler(),
            pruner=self.pruner,
        )
        terms = {"objective": self.objective.name, "seed": self.seed, "folds": fingerprint(folds)}
        agree(study, terms)
        return study

    def _conclude(self, records, rounds, folds):
        self.records_ = records
        self.n_splits_ = folds
        ranges, self.findings_ = ranges_by_round(records, rounds, self._steering())
        self.ranges_ = ranges[:rounds]
        self.cv_results_ = cv_results(records, folds)
        if self.verbose:
            show(summary(records, self.findings_, self.objective))
        self.best_trial_ = best(records)
        if self.best_trial_ is None:
            raise SearchFailedError(
                f"At least one trial must be completed. Received: {ends(records) or 'none'} of "
                f"{len(records)} trials. {self._way_out(records)}"
            )
        self.best_params_ = dict(self.best_trial_.params)
        self.best_score_ = self.best_trial_.score

    def _way_out(self, records):
        messages = [record.message for record in records if record.message]
        return f"The latest: {messages[-1]}" if messages else "Allow more trials."


def _check(max_stopped, error_score, storage, study_name):
    if not 0 <= max_stopped <= 1:
        raise ValueError(
            f"Argument `max_stopped` must be in [0, 1]. Received: max_stopped={max_stopped}"
        )
    if error_score not in ("raise", "fail"):
        raise ValueError(
            f'Argument `error_score` must be "raise" or "fail". Received: {error_score!r}'
        )
    if storage is not None and not study_name:
        raise ValueError(
            "Argument `study_name` must be given with a storage, so that all workers, and a later "
            "run, find the same study. Received: study_name=None"
        )


def _check_fit(fit_arguments):
    taken = sorted({"validation_data", "validation_split"} & set(fit_arguments))
    if taken:
        raise ValueError(
            f"The folds of `cv` are the validation data. Received: {taken}. Leave them out."
        )
