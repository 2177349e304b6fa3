"""Scores: training and validation data in inference mode, with the same weights.

`history["loss"]` against `history["val_loss"]` is no gap: the first is a running mean over changing
weights with dropout on, and both include the weight penalty. A score is taken in inference mode,
without the penalty, and has a standard error.
"""

import functools
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from keras_babysit.backends.untouched import untouched_state
from keras_babysit.baselines import mean_and_error
from keras_babysit.probes import taps
from keras_babysit.probes.masks import take_masked
from keras_babysit.probes.probe import compute_loss, stateless
from keras_babysit.probes.readings import Pass
from keras_babysit.probes.units import read_openings
from keras_babysit.probes.weight_penalties import without_weight_penalties
from keras_babysit.samples.batches import join, take
from keras_babysit.samples.sample import SLICES

GATES = ("activations/gate_max", "activations/piece_share")
"""What a score reads of the layers."""

MAX_CLASSES = 1024
"""Predictions with at most so many columns, of all outputs together, are read to the host."""

MAX_POSITIONS = 32
"""Positions of a sequence or an image that are read of each example: the same ones of all, drawn
once. Thousands of rows are enough for an error, and no more are kept on the host."""


class Scored(NamedTuple):
    """Examples that were scored: arrays, `weights` None if all count the same."""

    inputs: Any
    targets: Any
    predictions: Any
    weights: Any


class Part(NamedTuple):
    """Which columns of the packed predictions belong to one output.

    Args:
        shape: Shape of the output of one example.
        positions: Indices of the positions that were read, None if the output has none.
        has_mask: Whether a mask of the positions follows the predictions.
    """

    shape: tuple[int, ...]
    positions: Any
    has_mask: bool

    @property
    def columns(self) -> int:
        """Size of the last axis of the output."""
        return self.shape[-1] if self.shape else 1

    @property
    def width(self) -> int:
        """Number of packed columns."""
        if self.positions is None:
            return self.columns
        return len(self.positions) * (self.columns + self.has_mask)


class Score:
    """Scores a model on a sample: loss without the penalty, and the compiled metrics.

    It also reads which units the examples open, as it goes through all of the sample anyway.

    Args:
        model: A compiled and built `keras.Model`.
        layers: The layers whose gates to read.
        has_loss: Whether to score; if not, only the gates are read.
        is_compiled: Whether to compile the pass.

    Attributes:
        parts: After the first pass, the `Part` of each output; empty if one is too large to read.
        structure: After the first pass, the nested structure of the outputs.
    """

    def __init__(self, model, *, layers=(), has_loss=True, is_compiled=True):
        self.parts = []
        self.structure = None
        self.model = model
        self.layers = layers
        self.has_loss = has_loss
        self.is_compiled = is_compiled
        self._parts = 1  # slices of one pass
        self._cut_examples = 0  # of a pass, that all of its slices have together
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
            was `Scored`, None where the predictions are too many to read; and for
            each slice its number of examples and the widest gates, by quantity and target.
        """
        slices, scored, gates = {}, [], []
        length = min(sample.joined_size // SLICES, max_examples)
        self._parts = 1 if self.is_compiled else _most_parts(length, max_examples)
        whole = self._parts * length
        if batch_size is not None:  # fewer such batches than slices are cut
            passes = sample.joined_size // batch_size
            self._parts = -(-SLICES // passes) if passes else 1
            whole = batch_size
            length = batch_size // self._parts if passes else 0
        self._cut_examples = self._parts * length
        parts = list(sample.slices(whole)) if length else []
        with untouched_state(self.model):
            measured = [self._pass.run(state, batch) for batch in parts]
        for batch, readings in zip(parts, measured, strict=True):
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
        if not self.has_loss:
            return
        self._read_scores(readings, (x, y, y_pred, sample_weight))
        outputs = keras.tree.flatten(y_pred)
        parts = [_part(output) for output in outputs]
        is_small = None not in parts and sum(part.width for part in parts) <= MAX_CLASSES
        self.structure = keras.tree.map_structure(lambda leaf: None, y_pred)
        self.parts = parts if is_small else []
        if is_small:
            rows = [_packed(*pair) for pair in zip(outputs, parts, strict=True)]
            readings.add_rest("predictions", "", ops.concatenate(rows, axis=1))

    def _read_scores(self, readings, batch):
        """Add the scores of each slice of a batch that went through the network in one pass."""
        model = self.model
        for index, (x, y, y_pred, sample_weight) in enumerate(self._cut(batch)):
            with without_weight_penalties(model):
                loss = compute_loss(model, x, y, y_pred, sample_weight, training=False)
            readings.add(f"score/{index}", "loss", ops.cast(loss, "float32"))
            model.reset_metrics()
            for name, value in model.compute_metrics(x, y, y_pred, sample_weight).items():
                if not name.endswith("loss"):  # the trackers of losses were not fed
                    readings.add(f"score/{index}", name, value)

    def _cut(self, batch):
        if self._parts == 1:
            return [batch]
        # The examples that count may all come first, as those of a graph to train on.
        parts = [slice(i, self._cut_examples, self._parts) for i in range(self._parts)]
        x, y, y_pred, sample_weight = batch
        return [
            (*take((x, y), rows), take_masked(y_pred, rows), take(sample_weight, rows))
            for rows in parts
        ]


def _most_parts(length, max_examples):
    """Return how many slices of that length one pass holds, so that none is left over."""
    counts = (SLICES, SLICES // 2, SLICES // 4)
    return next((count for count in counts if count * length <= max_examples), 1)


def _part(output):
    """Return how an output is packed, None if its shape is not known or it is no number."""
    shape = tuple(output.shape[1:])
    if None in shape or not keras.backend.is_float_dtype(
        keras.backend.standardize_dtype(output.dtype)
    ):
        return None
    if len(shape) < 2:
        return Part(shape, None, has_mask=False)
    count = int(np.prod(shape[:-1]))
    most = min(MAX_POSITIONS, max(1, MAX_CLASSES // (2 * shape[-1])))
    drawn = np.random.default_rng(0).permutation(count)[:most]
    mask = getattr(output, "_keras_mask", None)
    has_mask = mask is not None and tuple(mask.shape[1:]) == shape[:-1]
    return Part(shape, np.sort(drawn), has_mask=has_mask)


def _packed(output, part):
    """Return the predictions of one output as `(examples, part.width)`."""
    if part.positions is None:
        return ops.cast(ops.reshape(output, (-1, part.columns)), "float32")
    count = int(np.prod(part.shape[:-1]))
    flat = ops.reshape(ops.cast(output, "float32"), (-1, count, part.columns))
    found = ops.take(flat, part.positions, axis=1)
    packed = ops.reshape(found, (-1, len(part.positions) * part.columns))
    if not part.has_mask:
        return packed
    mask = ops.reshape(ops.cast(output._keras_mask, "float32"), (-1, count))
    return ops.concatenate([packed, ops.take(mask, part.positions, axis=1)], axis=1)


def _counting(x, y, sample_weight, predictions):
    """Return the examples whose weight is not 0: the others may have any label."""
    kept = Scored(x, y, predictions, sample_weight)
    if not isinstance(sample_weight, np.ndarray):
        return kept
    weights = sample_weight.reshape(len(predictions), -1).sum(axis=1)
    return Scored(*take(tuple(kept), np.flatnonzero(weights)))


def _joined(scored):
    if not scored:
        return None
    joined = Scored(*join([tuple(part) for part in scored]))
    return joined if len(joined.predictions) else None
