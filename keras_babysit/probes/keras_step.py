"""The training step that Keras calls in `fit`, for a `TappedStep`."""

import keras
import numpy as np

from keras_babysit.backends import backend
from keras_babysit.probes.optimizer_state import learning_rate


class KerasStep:
    """Runs `model.train_step` on a batch as Keras does.

    Args:
        model: A compiled `keras.Model`.

    Attributes:
        form: The number of entries of a batch as the data come, None if that is no tuple. It is
            what `train_step` gets, and cannot be told from `(x, y, sample_weight)`.
    """

    def __init__(self, model):
        self.form = None
        self._model = model
        self._graph = None

    def run(self, tapped, state, batch, *, scale):
        """Run one step with taps.

        Args:
            tapped: The `TappedStep` of the run.
            state: Values of the variables as `backend.state` returns them.
            batch: `(x, y, sample_weight)`, tensors or arrays.
            scale: Factor of the loss in mixed precision.

        Returns:
            What was `Seen`.
        """
        data = as_tensors(pack(batch, self.form))
        model = self._model
        if keras.backend.backend() != "jax":
            if keras.backend.backend() == "torch":
                return tapped.run(_in_training, model, data, resets=True, scale=scale)
            return tapped.run(model.train_step, data, resets=True, scale=scale)
        trainable, other, optimizer = state
        count = len(model.non_trainable_variables)
        reset = [value for one in model.metrics for value in one.stateless_reset_state()]
        values = (list(trainable), list(other[:count]), list(optimizer), reset)
        if self._graph is None:
            self._graph = backend.compile(lambda four, data: model.train_step(four, data)[0])
        rates = {"optimizer": learning_rate(model.optimizer, state)}
        roots = (model.train_step,)
        return tapped.run(self._graph, values, data, roots=roots, scale=scale, rates=rates)


def _in_training(model, data):
    model.train()  # as Keras calls it before each step
    return model.train_step(data)


def pack(batch, form):
    """Return a batch `(x, y, sample_weight)` in the form in which the data come.

    Args:
        batch: The batch.
        form: Number of entries, None if the data are no tuple.

    Example:
        >>> pack((1, None, None), None), pack((1, None, None), 1), pack((1, 2, None), 2)
        (1, (1,), (1, 2))
    """
    x, y, sample_weight = batch
    if form is None:
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
    return (x, y, sample_weight)[:form] if form <= 3 else x


def as_tensors(data):
    """Return nested data with tensors in place of arrays."""
    return keras.tree.map_structure(_as_tensor, data)


def _as_tensor(leaf):
    return backend.to_tensor(leaf) if isinstance(leaf, np.ndarray) else leaf
