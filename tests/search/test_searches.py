"""Complete searches over small models."""

import functools
import gc
import threading
from types import SimpleNamespace

import keras
import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, StratifiedKFold
from sklearn.utils.validation import check_is_fitted

import keras_babysit as kb
from keras_babysit.errors import SearchFailedError
from keras_babysit.search import worker as workers
from keras_babysit.search.cross_validation import CrossValidation, quick_garbage_collection
from keras_babysit.search.data import Examples, fingerprint, make_folds
from keras_babysit.search.fidelity import Fidelity, stages
from keras_babysit.search.hypermodel import Hypermodel
from keras_babysit.search.objective import read_objective
from keras_babysit.search.phases import Assignment
from keras_babysit.search.slots import SURPLUS, counted_trials, fill_slot
from keras_babysit.search.trial_run import write_attributes
from tests.search.models import blobs, build, compiled, deep

pytestmark = pytest.mark.any_backend

QUIET = {"objective": "val_accuracy", "cv": 3, "seed": 0, "verbose": 0}


def finite(hp):
    return compiled(hp.Choice("learning_rate", [1e-4, 0.1, 0.5]))


def in_a_graph(hp):
    return compiled(hp.Float("learning_rate", 1e-4, 1.0, sampling="log"), is_eager=False)


SEARCHES = {
    "grid": (kb.search.GridSearchCV, finite, {}),
    "random": (kb.search.RandomizedSearchCV, in_a_graph, {"max_trials": 3}),
    "tpe": (kb.search.RandomizedSearchCV, build, {"max_trials": 3, "sampler": "tpe"}),
    "coarse-to-fine": (
        kb.search.CoarseToFineSearchCV,
        build,
        {"max_trials": 4, "rounds": 2, "reruns": 0},
    ),
}


@pytest.mark.parametrize(
    ("kind", "function", "arguments"),
    [
        pytest.param(*case, id=name, marks=[pytest.mark.each_backend] * (name == "random"))
        for name, case in SEARCHES.items()
    ],
)
def test_results_have_scikit_learns_names(kind, function, arguments):
    x, y = blobs()
    search = kind(function, **QUIET, **arguments, refit=True).fit(x, y, epochs=3)
    results = search.cv_results_
    count = arguments.get("max_trials", 3)
    assert {len(column) for column in results.values()} == {count}
    best = results["rank_test_score"].argmin()
    assert results["params"][best] == search.best_params_
    assert results["mean_test_score"][best] == search.best_score_
    splits = [results[f"split{k}_test_score"][best] for k in range(3)]
    assert np.mean(splits) == pytest.approx(search.best_score_)
    assert results["std_test_score"][best] == pytest.approx(np.std(splits))
    assert results["param_learning_rate"][best] == search.best_params_["learning_rate"]
    assert search.n_splits_ == 3
    assert search.study_.best_value == search.best_score_
    assert search.best_trial_.score == search.best_score_
    assert len(search.ranges_) == arguments.get("rounds", 1)
    accuracy = search.best_model_.evaluate(x, y, verbose=0, return_dict=True)["accuracy"]
    assert accuracy > search.best_score_ - 0.2  # about as good as it was in the folds
    rate = keras.ops.convert_to_numpy(search.build(search.best_params_).optimizer.learning_rate)
    assert rate == pytest.approx(search.best_params_["learning_rate"])
    assert "learning_rate" in search.summary()


def test_the_grid_has_every_cell_of_a_conditional_space_once():
    def conditional(hp):
        rate = hp.Float("learning_rate", 0.001, 0.1, step=10, sampling="log")
        if hp.Boolean("momentum_on"):
            hp.Int("tens", 1, 2)
        return compiled(rate)

    search = kb.search.GridSearchCV(conditional, **QUIET | {"cv": 2}, pruner=None)
    cells = [tuple(p.items()) for p in search.fit(*blobs(), epochs=1).cv_results_["params"]]
    assert len(cells) == len(set(cells)) == 3 + 3 * 2


