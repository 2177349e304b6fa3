"""Trials of remedies: what helps, what does not, and that nothing of the user's is changed."""

import random
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit import actions
from keras_babysit.dashboard import kb_report
from keras_babysit.errors import ControlFailedError
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.presentation.trial_table import read_trials
from keras_babysit.remedies import (
    Change,
    Effect,
    Interval,
    Row,
    ScaleBatchSize,
    ScaleLearningRate,
    SetActivation,
    SetFromLogits,
    SetInitializer,
    StandardizeInputs,
    StandardizeTargets,
    TrainLonger,
    Trial,
)
from keras_babysit.remedies import trials as module
from keras_babysit.remedies.judging import Pair, disagree
from keras_babysit.remedies.reading import read_data
from keras_babysit.remedies.scoring import Score
from keras_babysit.remedies.trials import Trials
from tests.remedies.programs import blobs, network

pytestmark = pytest.mark.any_backend

BUDGET = {"budget": "1h", "epochs": 4}  # no result depends on the speed of the machine


def test_a_rate_that_is_far_too_low_is_helped_by_a_higher_one_and_not_by_a_lower_one():
    changes = [ScaleLearningRate(1000.0), ScaleLearningRate(0.001)]
    trial = kb.try_remedies(network(rate=1e-4), *blobs(), changes=changes, **BUDGET)
    assert [row.effect for row in trial.rows[:2]] == [Effect.HELPS, Effect.UNDECIDED]
    assert [row.seeds for row in trial.rows[:2]] == [5, 1]  # the better half
    # One that helps is followed by higher ones as long as these are better.
    assert [row.changes for row in trial.rows[2:3]] == [(ScaleLearningRate(10_000.0),)]
    assert trial.best.ratio.high < 1
    model = trial.program.build(0)
    rate = 1e-4 * trial.best.changes[0].factor
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == pytest.approx(rate)


def test_a_diverging_training_is_helped_by_what_makes_it_finite():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0), "mse", run_eagerly=True)
    x, _ = blobs(scale=1e4)
    y = x.sum(axis=1, keepdims=True)
    changes = [StandardizeInputs(), ScaleLearningRate(1e-10)]
    trial = kb.try_remedies(model, x, y, changes=changes, seeds=2, **BUDGET)
    found = {type(row.changes[0]).__name__: row for row in trial.rows[:2]}
    assert not np.isfinite(trial.rows[0].control)
    assert found["ScaleLearningRate"].effect in (Effect.HELPS, Effect.UNDECIDED)
    assert trial.best is not None


def test_scaled_targets_are_scored_in_the_units_that_were_given():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=True)
    x, _ = blobs()
    y = 1000 + x[:, :1]
    trial = kb.try_remedies(model, x, y, changes=[StandardizeTargets()], **BUDGET)
    row = trial.rows[0]
    assert row.effect is Effect.HELPS
    assert row.remedy < row.control
    assert row.ratio.high < 1
    assert row.remedy > 1e-6  # not the loss in the new units divided away


def test_remedies_of_findings_are_tried_and_the_ones_that_help_combined():
    remedies = (
        Remedy(
            "Initialize the layer with random weights.", change=actions.SetInitializer(("hidden",))
        ),
        Remedy("Look at it.", no_change_because=actions.LOOKS),
    )
    text = "All units are equal."
    finding = Finding("symmetric_units", Severity.ERROR, "hidden", text, remedies=remedies)
    model = network(kernel_initializer="zeros", bias_initializer="zeros", rate=0.3)
    trial = kb.try_remedies(model, *blobs(), findings=[finding], **BUDGET | {"epochs": 8})
    assert [type(row.changes[0]) for row in trial.rows] == [SetInitializer]
    assert trial.rows[0].effect is Effect.HELPS
    assert "helps" in str(trial)
    assert "helps" in trial._repr_html_()
    assert trial.left_to_people == remedies[1:]


