"""What a kernel is: a weight that mixes the units that go in, as its layer says."""

from typing import Any

OTHER_WEIGHTS = ("bias", "beta", "gamma", "alpha", "scale", "embeddings")
"""Ends of the attributes under which layers keep what is added to their units, scales them or is
looked up: of any rank. The bias of an attention layer has an axis per head, that of a GRU one for
its two parts, the slopes of a PReLU those of an image."""


def kernel_ids(model: Any) -> set[int]:
    """Return the ids of the variables of a model that are kernels.

    A kernel has an input axis and an output axis, so at least two. Its layer tells it from other
    weights of that rank: Keras' layers keep theirs as `kernel`, `depthwise_kernel`,
    `recurrent_kernel` and so on, whatever layer is around them; a layer of one's own may name it
    as it likes, but for what `OTHER_WEIGHTS` names.

    Args:
        model: A built `keras.Model` or layer.

    Example:
        >>> attention = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)
        >>> attention.build((None, 5, 8), (None, 5, 8))
        >>> kernels = kernel_ids(attention)
        >>> [v.path.split("/", 1)[1] for v in attention.weights if id(v) in kernels]
        ['query/kernel', 'key/kernel', 'value/kernel', 'attention_output/kernel']
    """
    attributes: dict[int, tuple[Any, str]] = {}
    for layer in model._flatten_layers():
        for name, value in vars(layer).items():
            attributes.setdefault(id(value), (layer, name))
    return {
        id(variable)
        for variable in model.weights
        if len(variable.shape) > 1 and _is_kernel(*attributes.get(id(variable), (None, "")))
    }


def _is_kernel(layer: Any, attribute: str) -> bool:
    """Return whether the weight that a layer keeps under that attribute is a kernel."""
    if type(layer).__module__.startswith("keras."):
        return "kernel" in attribute
    return not attribute.endswith(OTHER_WEIGHTS)