def test_the_score_is_that_of_the_model_without_the_penalty():
    x, y = blobs()

    def penalized(hp):
        return compiled(hp.Choice("rate", [0.1]), kernel_regularizer=keras.regularizers.L2(0.5))

    arguments = QUIET | {"objective": "val_loss", "cv": [(np.arange(60), np.arange(60, 90))]}
    search = kb.search.GridSearchCV(penalized, **arguments, refit=False).fit(x, y, epochs=2)
    objective = read_objective("val_loss")
    model = penalized(kb.search.HyperParameters())
    logits = keras.ops.convert_to_numpy(model(x))
    exps = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = -np.mean(np.log((exps / exps.sum(axis=1, keepdims=True))[np.arange(90), y]))
    assert objective.score(model, (x, y, None), None) == pytest.approx(expected, rel=1e-4)
    weights = keras.ops.convert_to_numpy(model.layers[0].kernel)
    full = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    assert full - expected == pytest.approx(0.5 * np.square(weights).sum(), rel=1e-3)
    assert search.best_score_ > 0


def test_the_gap_is_taken_in_inference_mode():
    """With dropout, the training score would be too low."""
    x, _ = blobs(60)
    noise = np.random.default_rng(1).integers(0, 3, 60)  # only memorizing lowers the loss

    def overfits(hp):
        hp.Choice("nothing", [0])
        wide = keras.layers.Dense(256, activation="relu")
        layers = [keras.Input((4,)), wide, keras.layers.Dropout(0.5), keras.layers.Dense(3)]
        model = keras.Sequential(layers)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
        return model

    search = kb.search.GridSearchCV(overfits, **QUIET).fit(x, noise, epochs=40)
    trial = search.best_trial_
    assert trial.gap > 0.1
    assert trial.gap == pytest.approx(np.mean(trial.train_scores) - np.mean(trial.scores))


def test_every_trial_has_the_same_folds_and_they_come_from_the_seed():
    seen = []

    class Spy(CrossValidation):
        def run(self, hp, key, stages, *, may_stop):
            seen.append(fingerprint(self.folds))
            return super().run(hp, key, stages, may_stop=may_stop)

    x, y = blobs()
    examples = Examples(x, y)
    codes = [fingerprint(make_folds(examples, 3, seed)) for seed in (0, 0, 1)]
    assert codes[0] == codes[1] != codes[2]
    objective = read_objective("val_accuracy")
    spy = Spy(
        Hypermodel(build),
        examples,
        make_folds(examples, 3, 0),
        objective,
        seed=0,
        is_watched=False,
        fit_arguments={"epochs": 1},
        ladder=stages([Fidelity(3, 1)]),
    )
    for index in range(2):
        hp = kb.search.HyperParameters()
        list(spy.run(hp, (0, index, 0), spy.ladder, may_stop=True))
    assert seen == [codes[0]] * 2


SPLITTERS = {
    "kfold": KFold(3),
    "shuffled": KFold(3, shuffle=True),
    "stratified": StratifiedKFold(3, shuffle=True),
    "shuffle-split": ShuffleSplit(3, test_size=0.2),
    "groups": GroupKFold(3),
    "pairs": [(np.arange(60), np.arange(60, 90)), (np.arange(30, 90), np.arange(30))],
    "masks": [(np.arange(90) < 60, np.arange(90) >= 60)],
}


@pytest.mark.parametrize("cv", SPLITTERS.values(), ids=SPLITTERS)
def test_any_splitter_gives_the_same_folds_to_every_worker(cv):
    x, y = blobs()
    groups = np.arange(90) // 10 if isinstance(cv, GroupKFold) else None
    first, second = (make_folds(Examples(x, y), cv, 0, groups) for _ in range(2))
    assert fingerprint(first) == fingerprint(second)
    for train, validation in first:
        assert not set(train) & set(validation)
    if isinstance(cv, GroupKFold):
        assert all(not set(groups[t]) & set(groups[v]) for t, v in first)


