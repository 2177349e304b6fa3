"""The exceptions and the warning of this package."""

import logging
import re
import warnings


class KerasBabysitError(Exception):
    """Base class of the errors of this package; each also inherits a standard exception."""


class NotCompiledError(KerasBabysitError, ValueError):
    """Raised if a model is not compiled."""


class ProbeMismatchError(KerasBabysitError, ValueError):
    """Raised if the examples to measure on do not match the model."""


class UnknownQuantityError(KerasBabysitError, ValueError):
    """A measured quantity must be defined before it is recorded or read."""


class HealthTransitionError(KerasBabysitError, RuntimeError):
    """A run's health must change only by the transitions that its state allows."""


class DepthTransitionError(KerasBabysitError, RuntimeError):
    """The depth of a measurement must change only by the transitions that its state allows."""


class UnkeepableStateError(KerasBabysitError, ValueError):
    """Raised if a training step reaches state that cannot be put back after it."""


class NothingSeenError(KerasBabysitError, RuntimeError):
    """Raised if a training step calls no layer of the model that can be measured."""


class SearchFailedError(KerasBabysitError, RuntimeError):
    """Raised if no trial of a search completes."""


class ControlFailedError(KerasBabysitError, RuntimeError):
    """Raised if a program cannot be trained without a change, so that no remedy can be tried."""


class UnsupportedBackendError(KerasBabysitError, RuntimeError):
    """The backend of Keras must be one that this package supports."""


class KerasBabysitWarning(UserWarning):
    """Issued if a part of the monitoring fails and is switched off; training continues."""


def warn(what: str, error: BaseException) -> None:
    """Warn of a failure, also where warnings are errors: it must not stop training."""
    message = f"{what}: {brief(error)}"
    try:
        warnings.warn(message, KerasBabysitWarning, stacklevel=2)
    except Warning:
        logging.getLogger("keras_babysit").warning(message)


def brief(error: BaseException) -> str:
    r"""Return an error in one short line, without the colors that Keras puts into some.

    Example:
        >>> brief(ValueError("Wrong\n\nshape."))
        'ValueError: Wrong shape.'
    """
    text = " ".join(re.sub(r"\x1b\[[\d;]*m", "", str(error)).split())
    return f"{type(error).__name__}: {text[:500]}"
