"""The reports of the diagnosis benchmark: well-formed, and judged as they say."""

import math
from types import SimpleNamespace

import keras
import pytest

from benchmarks.diagnosis.program import HALVES
from benchmarks.diagnosis.record import How, path_of, record
from benchmarks.diagnosis.reports import KINDS, REPORTS, programs, section, validity
from benchmarks.diagnosis.reports.answers import Seen, answer, grade, is_wrong, load_all
from benchmarks.diagnosis.reports.conditions import CONDITIONS
from benchmarks.diagnosis.reports.expectation import Expectation
from benchmarks.diagnosis.reports.expectations import EXPECTED
from benchmarks.diagnosis.reports.report import SECOND, SHOWN
from keras_babysit.findings import Severity
from keras_babysit.rules import DEFAULT_RULES

HERE = [r for r in REPORTS.values() if keras.backend.backend() in r.backends]


@pytest.mark.parametrize(
    "report",
    [
        pytest.param(r, id=r.name, marks=[pytest.mark.any_backend] * ("torch" in r.backends))
        for r in HERE
        if not r.pretrains
    ],
)
def test_both_programs_build(report):
    for is_repaired in (False, True):
        training = report.build(is_repaired=is_repaired)
        assert training.model.optimizer is not None
        assert training.fit["epochs"] >= 1
        assert "verbose" not in training.fit


@pytest.mark.parametrize("report", REPORTS.values(), ids=lambda r: r.name)
def test_report_has_thread_story_and_expectation(report):
    assert report.address.startswith("https://")
    assert report.kind in KINDS
    assert report.story.endswith(".")
    expected = EXPECTED[report.name]
    assert expected.names
    assert set(expected.names) | set(expected.symptoms) <= set(CONDITIONS)
    assert not set(expected.names) & set(expected.symptoms)
    assert all(words == words.lower() and words for words in expected.wrong)


def test_every_expectation_is_of_a_report():
    assert set(EXPECTED) == set(REPORTS)
    assert set(SHOWN) | set(SECOND) < set(REPORTS)
    assert not set(SHOWN) & set(SECOND)


def test_conditions_list_rules_that_exist():
    known = {*DEFAULT_RULES.names, "flight_recorder"}
    assert {rule for meaning in CONDITIONS.values() for rule in meaning.rules} <= known


def test_both_halves_have_reports_of_both_sizes():
    halves = [p.half for p in programs() if p.id.endswith("-faulty")]
    assert min(halves.count(half) for half in HALVES) > len(halves) / 3


def test_both_programs_of_a_report_are_in_one_half():
    by_family = {}
    for program in programs():
        by_family.setdefault(program.family, set()).add(program.half)
    assert {len(halves) for halves in by_family.values()} == {1}


EXPECTATION = Expectation(("not_shuffled",), ("stuck",), ("dropout",))


def one(rule, severity=Severity.WARNING, step=3):
    return Seen(rule, severity, step)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ([], "all well"),
        ([one("plateau", Severity.NOTE)], "all well"),
        ([one("unshuffled_data", Severity.NOTE)], "all well"),
        ([one("unshuffled_data")], "first"),
        ([one("plateau"), one("unshuffled_data")], "named"),
        ([one("dead_units", Severity.NOTE), one("unshuffled_data")], "first"),
        ([one("dead_units"), one("plateau")], "symptom"),
        ([one("dead_units")], "missed"),
    ],
)
def test_grade(shown, expected):
    assert grade(shown, EXPECTATION) == expected


def test_note_names_a_fault_only_where_a_note_is_enough():
    enough = Expectation(("not_shuffled",), note_counts=True)
    assert grade([one("unshuffled_data", Severity.NOTE)], enough) == "first"
    assert grade([one("plateau", Severity.NOTE)], enough) == "all well"


def test_remedy_is_wrong_by_its_words():
    assert is_wrong({"text": "Raise Dropout to 0.5.", "code": ""}, EXPECTATION)
    assert is_wrong({"text": "Change it.", "code": "keras.layers.Dropout(0.5)"}, EXPECTATION)
    assert not is_wrong({"text": "Shuffle the data.", "code": ""}, EXPECTATION)
    assert not is_wrong(None, EXPECTATION)


@pytest.mark.parametrize(
    ("faulty", "repaired", "expected"),
    [
        ([0.1, 0.2, 0.1], [0.9, 0.8, 0.9], True),
        ([0.1, 0.2, 0.9], [0.9, 0.8, 0.8], False),
        ([0.90, 0.91, 0.90], [0.91, 0.92, 0.91], False),
        ([0.1], [0.9], False),
        ([0.1, 0.88], [0.9, 0.9], False),
    ],
    ids=["clear", "worse-with-one-seed", "too-little", "one-seed", "within-the-error"],
)
def test_validity_needs_a_clear_difference(faulty, repaired, expected):
    assert validity.is_valid({"faulty": faulty, "repaired": repaired}) is expected


def test_validity_is_of_reports_that_exist():
    assert set(validity.load()) <= set(REPORTS)
    assert not validity.is_valid(None)


@pytest.mark.any_backend
def test_recorded_run_is_graded(tmp_path):
    [faulty] = [p for p in programs() if p.id == "softmax-of-one-unit-faulty"]
    how = How(tmp_path, every=10, seconds=math.inf)
    record(faulty, how)
    found = answer(faulty, path_of(faulty, tmp_path))
    assert found["grade"] == "first"
    assert found["wrong"] is False
    assert "lead" not in found


def test_no_stored_answer_shows_more_than_grades_of_what_nobody_looks_at():
    programs_by_id = {p.id: p for p in programs()}
    for stored in load_all():
        for name, found in stored["answers"].items():
            report, _, variant = name.rpartition("-")
            is_hidden = variant == "faulty" and name in programs_by_id
            is_hidden = is_hidden and programs_by_id[name].half == "test"
            if is_hidden or report in SECOND:
                assert set(found) <= {"grade", "alarm", "wrong", "lead", "error"}


def test_page_holds_the_section_of_the_stored_answers():
    page = section.PAGE.read_text(encoding="utf-8")
    _, _, rest = page.partition(section.START)
    assert rest.partition(section.END)[0].strip() == section.text().strip()


def test_section_counts_each_group_apart():
    answers = {f"{name}-faulty": {"grade": "first", "wrong": False} for name in REPORTS}
    answers |= {f"{name}-repaired": {"alarm": "warning"} for name in REPORTS}
    about = SimpleNamespace(label="now", backend="torch").__dict__
    rows = section.overall([{"about": about, "answers": answers}])
    assert [row[1] for row in rows] == list(section.GROUPS)
    first = len(REPORTS) - len(SHOWN) - len(SECOND)
    sizes = [len(SECOND), first, len(SHOWN)]
    counted = [rows[0], rows[3], rows[4]]
    assert [row[2] for row in counted] == [f"1.00 ({n}/{n})" for n in sizes]
    assert [row[8] for row in counted] == [f"1.00 ({n}/{n})" for n in sizes]
    assert rows[3][9] == f"0.00 (0/{first})"


def test_a_group_without_answers_has_no_row():
    answers = {f"{name}-faulty": {"grade": "first", "wrong": False} for name in SHOWN}
    about = SimpleNamespace(label="now", backend="torch").__dict__
    rows = section.overall([{"about": about, "answers": answers}])
    assert [row[1] for row in rows] == ["shown before"]
