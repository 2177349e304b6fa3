import json
from dataclasses import replace

import pytest

import keras_babysit as kb
from keras_babysit.facts import LayerFacts, WeightFacts
from keras_babysit.findings import Finding, Remedy, Severity, Verdict, verdict_of
from keras_babysit.history import History, Measurement
from keras_babysit.sinks import Report

FIX = Remedy("Lower the learning rate to 3e-4.", "optimizer.learning_rate = 3e-4")
OTHER = Remedy("Use another activation.")
DEAD = Finding("dead_units", Severity.WARNING, "fc1", "It is dead.", {"x": 1}, (OTHER,), step=5)
RATE = Finding("learning_rate_too_high", Severity.WARNING, "", "Too high.", {}, (FIX,), step=5)
NOTE = Finding("class_imbalance", Severity.NOTE, "targets[0]", "90 % are of one class.")
NOTICE = Finding("not_watched", Severity.NOTE, "", "Layers not measured.")
NOT_DONE = Finding("not_done", Severity.WARNING, "", "`stop_on` is disabled.")


def history(*hidden):
    made = History()
    layers = {name: LayerFacts(role="hidden") for name in hidden}
    weights = {"fc1/kernel": WeightFacts(), "fc2/kernel": WeightFacts()}
    made.note(layers=layers | {"out": LayerFacts(role="output")}, weights=weights)
    made.append(Measurement(5, 0, "logs/loss", "", 0.5))
    return made


def on(*targets, finding=DEAD):
    return [replace(finding, target=target) for target in targets]


@pytest.mark.parametrize(
    ("findings", "headline"),
    [
        ([], "No problems found"),
        ([NOTE], "No problems found (1 note)"),
        ([NOTICE], "No problems found, but layers were not measured"),
        ([NOTICE, NOTE], "No problems found, but layers were not measured (1 note)"),
        ([replace(DEAD, resolved_step=9)], "No open problems (1 resolved)"),
        ([replace(DEAD, resolved_step=9), NOTE], "No open problems (1 note, 1 resolved)"),
        (on("fc1"), 'Dead units in "fc1"'),
        (on("fc1", "fc2"), "Dead units in 2 of 3 hidden layers"),
        (on("fc1", "fc2", "fc3"), "Dead units in all 3 hidden layers"),
        (on("fc1", "out"), "Dead units in 2 layers"),
        (on("fc1/kernel", "fc2/kernel"), "Dead units in 2 weights"),
        (on("fc1", "fc1/kernel"), "Dead units in 2 parts of the model"),
        (on("inputs[0]", "inputs[1]"), "Dead units in 2 inputs"),
        ([*on("fc1"), *(replace(o, resolved_step=9) for o in on("fc2"))], 'Dead units in "fc1"'),
        ([RATE, DEAD], "Learning rate too high"),
        ([DEAD, replace(DEAD, rule="overfitting", target="")], 'Dead units in "fc1", and 1 more'),
    ],
)
def test_the_headline_says_what_is_wrong_and_where(findings, headline):
    made = verdict_of(findings, history("fc1", "fc2", "fc3"))
    assert made.headline.removesuffix(" problem") == headline


@pytest.mark.parametrize("notice", [NOTICE, NOT_DONE])
def test_a_notice_does_not_change_the_headline_where_layers_were_measured(notice):
    made = history()
    made.append(Measurement(5, 0, "activations/std", "fc1", 1.0))
    assert verdict_of([notice], made).headline == "No problems found"


def test_silence_is_no_all_clear_where_nothing_was_measured():
    assert verdict_of([], History()).headline == "Nothing was measured"
    made = history()
    made.note(broke_off="ValueError: no")
    assert verdict_of([], made).headline == "Monitoring stopped early: ValueError: no"


def test_errors_of_single_outputs_are_no_error_of_the_model():
    needed = ("score/error", "reference/constant_error")
    checked = {}
    for target in ("train", "train/price"):
        made = history("fc1")
        for name in needed:
            made.append(Measurement(9, 0, name, target, 0.5))
        checked[target] = {one.rule for one in verdict_of([], made).not_checked}
    assert checked["train/price"] - checked["train"] >= {"underfitting"}


def test_symptoms_are_folded_under_their_cause():
    verdict = verdict_of([DEAD, RATE], history("fc1"))
    (cause,) = verdict.causes
    assert (cause.rule, [group.rule for group in cause.symptoms]) == (RATE.rule, [DEAD.rule])
    assert verdict.do_first == FIX  # that of the cause
    assert verdict.severity is Severity.WARNING


def test_a_finding_that_comes_and_goes_is_one_entry():
    episodes = [replace(DEAD, step=step, resolved_step=step + 3) for step in (0, 10, 20)]
    (cause,) = verdict_of([*episodes, replace(DEAD, step=30)], history("fc1")).causes
    assert len(cause.findings) == 4
    assert cause.root.targets == ["fc1"]
    assert cause.is_open
    assert not cause.symptoms


def test_what_is_over_asks_for_nothing():
    verdict = verdict_of([replace(RATE, resolved_step=9), NOTE], history())
    assert verdict.do_first is None
    assert verdict.severity is Severity.NOTE
    assert verdict_of([replace(RATE, resolved_step=9)], history()).severity is None


def test_what_was_not_checked_is_no_cause():
    verdict = verdict_of([NOTICE, NOT_DONE, replace(NOTICE, resolved_step=3), DEAD], history())
    assert [cause.rule for cause in verdict.causes] == ["dead_units"]
    assert verdict.not_checked[:2] == (NOTICE, NOT_DONE)
    assert all(one.evidence["not_measured"] for one in verdict.not_checked[2:])
    assert "dead_units" not in [one.rule for one in verdict.not_checked]  # it was found
    alone = verdict_of([NOTICE], history(), not_checked=[])
    assert alone.not_checked == (NOTICE,)
    assert alone.is_well


@pytest.mark.parametrize("findings", [[], [DEAD, RATE, NOTE, NOTICE]])
def test_json_and_back(findings):
    verdict = verdict_of(findings, history("fc1"))
    record = json.loads(json.dumps(verdict.to_json(), allow_nan=False))
    assert Verdict.from_json(record) == verdict
    report = Report(history("fc1"), findings)
    assert report.verdict == verdict
    assert kb.Verdict.from_json(json.loads(report.to_json())["verdict"]) == verdict


def test_the_order_does_not_depend_on_what_comes_first():
    findings = [DEAD, RATE, NOTE, NOTICE]
    assert verdict_of(findings, history()) == verdict_of(findings[::-1], history())


def test_a_report_shows_the_order_of_the_verdict():
    report = Report(history("fc1"), [NOTICE, NOTE, DEAD, RATE])
    text = str(report).partition("\n\n")[2]  # the headline apart
    order = [RATE.message, "dead units", NOTE.message, NOTICE.message]
    assert sorted(order, key=text.index) == order
