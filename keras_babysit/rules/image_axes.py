"""Images whose channels lie on another axis than a convolution takes them from."""

from keras_babysit.actions import DATA
from keras_babysit.facts import LayerFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules.effects import POOR_FIT, STUCK
from keras_babysit.rules.rule import rule

COLORS = (1, 3, 4)
"""Channels of an image: grey, red-green-blue, or with transparency."""

SMALLEST_SIDE = 8
"""Height and width of an image from which on they are no channels."""


@rule(
    title="Channels on the wrong axis",
    explains=(*POOR_FIT, *STUCK, "overfitting"),
    needs=("facts/layers", "facts/data"),
    silent=("without two-dimensional convolutions", "if the images are not square"),
    is_immediate=True,
)
def image_axes(history: History) -> list[Finding]:
    """Report images with channels first in a convolution with channels last, or the other way.

    Image data come as `(height, width, channels)` or as `(channels, height, width)`, and a layer
    takes either. Fed with the other one, it takes the rows of pixels for channels and slides over
    the colors: the network runs, and learns far less. `reshape` does not help: it keeps the order
    of the numbers, so that neighbours in the new array are no neighbours in the image.

    Reads the shapes of the inputs and, of each `Conv2D`, `SeparableConv2D` and `DepthwiseConv2D`
    that gets an array of that shape, the size of the images and the number of channels. An image is
    square, with 8 or more pixels a side, and has 1, 3 or 4 channels. It is silent on others. Of
    images with 3 or 4 channels last it reads whether neighbouring pixels are far more alike if the
    same numbers are read with channels first.

    Args:
        history: The history of the run.

    Returns:
        One WARNING per input, or nothing.

    Example:
        >>> from keras_babysit.facts import DataFacts, InputFacts, LayerFacts
        >>> history = History()
        >>> history.note(
        ...     data=DataFacts(inputs=(InputFacts(shape=(3, 32, 32)),)),
        ...     layers={"conv2d": LayerFacts(class_name="Conv2D", image=(3, 32), channels=32)},
        ... )
        >>> print(image_axes(history)[0].message)
        The images have the shape (3, 32, 32), which "conv2d" reads as 3 x 32 pixels with 32
        channels.

    Reference:
        Keras, `keras.layers.Conv2D`: `data_format`; Ruderman, "Origins of scaling in natural
        images", Vision Research 37, 1997, on how alike neighbouring pixels are.
    """
    found = []
    layers = [(path, one) for path, one in history.facts.layers.items() if one.channels]
    for index, facts in enumerate(history.facts.data.inputs):
        swapped = _swapped(facts.shape)
        fed = [path for path, one in layers if (one.image, one.channels) == swapped]
        if facts.shape and swapped and fed:
            found.append(_finding(f"inputs[{index}]", facts.shape, swapped, fed[0]))
        elif facts.shape and facts.is_reshaped and _are_read(layers, facts.shape):
            found.append(_about_reshaped(f"inputs[{index}]", facts.shape))
    return found


def _are_read(layers: list[tuple[str, LayerFacts]], shape: tuple[int, ...]) -> bool:
    """Return whether a convolution slides over images of a shape with channels last."""
    *image, channels = shape
    return any((one.image, one.channels) == (tuple(image), channels) for _, one in layers)


def _about_reshaped(target: str, shape: tuple[int, ...]) -> Finding:
    height, width, channels = shape
    return Finding(
        rule="image_axes",
        severity=Severity.WARNING,
        target=target,
        message=f"The images of shape {shape} seem to be reshaped from "
        f"{(channels, height, width)}: read so, neighbouring pixels are far more alike.",
        evidence={"height": height, "width": width, "channels": channels},
        remedies=(
            Remedy(
                "Restore the first shape, then transpose: `reshape` does not move an axis.",
                f"images = images.reshape(-1, {channels}, {height}, {width})"
                ".transpose(0, 2, 3, 1)  # images: your array",
                no_change_because=DATA,
            ),
        ),
        reference="Ruderman, Origins of scaling in natural images, Vision Research 37, 1997",
    )


def _swapped(shape: tuple[int, ...] | None) -> tuple[tuple[int, int], int] | None:
    """Return size and channels of an image that is read with its axes swapped; None for others."""
    if shape is None or len(shape) != 3:
        return None
    first, second, third = shape
    if first in COLORS and second == third >= SMALLEST_SIDE:
        return (first, second), third
    if third in COLORS and first == second >= SMALLEST_SIDE:
        return (second, third), first
    return None


def _finding(
    target: str, shape: tuple[int, ...], read: tuple[tuple[int, int], int], layer: str
) -> Finding:
    (height, width), channels = read
    axes = "0, 2, 3, 1" if shape[0] in COLORS else "0, 3, 1, 2"
    return Finding(
        rule="image_axes",
        severity=Severity.WARNING,
        target=target,
        message=f'The images have the shape {shape}, which "{layer}" reads as {height} x {width} '
        f"pixels with {channels} channels.",
        evidence={"height": height, "width": width, "channels": channels},
        remedies=(
            Remedy(
                "Move the channel axis, in the training and the validation data.",
                f"images = np.transpose(images, ({axes}))  # images: your array",
                no_change_because=DATA,
            ),
        ),
        reference="Keras, keras.layers.Conv2D: data_format",
    )