def test_a_number_of_folds_gives_stratified_folds():
    x, y = blobs(90)
    for _, validation in make_folds(Examples(x, y), 3, 0):
        assert np.bincount(y[validation]).tolist() == [10, 10, 10]
    one_hot = np.eye(3)[y]
    for _, validation in make_folds(Examples(x, one_hot), 3, 0):
        assert one_hot[validation].sum(axis=0).tolist() == [10, 10, 10]


def test_the_same_seed_gives_the_same_search_and_another_seed_another_one():
    def found(seed):
        search = kb.search.RandomizedSearchCV(build, **QUIET | {"seed": seed}, max_trials=2)
        return search.fit(*blobs(), epochs=1).cv_results_

    first, second, third = found(0), found(0), found(1)
    assert first["params"] == second["params"] != third["params"]
    np.testing.assert_allclose(first["mean_test_score"], second["mean_test_score"])


def test_trials_of_one_seed_sample_different_points():
    search = kb.search.RandomizedSearchCV(build, **QUIET | {"cv": 2}, max_trials=6)
    rates = search.fit(*blobs(30), epochs=1).cv_results_["param_learning_rate"]
    assert len(set(rates)) == 6


@pytest.mark.each_backend
def test_trials_are_stopped_by_cause_within_tens_of_steps():
    x, y = blobs(600)
    search = kb.search.RandomizedSearchCV(deep, **QUIET | {"cv": 2}, max_trials=8, max_stopped=0.75)
    search.fit(x, y, epochs=6, batch_size=16)
    stopped = [r for r in search.records_ if r.state == "stopped"]
    assert len(stopped) >= 3
    assert {r.cause for r in stopped} >= {"loss_explosion", "no_update"}
    for record in stopped:
        assert record.step <= 100
        assert record.examples <= 1200  # of 1,800 in the fold
        assert record.message
        trial = search.study_.trials[record.number]
        assert trial.state == optuna.trial.TrialState.PRUNED
        assert trial.user_attrs["cause"] == record.cause
    assert search.best_trial_.state == "complete"
    assert any(cause in search.summary() for cause in ("loss_explosion", "no_update"))


@pytest.mark.parametrize("fraction", [0.0, 0.25])
def test_at_most_max_stopped_trials_are_stopped_in_the_first_fold(fraction):
    def hopeless(hp):
        return compiled(hp.Float("learning_rate", 1e-12, 1e-10, sampling="log"))

    arguments = QUIET | {"cv": 2}
    search = kb.search.RandomizedSearchCV(
        hopeless, **arguments, max_trials=4, max_stopped=fraction, pruner=None
    )
    search.fit(*blobs(300), epochs=2, batch_size=16)
    states = [r.state for r in search.records_]
    assert states.count("stopped") == 4 * fraction
    assert {r.cause for r in search.records_} == {"no_update"}  # recorded for the others too


def test_without_diagnosis_nothing_is_stopped():
    def hopeless(hp):
        return compiled(hp.Float("learning_rate", 1e-12, 1e-10, sampling="log"))

    search = kb.search.RandomizedSearchCV(hopeless, **QUIET, max_trials=2, diagnose=False)
    assert [r.cause for r in search.fit(*blobs(), epochs=1).records_] == ["", ""]


def test_watching_does_not_change_a_score():
    scores = [
        kb.search.RandomizedSearchCV(build, **QUIET, max_trials=2, diagnose=diagnose)
        .fit(*blobs(), epochs=2)
        .cv_results_["mean_test_score"]
        for diagnose in (False, True)
    ]
    np.testing.assert_array_equal(*scores)


