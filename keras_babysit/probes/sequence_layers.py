"""What layers get of sequences: how many steps, with which mask, and what the mask hides."""

import keras
from keras import ops

CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.SeparableConv1D)


def inside_bidirectional(model):
    """Return the ids of the layers that read a sequence in one of two directions."""
    pairs = [
        layer
        for layer in model._flatten_layers(include_self=False)
        if isinstance(layer, keras.layers.Bidirectional)
    ]
    return {id(inner) for pair in pairs for inner in (pair.forward_layer, pair.backward_layer)}


def describe_sequence(call, pairs):
    """Return what `LayerFacts` say of the sequences that a layer gets.

    Args:
        call: A `Call` of the layer.
        pairs: Ids of the layers that read only one of two directions.
    """
    layer, x = call.layer, call.x
    is_recurrent = isinstance(layer, keras.layers.RNN)
    if not (is_recurrent or isinstance(layer, CONVOLUTIONS)) or x is None or len(x.shape) != 3:
        return {}
    axis = 2 if getattr(layer, "data_format", None) == "channels_first" else 1
    facts = {"steps": x.shape[axis]}
    if is_recurrent:
        reads_end = not (layer.return_sequences or layer.go_backwards or id(layer) in pairs)
        facts |= {
            "is_masked": call.mask is not None,
            "reads_last": reads_end,
            "is_stateful": bool(layer.stateful),
        }
    return facts


def read_mask(readings, call):
    """Add what the mask that a layer makes hides; nothing of a layer that makes none.

    Steps between two visible ones of the same example are hidden data, or missing steps; those
    before the first and after the last visible one are padding.
    """
    layer, x = call.layer, call.x
    is_embedding = isinstance(layer, keras.layers.Embedding) and layer.mask_zero
    if x is None or not (is_embedding or isinstance(layer, keras.layers.Masking)):
        return
    if len(x.shape) != (2 if is_embedding else 3):
        return
    visible = ops.cast(layer.compute_mask(x), "float32")
    begun = ops.cast(ops.cumsum(visible, axis=1) > 0, "float32")
    left = ops.cast(ops.flip(ops.cumsum(ops.flip(visible, axis=1), axis=1), axis=1) > 0, "float32")
    within = begun * left  # from the first to the last visible step
    hidden = within * (1 - visible)
    readings.add("masks/fraction", call.target, 1 - ops.mean(visible))
    share = ops.sum(hidden) / ops.maximum(ops.sum(within), 1.0)
    readings.add("masks/hidden_fraction", call.target, share)
    readings.add("masks/hiding_examples", call.target, ops.mean(ops.max(hidden, axis=1)))
    readings.add("masks/empty_examples", call.target, 1 - ops.mean(ops.max(visible, axis=1)))
    if not is_embedding:
        readings.add("masks/visible_std", call.target, _std_of_visible(x, visible))


def read_numbers(readings, call):
    """Add how many of the numbers that an embedding gets are no whole ones.

    The layer cuts them off, so that it looks up another row, or the same for all.
    """
    layer, x = call.layer, call.x
    if not isinstance(layer, keras.layers.Embedding) or x is None:
        return
    if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(x.dtype)):
        return
    cut = ops.cast(ops.floor(x) != x, "float32")
    readings.add("embeddings/cut_fraction", call.target, ops.mean(cut))


def _std_of_visible(x, visible):
    x = ops.cast(x, "float32")
    weights = ops.expand_dims(visible, -1) * ops.ones_like(x)
    count = ops.maximum(ops.sum(weights), 1.0)
    mean = ops.sum(x * weights) / count
    return ops.sqrt(ops.sum(ops.square(x - mean) * weights) / count)


def is_stateful(model):
    """Return whether a layer of a model begins each batch with what it held after the one before.

    Example:
        >>> layer = keras.layers.LSTM(4, stateful=True)
        >>> is_stateful(keras.Sequential([keras.Input(batch_shape=(2, 3, 1)), layer]))
        True
    """
    return any(getattr(layer, "stateful", False) for layer in model._flatten_layers())
