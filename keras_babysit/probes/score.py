"""Like-for-like scores: training and validation data in the same mode, with the same weights.

`history["loss"]` against `history["val_loss"]` is no gap: the first is a running mean over changing
weights with dropout on, and both hold the weight penalty. A score is taken in inference mode,
without the penalty, and comes with its standard error.
"""

import keras
import numpy as np
from keras import ops

from keras_babysit.probes import sample as samples
from keras_babysit.probes._backend import backend
from keras_babysit.probes.probe import compute_loss, stateless, weight_penalty
from keras_babysit.probes.readings import Readings, unpack
from keras_babysit.probes.reference import mean_and_error

CHUNKS = 8
"""Parts that a slice is scored in; the spread among them gives the standard error."""

SLICE = 256
"""Examples that are scored in one pass."""

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
        self.is_compiled = is_compiled
        self._functions = {}  # by size of the slice and by which leaves are there

    def __call__(self, state, sample):
        """Return mean and standard error by name, and predictions against targets.

        Args:
            state: Values of the variables as `backend.state` returns them.
            sample: A `Sample`.

        Returns:
            A dict `{name: (mean, standard error)}`, empty if the sample holds fewer than `CHUNKS`
            examples; and `(inputs, targets, predictions)` of the scored examples, None where the
            predictions are not one row of numbers per example.
        """
        chunks, scored = {}, []
        for batch in self._slices(sample):
            for (name, target), values in self._run(state, batch).items():
                if name == "predictions":
                    scored.append((batch[0], batch[1], values))
                else:
                    chunks.setdefault(target, []).extend(values)
        scores = {name: mean_and_error(values) for name, values in chunks.items()}
        return scores, _joined(scored)

    def _slices(self, sample):
        examples = min(SLICE, len(sample)) // CHUNKS * CHUNKS
        return sample.slices(examples) if examples else ()

    def _run(self, state, batch):
        flat = keras.tree.flatten(batch)
        present = tuple(leaf is not None for leaf in flat)
        data = [leaf for leaf in flat if leaf is not None]
        key = (samples.size(batch), present)
        if key not in self._functions:
            self._functions[key] = self._make(batch, present)
        function, layout = self._functions[key]
        packed = function(state[0], state[1], data)
        return unpack(layout, backend.to_numpy(packed))

    def _make(self, batch, present):
        layout = []

        def run(trainable, other, data):
            waiting = iter(data)
            leaves = [next(waiting) if is_there else None for is_there in present]
            whole = keras.tree.pack_sequence_as(batch, leaves)
            readings = Readings()
            with stateless(self.model, trainable, other):
                self._read(readings, whole, samples.size(batch))
            layout[:] = readings.layout
            return readings.pack()

        return (backend.compile(run) if self.is_compiled else run), layout

    def _read(self, readings, batch, examples):
        x, _, _ = batch
        y_pred = self.model(x, training=False)
        if hasattr(y_pred, "shape") and len(y_pred.shape) == 2 and y_pred.shape[1] <= MAX_CLASSES:
            readings.add("predictions", "", y_pred)
        length = examples // CHUNKS
        by_name = {}
        for start in range(0, examples, length):
            chunk = samples.part((*batch, y_pred), start, start + length)
            for name, value in self._chunk(*chunk).items():
                by_name.setdefault(name, []).append(ops.cast(value, "float32"))
        for name, values in by_name.items():
            readings.add("score", name, ops.stack(values))

    def _chunk(self, x, y, sample_weight, y_pred):
        model = self.model
        loss = compute_loss(model, x, y, y_pred, sample_weight, training=False)
        values = {"loss": ops.cast(loss, "float32") - weight_penalty(model)}
        model.reset_metrics()
        metrics = model.compute_metrics(x, y, y_pred, sample_weight)
        own = {name: value for name, value in metrics.items() if not name.endswith("loss")}
        return values | own


def _joined(scored):
    if not scored or not all(isinstance(part, np.ndarray) for part in scored[0]):
        return None
    return tuple(np.concatenate(parts) for parts in zip(*scored, strict=True))
