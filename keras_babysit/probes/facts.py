"""What is known of a run from the start: what rules need to give advice that fits the model."""

import math
import numbers

import keras
import numpy as np

from keras_babysit.backends import backend
from keras_babysit.facts import LayerFacts, Regularization, WeightFacts, names_of
from keras_babysit.probes import gates
from keras_babysit.probes.kernels import kernel_ids
from keras_babysit.probes.linear_map import linear_layers
from keras_babysit.probes.loss_facts import has_own_step
from keras_babysit.probes.optimizer_state import describe_settings
from keras_babysit.probes.own_penalties import leaves_out_penalties
from keras_babysit.version import __version__


def describe(model, planned, batch_size):
    """Return the facts of a run, as fields of `RunFacts`.

    Args:
        model: A compiled and built `keras.Model`.
        planned: `epochs` and `steps` of an epoch, as `fit` tells its callbacks.
        batch_size: Number of examples of a batch, None if it is not known.
    """
    return {
        "model": model.name,
        "backend": keras.backend.backend(),
        "versions": {"keras": keras.version(), "keras_babysit": __version__} | backend.versions(),
        "optimizer": optimizer_name(model.optimizer),
        "learning_rate_schedule": _schedule_name(model.optimizer),
        "loss": names_of(_name(getattr(model, "loss", None))),
        "batch_size": batch_size,
        "epochs": planned.get("epochs"),
        "steps_per_epoch": planned.get("steps"),
        "parameters": sum(int(np.prod(v.shape)) for v in model.weights),  # also if not built
        "dtype_policy": model.dtype_policy.name,
        "regularization": regularization(model),
        "optimizer_settings": describe_settings(model.optimizer),
        "frozen_adapters": frozen_adapters(model),
        "has_own_step": has_own_step(model),
        "leaves_out_penalties": leaves_out_penalties(model),
        "is_made_of_layers": is_made_of_layers(model),
        "linear_layers": linear_layers(model),
    }


def output_layers(layers, outputs):
    """Return the targets that make up the output: the last one with weights and all after it.

    A softmax may be a layer of its own; what it is given are the logits, and no hidden layer.

    Args:
        layers: The layer of each watched target, in the order in which they were called.
        outputs: For each output the target that made it and its function, or None.
    """
    targets = list(layers)
    ends = {end[0] for end in outputs if end is not None}
    if not ends:
        return ends
    last = max((index for index, t in enumerate(targets) if layers[t].weights), default=0)
    return ends | set(targets[last:])


def describe_layer(layer, profile, is_output):
    """Return the facts of one watched layer."""
    activation = getattr(layer, "activation", None)
    return LayerFacts(
        class_name=getattr(layer, "class_name", type(layer).__name__),
        activation=None if gates.is_linear(activation) else names_of(_name(activation)),
        activation_kind=None if profile is None else profile.kind,
        role="output" if is_output else "hidden",
        units=_number(getattr(layer, "units", None) or getattr(layer, "filters", None)),
        parameters=layer.count_params() if layer.built else 0,
        momentum=float(layer.momentum) if _is_batch_norm(layer) else None,
        normalized=normalized_together(layer),
    )


def normalized_together(layer):
    """Return how many values of an example a layer normalizes together, None if not known.

    Example:
        >>> layer = keras.layers.LayerNormalization()
        >>> layer.build((None, 500, 1))
        >>> normalized_together(layer)
        1
    """
    if isinstance(layer, keras.layers.GroupNormalization):
        known = getattr(layer, "input_spec", None)
        columns = (getattr(known, "axes", None) or {}).get(layer.axis)
        is_table = getattr(known, "ndim", None) == 2  # of pictures the positions count as well
        return columns // layer.groups if is_table and columns else None
    if isinstance(layer, keras.layers.LayerNormalization | keras.layers.RMSNormalization):
        weights = (getattr(layer, name, None) for name in ("gamma", "beta", "scale"))
        shapes = [weight.shape for weight in weights if hasattr(weight, "shape")]
        return math.prod(shapes[0]) if shapes else None
    if isinstance(layer, keras.layers.Normalization):
        return _scaled_together(layer)
    return None


