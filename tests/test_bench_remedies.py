"""The benchmark of remedies: what counts as cured, and how it draws and counts."""

import json

import numpy as np
import pytest

from benchmarks.remedies import intervals, programs, table
from keras_babysit.findings import Finding, Severity
from keras_babysit.remedies.scoring import Score
from tests.remedies.programs import program

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


class Noise:
    """Stands for the trainings of a trial: losses that vary with the seed and the example.

    Args:
        odd: Factor of the changed losses of the first three seeds.
    """

    def __init__(self, odd):
        self.program = program()
        self._odd = odd

    def score(self, changes, kind, seed):
        rng = np.random.default_rng([len(changes), seed])
        size = self._odd if changes and seed < 3 else 1.0
        return Score(size * np.exp(0.1 * rng.normal() + 0.1 * rng.normal(size=64)), None)


@pytest.mark.parametrize(("odd", "fewest", "most"), [(1.0, 5, 6), (1e-3, 0, 5)])
def test_intervals_agree_unless_replicates_differ_by_more_than_they_say(odd, fewest, most):
    found = intervals._count(Noise(odd))
    assert fewest <= found["covered"] <= most
    assert found["intervals"] == 6
    assert found["same"] == intervals.DRAWS
    assert found["helps"] + found["harms"] <= 0.1 * intervals.DRAWS
