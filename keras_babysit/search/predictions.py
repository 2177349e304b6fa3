"""The predictions of a model in inference mode.

`Model.predict` would compile a function for a single use.
"""

import keras

from keras_babysit.backends import backend
from keras_babysit.samples.batches import take

BATCH_SIZE = 128
"""Number of examples per forward pass."""


def predictions(model, x):
    """Yield the outputs of a model for one batch of inputs after the other."""
    size = len(keras.tree.flatten(x)[0])
    for start in range(0, size, BATCH_SIZE):
        with backend.without_gradients():
            outputs = model(take(x, slice(start, start + BATCH_SIZE)), training=False)
        yield outputs
