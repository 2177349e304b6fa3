"""The corrupt image is found, skipped and reproduced."""

import math
import runpy

from tests.examples.paths import EXAMPLES


def test_the_corrupt_image_is_found(tmp_path, capsys):
    main = runpy.run_path(str(EXAMPLES / "flight_recorder.py"))["main"]
    alone, watched, found, shown = main(["--out", str(tmp_path)])
    assert math.isnan(alone["loss"][-1])
    assert watched["loss"][-1] < 1
    assert found.target == "dense_1"
    assert 'The input of "dense_1" overflowed float16' in found.message
    assert found.message.endswith(": largest input 1e5.")
    assert shown.returncode == 0, shown.stderr
    assert "Reproduced." in capsys.readouterr().out