@pytest.mark.parametrize(
    ("factor", "effect", "is_tried"),
    [(1000.0, Effect.HELPS, False), (0.001, Effect.NO_DIFFERENCE, True)],
    ids=["the-cause-is-remedied", "its-remedy-makes-no-difference"],
)
def test_symptoms_are_treated_only_where_no_remedy_of_their_cause_helps(factor, effect, is_tried):
    cause = Finding(
        "cause",
        Severity.WARNING,
        "",
        "It is slow.",
        remedies=(Remedy("Change it.", change=actions.ScaleLearningRate(factor)),),
    )
    change = actions.SetActivation(("hidden",), "tanh")
    symptom = Finding(
        "symptom",
        Severity.WARNING,
        "hidden",
        "It shows.",
        remedies=(Remedy("Treat it.", change=change),),
        cause="cause",
    )
    given = {"findings": [symptom, cause]} | BUDGET
    trial = kb.try_remedies(network(rate=1e-4), *blobs(), **given)
    rows = [row for row in trial.rows if len(row.changes) == 1]
    known = {type(row.changes[0]).__name__: row for row in reversed(rows)}
    assert known["ScaleLearningRate"].effect is effect
    assert (known["SetActivation"].effect is not Effect.NOT_TRIED) == is_tried


def test_the_leader_gets_its_replicates_before_the_others(monkeypatch):
    trained = []
    train = Trials._train

    def seen(self, program, seed, changes=(), *others):
        if changes and (changes[0].factor, seed) not in trained:
            trained.append((changes[0].factor, seed))
        return train(self, program, seed, changes, *others)

    monkeypatch.setattr(Trials, "_train", seen)
    changes = [ScaleLearningRate(factor) for factor in (0.5, 1000.0, 300.0)]
    kb.try_remedies(network(rate=1e-4), *blobs(), changes=changes, seeds=4, **BUDGET)
    assert trained[:3] == [(0.5, 0), (1000.0, 0), (300.0, 0)]
    first, second = trained[3][0], trained[5][0]
    assert {first, second} == {1000.0, 300.0}
    assert trained[3:7] == [(first, 1), (first, 2), (second, 1), (second, 2)]


def cause(rule, *changes):
    remedies = tuple(Remedy("Change it.", change=change) for change in changes)
    return Finding(rule, Severity.WARNING, "", "It is wrong.", remedies=remedies)


def test_remedies_are_combined_in_the_rank_of_their_causes_not_by_their_effect():
    findings = [
        cause("short", actions.TrainLonger(3)),
        cause("slow", actions.ScaleLearningRate(3.0), actions.ScaleLearningRate(30.0)),
    ]
    trial = kb.try_remedies(network(rate=0.01), *blobs(), findings=findings, seeds=5, **BUDGET)
    assert trial.rows[-1] is trial.best
    assert [type(one) for one in trial.best.changes] == [TrainLonger, ScaleLearningRate]
    alone = {row.changes[0]: row for row in trial.rows if len(row.changes) == 1}
    rate = trial.best.changes[1]  # of the remedies of the second cause the one that helps most
    assert alone[rate].ratio.mean < alone[TrainLonger(3)].ratio.mean
    assert alone[rate].ratio.mean < alone[ScaleLearningRate(3.0)].ratio.mean
    assert trial.program.epochs == 3 * BUDGET["epochs"]
    built = trial.program.build(0).optimizer.learning_rate
    assert float(keras.ops.convert_to_numpy(built)) == pytest.approx(0.01 * rate.factor)


@pytest.mark.parametrize("is_symptom", [True, False], ids=["of-a-symptom", "of-the-same-cause"])
def test_other_remedies_are_tried_on_top(is_symptom):
    slow, short = actions.ScaleLearningRate(30.0), actions.TrainLonger(3)
    findings = [cause("slow", slow), replace(cause("short", short), cause="slow")]
    if not is_symptom:
        findings = [cause("slow", slow, short)]
    trial = kb.try_remedies(network(rate=0.01), *blobs(), findings=findings, seeds=5, **BUDGET)
    assert {type(one) for one in trial.best.changes} == {ScaleLearningRate, TrainLonger}
    alone = [row for row in trial.rows if row.changes == (TrainLonger(3),)]
    assert (alone[0].effect is Effect.NOT_TRIED) == is_symptom


def test_what_does_not_help_on_top_says_so():
    findings = [
        cause("slow", actions.ScaleLearningRate(30.0)),
        replace(cause("other", actions.ScaleBatchSize(size=200)), cause="slow"),
    ]
    trial = kb.try_remedies(network(rate=0.01), *blobs(), findings=findings, seeds=5, **BUDGET)
    (row,) = (row for row in trial.rows if row.changes == (ScaleBatchSize(size=200),))
    assert row.effect is Effect.NOT_TRIED
    assert "nothing helped on top" in row.reason
    assert all(len(row.changes) == 1 for row in trial.rows)


