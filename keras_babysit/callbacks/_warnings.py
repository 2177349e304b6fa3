"""Warnings about a failure of the callback itself."""

import logging
import warnings

from keras_babysit.errors import KerasBabysitWarning


def warn(what: str, error: BaseException) -> None:
    """Warn of a failure, also where warnings are errors: it must not stop training."""
    message = f"{what}: {brief(error)}"
    try:
        warnings.warn(message, KerasBabysitWarning, stacklevel=2)
    except Warning:
        logging.getLogger("keras_babysit").warning(message)


def brief(error: BaseException) -> str:
    """Return an error in one short line."""
    return f"{type(error).__name__}: {str(error)[:500]}"
