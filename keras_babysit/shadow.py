"""Replacing an attribute of one object for the time of a block. Imports nothing of the package."""

import contextlib
from collections.abc import Iterator
from typing import Any

_ABSENT = object()


@contextlib.contextmanager
def shadowed(instance: Any, name: str, value: Any) -> Iterator[None]:
    """Let an attribute of an instance have another value inside the `with` block.

    No class is patched, and other instances do not see it. The attribute is set past Keras' own
    tracking, so that a layer that is built and locked can be shadowed. Blocks can be nested.

    Args:
        instance: A layer, model or other object with a `__dict__`.
        name: The attribute, e.g. `"call"`.
        value: What it is inside the block.

    Example:
        >>> layer = keras.layers.Dense(1)
        >>> with shadowed(layer, "call", lambda inputs: "shadow"):
        ...     layer.call(None)
        'shadow'
        >>> "call" in vars(layer)
        False
    """
    before = vars(instance).get(name, _ABSENT)
    object.__setattr__(instance, name, value)
    try:
        yield
    finally:
        if before is _ABSENT:
            object.__delattr__(instance, name)
        else:
            object.__setattr__(instance, name, before)
