"""Every condition that can be reported has a title, a rank, and a way to silence it, or none."""

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.findings import CONDITIONS, Condition, Conditions
from keras_babysit.rules import DEFAULT_RULES, RANKED, Rule

NAMES = [condition.name for condition in CONDITIONS]
WATCHED = [*DEFAULT_RULES.names, "flight_recorder", "rescue"]


@pytest.mark.parametrize("name", [*WATCHED, *kb.checks.DEFAULT_CHECKS.names])
def test_the_code_that_silences_a_condition_runs(name, monkeypatch):
    chosen = {}
    monkeypatch.setattr(kb, "check", lambda model, x, y, checks: chosen.update(checks=checks))
    monkeypatch.setattr(kb, "Babysitter", lambda **arguments: chosen.update(arguments))
    eval(CONDITIONS.silence(name), {"kb": kb, "model": None, "x": None, "y": None})
    if name in WATCHED[-2:]:
        assert not any(chosen.values())
    else:
        (collection,) = chosen.values()
        assert name not in collection.names
        assert len(collection) in (len(DEFAULT_RULES) - 1, len(kb.checks.DEFAULT_CHECKS) - 1)


@pytest.mark.parametrize("name", ["not_watched", "not_done", "my_rule", 'a"b'])
def test_what_cannot_be_silenced_has_no_code(name):
    assert CONDITIONS.silence(name) == ""


def test_titles_are_distinct_phrases():
    titles = [CONDITIONS[name].title for name in NAMES]
    assert len(set(titles)) == len(titles)
    for title in titles:
        assert title[0].isupper()
        assert "_" not in title
        assert len(title) <= 50


def test_conditions_explain_conditions_that_exist_and_never_themselves():
    for condition in CONDITIONS:
        assert set(condition.explains) <= set(NAMES), condition.name
        assert condition.name not in condition.explains
        assert len(set(condition.explains)) == len(condition.explains), condition.name


def test_the_list_is_the_rank():
    names = [one.condition.name if isinstance(one, Rule) else one.name for one in RANKED]
    ranks = [CONDITIONS.rank(name) for name in names]
    assert ranks == list(range(len(names)))
    assert CONDITIONS.rank("nobody_knows") == len(list(CONDITIONS))


def test_a_condition_that_is_registered_again_keeps_its_rank():
    known = Conditions()
    for name in ("a", "b", "c"):
        known.add(Condition(name), silence=f"off({name})")
    known.put_first(["c"])
    known.add(Condition("c", title="New"))
    assert [known.rank(name) for name in ("c", "a", "b", "d")] == [0, 1, 2, 3]
    assert (known["c"].title, known.silence("c")) == ("New", "off(c)")


def test_what_is_fatal_can_lose_the_weights_at_once():
    fatal = {condition.name for condition in CONDITIONS if condition.is_fatal}
    assert fatal == {"non_finite_values", "loss_explosion"}


@pytest.fixture(scope="module")
def watched():
    """The history of a run in which everything could be measured."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(160, 6)).astype("float32")
    y = (x[:, 0] > 0).astype("int64")
    layers = [keras.layers.Dense(8, "relu"), keras.layers.Dense(2, "softmax")]
    model = keras.Sequential([keras.Input((6,)), *layers])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    sitter = kb.Babysitter(every=5, verbose=0)
    model.fit(x, y, epochs=4, validation_split=0.2, verbose=0, callbacks=[sitter])
    return sitter


def test_a_run_that_is_measured_has_all_that_the_rules_need(watched):
    assert [one.message for one in watched.verdict.not_checked] == []


def test_what_was_not_measured_is_named():
    history = kb.History()
    history.append(kb.Measurement(5, 0, "logs/loss", "", 0.5))
    notes = {one.rule: one for one in kb.Report(history, []).verdict.not_checked}
    assert set(notes) == {one.name for one in CONDITIONS if one.needs} - {
        "non_finite_values",
        "not_learning",
        "oscillating_loss",
        "stopped_early",
        "wrong_monitor_direction",
    }
    assert notes["dead_units"].message == (
        "Not checked: Dead units. Not measured: Activation, standard deviation."
    )
    assert notes["dead_units"].evidence == {"not_measured": ["activations/std"]}


def test_rules_that_the_user_left_out_are_not_named_as_not_checked():
    history = kb.History()
    history.append(kb.Measurement(5, 0, "logs/loss", "", 0.5))
    history.note(rules=("dead_units", "my_own_rule"))
    again = kb.History.from_jsonl(history.to_jsonl())
    for one in (history, again):
        assert [note.rule for note in kb.Report(one, []).verdict.not_checked] == ["dead_units"]


def test_a_run_knows_its_rules(watched):
    assert watched.history.facts.rules == tuple(kb.DEFAULT_RULES.names)


def test_a_condition_needs_facts_that_there_are():
    assert Condition("mine", needs=("facts/data | loss/batch",)).needs
    with pytest.raises(ValueError, match=r"must name facts of a run.*Received: 'facts/dta'"):
        Condition("mine", needs=("loss/batch", "facts/dta | facts/data"))