def test_a_budget_of_so_many_trainings_is_spent_on_as_many(monkeypatch):
    """The control of a replicate is trained once, whatever number of remedies it is beside."""
    clock, trained = [0.0], []
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def train(self, program, seed, changes=(), *others):
        clock[0] += 1.0
        trained.append((changes, seed))
        self._seconds_per_epoch.append(1.0 / program.epochs)
        loss = np.array([1.0 + 0.1 * seed - 0.2 * len(changes), 1.0])
        return Score(loss, loss)

    monkeypatch.setattr(Trials, "_train", train)
    changes = [SetActivation((), name) for name in ("tanh", "elu", "gelu")]
    given = {"changes": changes, "seeds": 2}
    kb.try_remedies(network(), *blobs(), budget=7.0, epochs=4, verbose=0, **given)
    assert len(trained) == 7  # the control twice, three remedies once, two of them once more


def test_two_horizons_disagree_where_most_replicates_do():
    def pair(control, remedy):
        return Pair(*(Score(np.array([one]), None) for one in (control, remedy)))

    better, worse = pair(1.0, 0.5), pair(1.0, 2.0)
    assert disagree([better, better, worse], [worse, worse])
    assert not disagree([better, better, worse], [better, worse, better])
    assert not disagree([better], [])


@pytest.mark.parametrize(
    ("effect", "best", "words"),
    [
        (Effect.HELPS, True, "Best: Use batches of 64 examples."),
        (Effect.UNDECIDED, False, "No remedy is shown to help. A larger `budget`"),
        (Effect.HARMS, False, "No remedy helps."),
    ],
)
def test_a_trial_says_what_follows(effect, best, words, tmp_path):
    change = ScaleBatchSize(size=64)
    row = Row((change,), effect, "loss", 0.5, 0.25, Interval(-0.25, -0.35, -0.15), 3)
    trial = Trial((row,), row if best else None, None)
    trial.to_json(tmp_path / "trial.json")
    shown = str(trial)
    assert "-0.25 ± 0.1" in shown
    ratio = replace(row, ratio=Interval(0.5, 0.25, 0.8))
    assert "\u00d7 0.5 [0.25, 0.8]" in Trial((ratio,), None, None)._repr_html_()
    assert words in shown
    assert words in trial._repr_html_()
    assert words in next(iter(read_trials(str(tmp_path))))[2]


def test_remedies_that_were_not_tried_are_counted_below_the_table(tmp_path):
    tried = Row((ScaleBatchSize(size=64),), Effect.HARMS, "loss", 0.5, 0.6, Interval(1, 1, 1), 3)
    left = [
        Row((ScaleLearningRate(factor),), Effect.NOT_TRIED, reason="the budget was spent.")
        for factor in (2.0, 3.0)
    ]
    trial = Trial((tried, *left), None, None)
    trial.to_json(tmp_path / "trial.json")
    _, rows, below = next(iter(read_trials(str(tmp_path))))
    sentence = "2 more remedies were not tried: the budget was spent."
    for shown in (str(trial), trial._repr_html_(), below):
        assert sentence in shown
        assert "learning rate" not in shown
    assert len(rows) == 1
    assert "learning rate by 2" in str(Trial(tuple(left), None, None))


