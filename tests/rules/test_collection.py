"""What is asked, by whom, and how often."""

import copy
import functools
import pickle

import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit import rules
from keras_babysit.checks import DEFAULT_CHECKS
from keras_babysit.facts import LayerFacts, WeightFacts
from keras_babysit.findings import CONDITIONS, Finding, Severity
from keras_babysit.history import History, Measurement
from keras_babysit.rules._cost import by_cost
from tests.rules.table import TABLE

COLLECTIONS = {"rule": rules.DEFAULT_RULES, "check": DEFAULT_CHECKS}


def half_dead(fraction=0.5):
    """Return a history whose first steps were long, and half of the units of a layer died."""
    made = History()
    relu = LayerFacts(activation_kind="rectifier", role="hidden")
    made.note(
        layers={"dense": relu},
        weights={"dense/kernel": WeightFacts(layer="dense", size=640, is_kernel=True)},
    )
    made.append(Measurement(0, 0, "loss/start", "", 2.3))
    for step in range(20):
        dead = fraction if step > 2 else 0.0
        gates = np.where(np.arange(100) < 100 * dead, 0.0, 1.0)
        made.append(Measurement(step, 0, "activations/dead_fraction", "dense", dead))
        made.append(Measurement(step, 0, "activations/gate_max", "dense", gates))
        ratio = 0.2 if step < 3 else 1e-3
        made.append(Measurement(step, 0, "updates/ratio", "dense/kernel", ratio))
        made.append(Measurement(step, 0, "loss/batch", "", 2.2))
    return made


def names_of(findings):
    return [one.rule for one in findings]


def as_records(findings):
    return [one.to_json() for one in findings]  # NaN is a text there, and equals itself


def chosen(*entries):
    return rules.DEFAULT_RULES.read(entries)


def test_a_rule_that_asks_another_one_asks_the_one_that_the_user_chose():
    def dead_units(history):
        return [one for one in rules.dead_units(history) if one.evidence["dead_fraction"] > 0.6]

    made = half_dead()
    assert names_of(chosen("learning_rate_too_high", "dead_units").judge(made)) == [
        "learning_rate_too_high",
        "dead_units",
    ]
    assert chosen("learning_rate_too_high", dead_units).judge(made) == []


def test_a_rule_that_was_left_out_is_asked_as_it_is_shipped():
    assert names_of(chosen("learning_rate_too_high").judge(half_dead())) == [
        "learning_rate_too_high"
    ]
    assert names_of(rules.learning_rate_too_high(half_dead())) == ["learning_rate_too_high"]


def test_each_rule_is_asked_once_in_a_judgement():
    calls = []

    def dead_units(history):
        calls.append(history)
        return []

    def asks_twice(history):
        return [*rules.ask(rules.dead_units, history), *rules.ask(rules.dead_units, history)]

    made = half_dead()
    assert chosen(asks_twice, "learning_rate_too_high", dead_units).judge(made) == []
    assert calls == [made]


def test_a_rule_of_ones_own_may_ask_the_one_that_it_replaces():
    def dead_units(history):
        return [one for one in rules.ask(rules.dead_units, history) if one.target != "dense"]

    assert names_of(rules.dead_units(half_dead())) == ["dead_units"]
    assert chosen("learning_rate_too_high", dead_units).judge(half_dead()) == []


def test_another_history_is_another_question():
    healthy, sick = half_dead(0.0), half_dead()

    def compares(history):
        return rules.ask(rules.dead_units, sick)

    assert names_of(chosen("dead_units", compares).judge(healthy)) == ["dead_units"]


def test_a_rule_that_fails_is_named_and_not_blamed_on_the_one_that_asks():
    def dead_units(history):
        raise KeyError("units")

    failed = []
    collection = chosen("learning_rate_too_high", dead_units)
    found = collection.judge(half_dead(), on_error=lambda rule, error: failed.append((rule, error)))
    assert names_of(found) == ["learning_rate_too_high"]  # as it is shipped
    ((rule, error),) = failed
    assert rule is dead_units
    assert isinstance(error, KeyError)
    with pytest.raises(KeyError) as caught:
        collection.judge(half_dead())
    assert caught.value.__notes__ == ["Raised by the rule dead_units at step 19"]


