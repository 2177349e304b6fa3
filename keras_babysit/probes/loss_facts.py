"""What the loss of each output expects, and what that output can give."""

from dataclasses import replace

import keras

from keras_babysit.backends import backend
from keras_babysit.facts import OutputFacts
from keras_babysit.probes import gates

_ONE_OF_MANY = (
    keras.losses.CategoricalCrossentropy,
    keras.losses.CategoricalFocalCrossentropy,
    keras.losses.SparseCategoricalCrossentropy,
)
_YES_OR_NO = (keras.losses.BinaryCrossentropy, keras.losses.BinaryFocalCrossentropy)
_MARGINS = (keras.losses.Hinge, keras.losses.SquaredHinge, keras.losses.CategoricalHinge)
_DISTANCES = {
    keras.losses.MeanSquaredError: "squared",
    keras.losses.MeanAbsoluteError: "absolute",
    keras.losses.Huber: "huber",
    keras.losses.LogCosh: "huber",
}
_MEANS = {
    keras.losses.Poisson: "squared",
    keras.losses.MeanSquaredLogarithmicError: "squared_logarithmic",
}
"""Losses of numbers that are least at a mean, as the squared error is, of them or their logarithms,
and that want no number below 0."""

_DEMANDS = {
    keras.losses.Poisson: "not_negative",
    keras.losses.MeanSquaredLogarithmicError: "not_negative",
    keras.losses.MeanAbsolutePercentageError: "not_zero",
    keras.losses.CosineSimilarity: "several",
}
"""What a loss of numbers asks of them: a logarithm takes nothing below 0, a percentage is infinite
at 0, and one number alone has no direction but its sign."""

_FORMS = {
    "categorical": _ONE_OF_MANY,
    "binary": _YES_OR_NO,
    "margin": _MARGINS,
    "distance": tuple(_DISTANCES),
}
_FUNCTIONS = {
    keras.losses.categorical_crossentropy: keras.losses.CategoricalCrossentropy,
    keras.losses.categorical_focal_crossentropy: keras.losses.CategoricalFocalCrossentropy,
    keras.losses.sparse_categorical_crossentropy: keras.losses.SparseCategoricalCrossentropy,
    keras.losses.binary_crossentropy: keras.losses.BinaryCrossentropy,
    keras.losses.binary_focal_crossentropy: keras.losses.BinaryFocalCrossentropy,
    keras.losses.mean_squared_error: keras.losses.MeanSquaredError,
    keras.losses.mean_absolute_error: keras.losses.MeanAbsoluteError,
    keras.losses.huber: keras.losses.Huber,
    keras.losses.log_cosh: keras.losses.LogCosh,
    keras.losses.hinge: keras.losses.Hinge,
    keras.losses.squared_hinge: keras.losses.SquaredHinge,
    keras.losses.categorical_hinge: keras.losses.CategoricalHinge,
    keras.losses.poisson: keras.losses.Poisson,
    keras.losses.cosine_similarity: keras.losses.CosineSimilarity,
    keras.losses.mean_absolute_percentage_error: keras.losses.MeanAbsolutePercentageError,
    keras.losses.mean_squared_logarithmic_error: keras.losses.MeanSquaredLogarithmicError,
}


def has_plain_loss(model):
    """Return whether `model.compute_loss` tells what `fit` minimises.

    A model with a `train_step` of its own and no compiled loss trains on something only it knows,
    and so does the loop of the user's that trains a model which is not compiled.
    """
    if not model.compiled:
        return False
    return not has_own_step(model) or getattr(model, "loss", None) is not None


def has_own_step(model):
    """Return whether a model has a `train_step` of its own."""
    return type(model).train_step is not keras.Model.train_step


def runs_as_a_step(model):
    """Return whether only the training step as it is shows what a model computes.

    That is so of a step of the user's, and of wrapped modules of PyTorch: they compute with their
    own parameters, and a pass with other values does not reach them.
    """
    return has_own_step(model) or any(backend.modules_in(one) for one in model._flatten_layers())


def describe_outputs(model, ends, shapes):
    """Return the facts of each output: the form of its loss and the range of its values.

    Args:
        model: A compiled model.
        ends: For each output the target that made it and the function it ends in, or None.
        shapes: Shape of each output for one example, None where it is not known.

    Returns:
        A tuple of `OutputFacts`, one for each output.
    """
    losses = _losses(model, len(ends))
    return tuple(
        replace(describe_loss(loss), **_sizes(shape), **_range(end))
        for loss, end, shape in zip(losses, ends, shapes, strict=True)
    )


def _sizes(shape):
    """Return what `OutputFacts` say of the shape of an output."""
    if shape is None:
        return {}
    is_known = all(size is not None for size in shape)
    return {"columns": shape[-1] if shape else 1, "shape": tuple(shape) if is_known else None}


def describe_loss(loss):
    """Return the `OutputFacts` of a loss, as Keras takes it; nothing of the output is known."""
    try:
        loss = keras.losses.get(loss)
    except (ValueError, TypeError):
        loss = None
    loss = _FUNCTIONS[loss]() if _is_known(loss) else loss
    kind = type(loss)  # a subclass may compute something else
    form = "other"
    for name, kinds in _FORMS.items():
        form = name if kind in kinds else form
    is_entropy = form in ("categorical", "binary")
    return OutputFacts(
        form=form,
        from_logits=bool(loss.from_logits) if is_entropy else None,
        is_sparse=kind is keras.losses.SparseCategoricalCrossentropy,
        distance=(_DISTANCES | _MEANS).get(kind),
        # Keras' Huber keeps it there alone, its configuration does not tell.
        delta=float(getattr(loss, "_fn_kwargs", {}).get("delta", 1.0)),
        demands=_DEMANDS.get(kind),
        label_smoothing=_smoothing(loss) if is_entropy else 0.0,
    )


def _smoothing(loss):
    value = getattr(loss, "label_smoothing", 0.0)
    return float(value) if isinstance(value, int | float) else 0.0


def _is_known(loss):
    return callable(loss) and not isinstance(loss, keras.losses.Loss) and loss in _FUNCTIONS


def _losses(model, count):
    """Return the loss of each output in the order of the outputs, None where it is not known."""
    loss = getattr(model, "loss", None)
    if isinstance(loss, keras.losses.Loss) or not isinstance(loss, list | tuple | dict):
        return [loss] * count
    names = getattr(model, "output_names", None)
    if isinstance(loss, dict):
        keys = names if names and set(names) == set(loss) else sorted(loss)
        loss = [loss[key] for key in keys]
    return list(loss) if len(loss) == count else [None] * count


def _range(end):
    """Return the target that makes an output and what values it can give, as `OutputFacts` say."""
    target, function = ("", None) if end is None else end
    reach = None if end is None or function is None else gates.reach(function)
    return {
        "target": target,
        "low": None if reach is None else reach.low,
        "high": None if reach is None else reach.high,
        "is_distribution": None if reach is None else reach.is_distribution,
    }
