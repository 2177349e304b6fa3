"""Checks that output, loss and targets fit together, judged by their values."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_babysit.actions import SetLoss, SetOutput
from keras_babysit.checks._facts import output_history, renamed
from keras_babysit.checks.case import Case
from keras_babysit.checks.result import CheckResult, Unknown
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.probes.facts import optimizer_name
from keras_babysit.rules.inverted_loss import inverted_loss
from keras_babysit.rules.labels_out_of_range import labels_out_of_range
from keras_babysit.rules.loss_at_limit import loss_at_limit
from keras_babysit.rules.loss_mixes_examples import loss_mixes_examples
from keras_babysit.rules.output_loss_mismatch import output_loss_mismatch
from keras_babysit.rules.outputs import Output, outputs
from keras_babysit.rules.shapes_broadcast import shapes_broadcast
from keras_babysit.rules.summed_loss import summed_loss
from keras_babysit.rules.swapped_loss_arguments import swapped_loss_arguments
from keras_babysit.typing import Nested

MIN_ONE_HOT_ROWS = 32
"""Minimum number of rows, all with exactly one label, to call the classes exclusive. With two
labels per row on average, one row in three has exactly one; 32 rows do with probability 3^-32."""

BATCH_SIZE = 32
"""The default of `fit`."""

RULES = (
    output_loss_mismatch,
    shapes_broadcast,
    labels_out_of_range,
    inverted_loss,
    swapped_loss_arguments,
    loss_mixes_examples,
    loss_at_limit,
    summed_loss,
)
"""Rules of a run that see their fault in the loss itself, before training."""


def output_and_loss(case: Case) -> CheckResult:
    """Report an output layer, loss and targets that do not match.

    What the loss expects is found by evaluating it on chosen predictions; what the output can
    return is found by evaluating the model with random weights. The rules in `RULES` judge the
    result. In addition, a note is reported if the targets look
    like classes but the loss does not treat them as such. Nothing is reported for matching pairs:
    softmax with crossentropy, logits with `from_logits=True`, a linear output with a squared
    error, or sigmoids for multi-label targets.
    """
    if not case.has_plain_train_step:
        raise Unknown("the loss is computed in a custom train_step")
    if case.batch[1] is None:
        raise Unknown("there are no targets")
    history = output_history(case, case.ranges)
    reduction, behaving = case.behaviour(history.facts.outputs)
    history.note(
        loss_reduction=reduction,
        outputs=behaving,
        optimizer=optimizer_name(case.model.optimizer),
        batch_size=min(BATCH_SIZE, len(case.data)),
    )
    found = renamed([one for rule in RULES for one in rule(history)], "output_and_loss")
    reported = {one.target for one in found}
    ends = outputs(history)
    for output, y in zip(ends, case.flat_targets(case.data.y), strict=True):
        if output.target not in reported:
            found += _overlooked_classes(output, np.asarray(y))
    return CheckResult(
        "; ".join(f"loss expects {o.wants}, output is {o.gives}" for o in ends), found
    )


def _overlooked_classes(output: Output, y: Nested) -> list[Finding]:
    """Return a note if the targets are most likely classes, but the loss treats them otherwise.

    Three cases are recognized: one-hot rows with sigmoids; targets 0 and 1 with a distance loss on
    one sigmoid; consecutive integers from 0 with a distance loss on one linear unit.
    """
    classes = output.columns or 1
    if output.form == "binary" and classes > 2 and output.data.is_one_hot:
        if len(y) < MIN_ONE_HOT_ROWS:
            return []
        return [
            _note(
                output,
                f"Every example has exactly one of {classes} labels, but the loss treats the "
                "labels as independent. The accuracy of Keras then starts at "
                f"{100 * (1 - 1 / classes):.0f} %.",
                {"classes": classes},
                Remedy(
                    "Use a softmax for mutually exclusive classes.",
                    change=SetOutput("softmax", classes, True, "categorical_crossentropy"),
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
            "The loss measures a distance to class labels. If their order has no meaning, a "
            "crossentropy learns faster and yields probabilities.",
            {"distinct_targets": len(distinct)},
            Remedy(
                "Use a crossentropy loss for classes.",
                change=SetLoss("binary_crossentropy", 'or "sparse_categorical_crossentropy"'),
            ),
        )
    ]


def _note(output: Output, message: str, evidence: Mapping[str, Any], remedy: Remedy) -> Finding:
    return Finding(
        "output_and_loss",
        Severity.NOTE,
        output.target,
        message,
        {"loss": output.wants, "output": output.gives, **evidence},
        (remedy,),
        "the definition of the loss",
    )
