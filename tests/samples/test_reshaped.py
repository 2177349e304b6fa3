"""Images whose channels were moved with `reshape`."""

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.samples.reshaped import is_reshaped

RNG = np.random.default_rng(0)


def pictures(side, count=40):
    """Return images of overlapping areas of one colour each, with noise, channels last."""
    made = RNG.normal(scale=8, size=(count, side, side, 3))
    for image in made:
        for _ in range(12):
            top, left = RNG.integers(0, side, 2)
            height, width = RNG.integers(2, side, 2)
            image[top : top + height, left : left + width] = RNG.integers(0, 255, 3)
    return made + RNG.normal(scale=8, size=made.shape)


@pytest.mark.parametrize("side", [8, 32, 64])
def test_images_that_were_reshaped_are_told_from_transposed_ones(side):
    images = pictures(side)
    first = images.transpose(0, 3, 1, 2)
    assert is_reshaped(first.reshape(images.shape)) is True
    assert is_reshaped(first.reshape(images.shape) / 255.0 - 0.5) is True
    assert is_reshaped(images) is False


@pytest.mark.parametrize(
    "images",
    [
        RNG.normal(size=(64, 16, 16, 3)),
        np.zeros((8, 16, 16, 3)),
        np.repeat(pictures(16).mean(axis=-1, keepdims=True), 3, axis=-1),  # grey, three times
        np.round(RNG.random((64, 16, 16, 3)) ** 8),  # a few white pixels
    ],
)
def test_noise_and_grey_images_are_not_taken_for_it(images):
    assert is_reshaped(images) is False


@pytest.mark.parametrize(
    "shape", [(8, 16, 16, 1), (8, 16, 16, 2), (8, 4, 4, 3), (8, 16, 3), (0, 16, 16, 3)]
)
def test_what_is_no_colour_image_is_not_judged(shape):
    assert is_reshaped(np.ones(shape)) is None


@pytest.mark.parametrize("is_fault", [True, False])
def test_a_run_on_reshaped_images_is_reported(is_fault):
    images = pictures(16)
    y = np.arange(len(images)) % 2
    first = images.transpose(0, 3, 1, 2)
    x = (first.reshape(images.shape) if is_fault else images) / 255.0
    model = keras.Sequential(
        [
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy")
    sitter = kb.Babysitter(verbose=0, every=1)
    model.fit(x, y, epochs=2, verbose=0, callbacks=[sitter])
    assert ("image_axes" in {one.rule for one in sitter.findings}) is is_fault
