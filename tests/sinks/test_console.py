import contextlib
import io
import re
from dataclasses import replace

import keras
import pytest
from rich.cells import cell_len

from keras_babysit.actions import ScaleLearningRate
from keras_babysit.findings import Change, Event, Finding, Remedy, Severity
from keras_babysit.history import History, Measurement, Overhead
from keras_babysit.sinks import Console, Report
from keras_babysit.sinks._finding_text import reported
from keras_babysit.testing.sinks import HOSTILE_NAMES, opened

CODE = "model.compile(\n    optimizer=keras.optimizers.Adam(1e-4),  # " + "long " * 30 + "\n)"
DEAD = Finding(
    "dead_units",
    Severity.WARNING,
    "hidden/dense_1",
    "81 of 100 units are dead.",
    {"dead_fraction": 0.8125, "examples": 2048},
    (Remedy("Lower the learning rate.", CODE), Remedy("Use LeakyReLU.", "LeakyReLU(0.1)")),
    'Lu et al., "Dying ReLU and Initialization", 2019.',
)


class Terminal(io.StringIO):
    """A terminal of a given width; `screen()` returns its contents."""

    encoding = "utf-8"

    def isatty(self):
        return True

    def screen(self):
        lines, column = [""], 0
        for part in re.findall(r"\x1b\[[\d;]*[A-Za-z]|.|\n", self.getvalue()):
            if part == "\n":
                lines.append("")
                column = 0
            elif part == "\r":
                column = 0
            elif part == "\b":
                column = max(0, column - 1)
            elif part == "\x1b[2K":
                lines[-1] = ""
            elif not part.startswith("\x1b"):
                lines[-1] = lines[-1][:column].ljust(column) + part + lines[-1][column + 1 :]
                column += 1
        return [line.rstrip() for line in lines]


@pytest.fixture
def terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    return terminal


def printed(*events, **kwargs):
    stream = io.StringIO()
    Console(stream, **kwargs).on_events(events)
    return stream.getvalue()


def test_panel_has_all_parts_of_a_finding():
    text = printed(opened(DEAD, 1240))
    for words in (
        "WARNING",
        "Dead units",
        "hidden/dense_1",
        "step 1,240, epoch 1",
        "81 of 100 units are dead.",
        "dead_fraction 0.812",
        "examples 2,048",
        "1. Lower the learning rate.",
        "2. Use LeakyReLU.",
        "Lu et al.",
        'To silence: kb.Babysitter(rules=kb.DEFAULT_RULES.without("dead_units"))',
    ):
        assert words in text
    assert "LeakyReLU(0.1)" not in text  # the other remedies take one line


def test_code_can_be_copied():
    code = [line[5:] for line in printed(opened(DEAD)).splitlines() if line.startswith("     ")]
    assert "\n".join(code) == CODE.replace(" \n", "\n")


@pytest.mark.parametrize(("columns", "width"), [(40, 40), (80, 80), (100, 100), (200, 100)])
def test_panel_fits_the_terminal(monkeypatch, columns, width):
    monkeypatch.setenv("COLUMNS", str(columns))
    short = replace(DEAD, remedies=(Remedy("Lower the learning rate.", "x = 1"),))
    lines = printed(opened(short, 123_456)).splitlines()
    assert max(cell_len(line) for line in lines) <= width
    assert cell_len(lines[1]) == cell_len(lines[-1]) == width or columns < 80


def test_findings_on_many_layers_are_one_panel():
    text = printed(*(opened(replace(DEAD, target=f"dense_{i}")) for i in range(30)))
    assert text.count("To silence:") == text.count("Dead units in 30 layers") == 1
    assert 'Also in "dense_1", "dense_2", "dense_3", "dense_4", and 25 more.' in " ".join(
        text.split()
    )


def test_evidence_of_several_layers_is_a_range():
    findings = [
        replace(DEAD, target=str(s), evidence={"dead_fraction": s}) for s in (0.9, 0.4, 0.5)
    ]
    assert "dead_fraction 0.4 to 0.9" in printed(*map(opened, findings))


def test_resolved_is_one_line():
    resolved = Event(Change.RESOLVED, replace(DEAD, step=10, resolved_step=50), 50, 0)
    assert printed(resolved).strip() == (
        "✓ resolved Dead units in hidden/dense_1 at step 50, after 40 steps"
    )


def test_renewed_is_one_line_with_what_to_do_first():
    change = ScaleLearningRate(0.1, rate=3e-4)
    known = replace(DEAD, remedies=(Remedy(change.text, change=change),))
    shown = printed(opened(DEAD), Event(Change.RENEWED, known, 50, 1))
    line = "→ Dead units, after more measurements: Lower the learning rate to 0.0003."
    assert shown.strip().splitlines()[-1].strip() == line
    assert shown.count("To silence:") == 1


def test_a_renewed_note_is_not_printed():
    note = replace(DEAD, severity=Severity.NOTE)
    assert printed(Event(Change.RENEWED, note, 50, 1)) == ""


def test_a_renewed_finding_is_no_alert():
    events = [opened(DEAD), Event(Change.RENEWED, DEAD, 50, 1)]
    assert reported(events) == [[opened(DEAD).finding]]
    assert reported(events[1:]) == []


