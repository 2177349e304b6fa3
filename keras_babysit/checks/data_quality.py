"""What is wrong with the data themselves, and between training and validation data."""

import keras
import numpy as np

from keras_babysit.advice import Advice, Remedy, Severity
from keras_babysit.checks.finding import Finding, Unknown

LARGE = 10.0
"""Root mean square of inputs and of hidden activations from which on data count as unscaled.
Glorot and He keep the size of the inputs through the network, so that logits of 10 begin where a
softmax has no slope left: 1 - p < 1e-4."""

SMALL = 0.01
"""The same below: the signal is then smaller than the noise that biases bring within a few steps
of 1e-3, Adam's step."""

OFF_CENTRE = 10.0
"""Mean over deviation of the first layer's units from which on data count as off-centre: it makes
the largest eigenvalue of the input's second moments 100 times the others, and gradient descent as
many times slower (LeCun et al., Efficient BackProp, 1998, section 4.3)."""

TARGETS_FAR = 30.0
"""Root mean square distance of targets from predictions, in units of the prediction's size (at
least 1), from which on targets count as unscaled: Adam moves a bias by at most 1e-3 a step, which
makes 30,000 steps to get there."""

DUPLICATES = 0.1
"""Share of rows that stand there more than once."""

LEAKED = 0.05
"""Share of validation rows that are training rows too. Real data hold some twins (one in 150 of
iris); a split after augmentation or oversampling holds many."""

MIN_LEAKED = 3

DISTINCT = 0.5
"""Rows of which at least one column has so large a share of distinct values, among its distinct
rows, are not equal by chance. Rows of a few categories are."""

IMBALANCE = 0.9
"""Share of the commonest class from which on it is noted: who always says it is right in 90 %."""

ORDERED = 0.1
"""Share of the changes of class from row to row that a random order would have."""

MIN_ROWS = 64

IDLE = 1e-6
"""Share of the size of the inputs below which nothing of them arrives: the rounding of float32."""


def data_quality(case):
    """Advise on bad values, scale, centre, twins, balance and order of the data.

    Scale and centre are judged behind the first layer that has weights: a normalisation layer or
    a batch norm at the entry of the model makes unscaled data right. Constant features are told
    where they are not the background of a picture.
    """
    data, validation = case.data, case.validation
    found = [
        *_non_finite(data, "x", data.x),
        *_non_finite(data, "y", data.y),
        *_constant_features(data),
        *_targets(case),
        *_twins(data),
        *_labels(data),
    ]
    words = [f"{data.amount()} looked at"]
    try:
        found += _scale(case)
    except Unknown as reason:
        words.append(f"their scale {reason}")
    if validation is not None:
        found += _non_finite(validation, "validation x", validation.x)
        found += _leak(data, validation)
    if data.is_used_up:
        words.append("the generator is used up so far: hand fit a fresh one")
    if _is_ordered(data) and not data.is_stream:
        words.append("labels in order: fit shuffles arrays, but validation_split does not")
    return Finding("; ".join(words), found)


def _non_finite(data, name, arrays):
    found = []
    for label, leaf in _named(name, arrays):
        if leaf.dtype.kind != "f":
            continue
        bad = ~np.isfinite(leaf.reshape(len(leaf), -1)).all(axis=1)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            found.append(
                _advice(
                    Severity.ERROR,
                    label,
                    f"{int(bad.sum()):,} of {data.amount()} hold NaN or infinity, "
                    f"the first is number {row:,}.",
                    {"rows": int(bad.sum()), "first_row": row},
                    "Leave them out, or fill the gaps.",
                    "good = np.isfinite(x).reshape(len(x), -1).all(axis=1)\n"
                    "x, y = x[good], y[good]",
                )
            )
    return found


