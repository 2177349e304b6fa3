from dataclasses import replace

import pytest

from keras_babysit.actions import ClipGradients, ScaleLearningRate
from keras_babysit.findings import Change, Finding, Journal, Remedy, Severity
from keras_babysit.findings.journal import MAX_RENEWALS
from keras_babysit.findings.tried import Outcome, Tried


def findings(severity=Severity.WARNING, target="dense", rule="dead_units"):
    return Finding(
        rule, severity, target, "message", {"share": 0.5}, (Remedy("do", "code"),), "ref"
    )


def play(journal, *judgements):
    return [
        [event.change for event in journal.update(holding, step=10 * (index + 1), epoch=index)]
        for index, holding in enumerate(judgements)
    ]


def test_an_advice_is_told_once():
    journal = Journal()
    assert play(journal, [findings()], [findings()], [findings()]) == [[Change.OPENED], [], []]
    assert [(a.step, a.epoch) for a in journal.findings] == [(10, 0)]


def test_it_worsens_but_does_not_soften():
    journal = Journal()
    holding = [[findings(s)] for s in (Severity.NOTE, Severity.ERROR, Severity.WARNING)]
    assert play(journal, *holding) == [[Change.OPENED], [Change.WORSENED], []]
    assert journal.findings[0].severity is Severity.ERROR
    assert journal.findings[0].step == 10


def test_it_resolves_only_after_patience():
    journal = Journal(resolve_after=2)
    assert play(journal, [findings()], [], [findings()], [], []) == [
        [Change.OPENED],
        [],
        [],
        [],
        [Change.RESOLVED],
    ]
    assert journal.findings[0].resolved_step == 50


def rate(value, headroom=None):
    """Return a finding that asks for a learning rate, of the headroom if that was measured."""
    evidence = {"update_ratio": value} | ({} if headroom is None else {"headroom": headroom})
    change = ScaleLearningRate(0.1, rate=value)
    return Finding(
        "learning_rate_too_high",
        Severity.WARNING,
        "",
        f"Updates of {value}.",
        evidence,
        (Remedy(change.text, change=change),),
    )


def test_what_a_later_measurement_knows_better_renews_an_open_finding():
    journal = Journal()
    holding = [[rate(0.1)], [rate(0.2)], [rate(0.03, headroom=0.2)], [rate(0.04, headroom=0.3)]]
    assert play(journal, *holding) == [[Change.OPENED], [], [Change.RENEWED], []]
    (kept,) = journal.findings
    assert (kept.step, kept.epoch, kept.message) == (10, 0, "Updates of 0.03.")
    assert kept.remedies[0].change.rate == 0.03
    assert kept.is_open


def test_another_kind_of_first_remedy_renews_and_one_of_a_lower_severity_does_not():
    clip = Remedy("Clip the gradient.", change=ClipGradients(1.0))
    renewed = replace(rate(0.1), remedies=(clip,))
    journal = Journal()
    softer = replace(renewed, severity=Severity.NOTE)
    assert play(journal, [rate(0.1)], [softer], [renewed]) == [
        [Change.OPENED],
        [],
        [Change.RENEWED],
    ]
    assert journal.findings[0].remedies == (clip,)


def test_what_comes_and_goes_is_renewed_a_few_times_only():
    clip = replace(rate(0.1), remedies=(Remedy("Clip it.", change=ClipGradients(1.0)),))
    journal = Journal()
    found = play(journal, *[[rate(0.1)], [clip]] * 50)
    assert sum(changes == [Change.RENEWED] for changes in found) == MAX_RENEWALS
    play(journal, [], [], [])
    assert not journal.findings[0].is_open
    assert play(journal, [rate(0.1)], [clip]) == [[Change.OPENED], [Change.RENEWED]]


def test_what_a_remedy_did_stays_when_more_is_known():
    tried = Tried(Outcome.NOT_TRIED, "learning rate 0.1", reason="The run ended.")
    journal = Journal()
    with_effect = replace(rate(0.1), tried=tried)
    holding = [[rate(0.1)], [with_effect], [rate(0.03, headroom=0.2)]]
    assert play(journal, *holding) == [[Change.OPENED], [Change.TRIED], [Change.RENEWED]]
    assert journal.findings[0].tried == tried


def test_a_new_episode_opens_again():
    journal = Journal(resolve_after=1)
    assert play(journal, [findings()], [], [findings()])[2] == [Change.OPENED]
    assert [a.is_open for a in journal.findings] == [False, True]


def test_what_comes_and_goes_for_ever_takes_no_more_memory():
    journal = Journal(resolve_after=1)
    for step in range(0, 20_000, 2):
        journal.update([findings()], step=step, epoch=0)
        journal.update([], step=step + 1, epoch=0)
    kept = journal.findings
    assert [a.step for a in kept] == [0, *range(20_000 - 2 * 15, 20_000, 2)]
    assert [a.resolved_step for a in kept] == [a.step + 1 for a in kept]


def test_of_two_with_one_key_the_worse_counts():
    journal = Journal()
    journal.update([findings(Severity.NOTE), findings(Severity.ERROR)], step=1, epoch=0)
    assert [a.severity for a in journal.findings] == [Severity.ERROR]


def test_targets_and_rules_are_apart():
    journal = Journal()
    holding = [findings(), findings(target="other"), findings(rule="other")]
    assert len(journal.update(holding, step=1, epoch=0)) == 3


def test_json_and_back():
    original = replace(findings(), measured_step=7, needs_cause=True, cause="plateau")
    assert Finding.from_json(original.to_json()) == original


def test_a_record_of_an_earlier_version_is_read():
    record = findings().to_json()
    for field in ("cause", "measured_step", "needs_cause"):
        del record[field]
    assert Finding.from_json(record) == findings()


def test_patience_is_checked():
    with pytest.raises(ValueError, match=r"`resolve_after` must be at least 1\. Received: 0"):
        Journal(resolve_after=0)
