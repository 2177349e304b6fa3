"""Compiled measurements of a model, kept from one run to its next.

A loop of `fit(epochs=1)` would otherwise compile the same graphs each time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import keras

from keras_babysit.typing import Batch

ATTRIBUTE = "_keras_babysit_kept"
"""Name of the attribute of Keras' train function that holds what is kept. Graphs refer to their
model; so they live as long as it only if it holds them. It holds its train function, until it is
compiled anew, and Keras neither saves nor copies that."""


class Kept:
    """Keeps compiled measurements of one model by what they were compiled for.

    Layers and variables of a key must be the same objects, all else must be equal.

    Example:
        >>> def train_function(iterator):
        ...     pass
        >>> Kept.of(train_function).keep("probe", (1,), "a graph")
        >>> Kept.of(train_function).recall("probe", (1,))
        'a graph'
        >>> Kept.of(train_function).recall("probe", (2,)) is None
        True
    """

    def __init__(self) -> None:
        self._parts: dict[Any, Any] = {}

    @classmethod
    def of(cls, train_function: Callable[..., Any]) -> Kept:
        """Return what is kept of the model that a train function belongs to.

        Nothing is kept where there is no train function, or where it takes no attributes.
        """
        kept = getattr(train_function, ATTRIBUTE, None)
        if kept is None:
            kept = cls()
            with contextlib.suppress(AttributeError, TypeError):
                setattr(train_function, ATTRIBUTE, kept)
        return kept

    def keep(self, name: str, key: Any, part: Any) -> None:
        """Keep a part that was compiled for `key`, a tuple."""
        self._parts[name] = (key, part)

    def recall(self, name: str, key: Any) -> Any:
        """Return the part that was compiled for `key`, None if there is none."""
        known, part = self._parts.get(name, ((), None))
        return part if _are_same(known, key) else None

    def forget(self) -> None:
        """Forget everything, after an error."""
        self._parts.clear()


def key_of(model: Any, layers: list[Any], batch: Batch) -> Any:
    """Return what a graph is compiled for: variables, layers, shapes and types of the data.

    Args:
        model: A built `keras.Model`.
        layers: The layers that it reads.
        batch: A batch `(x, y, sample_weight)`.
    """
    variables = (*model.trainable_variables, *model.non_trainable_variables)
    data = tuple(_spec(leaf) for leaf in keras.tree.flatten(batch))
    return (*variables, len(layers), *layers, data)


def _spec(leaf: Any) -> Any:
    if leaf is None:
        return None
    return (*leaf.shape[1:], str(getattr(leaf, "dtype", "")))


def _are_same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_are_same, one, other))
    is_object = isinstance(one, keras.Layer | keras.Variable)
    return one is other if is_object else type(one) is type(other) and one == other
