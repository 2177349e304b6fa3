"""Labels for which the loss is not defined."""

from typing import Any

from keras_babysit.actions import BinaryTargets, RenumberClasses, SetOutput
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT, SHORT_STEPS, STUCK
from keras_babysit.rules.outputs import Output, outputs
from keras_babysit.rules.rule import rule

SUM_TOLERANCE = 0.01
"""Largest difference from 1 of the sum of a row of probabilities: the rounding of float16."""


@rule(
    title="Labels out of range",
    explains=(*BLOWN_UP, *STUCK, *LONG_STEPS, *SHORT_STEPS, *POOR_FIT),
    needs=("facts/outputs", "facts/data"),
    silent=("if the loss is a custom function",),
    severity=Severity.ERROR,
)
def labels_out_of_range(history: History) -> list[Finding]:
    """Report labels for which the loss is not defined.

    Class numbers must be 0 to the number of output units minus 1. The rows of one-hot or soft
    labels must sum to 1. Labels of a binary crossentropy must lie in [0, 1].

    Reads the facts of outputs and data, known after the first measurement. It is silent if the
    loss is a custom function.

    Args:
        history: The history of the run.

    Returns:
        One finding for each such output: an ERROR, or a WARNING if rows do not sum to 1. Empty if
        there is none.

    Example:
        >>> from keras_babysit.facts import DataFacts, OutputFacts, TargetFacts
        >>> history = History()
        >>> output = OutputFacts(form="categorical", is_sparse=True, columns=10)
        >>> labels = TargetFacts(low=1.0, high=10.0, is_whole=True)
        >>> history.note(outputs=(output,), data=DataFacts(targets=(labels,)))
        >>> labels_out_of_range(history)[0].severity.name
        'ERROR'

    Reference:
        Definition of the crossentropy.
    """
    found = []
    for output in outputs(history):
        low, high = output.data.low, output.data.high
        if low is None or high is None:
            continue
        if output.form == "categorical":
            found += _class_numbers(output, low, high) if output.is_sparse else _rows(output)
        if output.form == "binary" and (low < 0 or high > 1):
            found.append(
                _finding(
                    output,
                    Severity.ERROR,
                    f"The targets range from {low:g} to {high:g}, but the loss expects 0 to 1.",
                    {"target_min": low, "target_max": high},
                    Remedy(
                        "Map the targets to 0 and 1.",
                        change=BinaryTargets(),
                    ),
                )
            )
    return found


def _class_numbers(output: Output, low: float, high: float) -> list[Finding]:
    classes = output.columns
    is_in_range = low >= 0 and (not classes or high < classes)
    if is_in_range and output.data.is_whole is not False:
        return []
    if is_in_range:
        message = "Some labels are not integers, but the loss expects class indices."
    else:
        expected = f"the output has classes 0 to {classes - 1}" if classes else "classes start at 0"
        message = f"The labels range from {low:g} to {high:g}, but {expected}."
    return [
        _finding(
            output,
            Severity.ERROR,
            message,
            {"label_min": low, "label_max": high, "classes": classes},
            Remedy(
                "Number the classes from 0, and give the output layer one unit per class.",
                change=RenumberClasses(),
            ),
        )
    ]


def _rows(output: Output) -> list[Finding]:
    low, high = output.data.sum_low, output.data.sum_high
    is_one_row = output.data.columns == output.columns
    if low is None or high is None or not is_one_row or max(1 - low, high - 1) <= SUM_TOLERANCE:
        return []
    return [
        _finding(
            output,
            Severity.WARNING,
            f"The sums of the target rows range from {low:g} to {high:g}, but the loss expects one "
            "class per example.",
            {"row_sum_min": low, "row_sum_max": high},
            Remedy(
                "Use a sigmoid output and a binary crossentropy if an example can have several "
                "labels.",
                change=SetOutput("sigmoid", output.columns or 0, True, "binary_crossentropy"),
            ),
        )
    ]


def _finding(
    output: Output, severity: Severity, message: str, evidence: dict[str, Any], remedy: Remedy
) -> Finding:
    return Finding(
        rule="labels_out_of_range",
        severity=severity,
        target=output.target,
        message=message,
        evidence=evidence,
        remedies=(remedy,),
        reference="Definition of the crossentropy",
    )
