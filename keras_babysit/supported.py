"""The oldest version of Keras that is supported. To import this module checks it."""

import keras

OLDEST_KERAS = "3.10"
"""As in setup.cfg. `make test-oldest` tests it; older ones lack what the monitoring calls."""


def require_keras(version: str) -> None:
    """Raise if a version of Keras is too old.

    Args:
        version: The version that is installed, such as `"3.10.0"`.

    Raises:
        ImportError: If it is older than `OLDEST_KERAS`.
    """
    if _numbers(version) < _numbers(OLDEST_KERAS):
        raise ImportError(
            f"keras-babysit requires Keras {OLDEST_KERAS} or later. Received: Keras {version}. "
            'Run: pip install --upgrade "keras>=' + OLDEST_KERAS + '"'
        )


def _numbers(version: str) -> tuple[int, ...]:
    """Return the major and minor version; a development version counts as its release."""
    return tuple(int(part) for part in version.split(".")[:2])


require_keras(keras.__version__)
