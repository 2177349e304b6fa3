"""Which layers of a model are together one linear map of its inputs."""

import keras

MAPS = (
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
)
"""Layers with a kernel, linear but for their activation."""

LINEAR = (
    keras.layers.InputLayer,
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Permute,
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
    keras.layers.BatchNormalization,
    keras.layers.Normalization,
    keras.layers.Rescaling,
    keras.layers.Identity,
    keras.layers.ZeroPadding1D,
    keras.layers.ZeroPadding2D,
    keras.layers.ZeroPadding3D,
    keras.layers.Cropping1D,
    keras.layers.Cropping2D,
    keras.layers.Cropping3D,
    keras.layers.UpSampling1D,
    keras.layers.UpSampling2D,
    keras.layers.UpSampling3D,
    keras.layers.AveragePooling1D,
    keras.layers.AveragePooling2D,
    keras.layers.AveragePooling3D,
    keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalAveragePooling3D,
    keras.layers.Concatenate,
    keras.layers.Add,
    keras.layers.Subtract,
    keras.layers.Average,
)
"""Layers that are linear, or affine, in inference mode."""

ENDS = (keras.layers.Softmax, keras.layers.Activation)
"""Layers that may follow the last map: the link from scores to predictions."""


def linear_layers(model):
    """Return the names of the layers with a kernel that are together one linear map.

    Args:
        model: A built Keras model.

    Returns:
        The names, in the order of the model, the last layer included; empty if there are fewer than
        two, if something between them is not linear, or is not known to be.

    Example:
        >>> stack = [keras.layers.Dense(8, name="a"), keras.layers.Dense(3, name="b")]
        >>> linear_layers(keras.Sequential([keras.Input((4,)), *stack]))
        ('a', 'b')
    """
    layers = _flat(model)
    if layers is None or not all(type(one) in MAPS + LINEAR + ENDS for one in layers):
        return ()
    maps = [one for one in layers if type(one) in MAPS]
    if len(maps) < 2 or len(model.outputs) != 1:
        return ()
    behind = layers[layers.index(maps[-1]) + 1 :]
    between = [one for one in layers if one is not maps[-1] and one not in behind]
    if not all(map(_is_linear, between)):
        return ()
    return () if _is_low_rank(maps) else tuple(one.name for one in maps)


def _flat(model):
    """Return the layers of a model and of the models in it, in their order; None if not known."""
    inner = (
        model.layers if isinstance(model, keras.Sequential) else getattr(model, "operations", None)
    )
    if not inner:
        return None
    found = []
    for one in inner:
        more = _flat(one) if isinstance(one, keras.Model) else [one]
        if more is None:
            return None
        found += more
    return found


def _is_linear(layer):
    if type(layer) is keras.layers.Softmax:
        return False
    activation = getattr(layer, "activation", None)
    return activation is None or activation is keras.activations.linear


def _is_low_rank(maps):
    """Return whether the stack is narrower than its ends, as a factorization or a code is."""
    # Not `layer.kernel`: with adapters that is computed from variables, whose values JAX has taken.
    kernels = [next((w for w in one.weights if w.name == "kernel"), None) for one in maps]
    if any(kernel is None for kernel in kernels):
        return False
    widths = [int(kernel.shape[-1]) for kernel in kernels]
    ends = min(int(kernels[0].shape[-2]), widths[-1])
    return min(widths[:-1]) < ends
