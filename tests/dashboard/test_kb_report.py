import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from keras_babysit.dashboard import kb_report
from keras_babysit.findings import Severity, Verdict
from keras_babysit.history import History
from keras_babysit.sinks import JsonLines
from keras_babysit.testing.sinks import FINDING, HOSTILE_NAMES, opened
from tests.dashboard.logs import event_run, json_run


def warned(severity=Severity.WARNING):
    return [opened(replace(FINDING, severity=severity), 20)]


@pytest.fixture
def run(capsys):
    def call(*arguments):
        status = kb_report.main([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return call


def test_summary_of_a_finished_run(run, tmp_path):
    event_run(tmp_path / "one", events=warned())
    status, out, _ = run(tmp_path)
    assert status == 0
    for words in (
        "one  finished",
        "1 warning",
        "Dead units",
        "Do this first: ",
        "optimizer.learning_rate = 1e-4",
        "monitoring took 0.4 s",
    ):
        assert words in out
    assert "since step 20" not in out  # only in the whole report
    assert "since step 20" in run(tmp_path, "--run", "one")[1]


@pytest.mark.parametrize(
    ("age", "says"),
    [(0, "running, or killed recently"), (9999, "incomplete: the run was killed")],
    ids=["running", "killed"],
)
def test_summary_of_a_running_and_of_a_killed_run(run, tmp_path, age, says):
    path = event_run(tmp_path / "one", ends=False)
    then = path.stat().st_mtime - age
    os.utime(path, (then, then))
    status, out, _ = run(tmp_path)
    assert status == 0
    assert says in out
    assert "loss 2 -> 0.0198 in 100 steps" in out


def test_truncated_file_is_read_up_to_its_last_complete_record(run, tmp_path):
    path = event_run(tmp_path)
    path.write_bytes(path.read_bytes()[:-9])
    os.utime(path, (0, 0))
    status, out, _ = run(tmp_path)
    assert status == 0
    assert "The last record is incomplete" in out
    assert "in 100 steps" in out


@pytest.mark.parametrize(
    ("severity", "fail_on", "status"),
    [
        (Severity.NOTE, "warning", 0),
        (Severity.WARNING, "warning", 1),
        (Severity.ERROR, "warning", 1),
        (Severity.WARNING, "error", 0),
        (Severity.NOTE, "note", 1),
    ],
)
def test_fails_on_findings_of_that_severity_or_above(run, tmp_path, severity, fail_on, status):
    json_run(tmp_path / "run.jsonl", events=warned(severity))
    assert run(tmp_path, "--fail-on", fail_on)[0] == status
    assert run(tmp_path)[0] == 0


@pytest.mark.parametrize(("rule", "status"), [("dead_units", 1), ("overfitting", 0)])
def test_fails_on_findings_of_a_rule(run, tmp_path, rule, status):
    json_run(tmp_path / "run.jsonl", events=warned(Severity.NOTE))
    assert run(tmp_path, "--fail-on", "error", "--fail-on", rule)[0] == status


def test_a_rule_of_ones_own_that_is_in_the_log_is_known(run, tmp_path):
    mine = [opened(replace(FINDING, rule="my_rule"))]
    json_run(tmp_path / "run.jsonl", events=mine)
    assert run(tmp_path, "--fail-on", "my_rule")[0] == 1


def test_a_rule_that_nobody_knows_is_an_error_rather_than_silence(run, tmp_path):
    json_run(tmp_path / "run.jsonl")
    status, _, err = run(tmp_path, "--fail-on", "dead_unitz")
    assert status == 2
    assert "Received: dead_unitz. Did you mean dead_units?" in " ".join(err.split())


def test_resolved_findings_do_not_fail(run, tmp_path):
    event_run(tmp_path)  # its error is resolved at the end
    assert run(tmp_path, "--fail-on", "note")[0] == 0


def test_one_bad_run_fails_also_next_to_an_empty_one(run, tmp_path):
    event_run(tmp_path / "bad", events=warned())
    sink = JsonLines(tmp_path / "empty.jsonl")
    sink.on_start(History())
    sink.close()
    assert run(tmp_path, "--fail-on", "warning")[0] == 1


def test_run_without_measurements_is_not_well(run, tmp_path):
    sink = JsonLines(tmp_path / "run.jsonl")
    sink.on_start(History())
    sink.close()
    status, out, _ = run(tmp_path, "--fail-on", "warning")
    assert status == 2
    assert "Nothing was measured" in out


def test_folder_without_runs_shows_how_to_write_one(run, tmp_path):
    (tmp_path / "events.out.tfevents.1.host").write_bytes(b"\x00")
    status, _, err = run(tmp_path)
    assert status == 2
    assert 'kb.Babysitter(log_dir="...")' in err


def test_missing_folder(run, tmp_path):
    status, _, err = run(tmp_path / "nowhere")
    assert status == 2
    assert "No such folder" in err


def test_json_has_one_record_per_run(run, tmp_path):
    event_run(tmp_path / "a", events=warned())
    json_run(tmp_path / "b.jsonl")
    status, out, _ = run(tmp_path, "--json", "--fail-on", "warning")
    first, second = json.loads(out)["runs"]
    assert status == 1
    assert (first["name"], first["state"], first["report"]["worst"]) == ("a", "finished", "WARNING")
    assert (second["name"], second["report"]["worst"]) == ("b.jsonl", None)
    verdicts = [Verdict.from_json(one["report"]["verdict"]) for one in (first, second)]
    assert [one.headline for one in verdicts] == [
        'Dead units in "dense"',
        "No open problems (1 resolved)",
    ]


def test_page_of_one_run_and_of_many(run, tmp_path):
    event_run(tmp_path / "logs" / "a", events=warned())
    run(tmp_path / "logs", "--html", tmp_path / "a.html")
    assert "dead_units" in (tmp_path / "a.html").read_text()
    event_run(tmp_path / "logs" / "b" / "c")
    run(tmp_path / "logs", "--html", tmp_path / "pages")
    assert {p.name for p in (tmp_path / "pages").iterdir()} == {"a.html", "b_c.html"}
    run(tmp_path / "logs", "--run", "b/c", "--html", tmp_path / "c.html")
    assert "steps" in (tmp_path / "c.html").read_text()


def test_several_runs_need_a_folder_for_their_pages(run, tmp_path):
    event_run(tmp_path / "a")
    event_run(tmp_path / "b")
    status, _, err = run(tmp_path, "--html", tmp_path / "one.html")
    assert status == 2
    assert "--run" in err


def test_unknown_run_is_named(run, tmp_path):
    event_run(tmp_path / "a")
    status, _, err = run(tmp_path, "--run", "z")
    assert (status, "No run named z" in err) == (2, True)


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_names_cannot_steer_the_terminal(run, tmp_path, name):
    sick = replace(FINDING, rule=name, target=name, message=name)
    event_run(tmp_path, layers=(name,), events=[opened(sick, 20)])
    status, out, _ = run(tmp_path)
    assert status == 0
    assert not set("\x1b\x07\x00\u202e") & set(out)


def test_command_is_installed_with_the_package(tmp_path):
    (point,) = entry_points(group="console_scripts", name="kb-report")
    assert point.value == "keras_babysit.dashboard.kb_report:main"
    json_run(tmp_path / "run.jsonl", events=warned())
    command = [Path(sys.executable).parent / "kb-report", tmp_path, "--fail-on", "warning"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Dead units" in done.stdout
