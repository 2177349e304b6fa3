"""The figures of docs/accuracy.md on a sample: recall may not fall, no healthy program may alarm.

The sample is written by `python benchmarks/diagnosis sample` from recordings of real runs. The
rules are replayed over it, so that a changed rule is judged in seconds; a few programs run live.
"""

import json
import math

import numpy as np
import pytest

from benchmarks.diagnosis import faults, judge, outcomes, zoo
from benchmarks.diagnosis.labels import CAUSES, SYMPTOMS
from benchmarks.diagnosis.program import Label, Program
from benchmarks.diagnosis.record import Divergence, How, all_programs, path_of, record
from benchmarks.diagnosis.replay import read_recording, replay, signature
from benchmarks.diagnosis.sample import SAMPLE, thin
from benchmarks.diagnosis.verdict import Verdict, figures
from keras_babysit.findings import Finding, Severity
from keras_babysit.rules import DEFAULT_RULES

CATALOGUE = set(DEFAULT_RULES.names)
PROGRAMS = {p.id: p for p in all_programs()}
SAMPLED = [p for p in PROGRAMS.values() if path_of(p, SAMPLE).exists()]
sampled = pytest.mark.skipif(
    not SAMPLED, reason="tests/data/diagnosis is absent: python benchmarks/diagnosis sample"
)

HOW_OFTEN = 10
"""Steps between measurements of the live runs: a budget of time would depend on the machine."""

LIVE = {
    "rate-explodes-friedman-sgd-1000": False,
    "dead-digits-mlp-most": False,
    "dl-50306988-buggy": False,
    "cancer-logistic-0": True,
}
"""Whether the program is healthy, by id."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Return the folder of the recordings once there is one of the program of this name."""
    how = How(tmp_path_factory.mktemp("recordings"), HOW_OFTEN, seconds=math.inf)

    def folder_with(name):
        if not path_of(PROGRAMS[name], how.folder).exists():
            record(PROGRAMS[name], how)
        return how.folder

    return folder_with


@pytest.fixture(scope="module")
def verdicts():
    return judge.judge(SAMPLED, folder=SAMPLE)[0] if SAMPLED else []


@sampled
def test_sample_no_healthy_program_alarms(verdicts):
    said = [judge.one_line(v) for v in verdicts if v.is_false_alarm]
    assert said == []


@sampled
def test_sample_recall_does_not_fall(verdicts):
    expected = json.loads((SAMPLE / "expected.json").read_text(encoding="utf-8"))["found"]
    lost = [judge.one_line(v) for v in verdicts if v.program.id in expected and not v.is_found]
    gained = [v for v in verdicts if v.is_found and v.program.id not in expected]
    assert len(lost) <= len(gained), lost


@sampled
def test_sample_is_small_and_broad():
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*.gz")) < 1_000_000
    healthy = [p for p in SAMPLED if p.label.is_healthy]
    assert len(healthy) >= 25
    assert len(SAMPLED) - len(healthy) >= 25


@pytest.mark.any_backend
@pytest.mark.parametrize("name", LIVE, scope="module")  # both tests of a program, then the next
def test_live_run_is_judged_rightly(recorded, name):
    [verdict], _ = judge.judge([PROGRAMS[name]], folder=recorded(name))
    assert not verdict.error
    if LIVE[name]:
        assert verdict.alarms == []
    else:
        assert verdict.is_found, verdict.reported()


@pytest.mark.any_backend
@pytest.mark.parametrize("name", LIVE, scope="module")
def test_replay_says_what_the_live_run_said(recorded, name):
    recording = read_recording(path_of(PROGRAMS[name], recorded(name)))
    live, replayed = recording.live(), replay(recording)
    assert signature(replayed) == signature(live)
    assert {(a.key, a.step) for a in replayed} == {(a.key, a.step) for a in live}
    assert any(a.severity >= Severity.WARNING for a in live) != LIVE[name]


@pytest.mark.any_backend
def test_thinning_keeps_first_and_last_judgement(recorded):
    name = "cancer-logistic-0"
    records = read_recording(path_of(PROGRAMS[name], recorded(name))).records
    thinned = thin(records, 8)
    steps = [[r["step"] for r in some if r["type"] == "judgement"] for some in (records, thinned)]
    assert len(steps[1]) < len(steps[0])
    assert (steps[1][0], steps[1][-1]) == (steps[0][0], steps[0][-1])