def test_worsened_is_marked():
    worse = Event(Change.WORSENED, replace(DEAD, severity=Severity.ERROR), 70, 2)
    assert "ERROR Dead units" in printed(worse)
    assert "worse at step 70, epoch 3" in printed(worse)


def test_silent_console_prints_nothing(capsys):
    sink = Console(verbose=0)
    sink.on_start(History())
    sink.on_measurements([Measurement(1, 0, "loss/batch", "", 1.0)])
    sink.on_events([opened(DEAD)])
    sink.on_end(Report(History(), [DEAD], Overhead(0.1, 10.0, 1)))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("verbose", [-1, 2, "auto", None])
def test_refuses_another_verbosity(verbose):
    with pytest.raises(
        ValueError, match=rf"`verbose` must be 0 or 1. Received: verbose={verbose!r}"
    ):
        Console(verbose=verbose)


def test_progress_bar_is_not_torn(terminal):
    with contextlib.redirect_stdout(terminal):
        bar = keras.utils.Progbar(10, interval=0)
        sink = Console()
        for step in range(1, 11):
            bar.update(step, [("loss", 0.1)])  # Keras 3.10 shows the mean
            if step == 5:
                sink.on_events([opened(DEAD)])
    lines = terminal.screen()
    assert lines[0].startswith("── WARNING Dead units")
    assert lines[-3] == "─" * 80
    assert lines[-2].startswith("10/10 ━")
    assert lines[-2].endswith("loss: 0.1000")
    assert [line for line in lines if "/10" in line] == [lines[-2]]


def test_panel_starts_on_a_line_of_its_own_in_a_pipe(capsys):
    bar = keras.utils.Progbar(10, interval=0)
    bar.update(5, [("loss", 1.0)])
    Console().on_events([opened(DEAD)])
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("── WARNING Dead units") for line in lines)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_terminals_without_unicode(encoding):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    events = [opened(replace(DEAD, target=f"schicht_ß_層_{i}")) for i in range(9)]
    sink = Console(stream)
    sink.on_events(events)
    sink.on_events([Event(Change.RESOLVED, replace(DEAD, resolved_step=9), 9, 0)])
    sink.on_end(Report(History(), [DEAD], None))
    text = raw.getvalue().decode(encoding)
    assert "-- WARNING Dead units in 9 layers ---" in text
    assert "* resolved" in text


def test_no_colour_is_respected(monkeypatch, terminal):
    monkeypatch.setenv("NO_COLOR", "1")
    Console(terminal).on_events([opened(DEAD)])
    assert not re.search(r"\x1b\[[\d;]*3\dm", terminal.getvalue())


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_names_cannot_steer_the_terminal(terminal, name):
    Console(terminal).on_events([opened(replace(DEAD, target=name, message=f"{name} is sick"))])
    assert set(re.findall(r"\x1b\[[\d;]*[A-Za-z]|\x07", terminal.getvalue())) <= {
        "\x1b[2K",
        *(f"\x1b[{style}m" for style in ("0", "1", "2", "2;3", "33", "1;33", "36")),
    }
    assert len(terminal.screen()) < 40


def test_summary_closes_the_run():
    stream = io.StringIO()
    history = History()
    history.append(Measurement(10, 0, "loss/batch", "", 0.5))
    Console(stream).on_end(Report(history, [], Overhead(0.9, 153.1, 31)))
    lines = stream.getvalue().split("\n")[1:-1]
    assert lines[0] == "keras-babysit: No problems found"
    assert lines[2].startswith("Not checked, as what they need was not measured: ")
    assert lines[-2:] == [
        "loss 0.5 -> 0.5 in 10 steps",
        "monitoring took 0.9 s of 153.1 s (0.6 %, 31 measurements)",
    ]


def test_the_summary_has_headline_and_first_remedy_but_no_message_again():
    stream = io.StringIO()
    Console(stream).on_end(Report(History(), [replace(DEAD, step=10)], None))
    lines = stream.getvalue().splitlines()
    assert lines[1] == 'keras-babysit: Dead units in "hidden/dense_1"  (1 warning)'
    assert lines[3] == "Do this first: Lower the learning rate."
    assert lines[4] == "    model.compile("
    assert "WARNING  Dead units  since step 10" in lines
    assert "81 of 100" not in stream.getvalue()


def test_a_symptom_takes_a_line_under_its_cause():
    rate = Finding("learning_rate_too_high", Severity.WARNING, "", "too long steps", step=3)
    gone = Finding(
        "loss_explosion",
        Severity.ERROR,
        "",
        "the loss is 90",
        step=3,
        cause="learning_rate_too_high",
    )
    stream = io.StringIO()
    sink = Console(stream)
    sink.on_events([Event(Change.OPENED, one, 3, 0) for one in (rate, gone)])
    text = stream.getvalue()
    assert text.count("──") >= 2
    assert "→ ERROR Loss explosion, caused by learning rate too high: the loss is 90" in text
    assert text.index("too long steps") < text.index("Loss explosion")
