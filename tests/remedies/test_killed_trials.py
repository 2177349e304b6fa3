"""A trial that is interrupted or killed, as a user does it: what it returns, and what it leaves."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.any_backend,
    pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals"),
]

SCRIPT = """
import signal

signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background ignores it

import keras_babysit as kb
from keras_babysit.remedies import Change, ScaleLearningRate
from tests.remedies.programs import blobs, network


class Endless(Change):
    text, code = "Wait.", ""

    def apply(self, program):
        print("waiting", flush=True)
        return program.with_fit(epochs=10**9)


changes = [ScaleLearningRate(1000.0), Endless()]
print(kb.try_remedies(network(rate=1e-4), *blobs(), changes=changes, epochs=4, budget="1h"))
"""


def stopped(folder, how):
    """Start a trial in a folder, send it a signal in its last training; return code and output."""
    places = {"TMPDIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        cwd=folder,
        env=os.environ | places,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        next(line for line in lines if "waiting" in line)
        process.send_signal(how)
        try:
            rest, _ = process.communicate(timeout=300)
        finally:
            process.kill()  # if it goes on
    return process.returncode, rest


def test_ctrl_c_ends_a_trial_with_what_is_known(tmp_path):
    code, printed = stopped(tmp_path, signal.SIGINT)
    assert code == 0
    assert "Multiply the learning" in printed
    assert "Interrupted: these are the results so far." in printed
    assert list(tmp_path.iterdir()) == []


def test_a_trial_that_is_killed_leaves_nothing_behind(tmp_path):
    code, printed = stopped(tmp_path, signal.SIGKILL)
    assert code != 0
    assert printed == ""
    assert list(tmp_path.iterdir()) == []