def test_an_infinite_score_stops_the_trial():
    class Infinite(keras.metrics.Metric):
        def update_state(self, y_true, y_pred, sample_weight=None):
            pass

        def result(self):
            return keras.ops.convert_to_tensor(float("inf"))

    def infinite(hp):
        model = compiled(hp.Choice("rate", [0.1, 0.2]))
        model.compile("sgd", model.loss, metrics=[Infinite(name="goodness")])
        return model

    search = kb.search.GridSearchCV(
        infinite, **QUIET | {"objective": "val_goodness"}, direction="max"
    )
    with pytest.raises(
        SearchFailedError, match=r"No trial completed \(2 stopped by non_finite_score\)"
    ):
        search.fit(*blobs(), epochs=1)


def test_a_cell_that_raises_ends_the_search_or_counts_as_failed():
    def picky(hp):
        rate = hp.Choice("rate", [0.1, 0.2, 0.3])
        if rate == 0.2:
            raise RuntimeError("out of memory")
        return compiled(rate)

    with pytest.raises(RuntimeError, match="out of memory"):
        kb.search.GridSearchCV(picky, **QUIET).fit(*blobs(), epochs=1)
    search = kb.search.GridSearchCV(picky, **QUIET, error_score="fail").fit(*blobs(), epochs=1)
    assert [r.state for r in search.records_] == ["complete", "failed", "complete"]
    assert search.records_[1].message == "RuntimeError: out of memory"
    assert "failed 1" in search.summary()


def test_an_interrupted_search_can_be_continued(tmp_path):
    x, y = blobs()
    calls = []

    def fragile(hp):
        calls.append(1)
        if len(calls) == 6:  # in the second trial; the first call is the default model
            raise KeyboardInterrupt
        return build(hp)

    arguments = QUIET | {"storage": f"sqlite:///{tmp_path / 'search.db'}", "study_name": "s"}
    with pytest.raises(KeyboardInterrupt):
        kb.search.RandomizedSearchCV(fragile, **arguments, max_trials=3).fit(x, y, epochs=1)
    search = kb.search.RandomizedSearchCV(fragile, **arguments, max_trials=3).fit(x, y, epochs=1)
    assert len(search.records_) == 3
    again = kb.search.RandomizedSearchCV(fragile, **arguments, max_trials=3).fit(x, y, epochs=1)
    assert again.best_params_ == search.best_params_
    assert len(again.study_.trials) == len(search.study_.trials)  # nothing was left to do
    more = kb.search.RandomizedSearchCV(fragile, **arguments, max_trials=4).fit(x, y, epochs=1)
    assert len(more.records_) == 4
    with pytest.raises(ValueError, match="continued with the same folds"):
        kb.search.RandomizedSearchCV(fragile, **arguments | {"cv": 2}, max_trials=3).fit(x, y)
    for one in (search, again, more):
        one.storage.engine.dispose()


def test_two_workers_that_fill_a_slot_at_once_run_one_trial():
    study = optuna.create_study()
    for _ in range(2):  # both saw an empty study
        for index in range(2):
            fill_slot(study, (0, index), Assignment((0, index, 0)), {}, 0)
    assert len(study.trials) == 4
    settled = counted_trials(study.trials, 2)
    assert {slot: trial.number for slot, trial in settled.items()} == {(0, 0): 0, (0, 1): 1}
    study.ask().set_user_attr(SURPLUS, True)
    assert counted_trials(study.trials, 2)[0, 0].number == 2


def test_a_surplus_trial_that_another_worker_has_failed_is_no_error(monkeypatch):
    storage = optuna.storages.InMemoryStorage()
    study = optuna.create_study(storage=storage)
    for _ in range(2):
        fill_slot(study, (0, 0), Assignment((0, 0, 0)), {}, 0)
    study.ask()  # another worker runs the trial that counts

    def write_and_lose(trial, **values):
        write_attributes(trial, **values)
        study.tell(trial.number, state=TrialState.FAIL)

    monkeypatch.setattr(workers, "write_attributes", write_and_lose)
    plan = SimpleNamespace(continues_on_errors=False, max_retries=2)
    objective = read_objective("val_loss")
    worker = workers.Worker(study, storage, plan, None, objective, on_change=None, on_trial=None)
    worker._run_one_trial()
    assert [trial.state for trial in study.trials] == [TrialState.RUNNING, TrialState.FAIL]


