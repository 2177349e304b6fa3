"""A model with its loss and metrics built for a while."""

import contextlib

from keras_babysit.probes import build


@contextlib.contextmanager
def built(model, data):
    """Build model, optimizer, loss and metrics for the data, as `fit` does before it begins.

    Loss and metrics are unbuilt again on leaving if they were before: to build them `fit` looks
    at a batch, for which it shuffles the data once. It must do so with the check and without.

    Raises:
        ValueError: If the model cannot be built on these data.
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


def _replicas(model):
    """Return the scope in which `tf.distribute` makes variables, as `fit` does; else none."""
    strategy = getattr(model, "distribute_strategy", None)
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def _contents(part):
    """Return an object, its attributes, and what its lists hold, to put back in place."""
    attributes = dict(part.__dict__)
    lists = [(value, list(value)) for value in attributes.values() if isinstance(value, list)]
    return part, attributes, lists


def _build(model, data):
    try:
        build(model, data.some(1))  # what does not fit together is for a check to say
    except Exception as error:
        raise ValueError(
            "The model must be built, or fit the data so that it can be. "
            f"Received: model={model.name!r}, which fails with {type(error).__name__}: "
            f"{str(error)[:300]}"
        ) from error
    if model.optimizer is not None and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
