"""What the data are: scale, constant features, labels. Read on the host from a kept sample."""

import keras
import numpy as np

MAX_ENTRIES = 4_000_000
"""Entries of an array that are looked at; rows beyond are left out."""


def describe_data(batch):
    """Return the facts of a batch `(x, y, sample_weight)` of arrays as a JSON object."""
    x, y, sample_weight = batch
    inputs, targets = _arrays(x), _arrays(y)
    return {
        "examples": max([len(leaf) for leaf in [*inputs, *targets]], default=0),
        "is_weighted": sample_weight is not None,
        "inputs": [_describe_input(leaf) for leaf in inputs],
        "targets": [_describe_target(leaf) for leaf in targets],
    }


def _arrays(tree):
    leaves = [leaf for leaf in keras.tree.flatten(tree) if leaf is not None and np.ndim(leaf)]
    return [leaf[: max(1, MAX_ENTRIES // max(1, leaf[:1].size))] for leaf in leaves]


def _describe_input(leaf):
    facts = {"dtype": str(leaf.dtype), "shape": list(leaf.shape[1:])}
    if leaf.dtype.kind not in "fiub" or not leaf.size:
        return facts
    values = leaf.astype("float32")
    values = values if np.isfinite(values).all() else np.nan_to_num(values, posinf=0, neginf=0)
    return facts | {
        "rms": float(np.sqrt(np.mean(np.square(values, dtype="float64")))),
        "low": float(values.min()),
        "high": float(values.max()),
        "offset": _offset(values),
        **_constant_features(values),
    }


def _offset(values):
    """Return the median over the features of mean over deviation, constant ones left out."""
    columns = values.reshape(len(values), -1)
    mean, std = columns.mean(axis=0), columns.std(axis=0)
    varies = std > 1e-6 * np.abs(mean)
    return float(np.median(np.abs(mean[varies]) / std[varies])) if varies.any() else 0.0


def _constant_features(values):
    """Return how many columns of a table never change, the edges of a picture left out.

    A column at the lowest or highest value of the whole table, at 0 or at 1 may be background.
    """
    if values.ndim != 2 or len(values) < 2:
        return {}
    low, high, first = values.min(), values.max(), values[0]
    is_constant = np.ptp(values, axis=0) == 0
    is_background = (first == low) | (first == high) | (first == 0) | (first == 1)
    columns = np.flatnonzero(is_constant if is_constant.all() else is_constant & ~is_background)
    return {
        "features": values.shape[1],
        "constant_features": len(columns),
        "first_constant": int(columns[0]) if len(columns) else None,
    }


def _describe_target(leaf):
    facts = {"dtype": str(leaf.dtype), "shape": list(leaf.shape[1:])}
    values = leaf.reshape(len(leaf), -1).astype("float64") if leaf.dtype.kind in "fiub" else None
    if values is None or not values.size or not np.isfinite(values).all():
        return facts
    sums = values.sum(axis=1)
    is_whole = bool((values == np.round(values)).all())
    is_binary = bool(np.isin(values, (0, 1)).all())
    is_one_hot = bool(is_binary and values.shape[1] > 1 and (sums == 1).all())
    return facts | {
        "low": float(values.min()),
        "high": float(values.max()),
        "low_1": float(np.quantile(values, 0.01)),
        "high_99": float(np.quantile(values, 0.99)),
        "columns": values.shape[1],
        "mean": float(values.mean()),
        "std": float(values.std()),
        "sum_low": float(sums.min()),
        "sum_high": float(sums.max()),
        "is_whole": is_whole,
        "is_binary": is_binary,
        "is_one_hot": is_one_hot,
        "largest_share": _largest_share(values, is_whole, is_one_hot),
    }


def _largest_share(values, is_whole, is_one_hot):
    """Return the share of the commonest class, None where the targets are no classes."""
    if is_one_hot:
        return float(values.mean(axis=0).max())
    if not is_whole or values.shape[1] > 1:
        return None
    _, counts = np.unique(values, return_counts=True)
    is_few = len(counts) <= max(2, len(values) // 10)
    return float(counts.max() / len(values)) if is_few else None