def test_own_callbacks_are_copied_and_may_monitor_validation_data():
    stopper = keras.callbacks.EarlyStopping("val_loss", patience=0)
    x, y = blobs()
    search = kb.search.RandomizedSearchCV(build, **QUIET, max_trials=1, diagnose=False)
    search.fit(x, y, epochs=2, callbacks=[stopper])
    assert stopper.model is None


class CountEpochs(keras.callbacks.Callback):
    """Notes the epochs of each model in one list, under a lock that cannot be copied."""

    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs
        self.lock = threading.Lock()

    def on_epoch_end(self, epoch, logs=None):
        with self.lock:
            self.epochs.append((epoch, sorted(logs)))


def test_the_final_model_is_trained_for_the_median_of_the_epochs_that_were_kept():
    seen = []

    class Stops(keras.callbacks.Callback):
        """Keeps 2, 4 and 3 epochs."""

        monitor, restore_best_weights, folds = "val_loss", True, iter((1, 3, 2))

        def on_train_begin(self, logs=None):
            self.best_epoch = next(self.folds)

    def callbacks():
        return [Stops(), CountEpochs(seen)]

    search = kb.search.RandomizedSearchCV(build, **QUIET, max_trials=1, diagnose=False, refit=True)
    search.fit(*blobs(), epochs=5, callbacks=callbacks)
    assert search.best_trial_.epochs == (2, 4, 3)
    assert [epoch for epoch, _ in seen[15:]] == [0, 1, 2]
    assert all("val_loss" in names for _, names in seen[:15])
    assert all("val_loss" not in names for _, names in seen[15:])


def test_the_epochs_of_early_stopping_are_those_of_the_restored_weights():
    stopper = keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True)

    def diverges(hp):
        return compiled(hp.Choice("rate", [1e4]))

    search = kb.search.GridSearchCV(diverges, **QUIET, diagnose=False, refit=True)
    _, y = blobs()
    search.fit(np.ones((90, 4)), y, epochs=6, callbacks=[stopper])
    trained = search.best_trial_.examples / 180  # epochs of the three folds of 60 examples
    assert sum(search.best_trial_.epochs) < 3 * trained <= 18


def test_callbacks_that_cannot_be_copied_are_made_by_a_function():
    search = kb.search.RandomizedSearchCV(build, **QUIET, max_trials=1, diagnose=False)
    with pytest.raises(TypeError, match=r"CountEpochs.*callbacks=lambda: \[...\]"):
        search.fit(*blobs(), epochs=1, callbacks=[CountEpochs([])])
    seen = []
    search.fit(*blobs(), epochs=1, callbacks=lambda: [CountEpochs(seen)])
    assert len(seen) == 3


def test_inputs_and_targets_may_be_structures():
    x, y = blobs()

    def two_inputs(hp):
        inputs = {"a": keras.Input((4,), name="a"), "b": keras.Input((4,), name="b")}
        outputs = keras.layers.Dense(3)(keras.layers.Add()(list(inputs.values())))
        model = keras.Model(inputs, outputs)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(hp.Choice("rate", [0.1])), loss, metrics=["accuracy"])
        return model

    search = kb.search.GridSearchCV(two_inputs, **QUIET)
    search.fit({"a": x, "b": x}, y, epochs=3, sample_weight=np.ones(90))
    assert search.best_score_ > 0.5


def test_the_fit_method_of_a_hypermodel_is_used():
    class Hyper:
        def build(self, hp):
            return build(hp)

        def fit(self, hp, model, *args, **kwargs):
            return model.fit(*args, batch_size=hp.Choice("batch_size", [8, 16]), **kwargs)

    search = kb.search.RandomizedSearchCV(Hyper(), **QUIET, max_trials=1, refit=True)
    search.fit(*blobs(), epochs=1)
    assert search.best_params_["batch_size"] in (8, 16)


