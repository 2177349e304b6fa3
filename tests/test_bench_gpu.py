"""The script for a machine with a GPU says what it had no time for."""

import keras
import pytest

from benchmarks import gpu

pytestmark = pytest.mark.any_backend


def test_a_part_that_is_ended_says_so():
    found = gpu.run_part("findings", keras.backend.backend(), True, 0.05)
    assert found == [{"failed": "ended before the rest: no time left"}]
    record = {"backend": "torch", "part": "findings", "device": None, "small": True}
    (line,) = gpu.lines_of(record | {"results": found})
    assert line == "torch, findings: not available (ended before the rest: no time left)"


def test_what_was_measured_before_is_shown():
    results = [{"network": "lstm", "is_deterministic": True, "is_identical": True}]
    record = {"backend": "torch", "part": "identity", "device": "CPU", "small": True}
    results.append({"failed": "ended before the rest: no time left"})
    lines = list(gpu.lines_of(record | {"results": results}))
    assert lines == [
        "torch, identity, on CPU:",
        "  lstm: the same bits",
        "  failed: ended before the rest: no time left",
    ]