@pytest.mark.parametrize("wrong", [[3], ["dead_units"], 7])
def test_a_rule_returns_findings(wrong):
    with pytest.raises(TypeError):
        rules.Rules([lambda history: wrong]).judge(History())


@pytest.mark.parametrize("case", TABLE)
def test_a_judgement_is_what_each_rule_finds_alone(case):
    """And the same once more: asking leaves nothing behind."""
    _, made, _ = TABLE[case]
    with np.errstate(all="ignore"):
        alone = by_cost(made, [one for rule in rules.DEFAULT_RULES for one in rule(made)])
    judged, again = rules.DEFAULT_RULES.judge(made), rules.DEFAULT_RULES.judge(made)
    assert as_records(judged) == as_records(alone) == as_records(again)


# ---------------------------------------------------------------------------- by name


@pytest.mark.parametrize("kind", COLLECTIONS)
def test_a_collection_is_read_from_names_and_functions(kind):
    collection = COLLECTIONS[kind]
    first, second = collection.names[:2]
    changed = functools.partial(collection[second])
    assert collection.read([first, changed]).names == [first, second]
    assert collection.read(first).names == [first]
    assert first not in collection.without(first).names
    assert len(collection.read([*collection, lambda history: []])) == len(collection) + 1


@pytest.mark.parametrize("kind", COLLECTIONS)
@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (["dead_unit"], ValueError, "Unknown {0} 'dead_unit'. Available {0}s: {1}, "),
        ([3], TypeError, "Argument `{0}s` must hold functions or names of {0}s. Received: int"),
        (["{1}", "{1}"], ValueError, "{2}s must have distinct names. Received: '{1}' twice"),
    ],
)
def test_wrong_entries_are_refused(kind, wrong, error, message):
    collection = COLLECTIONS[kind]
    words = kind, collection.names[0], kind.capitalize()
    wrong = [one.format(*words) if isinstance(one, str) else one for one in wrong]
    with pytest.raises(error) as caught:
        collection.read(wrong)
    assert str(caught.value).startswith(message.format(*words))


# -------------------------------------------------------------------------- the decorator


def test_what_is_known_of_a_rule_is_read_through_changed_thresholds():
    changed = functools.partial(functools.partial(rules.dead_units, threshold=0.6), patience=5)
    assert rules.rule_name(changed) == "dead_units"
    assert CONDITIONS[rules.rule_name(changed)].title == "Dead units"


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_rules_are_copied_by_name(copied):
    assert copied(rules.dead_units) is rules.dead_units
    changed = copied(functools.partial(rules.dead_units, threshold=0.6))
    assert changed.func is rules.dead_units
    assert changed.keywords == {"threshold": 0.6}


@pytest.fixture
def own_rule():
    @rules.rule(title="Odd loss", explains=["plateau"], needs=["loss/batch"], is_fatal=True)
    def odd_loss(history):
        return [Finding("odd_loss", Severity.ERROR, "", "It is odd.")]

    yield odd_loss
    CONDITIONS.discard("odd_loss")


def test_a_rule_of_ones_own_takes_part_in_the_verdict(own_rule):
    history = History()
    history.append(Measurement(0, 0, "loss/batch", "", 1.0))
    found = [*rules.Rules([own_rule]).judge(history), Finding("plateau", Severity.WARNING, "", "")]
    verdict = kb.Report(history, found).verdict
    assert verdict.headline == "Odd loss"
    (cause,) = verdict.causes
    assert [group.rule for group in cause.symptoms] == ["plateau"]
    assert CONDITIONS["odd_loss"].is_fatal
    assert CONDITIONS.rank("odd_loss") > CONDITIONS.rank("validation_better_than_train")