def test_the_grid_includes_what_the_fit_of_a_hypermodel_asks_for():
    class Hyper:
        def build(self, hp):
            return compiled(hp.Choice("rate", [0.1, 0.2]))

        def fit(self, hp, model, *args, **kwargs):
            size = hp.Choice("batch_size", [8, 16])
            return model.fit(*args, batch_size=size, **kwargs)

    search = kb.search.GridSearchCV(Hyper(), **QUIET).fit(*blobs(), epochs=1)
    cells = [(p["rate"], p["batch_size"]) for p in search.cv_results_["params"]]
    assert sorted(cells) == [(0.1, 8), (0.1, 16), (0.2, 8), (0.2, 16)]


def test_a_grid_refuses_what_only_a_trained_model_asks_for():
    class Hyper:
        def build(self, hp):
            return finite(hp)

        def fit(self, hp, model, *args, **kwargs):
            history = model.fit(*args, **kwargs)
            assert history.history["loss"]  # there is none before the first trial
            hp.Choice("late", [1, 2])

    with pytest.raises(ValueError, match=r"asked for before the first trial\. Received: 'late'"):
        kb.search.GridSearchCV(Hyper(), **QUIET).fit(*blobs(), epochs=1)


class Frame:
    """What a data frame of pandas or polars has; it has no `dtype`."""

    def __init__(self, values):
        self.values, self.shape = values, values.shape

    def to_numpy(self):
        return self.values

    def __len__(self):
        return len(self.values)


def test_data_frames_are_taken_and_the_final_model_predicts():
    x, y = blobs()
    search = kb.search.GridSearchCV(finite, **QUIET, refit=True).fit(Frame(x), Frame(y), epochs=3)
    assert search.best_index_ == search.cv_results_["rank_test_score"].argmin()
    assert search.predict(Frame(x)).shape == (90, 3)
    assert (search.cv_results_["mean_fit_time"] > 0).all()
    with pytest.raises(AttributeError, match="Call `fit` first, with refit=True"):
        kb.search.GridSearchCV(finite, **QUIET).predict(x)


def test_numbers_of_several_types_in_a_data_frame_are_numbers():
    x, y = blobs()
    mixed = x.astype(object)
    mixed[:, 0], mixed[:, 1] = x[:, 0].round().astype(int), (x[:, 1] > 0).astype(bool)
    read = Examples(Frame(mixed), Frame(y.astype(object))).take(np.arange(len(x)))
    assert [part.dtype.name for part in read[:2]] == ["float32", "float32"]
    np.testing.assert_allclose(read[0], mixed.astype("float32"))


def test_missing_numbers_of_pandas_are_not_a_number():
    pandas = pytest.importorskip("pandas")
    column = pandas.Series([1, None, 3], dtype="Int64")
    frame = pandas.DataFrame({"whole": column, "flag": pandas.array([True, False, None])})
    (x, *_) = Examples(frame).take(np.arange(3))
    np.testing.assert_array_equal(x, np.array([[1, 1], [np.nan, 0], [3, np.nan]], "float32"))


@pytest.mark.parametrize(
    ("value", "received"),
    [
        ("Paris", "'Paris', of type str"),
        (np.datetime64("2026-01-01"), r".*2026-01-01.*, of type datetime64"),
        ([1, 2], r"\[1, 2\], of type list"),
    ],
    ids=["text", "dates", "lists"],
)
def test_what_no_network_reads_is_refused_before_the_first_trial(value, received):
    x, y = blobs()
    x = x.astype(object)
    x[3, 2] = value
    with pytest.raises(TypeError, match=rf"`x` must hold numbers\. Received: {received}"):
        kb.search.GridSearchCV(finite, **QUIET).fit(Frame(x), y, epochs=1)


def test_text_alone_is_left_to_tensorflow():
    words = np.array([["a"], ["b"]], dtype=object)
    if keras.backend.backend() == "tensorflow":
        assert Examples(words).size == 2
    else:
        with pytest.raises(TypeError, match=r"`x` must hold numbers\. Received: 'a', of type str"):
            Examples(words)


