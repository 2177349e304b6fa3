"""The rows of each output that was scored: one per example, or one per position of an example."""

from typing import Any, NamedTuple

import numpy as np

from keras_babysit.probes.loss_behaviour import match_targets


class OutputRows(NamedTuple):
    """Targets and predictions of one output.

    Args:
        targets: One row per example, or per position of an example.
        predictions: The same of the predictions, `(rows, columns)`.
        weights: Weight of each row in the loss, None if all count the same.
        groups: Index of the example of each row, None if each row is an example.
    """

    targets: Any
    predictions: Any
    weights: Any
    groups: Any


def rows_of_outputs(model, score, scored):
    """Return the `OutputRows` of each output, None for one whose targets do not fit it.

    Args:
        model: The model.
        score: The `Score` after a pass: its parts and structure are read.
        scored: What was `Scored`.
    """
    parts = score.parts
    targets = match_targets(model, scored.targets, score.structure, len(parts))
    if targets is None:
        return [None] * len(parts)
    starts = np.cumsum([0, *(part.width for part in parts)])
    weights = _weights_of(model, scored.weights, score.structure, len(parts))
    return [
        _rows(part, y, scored.predictions[:, start : start + part.width], weight)
        for part, y, start, weight in zip(parts, targets, starts[:-1], weights, strict=True)
    ]


def _weights_of(model, weights, structure, count):
    if weights is None or isinstance(weights, np.ndarray):
        return [weights] * count
    return match_targets(model, weights, structure, count) or [None] * count


def _rows(part, y, packed, weights):
    if y.dtype.kind not in "fiub":
        return None
    if part.positions is None:
        return OutputRows(y, packed, weights, None)
    examples, chosen = len(packed), len(part.positions)
    count = int(np.prod(part.shape[:-1]))
    if y.size % (examples * count) or y.shape[1 : len(part.shape)] != part.shape[:-1]:
        return None
    y = y.reshape(examples, count, -1)[:, part.positions]
    predictions = packed[:, : chosen * part.columns].reshape(-1, part.columns)
    counts = np.ones((examples, chosen))
    if weights is not None:
        if weights.size not in (examples, examples * count):
            return None
        weights = np.broadcast_to(weights.reshape(examples, -1), (examples, count))
        counts = weights[:, part.positions].astype("float64")
    if part.has_mask:
        counts = counts * packed[:, chosen * part.columns :]
    groups = np.repeat(np.arange(examples), chosen)
    kept = counts.ravel() != 0
    rows = y.reshape(len(groups), -1), predictions, groups
    targets, predictions, groups = (one[kept] for one in rows)
    return OutputRows(targets, predictions, counts.ravel()[kept], groups) if kept.any() else None
