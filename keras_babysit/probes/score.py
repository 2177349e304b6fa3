"""Scores: training and validation data in inference mode, with the same weights.

`history["loss"]` against `history["val_loss"]` is no gap: the first is a running mean over changing
weights with dropout on, and both include the weight penalty. A score is taken in inference mode,
without the penalty, and has a standard error.
"""

import functools
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from keras_babysit.baselines import mean_and_error
from keras_babysit.probes import taps
from keras_babysit.probes.probe import compute_loss, stateless, weight_penalty
from keras_babysit.probes.readings import Pass
from keras_babysit.probes.units import read_openings
from keras_babysit.samples.batches import size, take
from keras_babysit.samples.sample import SLICES

GATES = ("activations/gate_max", "activations/piece_share")
"""What a score reads of the layers."""

MAX_CLASSES = 1024
"""Predictions of rank 2 with at most so many columns are read to the host; others are not."""


class Scored(NamedTuple):
    """Examples that were scored: arrays, `weights` None if all count the same."""

    inputs: Any
    targets: Any
    predictions: Any
    weights: Any


class Score:
    """Scores a model on a sample: loss without the penalty, and the compiled metrics.

    It also reads which units the examples open, as it goes through all of the sample anyway.

    Args:
        model: A compiled and built `keras.Model`.
        layers: The layers whose gates to read.
        is_compiled: Whether to compile the pass.
    """

    def __init__(self, model, *, layers=(), is_compiled=True):
        self.model = model
        self.layers = layers
        self.is_compiled = is_compiled
        self._parts = 1  # slices of one pass
        self._names = taps.names(layers)
        self._pass = Pass(model, self._read, is_compiled=is_compiled)

    def __call__(self, state, sample, max_examples, batch_size=None):
        """Return the scores, what was scored, and the gates.

        Args:
            state: Values of the variables as `backend.state` returns them.
            sample: A `Sample`.
            max_examples: Maximum number of examples that are scored at a time.
            batch_size: The only batch size that the model accepts, None if it accepts any.

        Returns:
            A dict `{name: (mean, standard error)}`, empty for fewer than `SLICES` examples; what
            was `Scored`, None where the predictions are not one row of numbers per example; and for
            each slice its number of examples and the widest gates, by quantity and target.
        """
        slices, scored, gates = {}, [], []
        length = min(len(sample) // SLICES, max_examples)
        self._parts = 1 if self.is_compiled else _most_parts(length, max_examples)
        if batch_size is not None:
            length, self._parts = (batch_size if length >= batch_size else 0), 1
        whole = self._parts * length
        for batch in sample.slices(whole) if length else ():
            readings = self._pass(state, batch)
            gates.append((whole, {key: readings[key] for key in readings if key[0] in GATES}))
            for (name, target), value in readings.items():
                if name in GATES:
                    continue
                if name == "predictions":
                    scored.append(_counting(*batch, value))
                else:
                    slices.setdefault(target, []).append(value)
        scores = {name: mean_and_error(values) for name, values in slices.items()}
        return scores, _joined(scored), gates

    def _read(self, readings, trainable, other, scale, batch):
        del scale
        with stateless(self.model, trainable, other):
            self._read_batch(readings, *batch)

    def _read_batch(self, readings, x, y, sample_weight):
        model = self.model
        with taps.tapped(self.layers, self._names, functools.partial(read_openings, readings)):
            y_pred = model(x, training=False)
        self._read_scores(readings, (x, y, y_pred, sample_weight))
        if hasattr(y_pred, "shape") and len(y_pred.shape) == 2 and _is_row(y_pred.shape[1]):
            readings.add_rest("predictions", "", y_pred)

    def _read_scores(self, readings, batch):
        """Add the scores of each slice of a batch that went through the network in one pass."""
        model = self.model
        for index, (x, y, y_pred, sample_weight) in enumerate(self._cut(batch)):
            loss = compute_loss(model, x, y, y_pred, sample_weight, training=False)
            loss = ops.cast(loss, "float32") - weight_penalty(model)
            readings.add(f"score/{index}", "loss", loss)
            model.reset_metrics()
            for name, value in model.compute_metrics(x, y, y_pred, sample_weight).items():
                if not name.endswith("loss"):  # the trackers of losses were not fed
                    readings.add(f"score/{index}", name, value)

    def _cut(self, batch):
        if self._parts == 1:
            return [batch]
        length = size(batch) // self._parts
        return [take(batch, slice(i * length, (i + 1) * length)) for i in range(self._parts)]


def _most_parts(length, max_examples):
    """Return how many slices of that length one pass holds, so that none is left over."""
    counts = (SLICES, SLICES // 2, SLICES // 4)
    return next((count for count in counts if count * length <= max_examples), 1)


def _is_row(columns):
    """Return whether so many columns are read; None stands for as many as there are examples."""
    return columns is not None and columns <= MAX_CLASSES


def _counting(x, y, sample_weight, predictions):
    """Return the examples whose weight is not 0: the others may have any label."""
    kept = Scored(x, y, predictions, sample_weight)
    if sample_weight is None or not isinstance(x, np.ndarray):
        return kept
    weights = np.asarray(sample_weight).reshape(len(predictions), -1).sum(axis=1)
    return Scored(*(None if values is None else values[weights != 0] for values in kept))


def _joined(scored):
    if not scored or not all(isinstance(part, np.ndarray) for part in scored[0][:3]):
        return None
    parts = zip(*scored, strict=True)
    joined = Scored(*(None if values[0] is None else np.concatenate(values) for values in parts))
    return joined if len(joined.predictions) else None
