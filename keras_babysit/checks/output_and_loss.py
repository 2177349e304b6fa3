"""Whether output, loss and targets fit together, told by their values."""

import numpy as np

from keras_babysit.advice import Advice, Remedy, Severity
from keras_babysit.checks.finding import Finding, Unknown

MIN_ROWS = 32
"""Rows that must all have exactly one label before the classes are called exclusive: with two
labels per row on average, one row in three has one, and 32 of them have by 3^-32."""

OUT_OF_REACH = 0.01
"""Share of the targets outside of the output's range from which it is reported: single outliers
are a matter of the data."""

REFERENCE = "the definition of the loss, evaluated at predictions made for this check"


def output_and_loss(case):
    """Advise where the last layer, the loss and the targets do not belong together.

    What the loss expects is read off what it does to made-up predictions, and what the output
    can give off its values under random weights. Correct pairs are silent: softmax with
    crossentropy, logits with `from_logits=True`, linear with a squared error, sigmoids for
    several labels at once.
    """
    if not case.has_plain_train_step:
        raise Unknown("the model's own train_step computes its loss")
    if case.batch[1] is None:
        raise Unknown("there are no targets")
    kinds, ranges = case.kinds, case.ranges
    targets = case.flat_targets(case.data.y)  # all that were read: a wrong label may be rare
    found, said = [], []
    for place, (y, kind, bounds) in enumerate(zip(targets, kinds, ranges, strict=True)):
        prediction = case.outputs[place]
        issues = [*judge(kind, bounds, np.asarray(y), prediction)]
        found += [
            Advice(
                "output_and_loss",
                severity,
                case.output_names()[place],
                message,
                {"loss": _kind_words(kind), "output": _range_words(bounds)} | evidence,
                (remedy,),
                REFERENCE,
            )
            for severity, message, evidence, remedy in issues
        ]
        said.append(f"loss takes {_kind_words(kind)}, output gives {_range_words(bounds)}")
    return Finding("; ".join(said), found)


def judge(kind, bounds, y, prediction):
    """Return an iterator over what does not fit: severity, message, evidence and remedy.

    Args:
        kind: What the loss expects, a `LossKind`.
        bounds: What the output can give, a `Range`.
        y: Targets.
        prediction: The output for them.
    """
    if bounds.is_constant and prediction.shape[-1] == 1:
        yield (
            Severity.ERROR,
            f"The one output unit gives {prediction.ravel()[0]:.3g} whatever the weights: a "
            "softmax over one unit is always 1.",
            {},
            Remedy("Use a sigmoid for two classes.", 'keras.layers.Dense(1, activation="sigmoid")'),
        )
        return
    judges = {"categorical": _categorical, "binary": _binary, "distance": _distance}
    if kind.form in judges:
        yield from judges[kind.form](kind, bounds, y, prediction)


def _categorical(kind, bounds, y, prediction):
    loss = "SparseCategoricalCrossentropy" if kind.is_sparse else "CategoricalCrossentropy"
    is_probability = bounds.low == 0 and bounds.high == 1
    if kind.from_logits and bounds.is_distribution:
        yield (
            Severity.WARNING,
            "The loss applies a softmax to an output that already is one: gradients shrink and "
            "the loss cannot fall below that of a margin of 1.",
            {},
            Remedy("Apply it once.", f"keras.losses.{loss}(from_logits=False)"),
        )
    if kind.from_logits is False and not bounds.is_distribution:
        severity, remedy = Severity.ERROR, Remedy("Use a softmax.", 'activation="softmax"')
        if is_probability and kind.normalizes:
            # Shares of their sum can be any distribution: it is odd, and it trains.
            severity = Severity.NOTE
            message = (
                "The loss is for one class of many, but the output holds independent shares; the "
                "loss divides them by their sum."
            )
        elif is_probability:
            message = (
                "The loss is for one class of many, but the output holds independent shares: all "
                "of them at 1 is the best answer to every example."
            )
        else:
            message = "The loss takes the logarithm of shares, but the output is no shares."
            remedy = Remedy("Say that they are logits.", f"keras.losses.{loss}(from_logits=True)")
        yield severity, message, {"output_min": float(prediction.min())}, remedy
    yield from _class_numbers(kind, y, prediction.shape[-1], loss)


def _class_numbers(kind, y, classes, loss):
    y = np.asarray(y, "float64")
    if kind.is_sparse:
        low, high = y.min(), y.max()
        if low < 0 or high >= classes or (y != np.round(y)).any():
            yield (
                Severity.ERROR,
                f"The labels run from {low:g} to {high:g}, but the output has classes 0 to "
                f"{classes - 1}.",
                {"label_min": low, "label_max": high, "classes": classes},
                Remedy(
                    "Number the classes from 0, and have an output unit for each.",
                    "classes, y = np.unique(y, return_inverse=True)",
                ),
            )
        return
    sums = y.sum(axis=-1)
    if np.abs(sums - 1).max() > 0.01:
        yield (
            Severity.WARNING,
            f"The rows of the targets sum to {sums.min():g} to {sums.max():g}, but the loss is "
            "for shares of one class of many.",
            {"row_sum_min": sums.min(), "row_sum_max": sums.max()},
            Remedy(
                "Use sigmoids where several labels can hold at once.",
                'keras.layers.Dense(labels, activation="sigmoid"), loss="binary_crossentropy"',
            ),
        )


