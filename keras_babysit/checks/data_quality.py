"""Checks the quality of the data: values, scale, balance, order, duplicates and leaks."""

import math
from dataclasses import replace

import keras
import numpy as np

from keras_babysit.checks._data import MAX_SAMPLE_BYTES
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
from keras_babysit.samples.data_facts import MIN_STRETCHES, bad_rows, describe_data

NAME = "data_quality"

MAX_DUPLICATED = 0.1
"""Fraction of rows that may occur more than once."""

MAX_LEAKED = 0.05
"""Fraction of validation rows that may also be training rows. Real data contains some duplicates
(one in 150 in iris); a split after augmentation or oversampling contains many."""

MIN_LEAKED_ROWS = 3

DISTINCT_VALUES = 0.5
"""If one column has at least this fraction of distinct values among the distinct rows, rows are
not equal by chance. Rows of a few categories often are."""

MIN_ROWS = 64

BAD_EXAMPLES = 32
"""Number of examples with invalid values whose loss is computed."""

NO_SIGNAL = 1e-6
"""Activations smaller than the inputs by this factor carry no signal: float32 rounding error."""


def data_quality(case):
    """Report invalid values, bad scaling, duplicates, imbalance, bad order and leaked examples.

    Invalid values are not reported if the loss of their examples is finite: then the model or the
    loss handles them.

    The rules `constant_features`, `class_imbalance`, `unscaled_targets`, `unscaled_inputs` and,
    for a stream, `unshuffled_data` judge everything that was read. Scaling is judged after the
    first layer with weights, because a normalization layer at the input makes unscaled data fine.
    """
    data, validation = case.data, case.validation
    known = History()
    # Cut a stream of few batches into smaller ones, so that its order can be judged.
    batch_size = min(data.batch_size or 1, max(1, len(data) // MIN_STRETCHES))
    known.note(data=describe_data(data.batch, batch_size=batch_size, max_entries=MAX_SAMPLE_BYTES))
    names = _names(data)
    order = unshuffled_data(known)
    found = [
        *_non_finite(case, data, "x", data.x),
        *_non_finite(case, data, "y", data.y),
        *renamed([*constant_features(known), *class_imbalance(known)], NAME, names),
        *_constant_targets(data, known.facts.data.targets, names),
        *_unscaled_targets(case),
        *_duplicates(data),
    ]
    if data.is_stream:  # `fit` shuffles arrays itself
        found += renamed([replace(one, remedies=one.remedies[-1:]) for one in order], NAME, names)
    words = [f"read {data.amount()}"]
    try:
        found += renamed(_unscaled_inputs(case, known.facts.data), NAME, {"inputs": "x"})
    except Unknown as reason:
        words.append(f"scale {reason}")
    if validation is not None:
        found += _non_finite(case, validation, "validation x", validation.x)
        found += _leak(data, validation)
    if data.is_used_up:
        words.append("reading consumed them: pass a new generator to fit")
    if order and not data.is_stream:
        words.append("labels are sorted: fit shuffles arrays, validation_split does not")
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
                    f"{len(rows):,} of {data.amount()} contain NaN or infinity; the first "
                    f"is at index {rows[0]:,}.",
                    {"rows": len(rows), "first_row": int(rows[0])},
                    "Drop these examples, or impute the missing values.",
                    "good = np.isfinite(x).reshape(len(x), -1).all(axis=1)\n"
                    "x, y = x[good], y[good]",
                )
            )
    return found


def _is_harmless(case, data, rows):
    """Return whether examples with invalid values have a finite loss; False if it is unknown.

    A loss may ignore missing labels, and a layer may impute missing inputs.
    """
    try:
        case.need_loss()
        case.need_time(starts=1)  # a new batch size compiles again on JAX
        x, y, sample_weight = take(data.batch, rows[: case.batch_size or BAD_EXAMPLES])
        outputs, _ = case.forward(x)
        loss = case.loss(case.flat_targets(y), outputs, sample_weight=sample_weight, x=x)
    except Exception:  # any failure on these examples means that nothing is known
        return False
    return math.isfinite(loss)


def _unscaled_inputs(case, data):
    """Return the findings on the scale of the inputs, judged by the activations they cause."""
    sizes = [leaf.rms for leaf in data.inputs if leaf.rms is not None]
    depths = case.depths if sizes else []
    if not depths:
        return []
    last = next((depth for depth in reversed(depths) if not depth.is_output), depths[-1])
    if math.hypot(last.mean, last.std) < max(sizes) * NO_SIGNAL:
        # Zero weights hide the effect of the inputs' scale; measure it with random weights.
        depths = case.depths_at(case.perturbed(1.0, 0))
    return unscaled_inputs(signal_history(data, depths))


