"""Whether output, loss and targets fit together, told by their values."""

import numpy as np

from keras_babysit.checks._facts import output_history, renamed
from keras_babysit.checks.result import CheckResult, Unknown
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.rules import labels_out_of_range, output_loss_mismatch
from keras_babysit.rules._outputs import outputs

MIN_ROWS = 32
"""Rows that must all have exactly one label before the classes are called exclusive: with two
labels per row on average, one row in three has one, and 32 of them have by 3^-32."""


def output_and_loss(case):
    """Advise where the last layer, the loss and the targets do not belong together.

    What the loss expects is read off what it does to made-up predictions, and what the output
    can give off its values under random weights; the rules `output_loss_mismatch` and
    `labels_out_of_range` judge that. Beside them it notes where all targets look like classes
    that the loss does not take for such. Correct pairs are silent: softmax with crossentropy,
    logits with `from_logits`, linear with a squared error, sigmoids for several labels at once.
    """
    if not case.has_plain_train_step:
        raise Unknown("the model's own train_step computes its loss")
    if case.batch[1] is None:
        raise Unknown("there are no targets")
    history = output_history(case, case.ranges)
    found = renamed(
        [*output_loss_mismatch(history), *labels_out_of_range(history)], "output_and_loss"
    )
    said = {one.target for one in found}
    ends = outputs(history)
    for output, y in zip(ends, case.flat_targets(case.data.y), strict=True):
        if output.target not in said:
            found += _overlooked_classes(output, np.asarray(y))
    return CheckResult(
        "; ".join(f"loss takes {o.wants}, output gives {o.gives}" for o in ends), found
    )


def _overlooked_classes(output, y):
    """Return a note where the targets can only, or most likely, be classes and the loss differs.

    Rows of one 1 and zeros under sigmoids; 0 and 1 at a distance from one sigmoid; integers
    without a gap from 0 at a distance from one linear unit.
    """
    classes = output.columns
    if output.form == "binary" and classes > 2 and output.data.is_one_hot:
        if len(y) < MIN_ROWS:
            return []
        return [
            _note(
                output,
                f"Every row has exactly one of {classes} labels, but each is judged by itself; "
                f"Keras' accuracy then begins at {1 - 1 / classes:.0%}.",
                {"classes": classes},
                Remedy(
                    "For exclusive classes use a softmax.",
                    'keras.layers.Dense(classes, activation="softmax"), '
                    'loss="categorical_crossentropy", metrics=["categorical_accuracy"]',
                ),
            )
        ]
    if output.form != "distance" or classes > 1 or y.size > len(y):
        return []
    distinct = np.unique(y)
    is_numbered = y.dtype.kind in "iub" and 2 <= len(distinct) <= 20
    if output.is_probability:
        is_numbered = len(distinct) == 2
    if not is_numbered or not np.array_equal(distinct, np.arange(len(distinct))):
        return []
    return [
        _note(
            output,
            "A distance is computed to class labels: if their order means nothing, a "
            "crossentropy learns faster and gives probabilities.",
            {"distinct_targets": len(distinct)},
            Remedy(
                "Use a crossentropy for classes.",
                'loss="binary_crossentropy"  # or "sparse_categorical_crossentropy"',
            ),
        )
    ]


def _note(output, message, evidence, remedy):
    return Finding(
        "output_and_loss",
        Severity.NOTE,
        output.target,
        message,
        {"loss": output.wants, "output": output.gives} | evidence,
        (remedy,),
        "the definition of the loss",
    )
