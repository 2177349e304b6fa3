"""What is wrong with the data themselves, and between training and validation data."""

import math
from dataclasses import replace

import keras
import numpy as np

from keras_babysit.checks._data import MAX_BYTES
from keras_babysit.checks._facts import output_history, renamed, signal_history
from keras_babysit.checks.result import CheckResult, Unknown
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules import (
    class_imbalance,
    constant_features,
    unscaled_inputs,
    unscaled_targets,
    unshuffled_data,
)
from keras_babysit.samples.batches import take
from keras_babysit.samples.data_facts import FEWEST, bad_rows, describe_data

NAME = "data_quality"

DUPLICATES = 0.1
"""Share of rows that stand there more than once."""

LEAKED = 0.05
"""Share of validation rows that are training rows too. Real data hold some twins (one in 150 of
iris); a split after augmentation or oversampling holds many."""

MIN_LEAKED = 3

DISTINCT = 0.5
"""Rows of which at least one column has so large a share of distinct values, among its distinct
rows, are not equal by chance. Rows of a few categories are."""

MIN_ROWS = 64

SOME = 32
"""Examples with bad values whose loss is looked at."""

IDLE = 1e-6
"""Share of the size of the inputs below which nothing of them arrives: the rounding of float32."""


def data_quality(case):
    """Advise on bad values, scale, centre, twins, balance and order of the data.

    Bad values are none where the loss of their examples is finite: somebody takes care of them.

    The rules `constant_features`, `class_imbalance`, `unscaled_targets`, `unscaled_inputs` and,
    for a stream, `unshuffled_data` judge all that was read. Scale and centre are judged behind the
    first layer that has weights: a normalisation layer or a batch norm at the entry of the model
    makes unscaled data right.
    """
    data, validation = case.data, case.validation
    known = History()
    # Of a stream that gives few batches parts of them have to do to tell their order.
    batch_size = min(data.batch_size or 1, max(1, len(data) // FEWEST))
    known.note(data=describe_data(data.batch, batch_size=batch_size, max_entries=MAX_BYTES))
    names = _names(data)
    order = unshuffled_data(known)
    found = [
        *_non_finite(case, data, "x", data.x),
        *_non_finite(case, data, "y", data.y),
        *renamed([*constant_features(known), *class_imbalance(known)], NAME, names),
        *_constant_targets(data, known.facts.data.targets, names),
        *_unscaled_targets(case),
        *_twins(data),
    ]
    if data.is_stream:  # what helps an array, fit does by itself
        found += renamed([replace(a, remedies=a.remedies[-1:]) for a in order], NAME, names)
    words = [f"{data.amount()} looked at"]
    try:
        found += renamed(_unscaled_inputs(case, known.facts.data), NAME, {"inputs": "x"})
    except Unknown as reason:
        words.append(f"their scale {reason}")
    if validation is not None:
        found += _non_finite(case, validation, "validation x", validation.x)
        found += _leak(data, validation)
    if data.is_used_up:
        words.append("the generator is used up so far: hand fit a fresh one")
    if order and not data.is_stream:
        words.append("labels in order: fit shuffles arrays, but validation_split does not")
    return CheckResult("; ".join(words), found)


def _non_finite(case, data, name, arrays):
    found = []
    for label, leaf in _named(name, arrays):
        rows = bad_rows(leaf)
        if len(rows) and not _is_harmless(case, data, rows):
            found.append(
                _finding(
                    Severity.ERROR,
                    label,
                    f"{len(rows):,} of {data.amount()} hold NaN or infinity, "
                    f"the first is number {rows[0]:,}.",
                    {"rows": len(rows), "first_row": int(rows[0])},
                    "Leave them out, or fill the gaps.",
                    "good = np.isfinite(x).reshape(len(x), -1).all(axis=1)\n"
                    "x, y = x[good], y[good]",
                )
            )
    return found


def _is_harmless(case, data, rows):
    """Return whether examples with bad values have a finite loss; False if it cannot be told.

    A loss may leave out labels that are missing, and a layer may fill missing inputs.
    """
    try:
        case.need_loss()
        case.need_time(starts=1)  # so few are a shape of their own, to be compiled on JAX
        x, y, sample_weight = take(data.batch, rows[: case.batch_size or SOME])
        outputs, _ = case.forward(x)
        loss = case.loss(case.flat_targets(y), outputs, sample_weight=sample_weight, x=x)
    except Exception:  # of few examples, or of such: whatever it is, nothing is known then
        return False
    return math.isfinite(loss)


def _unscaled_inputs(case, data):
    """Return what the rule says of the inputs' scale where the model minds."""
    sizes = [leaf.rms for leaf in data.inputs if leaf.rms is not None]
    depths = case.depths if sizes else []
    if not depths:
        return []
    last = next((depth for depth in reversed(depths) if not depth.is_output), depths[-1])
    if math.hypot(last.mean, last.std) < max(sizes) * IDLE:
        # Weights of zero let nothing be seen of what the layers make of the inputs' scale.
        depths = case.depths_at(case.perturbed(1.0, 0))
    return unscaled_inputs(signal_history(data, depths))


def _constant_targets(data, targets, names):
    found = []
    for place, leaf in enumerate(targets):
        value = leaf.low
        if value is not None and value == leaf.high and len(data) >= MIN_ROWS:
            unshuffled = " Other classes may come later: are the data in order?"
            found.append(
                _finding(
                    Severity.WARNING,
                    names[f"targets[{place}]"],
                    f"All targets of {data.amount()} are {value:g}."
                    + (unshuffled if data.is_stream and not data.is_whole else ""),
                    {"value": value},
                    "Shuffle the data before they are batched.",
                    "dataset = dataset.shuffle(10_000)",
                )
            )
    return found


def _unscaled_targets(case):
    try:
        return renamed(unscaled_targets(output_history(case)), NAME, {"": "y"})
    except Unknown:
        return []


def _twins(data):
    rows = _rows(data.x)
    if rows is None or len(rows) < MIN_ROWS:
        return []
    _, counts = np.unique(rows, return_counts=True)
    share = float(counts[counts > 1].sum() / len(rows))
    if share <= DUPLICATES or not _is_fine_grained(data.x):
        return []
    return [
        _finding(
            Severity.WARNING,
            "x",
            f"{share:.0%} of {data.amount()} stand there more than once.",
            {"duplicated": share},
            "Leave them out before the split; to balance classes, weight them instead.",
            "x, kept = np.unique(x, axis=0, return_index=True)\ny = y[kept]",
        )
    ]


def _leak(data, validation):
    train, held_out = _rows(data.x), _rows(validation.x)
    if train is None or held_out is None or not _is_fine_grained(validation.x):
        return []
    train, held_out = train[_counting(data)], held_out[_counting(validation)]
    shared = np.isin(held_out, train)
    share = float(shared.mean())
    if shared.sum() < MIN_LEAKED or share <= LEAKED:
        return []
    return [
        _finding(
            Severity.ERROR if share > 0.5 else Severity.WARNING,
            "validation_data",
            f"{share:.0%} of {validation.amount()} for validation are among the training data.",
            {"leaked": share, "rows": int(shared.sum())},
            "Split first, then augment, oversample or window.",
            "x, x_val, y, y_val = train_test_split(x, y, random_state=0)",
        )
    ]


def _rows(x):
    """Return each example as one number that can be compared, None for several inputs."""
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiub":
        return None
    flat = np.ascontiguousarray(x.reshape(len(x), -1)) + 0  # -0.0 becomes 0.0
    return np.array([hash(row.tobytes()) for row in flat])


def _counting(data):
    """Return which examples count. Of a graph the weights say which nodes are for training."""
    weights = data.sample_weight
    if not isinstance(weights, np.ndarray):
        return slice(None)
    return weights.reshape(len(weights), -1).any(axis=1)


def _is_fine_grained(x):
    """Return whether distinct rows are told apart by columns of many values, or by many columns."""
    flat = np.unique(x.reshape(len(x), -1)[:5000], axis=0)
    if len(flat) < MIN_ROWS <= len(x):
        return False  # a few kinds of example, each many times: no copy made by oversight
    if flat.shape[1] >= MIN_ROWS:
        return True  # 64 columns of two values: 2^64 rows
    distinct = max(len(np.unique(column)) for column in flat.T)
    return len(flat) > 1 and x.dtype.kind == "f" and distinct > DISTINCT * len(flat)


def _names(data):
    """Return what the arrays of the data are called here, by what the rules call them."""
    rooms = {"inputs": _named("x", data.x), "targets": _named("y", data.y)}
    return {
        f"{room}[{place}]": label
        for room, arrays in rooms.items()
        for place, (label, _) in enumerate(arrays)
    }


def _named(name, arrays):
    """Return the arrays with a name each: the argument's, and the place or key within it."""
    if arrays is None:
        return []
    flat = keras.tree.flatten(arrays)
    if len(flat) == 1:
        return [(name, np.asarray(flat[0]))]
    return [(f"{name}[{place}]", np.asarray(a)) for place, a in enumerate(flat) if a is not None]


def _finding(severity, target, message, evidence, text, code):
    return Finding(
        NAME,
        severity,
        target,
        message,
        evidence,
        (Remedy(text, code),),
        "CS231n, data preprocessing; LeCun et al., Efficient BackProp, 1998",
    )