@pytest.mark.parametrize("width", [80, 100])
def test_no_column_and_no_word_of_the_table_is_cut_off(monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    change, interval = Interval(-0.03, -0.07, 0.02), Interval(0.00089, 0.00012, 0.0012)
    scored = (Effect.NO_DIFFERENCE, "error", 0.0641, 1.05e36, change, 5, 1.0, "", interval)
    rows = (
        Row((SetFromLogits(False),), *scored),
        Row((SetActivation(("x",)),), Effect.NOT_APPLICABLE, reason="The model has no such layer."),
    )
    shown = str(Trial(rows, None, None))
    assert all(len(line) <= width for line in shown.splitlines())
    words = ("`from_logits=False`", "applicable", "1.05e+36", "0.0012]", "seeds", "5")
    assert all(word in shown.split() for word in words)


def test_a_page_of_a_trial_follows_the_colors_of_its_reader(tmp_path):
    row = Row((ScaleBatchSize(size=64),), Effect.UNDECIDED, "loss", 0.5, 0.6, None, 1)
    Trial((row,), None, None).to_html(tmp_path / "trial.html")
    page = (tmp_path / "trial.html").read_text(encoding="utf-8")
    assert ":root{color-scheme:light dark}" in page
    assert "<td>undecided</td>" in page


def test_the_control_is_watched_where_no_findings_are_given():
    model = network(rate=1e-5)
    trial = kb.try_remedies(model, *blobs(), **BUDGET, seeds=2)
    assert trial.findings
    assert any(isinstance(row.changes[0], ScaleLearningRate) for row in trial.rows)
    assert all(len(line) <= 100 for line in str(trial).splitlines())


def test_without_a_finding_there_is_nothing_to_try():
    trial = kb.try_remedies(network(), *blobs(), findings=[], **BUDGET)
    assert trial.rows == ()
    assert trial.best is None
    assert str(trial).startswith("No remedy was tried")


def test_what_cannot_be_applied_and_what_fails_is_one_row_with_its_reason():
    class Broken(Change):
        text, code = "Break it.", ""

        def apply(self, program):
            raise RuntimeError("it is broken")

    changes = [SetActivation(("nowhere",)), Broken()]
    trial = kb.try_remedies(network(), *blobs(), changes=changes, **BUDGET)
    assert [row.effect for row in trial.rows] == [Effect.NOT_APPLICABLE, Effect.FAILED]
    assert "nowhere" in trial.rows[0].reason
    assert "it is broken" in trial.rows[1].reason


def test_a_program_that_cannot_be_trained_is_an_error_not_a_failed_remedy():
    x, y = blobs()
    narrow = (x[:, :2], y)
    changes = [ScaleLearningRate(10.0)]
    with pytest.raises(ControlFailedError, match="must train without a change") as raised:
        kb.try_remedies(network(), x, y, changes=changes, validation_data=narrow, **BUDGET)
    assert "\n" not in str(raised.value)
    assert "\x1b" not in str(raised.value)


def test_where_all_fail_that_is_said():
    row = Row((ScaleBatchSize(size=64),), Effect.FAILED, reason="ValueError: it is broken")
    assert Trial((row,), None, None).conclusion == "No remedy could be tried."


def test_a_watched_control_does_not_count_as_the_length_of_a_training():
    trial = kb.try_remedies(network(rate=1e-5), *blobs(), budget=1e-9, epochs=4)
    assert {row.reason for row in trial.rows} == {"the budget was spent."}


def test_a_budget_that_is_spent_leaves_remedies_untried():
    changes = [ScaleLearningRate(10.0), ScaleLearningRate(100.0)]
    trial = kb.try_remedies(network(), *blobs(), changes=changes, budget=1e-9, epochs=1)
    assert [row.effect for row in trial.rows] == [Effect.NOT_TRIED] * 2
    assert trial.rows[-1].reason == "the budget was spent."
    assert trial.best is None


def test_what_is_known_is_returned_after_an_interruption():
    class Interrupted(Change):
        text, code = "Wait.", ""

        def apply(self, program):
            raise KeyboardInterrupt

    changes = [ScaleLearningRate(1000.0), Interrupted()]
    trial = kb.try_remedies(network(rate=1e-4), *blobs(), changes=changes, **BUDGET)
    assert [row.effect for row in trial.rows] == [Effect.UNDECIDED, Effect.NOT_TRIED]
    assert trial.rows[0].seeds == 1
    assert "Interrupted" in str(trial)
    assert "Interrupted" in trial._repr_html_()


class Batches(keras.utils.PyDataset):
    """Batches of 50 `blobs`."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        x, y = blobs()
        return x[50 * index : 50 * index + 50], y[50 * index : 50 * index + 50]


def test_a_dataset_that_can_be_read_again_is_read_once_in_its_order():
    (x, y, weight), fit = read_data(Batches(), None, None)
    np.testing.assert_array_equal(x, blobs()[0])
    np.testing.assert_array_equal(y, blobs()[1])
    assert weight is None
    assert fit == {"batch_size": 50, "shuffle": False}
    changes = [ScaleLearningRate(1000.0)]
    trial = kb.try_remedies(network(rate=1e-4), Batches(), changes=changes, seeds=2, **BUDGET)
    assert trial.rows[0].remedy < trial.rows[0].control


@keras.saving.register_keras_serializable("tests")
class Own(keras.Model):
    """A subclassed classifier of `blobs`."""

    def __init__(self, units=8, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.hidden = keras.layers.Dense(units, "relu", name="hidden")
        self.classes = keras.layers.Dense(3, "softmax")

    def call(self, inputs):
        return self.classes(self.hidden(inputs))

    def get_config(self):
        return {"units": self.units}


def test_of_a_subclassed_model_all_but_the_layers_is_changed():
    model = Own()
    model.compile(keras.optimizers.SGD(1e-4), "sparse_categorical_crossentropy", run_eagerly=True)
    model(blobs()[0][:1])
    changes = [ScaleLearningRate(1000.0), SetActivation(("hidden",), "tanh")]
    trial = kb.try_remedies(model, *blobs(), changes=changes, seeds=2, **BUDGET)
    assert trial.rows[0].remedy < trial.rows[0].control
    assert trial.rows[1].effect is Effect.NOT_APPLICABLE
    assert trial.rows[1].reason == "The model is subclassed: change its layers in your code."


def test_the_program_of_a_run_is_tried_on_its_reference_sample(tmp_path, capsys):
    x, y = blobs()
    model = network(rate=1e-4)
    sitter = kb.Babysitter(verbose=0, log_dir=tmp_path)
    with pytest.raises(RuntimeError, match="after `fit`"):
        sitter.try_remedies()
    model.fit(x, y, epochs=4, batch_size=25, verbose=0, callbacks=[sitter])
    weights = model.get_weights()
    changes = [ScaleLearningRate(1000.0)]
    trial = sitter.try_remedies(changes=changes, seeds=2, budget="1h")
    assert trial.rows[0].remedy < trial.rows[0].control
    assert trial.program.fit["batch_size"] == 25
    assert trial.program.epochs == 4
    assert trial.program.size + len(trial.program.validation[0]) == len(x)
    assert kb_report.main([str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "Remedies that were tried" in shown
    assert "Multiply the learning" in shown
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.each_backend
def test_nothing_of_the_user_is_changed():
    keras.utils.set_random_seed(3)
    model = network()
    x, y = blobs()
    model.fit(x, y, epochs=1, verbose=0)
    keras.random.uniform((1,))  # Keras' global generator is in use
    weights, copies = model.get_weights(), (x.copy(), y.copy())
    states = random.getstate(), np.random.get_state()[1].copy()

    def drawn():
        return np.asarray(keras.ops.convert_to_numpy(keras.random.uniform((3,))))

    kb.try_remedies(model, x, y, changes=[ScaleLearningRate(2.0)], **BUDGET)
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(x, copies[0])
    np.testing.assert_array_equal(y, copies[1])
    assert random.getstate() == states[0]
    np.testing.assert_array_equal(np.random.get_state()[1], states[1])
    after_trial, name = drawn(), keras.layers.Dense(1).name
    keras.utils.set_random_seed(3)
    other = network()
    other.fit(x, y, epochs=1, verbose=0)
    keras.random.uniform((1,))
    np.testing.assert_array_equal(after_trial, drawn())
    number = int(name.rsplit("_", 1)[-1])
    assert keras.layers.Dense(1).name == f"dense_{number + 1}"


class ReadOnce:
    """Batches of 50 `blobs`, which can be read once."""

    def __init__(self):
        self._batches = iter([Batches()[index] for index in range(4)])

    def __iter__(self):
        return self._batches


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"budget": "soon"}, ValueError, "`budget` must be a time above 0"),
        ({"seeds": 1}, ValueError, "`seeds` must be at least 2"),
        ({"validation_split": 0.5}, ValueError, "must not be among"),
        ({"callbacks": [keras.callbacks.History()]}, TypeError, "must hold only"),
        ({"y": None}, TypeError, "must be arrays"),
        ({"x": iter([]), "y": None}, TypeError, "must be arrays"),
        ({"x": ReadOnce(), "y": None}, TypeError, "4 batches at its first reading and none"),
        ({"y": blobs(150)[1]}, ValueError, "200 inputs and 150 targets"),
        ({"validation_data": (blobs()[0][:0], blobs()[1][:0])}, ValueError, "0 inputs and 0"),
    ],
    ids=[
        *("budget", "seeds", "split", "callbacks", "no-targets", "generator"),
        *("read-once", "fewer-targets", "no-validation-examples"),
    ],
)
def test_bad_input_raises_before_anything_is_trained(arguments, error, message):
    x, y = blobs()
    with pytest.raises(error, match=message):
        kb.try_remedies(network(), **{"x": x, "y": y} | arguments)


def test_too_few_examples_to_hold_some_out_are_refused():
    with pytest.raises(ValueError, match=r"at least 20 validation examples\. Received: 50"):
        kb.try_remedies(network(), *blobs(50))
