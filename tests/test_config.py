"""The address of the documentation, and where it is shown."""

import io

import pytest

import keras_babysit as kb
from keras_babysit import config
from keras_babysit.errors import KerasBabysitWarning
from keras_babysit.findings import Change, Event, verdict_of
from keras_babysit.presentation.card import verdict_card
from keras_babysit.presentation.verdict_view import view

DEAD = kb.Finding("dead_units", kb.Severity.WARNING, "dense", "80 of 100 units are dead.")
OWN = kb.Finding("a_rule_of_mine", kb.Severity.WARNING, "dense", "Something.")
PAGE = "https://docs.example.org/findings/dead_units.html"


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    monkeypatch.setattr(config, "_SETTINGS", {"doc_url": ""})


def panel(finding):
    stream = io.StringIO()
    kb.sinks.Console(stream).on_events([Event(Change.OPENED, finding, finding.step, 0)])
    return stream.getvalue()


def card(finding):
    return verdict_card(view(verdict_of([finding], kb.History())))


def report(finding):
    return kb.Report(kb.History(), [finding], None).to_html()


@pytest.mark.parametrize("shown", [panel, card, report])
def test_a_finding_names_the_code_or_links_to_the_page(shown):
    code = 'kb.explain("dead_units")' if shown is panel else "kb.explain(&quot;dead_units&quot;)"
    assert code in shown(DEAD)
    assert PAGE not in shown(DEAD)
    kb.config.set_doc_url("https://docs.example.org/")
    assert PAGE in shown(DEAD)
    assert code not in shown(DEAD)


@pytest.mark.parametrize("shown", [panel, card, report])
def test_a_rule_of_ones_own_has_no_page(shown):
    kb.config.set_doc_url("https://docs.example.org")
    assert "docs.example.org" not in shown(OWN)
    assert "kb.explain" not in shown(OWN)


def test_the_terminal_gets_one_short_line(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    (line,) = (one for one in panel(DEAD).splitlines() if "explain" in one)
    assert len(line) <= 80


@pytest.mark.parametrize("url", ["docs.example.org", "javascript:alert(1)", "ftp://x"])
def test_an_address_must_be_one(url):
    with pytest.raises(ValueError, match="must begin with https://"):
        kb.config.set_doc_url(url)


def test_the_environment_sets_it_or_warns(monkeypatch):
    monkeypatch.setenv(config.ENVIRONMENT, "https://docs.example.org/")
    assert config._from_environment() == "https://docs.example.org"
    monkeypatch.setenv(config.ENVIRONMENT, "docs")
    with pytest.warns(KerasBabysitWarning, match="is not used"):
        assert config._from_environment() == ""