def _binary(kind, bounds, y, prediction):
    classes = prediction.shape[-1]
    y = np.asarray(y, "float64")
    if kind.from_logits and bounds.low == 0 and bounds.high == 1:
        yield (
            Severity.WARNING,
            "The loss applies a sigmoid to an output that already is one: no prediction gets "
            "below 0.5 or above 0.73.",
            {},
            Remedy("Apply it once.", "keras.losses.BinaryCrossentropy(from_logits=False)"),
        )
    if kind.from_logits is False and not (bounds.low >= 0 and bounds.high <= 1):
        yield (
            Severity.ERROR,
            "The loss takes the logarithm of probabilities, but the output leaves [0, 1].",
            {"output_min": float(prediction.min()), "output_max": float(prediction.max())},
            Remedy(
                "Say that they are logits.", "keras.losses.BinaryCrossentropy(from_logits=True)"
            ),
        )
    if y.min() < 0 or y.max() > 1:
        yield (
            Severity.ERROR,
            f"The targets run from {y.min():g} to {y.max():g}, but the loss is for 0 and 1.",
            {"target_min": y.min(), "target_max": y.max()},
            Remedy("Bring them to 0 and 1.", "y = (y > y.min()).astype('float32')"),
        )
    elif classes > 2 and y.ndim == 2 and len(y) >= MIN_ROWS and _is_one_hot(y):
        yield (
            Severity.NOTE,
            f"Every row has exactly one of {classes} labels, but each is judged by itself; "
            f"Keras' accuracy then begins at {1 - 1 / classes:.0%}.",
            {"classes": classes},
            Remedy(
                "For exclusive classes use a softmax.",
                'keras.layers.Dense(classes, activation="softmax"), '
                'loss="categorical_crossentropy", metrics=["categorical_accuracy"]',
            ),
        )


def _distance(kind, bounds, y, prediction):
    classes = prediction.shape[-1]
    values = np.asarray(y, "float64")
    outside = float(np.mean((values < bounds.low - 1e-6) | (values > bounds.high + 1e-6)))
    columns = 1 if values.ndim < prediction.ndim else values.shape[-1]
    if columns == 1 and classes > 1:
        yield (
            Severity.ERROR,
            f"Each of the {classes} outputs is compared with the one number of the target.",
            {"outputs": classes},
            Remedy(
                "For class numbers use a crossentropy; for one number use one output.",
                'loss="sparse_categorical_crossentropy"',
            ),
        )
    elif outside > OUT_OF_REACH:
        yield (
            Severity.ERROR,
            f"The output stays within {_range_words(bounds)}, but {outside:.0%} of the targets "
            f"lie outside, from {values.min():.3g} to {values.max():.3g}.",
            {"out_of_reach": outside, "target_min": values.min(), "target_max": values.max()},
            Remedy("Use a linear output.", f"keras.layers.Dense({classes})"),
        )
    elif _are_classes(values, np.asarray(y).dtype, bounds, prediction):
        yield (
            Severity.NOTE,
            "A distance is computed to class labels: if their order means nothing, a "
            "crossentropy learns faster and gives probabilities.",
            {"distinct_targets": len(np.unique(values))},
            Remedy(
                "Use a crossentropy for classes.",
                'loss="categorical_crossentropy"  # or "binary_", "sparse_categorical_"',
            ),
        )


def _are_classes(values, dtype, bounds, prediction):
    """Return whether the targets can only, or most likely, be labels of classes.

    Rows of one 1 and zeros against a softmax; 0 and 1 against one sigmoid; integers without a gap
    from 0 against one linear unit.
    """
    if bounds.is_distribution:
        return values.ndim == 2 and len(values) >= MIN_ROWS and _is_one_hot(values)
    if prediction.ndim != 2 or prediction.shape[-1] > 1:
        return False
    distinct = np.unique(values)
    if bounds.low == 0 and bounds.high == 1:
        return np.array_equal(distinct, [0, 1])
    is_numbered = np.array_equal(distinct, np.arange(len(distinct)))
    return dtype.kind in "iub" and is_numbered and 2 <= len(distinct) <= 20


def _is_one_hot(y):
    return bool(np.isin(y, (0, 1)).all() and (y.sum(axis=-1) == 1).all())


def _kind_words(kind):
    if kind.form in ("categorical", "binary"):
        form = "class numbers" if kind.is_sparse else kind.form
        return f"{form} {'logits' if kind.from_logits else 'probabilities'}"
    return {"distance": "numbers", "other": "unknown"}[kind.form]


def _range_words(bounds):
    if bounds.is_constant:
        return "a constant"
    if bounds.is_distribution:
        return "shares that sum to 1"
    if bounds.low > -np.inf and bounds.high < np.inf:
        return f"[{bounds.low:g}, {bounds.high:g}]"
    if bounds.low > -np.inf:
        return f"{bounds.low:g} and above"
    return "any number" if bounds.high == np.inf else f"up to {bounds.high:g}"
