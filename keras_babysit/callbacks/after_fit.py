"""The list of callbacks that `fit` calls: who is in it, and when it is gone."""

import inspect
import weakref
from collections.abc import Callable

import keras


def call_after_fit(function: Callable[[], None]) -> None:
    """Call `function` once the `fit` that runs now is over, or never if it can't be known.

    Keras calls its callbacks after a normal end only. After an exception it does not, but the list
    of callbacks that `fit` made is freed: at once, at the next garbage collection, or, where the
    traceback is kept as in a notebook, when that is freed.

    Args:
        function: Called without arguments. It may be called after a normal end too.
    """
    owner = _calling_list()
    if owner is not None:
        weakref.finalize(owner, function).atexit = False


def callbacks_of_fit() -> list[keras.callbacks.Callback]:
    """Return the callbacks that the `fit` that runs now calls; empty if it can't be known.

    Must be called from within a hook of a callback. Neither the list nor its callbacks are changed.
    """
    owner = _calling_list()
    return [] if owner is None else list(owner.callbacks)


def is_in_fit() -> bool:
    """Return whether `fit` calls the hook that runs now, and not a loop of the user's own."""
    frame = inspect.currentframe()
    while frame is not None:
        of_keras = frame.f_globals.get("__name__", "").startswith("keras.")
        if of_keras and frame.f_code.co_name == "fit":
            return True
        frame = frame.f_back
    return False


def _calling_list() -> keras.callbacks.CallbackList | None:
    """Return the `CallbackList` that called the running function, None if none did."""
    frame = inspect.currentframe()
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, keras.callbacks.CallbackList):
            return owner
        frame = frame.f_back
    return None