def test_every_rule_of_the_catalogue_has_three_faulty_programs():
    # From the table of faults: PyTorch alone runs all of them.
    cases = {(f.name, base, how): f.names for f in faults.FAULTS for base, how, _ in f.cases}
    names = [rule for rules in cases.values() for rule in rules]
    assert {rule for rule in CATALOGUE if names.count(rule) < 3} == set()
    assert set(names) <= CATALOGUE


def verdict_on(names, accepts, *said):
    label = Label(frozenset(names), frozenset(accepts), words=tuple(names))
    program = Program("p", "p", "faults", label, build=lambda: None)
    findings = tuple(Finding(rule, severity, "", "", step=step) for rule, severity, step in said)
    return Verdict(program, findings, 100)


def test_verdict_tells_cause_from_symptom_and_note():
    wide = ("unscaled_inputs", Severity.WARNING, 40)
    dead, note = ("dead_units", Severity.ERROR, 20), ("dead_units", Severity.NOTE, 0)
    label = (["unscaled_inputs"], ["dead_units"])
    both, symptom, nothing = (verdict_on(*label, *said) for said in ([dead, wide], [dead], [note]))
    assert (both.is_found, both.is_noticed, both.is_first_right) == (True, True, False)
    assert both.found_at == 0.4
    assert (symptom.is_found, symptom.is_noticed) == (False, True)
    assert (nothing.is_noticed, nothing.alarms) == (False, [])
    healthy = verdict_on([], [], dead)
    counts = figures([both, symptom, nothing, healthy])
    assert [str(c) for c in (counts.recall, counts.noticed, counts.first, counts.alarms)] == [
        "0.33 (1/3)",
        "0.67 (2/3)",
        "0.00 (0/3)",
        "1.00 (1/1)",
    ]


def test_verdict_counts_a_note_where_the_fault_is_one():
    note = ("not_zero_centered", Severity.NOTE, 10)
    assert verdict_on(["not_zero_centered"], [], note).is_found
    assert not verdict_on(["dead_units"], [], ("dead_units", Severity.NOTE, 10)).is_found


def test_labels_name_rules_of_the_catalogue():
    table = [*SYMPTOMS.values(), *CAUSES.values()]
    others = [p for p in PROGRAMS.values() if p.part != "reports"]  # see tests/test_reports.py
    accepted = {rule for p in others for rule in p.label.accepts}
    assert {rule for rules in table for rule in rules} | accepted <= CATALOGUE


def test_programs_are_distinct_and_halves_keep_families_together():
    assert len(PROGRAMS) == len(all_programs())
    halves = {(p.family, p.half) for p in PROGRAMS.values()}
    assert len(halves) == len({family for family, _ in halves})


def test_outcomes_are_of_programs_that_exist():
    assert set(outcomes.load()) <= {*faults.recipes(), *zoo.recipes()}


def test_rules_are_counted_where_they_were_right_and_wrong():
    spoke = ("plateau", Severity.WARNING, 10)
    verdicts = [
        verdict_on(["plateau"], [], spoke),
        verdict_on(["dead_units"], ["plateau"], spoke),
        verdict_on(["dead_units"], [], spoke),
        verdict_on([], [], spoke),
        verdict_on([], []),
    ]
    counts = judge.rule_counts(verdicts)
    assert counts["plateau"] == {"right": 2, "wrong": 2}
    assert counts["dead_units"] == {"right": 0, "wrong": 0}
    assert set(counts) == set(DEFAULT_RULES.names)


def divergence_of(*losses, epochs=1):
    callback = Divergence()
    for _ in range(epochs):
        callback.on_epoch_begin(0)
        for count in range(1, len(losses) + 1):
            callback.on_train_batch_end(count - 1, {"loss": float(np.mean(losses[:count]))})
    return callback.step


def test_divergence_is_found_in_the_mean_loss_that_keras_reports():
    assert divergence_of(2.0, 1.0, 5.0, 1.0, epochs=3) is None
    assert divergence_of(2.0, 1.0, math.nan, 1.0) == 3
    assert divergence_of(2.0, 1.0, 7.0, 8.0, 9.0) == 3
    assert divergence_of(2.0, 1.0, 7.0, 8.0, 5.0) is None
