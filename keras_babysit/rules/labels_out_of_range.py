"""Labels that the loss has no answer for."""

from typing import Any

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT, SHORT_STEPS, STUCK
from keras_babysit.rules.outputs import Output, outputs
from keras_babysit.rules.rule import rule

OFF = 0.01
"""How far the shares of a row may be from 1 in sum: rounding of float16 labels."""


@rule(
    title="Labels out of range",
    explains=(*BLOWN_UP, *STUCK, *LONG_STEPS, *SHORT_STEPS, *POOR_FIT),
    needs=("facts/outputs", "facts/data"),
    silent=("the loss is a function of your own",),
    severity=Severity.ERROR,
)
def labels_out_of_range(history: History) -> list[Finding]:
    """Advise when labels lie outside of what the loss is defined for.

    Class numbers must run from 0 to the number of outputs minus 1; rows of shares must sum to 1;
    labels of a binary crossentropy must lie in [0, 1].

    Reads the facts of outputs and data, known after the first probe. It stays silent where the
    loss is one of the user's own.

    Args:
        history: What the probes recorded so far.

    Returns:
        One ERROR (rows that do not sum to 1: a WARNING) for each output.

    Example:
        >>> from keras_babysit.facts import DataFacts, OutputFacts, TargetFacts
        >>> history = History()
        >>> output = OutputFacts(form="categorical", is_sparse=True, columns=10)
        >>> labels = TargetFacts(low=1.0, high=10.0, is_whole=True)
        >>> history.note(outputs=(output,), data=DataFacts(targets=(labels,)))
        >>> labels_out_of_range(history)[0].severity.name
        'ERROR'

    Reference:
        The definition of the crossentropy.
    """
    found = []
    for output in outputs(history):
        low, high = output.data.low, output.data.high
        if low is None or high is None:
            continue
        if output.form == "categorical":
            found += _class_numbers(output, low, high) if output.is_sparse else _shares(output)
        if output.form == "binary" and (low < 0 or high > 1):
            found.append(
                _finding(
                    output,
                    Severity.ERROR,
                    f"The targets run from {low:g} to {high:g}, but the loss is for 0 and 1.",
                    {"target_min": low, "target_max": high},
                    Remedy("Bring them to 0 and 1.", "y = (y > y.min()).astype('float32')"),
                )
            )
    return found


def _class_numbers(output: Output, low: float, high: float) -> list[Finding]:
    classes = output.columns
    is_right = low >= 0 and output.data.is_whole is not False and (not classes or high < classes)
    if is_right:
        return []
    return [
        _finding(
            output,
            Severity.ERROR,
            f"The labels run from {low:g} to {high:g}, but the output has classes 0 to "
            f"{(classes or 1) - 1}.",
            {"label_min": low, "label_max": high, "classes": classes},
            Remedy(
                "Number the classes from 0, and have an output unit for each.",
                "classes, y = np.unique(y, return_inverse=True)",
            ),
        )
    ]


def _shares(output: Output) -> list[Finding]:
    low, high = output.data.sum_low, output.data.sum_high
    is_one_row = output.data.columns == output.columns
    if low is None or high is None or not is_one_row or max(1 - low, high - 1) <= OFF:
        return []
    return [
        _finding(
            output,
            Severity.WARNING,
            f"The rows of the targets sum to {low:g} to {high:g}, but the loss is for shares of "
            "one class of many.",
            {"row_sum_min": low, "row_sum_max": high},
            Remedy(
                "Use sigmoids where several labels can hold at once.",
                'keras.layers.Dense(labels, activation="sigmoid"), loss="binary_crossentropy"',
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
        reference="the definition of the crossentropy",
    )
