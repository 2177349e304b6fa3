"""Builds a model temporarily, together with its loss and metrics."""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import keras

from keras_babysit.checks._data import Data
from keras_babysit.probes import build


@contextlib.contextmanager
def built(model: keras.Model, data: Data) -> Iterator[None]:
    """Build model, optimizer, loss and metrics for the data, as `fit` does before it starts.

    A loss and metrics that were not built before are reset on exit. `fit` draws a batch to build
    them, which shuffles the data once; it must do so whether or not a check ran before.

    Raises:
        ValueError: If the model cannot be built on this data.
    """
    parts = [model._compile_loss, model._compile_metrics]
    fresh = [_contents(part) for part in parts if part is not None and not part.built]
    try:
        with _replicas(model):
            _build(model, data)
        yield
    finally:
        for part, attributes, lists in fresh:
            part.__dict__.clear()
            part.__dict__.update(attributes)
            for kept, entries in lists:
                kept.clear()
                kept.extend(entries)


def _replicas(model: keras.Model) -> AbstractContextManager[Any]:
    """Return the `tf.distribute` scope that `fit` creates variables in; a null context if none."""
    strategy = getattr(model, "distribute_strategy", None)
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def _contents(part: Any) -> tuple[Any, dict[str, Any], list[tuple[list[Any], list[Any]]]]:
    """Return an object, a copy of its attributes and of its lists, to be restored later."""
    attributes = dict(part.__dict__)
    lists = [(value, list(value)) for value in attributes.values() if isinstance(value, list)]
    return part, attributes, lists


def _build(model: keras.Model, data: Data) -> None:
    try:
        # Once its layers are built, the checks report what does not fit together.
        build(model, data.some(1), is_required=True)
    except Exception as error:
        raise ValueError(
            "The model must be built, or it must be possible to build it on the data. "
            f"Received: model={model.name!r}, which raises {type(error).__name__}: "
            f"{str(error)[:300]}"
        ) from error
    if model.optimizer is not None and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
