"""Checks the quality of the data: values, scale, balance, order, duplicates and leaks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from keras_babysit import baselines
from keras_babysit.actions import DATA, SPLIT, RemoveNonFinite
from keras_babysit.checks._data import MAX_SAMPLE_BYTES, Data
from keras_babysit.checks._facts import output_history, renamed, signal_history
from keras_babysit.checks.case import Case
from keras_babysit.checks.result import CheckResult, Unknown
from keras_babysit.facts import DataFacts, LayerFacts, TargetFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History, Measurement
from keras_babysit.rules.class_imbalance import class_imbalance
from keras_babysit.rules.column_from_targets import column_from_targets
from keras_babysit.rules.constant_features import constant_features
from keras_babysit.rules.inputs_from_later_steps import inputs_from_later_steps
from keras_babysit.rules.leakage import leakage
from keras_babysit.rules.missing_value_markers import missing_value_markers
from keras_babysit.rules.outputs import outputs
from keras_babysit.rules.related_examples import related_examples
from keras_babysit.rules.target_in_inputs import target_in_inputs
from keras_babysit.rules.unscaled_inputs import SCALING_LAYERS, unscaled_inputs
from keras_babysit.rules.unscaled_targets import unscaled_targets
from keras_babysit.rules.unseen_classes import unseen_classes
from keras_babysit.rules.unshuffled_data import unshuffled_data
from keras_babysit.rules.unvalidated_classes import unvalidated_classes
from keras_babysit.rules.validation_prepared_differently import validation_prepared_differently
from keras_babysit.rules.weights_without_effect import weights_without_effect
from keras_babysit.rules.wrapped_integers import wrapped_integers
from keras_babysit.samples.batches import take
from keras_babysit.samples.comparison import compare
from keras_babysit.samples.copies import is_fine_grained, row_keys
from keras_babysit.samples.data_facts import (
    MIN_STRETCHES,
    bad_rows,
    classes_of,
    describe_data,
    describe_target,
)
from keras_babysit.typing import Nested

NAME = "data_quality"

MAX_DUPLICATED = 0.1
"""Fraction of rows that may occur more than once."""

MAX_LABELS = 32
"""Number of different targets up to which they may be classes."""

RULES = (
    weights_without_effect,
    wrapped_integers,
    constant_features,
    missing_value_markers,
    class_imbalance,
    target_in_inputs,
    inputs_from_later_steps,
)
"""The rules that judge the training data alone."""

MIN_ROWS = 64

BAD_EXAMPLES = 32
"""Number of examples with invalid values whose loss is computed."""

NO_SIGNAL = 1e-6
"""Activations smaller than the inputs by this factor carry no signal: float32 rounding error."""


def data_quality(case: Case) -> CheckResult:
    """Report invalid values, bad scaling, duplicates, imbalance, bad order and leaked examples.

    Invalid values are not reported if the loss of their examples is finite: then the model or the
    loss handles them.

    The rules `RULES`, `unscaled_targets`, `unscaled_inputs` and, for a stream, `unshuffled_data`
    judge everything that was read. Scaling is judged after the first layer with weights, because a
    normalization layer at the input makes unscaled data fine. Validation data is judged beside the
    training data by `validation_prepared_differently`, `leakage`, `related_examples`,
    `column_from_targets` and, if both were read as a whole, `unseen_classes` and
    `unvalidated_classes`.
    """
    data, validation = case.data, case.validation
    known = History()
    # Cut a stream of few batches into smaller ones, so that its order can be judged.
    batch_size = min(data.batch_size or 1, max(1, len(data) // MIN_STRETCHES))
    known.note(
        data=describe_data(data.batch, batch_size=batch_size, max_entries=MAX_SAMPLE_BYTES),
        examples_per_epoch=data.total or len(data),
        epochs=1,
        steps_per_epoch=1,
    )
    names = _names(data)
    order = unshuffled_data(known)
    found = [
        *_non_finite(case, data, "x", data.x),
        *_non_finite(case, data, "y", data.y),
        *renamed([one for rule in RULES for one in rule(known)], NAME, names),
        *_constant_targets(case, data, known.facts.data.targets, names),
        *_unscaled_targets(case),
        *_duplicates(data, has_validation=validation is not None),
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
        found += _beside_validation(case, validation, known, names)
    if data.is_used_up:
        words.append("reading consumed them: pass a new generator to fit")
    if order and not data.is_stream:
        words.append("labels are sorted: fit shuffles arrays, validation_split does not")
    return CheckResult("; ".join(words), found)


def _non_finite(case: Case, data: Data, name: str, arrays: Nested) -> list[Finding]:
    found = []
    for label, leaf in _named(name, arrays):
        rows = bad_rows(leaf)
        if len(rows) and not _is_harmless(case, data, rows):
            found.append(
                _finding(
                    Severity.ERROR,
                    label,
                    f"{len(rows):,} of {data.amount()} "
                    f"{'contains' if len(rows) == 1 else 'contain'} NaN or infinity; the first "
                    f"is at index {rows[0]:,}.",
                    {"rows": len(rows), "first_row": int(rows[0])},
                    Remedy(
                        "Remove these examples, or impute the missing values.",
                        change=RemoveNonFinite(name[-1]),
                    ),
                )
            )
    return found


def _is_harmless(case: Case, data: Data, rows: np.ndarray) -> bool:
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


def _unscaled_inputs(case: Case, data: DataFacts) -> list[Finding]:
    """Return the findings on the scale of the inputs, judged by the activations they cause."""
    sizes = [leaf.rms for leaf in data.inputs if leaf.rms is not None]
    depths = case.depths if sizes else []
    if not depths:
        return []
    last = next((depth for depth in reversed(depths) if not depth.is_output), depths[-1])
    if math.hypot(last.mean, last.std) < max(sizes) * NO_SIGNAL:
        # Zero weights hide the effect of the inputs' scale; measure it with random weights.
        depths = case.depths_at(case.perturbed(1.0, 0))
    known = signal_history(data, depths)
    scaling = {
        layer.name: LayerFacts(class_name=type(layer).__name__, role="hidden", parameters=0)
        for layer in case.model._flatten_layers(include_self=False)
        if type(layer).__name__ in SCALING_LAYERS
    }
    known.note(layers=scaling | dict(known.facts.layers))
    return unscaled_inputs(known)


def _constant_targets(
    case: Case, data: Data, targets: Sequence[TargetFacts], names: Mapping[str, str]
) -> list[Finding]:
    found, are_read = [], _reads_targets(case)
    for index, leaf in enumerate(targets):
        value = leaf.low
        if not are_read.get(index, True):
            continue
        if value is not None and value == leaf.high and len(data) >= MIN_ROWS:
            unshuffled = " The data may be sorted by class."
            found.append(
                _finding(
                    Severity.WARNING,
                    names[f"targets[{index}]"],
                    f"All targets in {data.amount()} are {value:g}."
                    + (unshuffled if data.is_stream and not data.is_whole else ""),
                    {"value": value},
                    Remedy(
                        "Shuffle the data before batching.",
                        "dataset = dataset.shuffle(10_000)",
                        no_change_because=DATA,
                    ),
                )
            )
    return found


def _reads_targets(case: Case) -> dict[int, bool]:
    """Return, by index, whether an output has a loss of Keras: for others, a target may be a dummy.

    The rule `constant_targets` of a run makes the same difference.
    """
    try:
        known = outputs(output_history(case))
    except Unknown:
        return {}
    return {index: one.form != "other" and not one.is_own for index, one in enumerate(known)}


def _unscaled_targets(case: Case) -> list[Finding]:
    try:
        return renamed(unscaled_targets(output_history(case)), NAME, {"": "y"})
    except Unknown:
        return []


def _duplicates(data: Data, *, has_validation: bool) -> list[Finding]:
    rows = row_keys([data.x]) if isinstance(data.x, np.ndarray) else None
    if rows is None or len(rows) < MIN_ROWS:
        return []
    _, index, counts = np.unique(rows, return_inverse=True, return_counts=True)
    is_duplicated = counts[index.reshape(-1)] > 1
    duplicated = float(is_duplicated.mean())
    if duplicated <= MAX_DUPLICATED or not is_fine_grained(data.x):
        return []
    # After the split a rare class may be repeated; what is on both sides of it, `leakage` reports.
    is_harmless = has_validation and _is_oversampled(data.y, is_duplicated)
    return [
        _finding(
            Severity.NOTE if is_harmless else Severity.WARNING,
            "x",
            f"{duplicated * 100:.0f} % of {data.amount()} occur more than once.",
            {"duplicated": duplicated},
            Remedy(
                "Remove duplicates before the split; to balance classes, use class weights "
                "instead.",
                "x, kept = np.unique(x, axis=0, return_index=True)\ny = y[kept]",
                no_change_because=SPLIT,
            ),
        )
    ]


def _is_oversampled(y: Nested, is_duplicated: np.ndarray) -> bool:
    """Return whether some classes have duplicates and others have none to speak of."""
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "fiub" or y.ndim > 2:
        return False
    labels = y.argmax(axis=-1) if y.ndim == 2 and y.shape[-1] > 1 else y.reshape(-1)
    classes = np.unique(labels)
    if len(labels) != len(is_duplicated) or not 2 <= len(classes) <= MAX_LABELS:
        return False
    return min(float(is_duplicated[labels == one].mean()) for one in classes) <= MAX_DUPLICATED


def _beside_validation(
    case: Case, validation: Data, known: History, names: Mapping[str, str]
) -> list[Finding]:
    """Return the findings on training and validation data together."""
    data = case.data
    are_tokens = baselines.takes_tokens(case.model)
    known.note(
        validation=describe_data(validation.batch, max_entries=MAX_SAMPLE_BYTES),
        comparison=compare(data.batch, validation.batch, are_tokens=are_tokens),
    )
    if data.is_whole and validation.is_whole:
        for quantity, target, share in _missing_classes(data.y, validation.y):
            known.append(Measurement(1, 1, quantity, target, share))
    found = [
        *validation_prepared_differently(known),
        *unseen_classes(known),
        *unvalidated_classes(known),
        *leakage(known),
        *related_examples(known),
        *column_from_targets(known),
    ]
    renames = {name: f"validation {label}" for name, label in names.items()}
    return renamed(found, NAME, renames | {"": "validation_data"})


def _missing_classes(y: Nested, y_val: Nested) -> list[tuple[str, str, float]]:
    """Return what of the classes is missing on either side, as quantity, target and fraction."""
    tasks = []
    for leaf in (y, y_val):
        if not isinstance(leaf, np.ndarray) or not leaf.size:
            return []
        values, classes = classes_of(leaf, describe_target(leaf))
        if values is None or classes is None:
            return []
        targets = values[classes]
        tasks.append(baselines.Task("classes", targets, targets))
    shares = [baselines.unseen_classes(*tasks), baselines.unvalidated_classes(*tasks)]
    targets = ("validation", "train")
    return [
        (quantity, target, share)
        for target, found in zip(targets, shares, strict=True)
        for quantity, share in found.items()
    ]


def _names(data: Data) -> dict[str, str]:
    """Return the name of each array as the user knows it, by the name that the rules use."""
    parts = {"inputs": _named("x", data.x), "targets": _named("y", data.y)}
    return {
        f"{part}[{index}]": label
        for part, arrays in parts.items()
        for index, (label, _) in enumerate(arrays)
    }


def _named(name: str, arrays: Nested) -> list[tuple[str, np.ndarray]]:
    """Return the arrays as `(name, array)`; several arrays are numbered, as in `"x[1]"`."""
    if arrays is None:
        return []
    flat = keras.tree.flatten(arrays)
    if len(flat) == 1:
        return [(name, np.asarray(flat[0]))]
    return [(f"{name}[{index}]", np.asarray(a)) for index, a in enumerate(flat) if a is not None]


def _finding(
    severity: Severity, target: str, message: str, evidence: Mapping[str, Any], remedy: Remedy
) -> Finding:
    return Finding(
        NAME,
        severity,
        target,
        message,
        evidence,
        (remedy,),
        "CS231n, data preprocessing; LeCun et al., Efficient BackProp, 1998",
    )
