import configparser
from pathlib import Path

import pytest

from keras_babysit.supported import OLDEST_KERAS, require_keras


@pytest.mark.parametrize("version", ["3.9.2", "3.0.5", "2.15.0"])
def test_keras_that_is_too_old_is_an_error_with_the_way_out(version):
    with pytest.raises(
        ImportError, match=rf'Received: Keras {version}\. Run: pip install .*"keras'
    ):
        require_keras(version)


@pytest.mark.parametrize("version", ["3.10.0", "3.15.1", "3.14.0.dev2026", "4.0.0"])
def test_later_versions_pass(version):
    require_keras(version)


def test_the_floor_is_that_of_the_package():
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(Path(__file__).parents[1] / "setup.cfg", encoding="utf-8")
    assert f"keras>={OLDEST_KERAS}" in setup["options"]["install_requires"].split()