@pytest.mark.parametrize(
    "read",
    [
        lambda search: search.best_params_,
        lambda search: search.cv_results_,
        lambda search: search.plot(),
        lambda search: search.summary(),
        lambda search: search.predict(np.ones((2, 4))),
        check_is_fitted,
    ],
    ids=["best_params_", "cv_results_", "plot", "summary", "predict", "check_is_fitted"],
)
def test_results_before_fit_are_refused_as_in_scikit_learn(read):
    with pytest.raises(NotFittedError, match="fit"):
        read(kb.search.GridSearchCV(finite, **QUIET))


def test_what_a_search_has_is_known_before_and_after_fit():
    search = kb.search.GridSearchCV(finite, **QUIET)
    assert not hasattr(search, "best_params_")
    with pytest.raises(AttributeError, match="no attribute 'best_estimator_'"):
        _ = search.best_estimator_
    search.fit(*blobs(), epochs=1)
    check_is_fitted(search)
    with pytest.raises(NotFittedError, match=r"refit=False\. Pass refit=True"):
        search.predict(np.ones((2, 4)))


def test_a_value_that_is_refused_leaves_a_search_as_it_was():
    search = kb.search.RandomizedSearchCV(build, **QUIET, max_trials=2)
    with pytest.raises(ValueError, match="`objective` must be"):
        search.set_params(objective="accuracy")
    assert search.get_params()["objective"] == "val_accuracy"
    assert len(search.fit(*blobs(), epochs=1).records_) == 2
    assert not hasattr(search.set_params(max_trials=3), "records_")
    assert search.max_trials == 3


class Interrupting(keras.callbacks.Callback):
    """Raises once, after as many epochs."""

    left = 0

    def on_epoch_end(self, epoch, logs=None):
        Interrupting.left -= 1
        if Interrupting.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    "arguments",
    [(kb.search.RandomizedSearchCV, {}), (kb.search.CoarseToFineSearchCV, {"rounds": 3})],
    ids=["random", "coarse-to-fine"],
)
def test_an_interrupted_search_keeps_its_results_and_goes_on(arguments):
    kind, more = arguments
    search = kind(build, **QUIET, **more, max_trials=6)
    whole = kind(build, **QUIET, **more, max_trials=6)
    Interrupting.left = 26 if more else 20  # epochs: in the third trial, or in the third round
    fit = {"epochs": 3, "callbacks": lambda: [Interrupting()]}
    with pytest.raises(KeyboardInterrupt):
        search.fit(*blobs(), **fit)
    done = [r for r in search.records_ if r.state == "complete"]
    assert search.best_trial_ in done
    assert len(search.cv_results_["params"]) == sum(r.is_finished for r in search.records_)
    assert "val_accuracy" in search.summary()
    before = len(search.records_)
    search.fit(*blobs(), **fit)
    assert len(search.records_) > before or not more
    whole.fit(*blobs(), **fit)
    assert (search.best_params_, search.best_score_) == (whole.best_params_, whole.best_score_)


def test_a_search_that_fails_has_no_results_of_the_one_before():
    search = kb.search.RandomizedSearchCV(build, **QUIET, max_trials=2).fit(*blobs(), epochs=1)
    Interrupting.left = 1
    with pytest.raises(KeyboardInterrupt):
        search.fit(*blobs(), epochs=2, callbacks=lambda: [Interrupting()])
    assert not hasattr(search, "best_params_")


def test_an_exception_before_the_first_epoch_is_shown_as_it_is():
    class Hyper:
        def build(self, hp):
            return build(hp)

        def fit(self, hp, model, *args, **kwargs):
            raise ValueError("of my own")

    with pytest.raises(ValueError, match="of my own"):
        kb.search.RandomizedSearchCV(Hyper(), **QUIET, max_trials=1).fit(*blobs(), epochs=1)


