"""What layers get of images: their size and their channels."""

from typing import Any

import keras

CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.SeparableConv2D, keras.layers.DepthwiseConv2D)


def describe_images(call: Any) -> dict[str, Any]:
    """Return what `LayerFacts` say of the images that a two-dimensional convolution gets.

    Args:
        call: A `Call` of the layer.
    """
    layer, x = call.layer, call.x
    if not isinstance(layer, CONVOLUTIONS) or x is None or len(x.shape) != 4:
        return {}
    is_first = layer.data_format == "channels_first"
    channels, image = (x.shape[1], x.shape[2:]) if is_first else (x.shape[3], x.shape[1:3])
    return {} if None in (channels, *image) else {"channels": channels, "image": tuple(image)}
