"""Each kind of preprocessing gives the mean and covariance that its name promises."""

import runpy

import numpy as np
import pytest

from tests.examples.paths import EXAMPLES

pytestmark = pytest.mark.any_backend


def test_stages_and_pictures(tmp_path, capsys):
    main = runpy.run_path(str(EXAMPLES / "preprocessing.py"))["main"]
    clouds, before, after = main(["--save", str(tmp_path)])
    covariances = {name: np.cov(points.T) for name, points in clouds.items()}
    for name, points in clouds.items():
        assert (abs(points.mean(axis=0)) < 1e-4).all() == (name != "raw")
    np.testing.assert_allclose(np.diag(covariances["normalized"]), 1, atol=0.01)
    assert abs(covariances["decorrelated"][0, 1]) < 1e-4
    for name in ("whitened (PCA)", "whitened (ZCA)"):
        np.testing.assert_allclose(covariances[name], np.eye(2), atol=0.01)
    # ZCA keeps an image similar: each pixel correlates most with itself, not with another pixel.
    raw, white = (np.reshape(images, (-1, 64)) for images in (before, after))
    varied = raw.std(axis=0) > 0.1
    pixels = varied.sum()
    together = np.corrcoef(raw[:, varied], white[:, varied], rowvar=False)[:pixels, pixels:]
    assert (together.argmax(axis=0) == np.arange(pixels)).mean() > 0.9
    assert len(capsys.readouterr().out.splitlines()) == 6
    assert len(list(tmp_path.iterdir())) == 2
