"""The picture of the activations is that of `kb.activations.plot`."""

import runpy

from tests.examples.paths import EXAMPLES


def test_the_picture_is_saved(tmp_path, capsys):
    main = runpy.run_path(str(EXAMPLES / "activations.py"))["main"]
    profiles = main(["--save", str(tmp_path)])
    assert [one.name for one in profiles] == ["sigmoid", "tanh", "relu", "leaky_relu", "elu"]
    assert (tmp_path / "activations.png").stat().st_size > 10_000
    assert "leaky_relu" in capsys.readouterr().out