def test_a_final_training_that_fails_leaves_the_results():
    class NeedsValidation(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            assert logs["val_loss"] >= 0

    search = kb.search.RandomizedSearchCV(build, **QUIET, max_trials=1, refit=True)
    with pytest.raises(KeyError, match="val_loss") as caught:
        search.fit(*blobs(), epochs=1, callbacks=[NeedsValidation()])
    assert "Only `refit` failed" in caught.value.__notes__[0]
    assert search.best_params_
    with pytest.raises(NotFittedError, match="final training failed"):
        search.predict(np.ones((2, 4)))


def test_objects_before_a_search_are_left_out_of_its_garbage_collection():
    gc.unfreeze()  # what tests/conftest.py does for all tests
    try:
        with quick_garbage_collection():
            assert (count := gc.get_freeze_count()) > 0
            with quick_garbage_collection():  # of a search within a search
                pass
            # It leaves that of others alone. Frozen objects that nothing refers to are freed.
            assert gc.get_freeze_count() > count / 2
        assert gc.get_freeze_count() == 0
    finally:
        gc.freeze()


def test_only_what_differs_is_said():
    x, y = blobs()
    shared = QUIET | {"storage": optuna.storages.InMemoryStorage(), "study_name": "s"}
    make = functools.partial(kb.search.GridSearchCV, finite, **shared, allow_lost_trials=True)
    make().fit(x, y, epochs=1)
    with pytest.raises(ValueError, match=r"Received: batch_size=8, while .* with no batch_size\."):
        make().fit(x, y, epochs=1, batch_size=8)


CHANGES = {
    "data": {"x": np.ones((90, 4), "float32")},
    "fit arguments": {"epochs": 2},
    "search space": {"hypermodel": lambda hp: compiled(hp.Choice("learning_rate", [1e-4, 0.1]))},
    "default model": {"hypermodel": lambda hp: penalized_finite(hp)},
}


def penalized_finite(hp):
    rate = hp.Choice("learning_rate", [1e-4, 0.1, 0.5])
    return compiled(rate, kernel_regularizer=keras.regularizers.L2(0.5))


@pytest.mark.parametrize(("what", "change"), CHANGES.items(), ids=CHANGES)
def test_a_study_is_not_continued_with_something_else(what, change):
    x, y = blobs()
    storage = optuna.storages.InMemoryStorage()
    shared = QUIET | {"storage": storage, "study_name": "s", "allow_lost_trials": True}

    def run(hypermodel=finite, x=x, epochs=1):
        search = kb.search.GridSearchCV(hypermodel, **shared, diagnose=False)
        return search.fit(x, y, epochs=epochs, callbacks=[keras.callbacks.TerminateOnNaN()])

    assert len(run().records_) == len(run().records_) == 3
    with pytest.raises(ValueError, match=f"continued with the same {what}"):
        run(**change)


def test_a_kerastuner_hypermodel_needs_no_changes():
    keras_tuner = pytest.importorskip("keras_tuner", reason="keras-tuner is not installed")

    class Hyper(keras_tuner.HyperModel):
        def build(self, hp):
            return build(hp)

    search = kb.search.RandomizedSearchCV(Hyper(), **QUIET, max_trials=1).fit(*blobs(), epochs=1)
    assert search.best_params_["learning_rate"] > 0


def test_pruning_takes_place_between_folds():
    def spread(hp):
        return compiled(hp.Choice("rate", [0.5, 0.4, 0.3, 0.2, 0.6, 1e-6, 2e-6]))

    search = kb.search.GridSearchCV(spread, **QUIET, diagnose=False).fit(*blobs(), epochs=4)
    assert [r.state for r in search.records_] == ["complete"] * 5 + ["pruned"] * 2
    assert [len(r.scores) for r in search.records_] == [3] * 5 + [1] * 2
    values = search.study_.trials[0].intermediate_values
    running = np.cumsum(search.records_[0].scores) / np.arange(1, 4)
    assert list(values.values()) == pytest.approx(running.tolist())
    assert list(values) == [0, 1, 2]