def _constant_targets(data, targets, names):
    found = []
    for index, leaf in enumerate(targets):
        value = leaf.low
        if value is not None and value == leaf.high and len(data) >= MIN_ROWS:
            unshuffled = " The data may be sorted by class."
            found.append(
                _finding(
                    Severity.WARNING,
                    names[f"targets[{index}]"],
                    f"All targets in {data.amount()} are {value:g}."
                    + (unshuffled if data.is_stream and not data.is_whole else ""),
                    {"value": value},
                    "Shuffle the data before batching.",
                    "dataset = dataset.shuffle(10_000)",
                )
            )
    return found


def _unscaled_targets(case):
    try:
        return renamed(unscaled_targets(output_history(case)), NAME, {"": "y"})
    except Unknown:
        return []


def _duplicates(data):
    rows = _rows(data.x)
    if rows is None or len(rows) < MIN_ROWS:
        return []
    _, counts = np.unique(rows, return_counts=True)
    duplicated = float(counts[counts > 1].sum() / len(rows))
    if duplicated <= MAX_DUPLICATED or not _is_fine_grained(data.x):
        return []
    return [
        _finding(
            Severity.WARNING,
            "x",
            f"{duplicated * 100:.0f} % of {data.amount()} occur more than once.",
            {"duplicated": duplicated},
            "Remove duplicates before the split; to balance classes, use class weights instead.",
            "x, kept = np.unique(x, axis=0, return_index=True)\ny = y[kept]",
        )
    ]


def _leak(data, validation):
    train, held_out = _rows(data.x), _rows(validation.x)
    if train is None or held_out is None or not _is_fine_grained(validation.x):
        return []
    train, held_out = train[_weighted(data)], held_out[_weighted(validation)]
    shared = np.isin(held_out, train)
    leaked = float(shared.mean())
    if shared.sum() < MIN_LEAKED_ROWS or leaked <= MAX_LEAKED:
        return []
    return [
        _finding(
            Severity.ERROR if leaked > 0.5 else Severity.WARNING,
            "validation_data",
            f"{leaked * 100:.0f} % of {validation.amount()} for validation also occur in the "
            "training data.",
            {"leaked": leaked, "rows": int(shared.sum())},
            "Split the data before augmenting, oversampling or windowing it.",
            "x, x_val, y, y_val = train_test_split(x, y, random_state=0)",
        )
    ]


def _rows(x):
    """Return one hash per example; None for several inputs or non-numeric ones."""
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiub":
        return None
    flat = np.ascontiguousarray(x.reshape(len(x), -1)) + 0  # -0.0 becomes 0.0
    return np.array([hash(row.tobytes()) for row in flat])


def _weighted(data):
    """Return which examples have a weight. In a graph, weights select the nodes to train on."""
    weights = data.sample_weight
    if not isinstance(weights, np.ndarray):
        return slice(None)
    return weights.reshape(len(weights), -1).any(axis=1)


def _is_fine_grained(x):
    """Return whether rows are unlikely to be equal by chance: many columns or many values."""
    flat = np.unique(x.reshape(len(x), -1)[:5000], axis=0)
    if len(flat) < MIN_ROWS <= len(x):
        return False  # a few kinds of examples that repeat, not accidental copies
    if flat.shape[1] >= MIN_ROWS:
        return True  # 64 binary columns: 2^64 possible rows
    distinct = max(len(np.unique(column)) for column in flat.T)
    return len(flat) > 1 and x.dtype.kind == "f" and distinct > DISTINCT_VALUES * len(flat)


def _names(data):
    """Return the name of each array as the user knows it, by the name that the rules use."""
    parts = {"inputs": _named("x", data.x), "targets": _named("y", data.y)}
    return {
        f"{part}[{index}]": label
        for part, arrays in parts.items()
        for index, (label, _) in enumerate(arrays)
    }


def _named(name, arrays):
    """Return the arrays as `(name, array)`; several arrays are numbered, as in `"x[1]"`."""
    if arrays is None:
        return []
    flat = keras.tree.flatten(arrays)
    if len(flat) == 1:
        return [(name, np.asarray(flat[0]))]
    return [(f"{name}[{index}]", np.asarray(a)) for index, a in enumerate(flat) if a is not None]


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
