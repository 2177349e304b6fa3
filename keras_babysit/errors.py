"""The errors and warnings of this package that are more than a wrong argument."""


class KerasBabysitError(Exception):
    """Base of the errors of this package; each also inherits the standard error of its kind."""


class NotCompiledError(KerasBabysitError, ValueError):
    """A model must be compiled before it can be watched."""


class ProbeMismatchError(KerasBabysitError, ValueError):
    """The examples to measure on must fit the model."""


class UnknownQuantityError(KerasBabysitError, ValueError):
    """A measured quantity must be defined before it is recorded or read."""


class HealthTransitionError(KerasBabysitError, RuntimeError):
    """A run's health must change only by the transitions that its state allows."""


class DepthTransitionError(KerasBabysitError, RuntimeError):
    """The depth of a measurement must change only by the transitions that its state allows."""


class SearchFailedError(KerasBabysitError, RuntimeError):
    """A search must complete at least one trial."""


class UnsupportedBackendError(KerasBabysitError, RuntimeError):
    """The backend of Keras must be one that this package supports."""


class KerasBabysitWarning(UserWarning):
    """Something in the watcher failed and is off for the rest of the run; training goes on."""
