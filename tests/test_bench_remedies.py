"""The benchmark of remedies: what counts as cured, and how it draws and counts."""

import json

from benchmarks.remedies import programs, table
from keras_babysit.findings import Finding, Severity

CASE = programs.Case("a", "class", list, 0, broken=0.5, repaired=(0.90, 0.92, 0.94))


def test_cured_is_within_two_deviations_of_the_repaired_programs_seeds():
    assert abs(CASE.needed - 0.88) < 1e-9
    scores = {0.89: "cured", 0.8: "improved", 0.52: "no difference", 0.3: "harms"}
    assert {score: CASE.effect(score) for score in scores} == scores


def test_programs_are_drawn_by_a_hash_of_their_names_and_need_a_known_score():
    drawn = programs.faulty(20)
    assert [one.id for one in drawn] == [one.id for one in programs.faulty()][:20]
    assert all(one.repaired and one.broken < 1 for one in drawn)


def test_a_warning_comes_before_a_note():
    note = Finding("a", Severity.NOTE, "", "a")
    warning = Finding("b", Severity.WARNING, "", "b")
    assert programs.first_of([note, warning]) is warning
    assert programs.first_of([note]) is note
    assert programs.first_of([]) is None


def test_the_page_holds_the_table_of_the_results():
    page = table.PAGE.read_text(encoding="utf-8")
    assert page.split(table.BEGIN)[1].split(table.END)[0] in ("", table.text())


def test_explanations_hold_what_the_first_remedies_did():
    assert json.loads(table.EXPLAINED.read_text(encoding="utf-8")) == table.efficacy()
    assert table.efficacy()