def _scaled_together(layer):
    """Return how many columns of a table share one mean, None if each has its own."""
    shape = (layer.get_build_config() or {}).get("input_shape")
    columns = shape[-1] if shape is not None and len(shape) == 2 else None
    return columns if not layer.axis and columns is not None and columns > 1 else None


def _number(value):
    """Return a whole number, None for anything else: a layer of one's own may call a list so."""
    return int(value) if isinstance(value, numbers.Integral) else None


def describe_weights(model, names, layers):
    """Return the facts of each trainable weight by its name: its layer, size and role.

    Args:
        model: The model.
        names: The names of `model.trainable_variables`, in their order.
        layers: The layer of each watched target, in the order in which they were called.
    """
    kernels = kernel_ids(model)
    owners = {id(v): target for target, layer in layers.items() for v in layer.trainable_variables}
    return {
        name: WeightFacts(
            layer=owners.get(id(variable)),
            size=int(np.prod(variable.shape)),
            is_kernel=id(variable) in kernels,
            dtype=keras.backend.standardize_dtype(variable.dtype),
        )
        for name, variable in zip(names, model.trainable_variables, strict=True)
    }


def regularization(model):
    """Return what the model has against overfitting: dropout rates, penalties, batch norms."""
    layers = model._flatten_layers(include_self=False)
    dropouts = [layer.rate for layer in layers if _is_dropout(layer)]
    norms = [layer for layer in layers if _is_batch_norm(layer)]
    penalties = [v.path for v in model.trainable_variables if v.regularizer is not None]
    decay = getattr(model.optimizer, "weight_decay", None)
    return Regularization(
        dropout=tuple(float(rate) for rate in dropouts),
        batch_normalizations=len(norms),
        penalized_weights=len(penalties),
        weight_decay=float(decay) if decay else 0.0,
        augmentations=tuple(names_of(layer.name) for layer in layers if _is_augmentation(layer)),
    )


def frozen_adapters(model):
    """Return the paths of the layers whose adapters are frozen, empty if any adapter trains."""
    trained = {id(variable) for variable in model.trainable_variables}
    layers = model._flatten_layers(include_self=False)
    adapted = [layer for layer in layers if getattr(layer, "lora_enabled", False)]
    adapters = [v for layer in adapted for v in layer.variables if v.name.startswith("lora_")]
    is_any_trained = any(id(variable) in trained for variable in adapters)
    return () if is_any_trained or not adapters else tuple(layer.path for layer in adapted)


def is_made_of_layers(model):
    """Return whether Keras' own layers are all that a model computes with, as far as it shows."""
    inner = (
        model.layers if isinstance(model, keras.Sequential) else getattr(model, "operations", ())
    )
    return bool(inner) and all(
        is_made_of_layers(one)
        if isinstance(one, keras.Model)
        else isinstance(one, keras.layers.Layer) and type(one).__module__.startswith("keras.")
        for one in inner
    )


def _is_batch_norm(layer):
    return isinstance(layer, keras.layers.BatchNormalization)


def _is_augmentation(layer):
    """Return whether Keras made a layer to change images at random."""
    kind = type(layer)
    is_random = kind.__name__.startswith("Rand") or kind.__name__ in ("AugMix", "CutMix", "MixUp")
    return is_random and kind.__module__.startswith("keras.src.layers.preprocessing")


def _is_dropout(layer):
    return "Dropout" in type(layer).__name__ and hasattr(layer, "rate")


def optimizer_name(optimizer):
    """Return the name of an optimizer's class, of the inner one where it scales the loss."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return type(inner).__name__


def _schedule_name(optimizer):
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    rate = getattr(inner, "_learning_rate", None)
    is_schedule = isinstance(rate, keras.optimizers.schedules.LearningRateSchedule)
    return type(rate).__name__ if is_schedule else None


def _name(thing):
    if thing is None or isinstance(thing, str):
        return thing
    if isinstance(thing, list | tuple):
        return [_name(entry) for entry in thing]
    if isinstance(thing, dict):
        return {str(key): _name(entry) for key, entry in thing.items()}
    return getattr(thing, "__name__", None) or type(thing).__name__
