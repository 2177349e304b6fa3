"""Images whose channels were moved with `reshape`, which keeps the order of the numbers."""

from typing import Any

import numpy as np

CHANNELS = (3, 4)
"""Channels of a colour image, or of one with transparency."""

SMALLEST_SIDE = 8
"""Height and width from which on neighbouring pixels of an image are alike."""

MAX_IMAGES = 64

SMOOTHER = 0.75
"""Fraction of the mean squared difference between neighbours that may be left once the numbers are
put in order. In an image of three channels that was reshaped, neighbours are three pixels apart.
The chance of an edge between two pixels grows with their distance (Ruderman, 1997), so that a third
is left in images of areas with sharp edges, and more where there is texture or noise; noise alone
differs as much in any order. In images with channels last, the rows fall apart: more than 1 is left
along one axis."""


def is_reshaped(leaf: np.ndarray[Any, Any]) -> bool | None:
    """Return whether images with channels first were reshaped to channels last.

    Neighbouring pixels are alike, in rows and in columns. If they are far more alike, both ways,
    once the same numbers are read as `(channels, height, width)`, that was their order. In images
    with channels last, rows fall apart if they are read so.

    Args:
        leaf: Images, `(examples, height, width, channels)`.

    Returns:
        None if they are no colour images of 8 pixels a side or more.

    Example:
        >>> ramp = np.linspace(0, 1, 16)
        >>> images = np.tile(ramp[:, None] * ramp, (4, 3, 1, 1))
        >>> is_reshaped(images.reshape(4, 16, 16, 3)), is_reshaped(images.transpose(0, 2, 3, 1))
        (True, False)
    """
    if leaf.ndim != 4 or leaf.dtype.kind not in "fiu" or not len(leaf):
        return None
    height, width, channels = leaf.shape[1:]
    if channels not in CHANNELS or min(height, width) < SMALLEST_SIDE:
        return None
    images = leaf[:MAX_IMAGES].astype("float64")
    if not np.isfinite(images).all():
        return None
    first = images.reshape(len(images), channels, height, width)
    read_so = [_roughness(first, axis) for axis in (2, 3)]
    as_given = [_roughness(images, axis) for axis in (1, 2)]
    return all(0 < one < SMOOTHER * other for one, other in zip(read_so, as_given, strict=True))


def _roughness(images: np.ndarray[Any, Any], axis: int) -> float:
    """Return the mean squared difference between neighbours along an axis."""
    return float(np.mean(np.square(np.diff(images, axis=axis))))
