"""Small networks of common kinds. Each function returns a model for a given input shape."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_babysit.layers import ChannelPReLU, Maxout

Shape = tuple[int, ...]


def activate(x: keras.KerasTensor, activation: Any) -> keras.KerasTensor:
    """Apply an activation: a name, a function of tensors, or a tuple with a layer factory."""
    if isinstance(activation, tuple):
        return activation[0]()(x)
    if activation == "prelu":
        return ChannelPReLU()(x)
    return keras.layers.Activation(activation)(x)


def dense(units: int, options: dict[str, Any], index: int = 0) -> keras.layers.Dense:
    """Return a dense layer with the initializers and penalties of the options."""
    return keras.layers.Dense(
        units,
        kernel_initializer=fresh(options.get("kernel", "glorot_uniform"), index),
        bias_initializer=fresh(options.get("bias", "zeros"), index),
        kernel_regularizer=fresh(options.get("penalty"), index),
    )


def fresh(setting: Any, index: int) -> Any:
    """Return a new object for each layer; a function is called with the index of the layer."""
    return setting(index) if callable(setting) else setting


def head(x: keras.KerasTensor, options: dict[str, Any]) -> keras.KerasTensor:
    layer = keras.layers.Dense(
        options["outputs"],
        dtype="float32",  # a softmax in half precision is not precise enough for the loss
        activation=options.get("last"),
        kernel_initializer=fresh(options.get("last_kernel", "glorot_uniform"), -1),
        bias_initializer=fresh(options.get("last_bias", "zeros"), -1),
        kernel_regularizer=fresh(options.get("penalty"), -1),
    )
    return layer(x)


def enter(shape: Shape, options: dict[str, Any]) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    inputs = x = keras.Input(shape)
    for make in options.get("first", ()):
        x = make()(x)
    return inputs, x


def two_heads(shape: Shape, **options: Any) -> keras.Model:
    """Dense layers under two outputs, a number and a yes or no: `units`."""
    inputs, x = enter(shape, options)
    for index, units in enumerate(options.get("units", (12, 8))):
        x = activate(dense(units, options, index)(x), options.get("activation", "relu"))
    size = keras.layers.Dense(1, name="size")(x)
    kind = keras.layers.Dense(1, "sigmoid", name="kind")(x)
    return keras.Model(inputs, {"size": size, "kind": kind})


def mlp(shape: Shape, **options: Any) -> keras.Model:
    """Dense layers: `units`, `activation`, `dropout`, `norm`, `between` (a function)."""
    inputs, x = enter(shape, options)
    if len(shape) > 1:
        x = keras.layers.Flatten()(x)
    for index, units in enumerate(options.get("units", (64, 64))):
        if options.get("pieces"):
            x = Maxout(
                units, options["pieces"], bias_initializer=fresh(options.get("bias", "zeros"), 0)
            )(x)
        else:
            x = dense(units, options, index)(x)
        if options.get("norm"):
            x = normalise(x, options)
        if not options.get("pieces"):
            x = activate(x, options.get("activation", "relu"))
        if options.get("dropout"):
            x = keras.layers.Dropout(options["dropout"])(x)
        if options.get("between"):
            x = options["between"](x, index)
    return options.get("model", keras.Model)(inputs, head(x, options))


def normalise(x: keras.KerasTensor, options: dict[str, Any]) -> keras.KerasTensor:
    if options["norm"] == "layer":
        return keras.layers.LayerNormalization()(x)
    make = options.get("norm_layer", keras.layers.BatchNormalization)
    return make(momentum=options.get("momentum", 0.9))(x)


def cnn(shape: Shape, **options: Any) -> keras.Model:
    """Convolutions that halve the image each: `filters`, `activation`, `norm`, `dropout`."""
    inputs, x = enter(shape, options)
    for index, filters in enumerate(options.get("filters", (16, 32))):
        x = convolution(filters, options, index)(x)
        if options.get("norm"):
            x = normalise(x, options)
        x = activate(x, options.get("activation", "relu"))
        x = keras.layers.MaxPooling2D()(x)
        if options.get("between"):
            x = options["between"](x, index)
    x = keras.layers.Flatten()(x)
    if options.get("dropout"):
        x = keras.layers.Dropout(options["dropout"])(x)
    return keras.Model(inputs, head(x, options))


def convolution(filters: int, options: dict[str, Any], index: int) -> keras.layers.Conv2D:
    return keras.layers.Conv2D(
        filters,
        3,
        padding="same",
        kernel_initializer=fresh(options.get("kernel", "glorot_uniform"), index),
        bias_initializer=fresh(options.get("bias", "zeros"), index),
        kernel_regularizer=fresh(options.get("penalty"), index),
    )


def resnet(shape: Shape, **options: Any) -> keras.Model:
    """Residual blocks of two convolutions: `blocks`, `filters`, `norm`."""
    inputs, x = enter(shape, options)
    filters = options.get("filters", 16)
    x = convolution(filters, options, 0)(x)
    for index in range(options.get("blocks", 3)):
        y = x
        for _ in range(2):
            y = normalise(y, options) if options.get("norm") else y
            y = activate(y, options.get("activation", "relu"))
            y = convolution(filters, options, index + 1)(y)
        x = keras.layers.Add()([x, y])
    if options.get("norm"):
        x = normalise(x, options)
    x = activate(x, options.get("activation", "relu"))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, head(x, options))


def recurrent(shape: Shape, **options: Any) -> keras.Model:
    """Recurrent layers: `kind`, `units`, `settings` of each; `words` adds an embedding first."""
    inputs, x = enter(shape, options)
    if options.get("words"):
        x = embedded(x, options)
    units: Sequence[int] = options.get("units", (16,))
    kind = getattr(keras.layers, options.get("kind", "LSTM"))
    for index, size in enumerate(units):
        is_last = index == len(units) - 1
        settings = {key: fresh(v, index) for key, v in options.get("settings", {}).items()}
        layer = kind(size, return_sequences=not is_last, **settings)
        x = (keras.layers.Bidirectional(layer) if options.get("both_ways") else layer)(x)
    return keras.Model(inputs, head(x, options))


def embedded(x: keras.KerasTensor, options: dict[str, Any]) -> keras.KerasTensor:
    """Embed words; `mask_zero` masks the word 0."""
    is_masked = options.get("mask_zero", False)
    return keras.layers.Embedding(options["words"], options.get("width", 8), mask_zero=is_masked)(x)


def step_by_step(shape: Shape, **options: Any) -> keras.Model:
    """One answer for each word: `kind` of layer, `both_ways`, `is_causal`."""
    inputs, x = enter(shape, options)
    x = embedded(x, options | {"width": 16})
    kind = options.get("kind", "LSTM")
    if kind == "Conv1D":
        padding = "causal" if options.get("is_causal", True) else "same"
        x = keras.layers.Conv1D(32, 3, padding=padding, activation="relu")(x)
    elif kind == "attention":
        x = Places()(x)
        y = keras.layers.LayerNormalization()(x)
        attend = keras.layers.MultiHeadAttention(2, 8)
        x = x + attend(y, y, use_causal_mask=options.get("is_causal", True))
        y = keras.layers.LayerNormalization()(x)
        x = x + keras.layers.Dense(16)(keras.layers.Dense(32, activation="gelu")(y))
    else:
        layer = getattr(keras.layers, kind)(16, return_sequences=True)
        x = (keras.layers.Bidirectional(layer) if options.get("both_ways") else layer)(x)
    return keras.Model(inputs, head(x, options))


def carried(shape: Shape, **options: Any) -> keras.Model:
    """One recurrent layer that carries its state from batch to batch: `kind`, `batch`."""
    inputs = keras.Input(batch_shape=(options["batch"], *shape))
    x = getattr(keras.layers, options.get("kind", "LSTM"))(16, stateful=True)(inputs)
    return keras.Model(inputs, head(x, options))


def bag_of_words(shape: Shape, **options: Any) -> keras.Model:
    """Mean of embeddings."""
    inputs, x = enter(shape, options)
    x = keras.layers.Embedding(options["words"], options.get("width", 8))(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, head(x, options))


def conv1d(shape: Shape, **options: Any) -> keras.Model:
    """One-dimensional convolutions over a series."""
    inputs, x = enter(shape, options)
    for filters in options.get("filters", (16, 16)):
        x = keras.layers.Conv1D(filters, 3, padding="same")(x)
        x = activate(x, options.get("activation", "relu"))
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, head(x, options))


class Places(keras.layers.Layer):
    """Adds a trained vector to each position of a sequence."""

    def build(self, shape: Shape) -> None:
        """Create a vector per position, as small as those of Keras' `Embedding`."""
        self.vectors = self.add_weight(shape=shape[1:], initializer="random_uniform")

    def call(self, x: Any) -> Any:
        """Return the sum of both."""
        return x + self.vectors


def transformer(shape: Shape, **options: Any) -> keras.Model:
    """Pre-norm encoder blocks; tokens are words or the rows of an image."""
    inputs, x = enter(shape, options)
    width = options.get("width", 16)
    if options.get("words"):
        x = keras.layers.Embedding(options["words"], width)(x)
    else:
        x = keras.layers.Reshape((shape[0], -1))(x)
        x = keras.layers.Dense(width)(x)
    if options.get("positions", True):
        x = Places()(x)
    for _ in range(options.get("blocks", 2)):
        y = keras.layers.LayerNormalization()(x)
        kernel = options.get("attention_kernel", "glorot_uniform")
        x = x + keras.layers.MultiHeadAttention(2, width // 2, kernel_initializer=kernel)(y, y)
        y = keras.layers.LayerNormalization()(x)
        y = keras.layers.Dense(2 * width, activation=options.get("activation", "gelu"))(y)
        x = x + keras.layers.Dense(width)(y)
    x = keras.layers.GlobalAveragePooling1D()(keras.layers.LayerNormalization()(x))
    return keras.Model(inputs, head(x, options))
