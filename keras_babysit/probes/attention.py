"""What the heads of attention layers look at: their logits and their entropy.

Keras computes attention in a fused kernel, which returns no weights. They are computed again from
the projected queries and keys of a few examples; what the layer computes stays as it is.
"""

import contextlib

import keras
from keras import ops

from keras_babysit.backends import backend
from keras_babysit.shadow import shadowed

MAX_EXAMPLES = 8
"""Examples whose attention is computed again."""

MAX_LOGITS = 2_000_000
"""Logits of one layer that are computed again; with longer sequences fewer examples are used, and
none if one example has more."""

_KINDS = (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)


def attention_layers(model):
    """Return the layers whose heads can be measured: those that compute attention as Keras does."""
    return [
        layer
        for layer in model._flatten_layers(include_self=False)
        if any(
            isinstance(layer, kind) and type(layer)._compute_attention is kind._compute_attention
            for kind in _KINDS
        )
    ]


@contextlib.contextmanager
def tapped_attention(layers, target_of, readings):
    """Add what the heads look at to `readings`, for each call inside this context.

    Args:
        layers: Layers as `attention_layers` returns them.
        target_of: Name of each layer by its id.
        readings: The `Readings` to add to.
    """
    with contextlib.ExitStack() as stack:
        for layer in layers:
            compute = _recording(layer, target_of[id(layer)], readings)
            stack.enter_context(shadowed(layer, "_compute_attention", compute))
        yield


def _recording(layer, target, readings):
    """Return the function that stands in for `_compute_attention` of a layer."""
    inner = layer._compute_attention
    calls = []

    def compute(query, key, value, attention_mask=None, *args, **kwargs):
        if backend.is_recomputing():
            return inner(query, key, value, attention_mask, *args, **kwargs)
        calls.append(None)
        name = target if len(calls) == 1 else f"{target}#{len(calls)}"
        _read(readings, name, query, key, attention_mask, kwargs.get("use_causal_mask", False))
        return inner(query, key, value, attention_mask, *args, **kwargs)

    return compute


def _read(readings, target, query, key, mask, is_causal):
    """Add the largest logit of a layer, and the mean entropy of each head."""
    shapes = [tuple(one.shape) for one in (query, key)]
    if any(len(shape) != 4 or None in shape[1:] for shape in shapes):
        return  # attention over several axes, or sequences of unknown length
    (_, steps, heads, width), (_, keys, key_heads, _) = shapes
    count = min(MAX_EXAMPLES, MAX_LOGITS // max(1, heads * steps * keys))
    if count == 0 or heads != key_heads or keys < 2:
        return
    query, key = (ops.cast(ops.stop_gradient(one[:count]), "float32") for one in (query, key))
    logits = ops.einsum("btnh,bsnh->bnts", query, key) / width**0.5
    visible = _visible(mask, is_causal, count, steps, keys) + ops.zeros_like(logits)
    readings.add("attention/logit_max", target, ops.max(ops.abs(logits) * visible))
    logits = ops.where(visible > 0, logits, -1e30)
    log_weights = ops.log_softmax(logits, axis=-1)
    entropy = -ops.sum(visible * ops.exp(log_weights) * ops.maximum(log_weights, -1e4), axis=-1)
    seen = ops.sum(visible, axis=-1)
    has_choice = ops.cast(seen > 1, "float32")
    entropy = has_choice * entropy / ops.log(ops.maximum(seen, 2.0))
    total = ops.maximum(ops.sum(has_choice, axis=(0, 2)), 1.0)
    readings.add("attention/entropy", target, ops.sum(entropy, axis=(0, 2)) / total)


def _visible(mask, is_causal, count, steps, keys):
    """Return which keys each query may look at, as 0 and 1, broadcast to the logits."""
    visible = ops.ones((1, 1, steps, keys), "float32")
    if is_causal:
        earlier = ops.arange(steps)[:, None] >= ops.arange(keys)[None]
        visible = visible * ops.cast(earlier, "float32")
    if mask is not None:
        mask = ops.cast(mask[:count], "float32")
        visible = visible * (ops.expand_dims(mask, 1) if len(mask.shape) == 3 else mask)
    return visible
