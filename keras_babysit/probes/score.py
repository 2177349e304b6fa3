"""Like-for-like scores: training and validation data in the same mode, with the same weights.

`history["loss"]` against `history["val_loss"]` is no gap: the first is a running mean over changing
weights with dropout on, and both hold the weight penalty. A score is taken in inference mode,
without the penalty, and comes with its standard error.
"""

import numpy as np
from keras import ops

from keras_babysit.probes.probe import compute_loss, stateless, weight_penalty
from keras_babysit.probes.readings import Pass
from keras_babysit.probes.reference import mean_and_error

SLICES = 8
"""Parts that a sample is scored in; the spread among them gives the standard error."""

MAX_CLASSES = 1024
"""Predictions of rank 2 with at most so many columns are read to the host, others are not."""


class Score:
    """Scores a model on a sample: loss without the penalty, and the compiled metrics.

    Args:
        model: A compiled and built `keras.Model`.
        is_compiled: Whether to compile the pass.
    """

    def __init__(self, model, *, is_compiled=True):
        self.model = model
        self._pass = Pass(self._read, is_compiled=is_compiled)

    def __call__(self, state, sample):
        """Return mean and standard error by name, and what was scored.

        Args:
            state: Values of the variables as `backend.state` returns them.
            sample: A `Sample`.

        Returns:
            A dict `{name: (mean, standard error)}`, empty for fewer than `SLICES` examples; and
            `(inputs, targets, predictions)` of the scored examples, None where the predictions
            are not one row of numbers per example.
        """
        slices, scored = {}, []
        length = len(sample) // SLICES
        for batch in sample.slices(length) if length else ():
            for (name, target), value in self._pass(state, batch).items():
                if name == "predictions":
                    scored.append((batch[0], batch[1], value))
                else:
                    slices.setdefault(target, []).append(value)
        scores = {name: mean_and_error(values) for name, values in slices.items()}
        return scores, _joined(scored)

    def _read(self, readings, trainable, other, scale, batch):
        del scale
        with stateless(self.model, trainable, other):
            self._read_batch(readings, *batch)

    def _read_batch(self, readings, x, y, sample_weight):
        model = self.model
        y_pred = model(x, training=False)
        loss = compute_loss(model, x, y, y_pred, sample_weight, training=False)
        readings.add("score", "loss", ops.cast(loss, "float32") - weight_penalty(model))
        model.reset_metrics()
        for name, value in model.compute_metrics(x, y, y_pred, sample_weight).items():
            if not name.endswith("loss"):  # the trackers of losses were not fed
                readings.add("score", name, value)
        if hasattr(y_pred, "shape") and len(y_pred.shape) == 2 and y_pred.shape[1] <= MAX_CLASSES:
            readings.add_rest("predictions", "", y_pred)


def _joined(scored):
    if not scored or not all(isinstance(part, np.ndarray) for part in scored[0]):
        return None
    return tuple(np.concatenate(parts) for parts in zip(*scored, strict=True))