def _scale(case):
    """Return advice on inputs that are far from mean 0 and deviation 1 where the model minds."""
    x = [leaf for _, leaf in _named("x", case.data.x) if leaf.dtype.kind in "fiu"]
    depths = case.depths
    if not x or not depths:
        return []
    first = depths[0]
    last = next((depth for depth in reversed(depths) if not depth.is_output), depths[-1])
    size = max(float(np.sqrt(np.mean(np.square(leaf.astype("float64"))))) for leaf in x)
    inside = last.rms
    if 0 < size > LARGE and inside < size * IDLE:
        # Weights of zero let nothing be seen of what the layers make of the inputs' scale.
        inside = case.hidden_size(case.perturbed(1.0, 0))
    if not np.isfinite(size):
        return []
    is_large = size > LARGE and inside > LARGE
    if is_large or (size < SMALL and inside < SMALL):
        return [
            _advice(
                Severity.WARNING,
                "x",
                f"The inputs are of size {size:.3g}, and what the hidden layers make of them "
                f"is of size {inside:.3g}.",
                {"input_rms": size, "hidden_rms": inside},
                "Scale the inputs to mean 0 and deviation 1.",
                "normalize = keras.layers.Normalization()\nnormalize.adapt(x)",
            )
        ]
    if first.offset > OFF_CENTRE and first.signal > 0:
        return [
            _advice(
                Severity.WARNING,
                "x",
                f"The inputs are off-centre: units of {first.target} have a mean of "
                f"{first.offset:.0f} deviations.",
                {"mean_over_std": first.offset},
                "Subtract the mean of each feature.",
                "from keras_babysit.layers import ZeroCenter\ncenter = ZeroCenter()\n"
                "center.adapt(x)",
            )
        ]
    return []


def _constant_features(data):
    found = []
    for label, leaf in _named("x", data.x):
        if leaf.ndim != 2 or leaf.dtype.kind not in "fiu" or len(leaf) < MIN_ROWS:
            continue
        low, high = leaf.min(), leaf.max()
        is_constant = np.ptp(leaf, axis=0) == 0
        is_background = (leaf[0] == low) | (leaf[0] == high) | (leaf[0] == 0) | (leaf[0] == 1)
        columns = np.flatnonzero(is_constant & ~is_background)
        if is_constant.all():
            columns = np.arange(leaf.shape[1])
        if len(columns):
            found.append(
                _advice(
                    Severity.ERROR if is_constant.all() else Severity.NOTE,
                    label,
                    f"{len(columns)} of {leaf.shape[1]} features are constant in "
                    f"{data.amount()}, the first is column {columns[0]}.",
                    {"constant": len(columns), "first_column": int(columns[0])},
                    "Leave them out: they tell nothing.",
                    "x = x[:, x.std(axis=0) > 0]",
                )
            )
    return found


def _targets(case):
    """Return advice on targets that are constant, or far from what the output begins with."""
    found = []
    for label, y in _named("y", case.data.y):
        if y.dtype.kind in "fiub" and len(y) >= MIN_ROWS and np.ptp(y.astype("float64")) == 0:
            unshuffled = " Other classes may come later: are the data in order?"
            found.append(
                _advice(
                    Severity.WARNING,
                    label,
                    f"All targets of {case.data.amount()} are {float(y.ravel()[0]):g}."
                    + (unshuffled if case.data.is_stream and not case.data.is_whole else ""),
                    {"value": float(y.ravel()[0])},
                    "Shuffle the data before they are batched.",
                    "dataset = dataset.shuffle(10_000)",
                )
            )
    return found + _far_targets(case)


def _far_targets(case):
    found = []
    try:
        kinds, targets = case.kinds, case.targets
    except Unknown:
        return []
    for place, kind in enumerate(kinds):
        if kind.form != "distance":
            continue
        prediction = case.outputs[place].astype("float64")
        y = np.asarray(targets[place], "float64")
        y = y.reshape(y.shape + (1,) * (prediction.ndim - y.ndim))
        size = max(1.0, float(np.sqrt(np.mean(prediction**2))))
        distance = float(np.sqrt(np.mean((y - prediction) ** 2)))
        if distance > TARGETS_FAR * size:
            found.append(
                _advice(
                    Severity.WARNING,
                    "y",
                    f"The targets have mean {y.mean():.3g} and deviation {y.std():.3g}, the "
                    f"output begins at a size of {np.sqrt(np.mean(prediction**2)):.2g}.",
                    {"distance": distance, "target_mean": y.mean(), "target_std": y.std()},
                    "Scale the targets to mean 0 and deviation 1.",
                    "y = (y - y.mean()) / y.std()",
                )
            )
    return found


def _twins(data):
    rows = _rows(data.x)
    if rows is None or len(rows) < MIN_ROWS:
        return []
    _, counts = np.unique(rows, return_counts=True)
    share = float(counts[counts > 1].sum() / len(rows))
    if share <= DUPLICATES or not _is_fine_grained(data.x):
        return []
    return [
        _advice(
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
    shared = np.isin(held_out, train)
    share = float(shared.mean())
    if shared.sum() < MIN_LEAKED or share <= LEAKED:
        return []
    return [
        _advice(
            Severity.ERROR if share > 0.5 else Severity.WARNING,
            "validation_data",
            f"{share:.0%} of {validation.amount()} for validation are among the training data.",
            {"leaked": share, "rows": int(shared.sum())},
            "Split first, then augment, oversample or window.",
            "x, x_val, y, y_val = train_test_split(x, y, random_state=0)",
        )
    ]


def _labels(data):
    """Return advice on classes: balance, and their order where fit does not shuffle."""
    labels = _classes(data.y)
    if labels is None or len(labels) < MIN_ROWS:
        return []
    found = []
    values, counts = np.unique(labels, return_counts=True)
    share = float(counts.max() / len(labels))
    if len(values) > 1 and share >= IMBALANCE and data.sample_weight is None:
        found.append(
            _advice(
                Severity.NOTE,
                "y",
                f"{share:.0%} of {data.amount()} are of class {values[counts.argmax()]}: "
                "always saying so is as accurate.",
                {"largest_share": share, "classes": len(values)},
                "Weight the classes, and watch a score that sees the rare ones.",
                'model.fit(..., class_weight={0: 1.0, 1: 10.0})  # metrics=["AUC"]',
            )
        )
    if data.is_stream and _is_ordered(data):
        found.append(
            _advice(
                Severity.WARNING,
                "y",
                f"The examples come sorted by class: {_changes(labels)} changes of class in "
                f"{len(labels):,} rows, and fit does not shuffle a stream.",
                {"changes": _changes(labels), "expected": _expected_changes(labels)},
                "Shuffle before the data are batched.",
                "dataset = dataset.unbatch().shuffle(10_000).batch(32)",
            )
        )
    return found


def _is_ordered(data):
    labels = _classes(data.y)
    if labels is None or len(labels) < MIN_ROWS or len(np.unique(labels)) < 2:
        return False
    return _changes(labels) < ORDERED * _expected_changes(labels)


def _changes(labels):
    return int(np.sum(labels[1:] != labels[:-1]))


def _expected_changes(labels):
    """Return the changes of class in a random order: n - 1 times the chance that two differ."""
    _, counts = np.unique(labels, return_counts=True)
    shares = counts / len(labels)
    return float((len(labels) - 1) * (1 - np.sum(shares**2)))


def _classes(y):
    """Return the class of each example, None where y holds no classes."""
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "fiub" or y.ndim > 2 or not y.size:
        return None
    if y.ndim == 2 and y.shape[1] > 1:
        is_one_hot = np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()
        return y.argmax(axis=1) if is_one_hot else None
    flat = y.reshape(-1)
    if not np.isfinite(flat.astype("float64")).all() or (flat != np.round(flat)).any():
        return None
    is_few = len(np.unique(flat)) <= max(2, len(flat) // 10)
    return flat.astype("int64") if is_few else None


def _rows(x):
    """Return each example as one number that can be compared, None for several inputs."""
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiub":
        return None
    flat = np.ascontiguousarray(x.reshape(len(x), -1)) + 0  # -0.0 becomes 0.0
    return np.array([hash(row.tobytes()) for row in flat])


def _is_fine_grained(x):
    """Return whether distinct rows are told apart by columns of many values, or by many columns."""
    flat = np.unique(x.reshape(len(x), -1)[:5000], axis=0)
    if len(flat) < MIN_ROWS <= len(x):
        return False  # a few kinds of example, each many times: no copy made by oversight
    if flat.shape[1] >= MIN_ROWS:
        return True  # 64 columns of two values: 2^64 rows
    distinct = max(len(np.unique(column)) for column in flat.T)
    return len(flat) > 1 and x.dtype.kind == "f" and distinct > DISTINCT * len(flat)


def _named(name, arrays):
    """Return the arrays with a name each: the argument's, and the place or key within it."""
    if arrays is None:
        return []
    flat = keras.tree.flatten(arrays)
    if len(flat) == 1:
        return [(name, np.asarray(flat[0]))]
    return [(f"{name}[{place}]", np.asarray(a)) for place, a in enumerate(flat) if a is not None]


def _advice(severity, target, message, evidence, text, code):
    return Advice(
        "data_quality",
        severity,
        target,
        message,
        evidence,
        (Remedy(text, code),),
        "CS231n, data preprocessing; LeCun et al., Efficient BackProp, 1998",
    )
