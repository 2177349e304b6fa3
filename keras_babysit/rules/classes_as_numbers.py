"""Class numbers that are fitted as if they were quantities."""

from keras_babysit.actions import TASK
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._progress import has_seen_an_epoch
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.metric_mismatch import ACCURACIES
from keras_babysit.rules.outputs import Output, outputs
from keras_babysit.rules.rule import rule

MIN_CLASSES = 3
"""Classes from which on one number cannot keep all of them apart."""


@rule(
    title="Classes treated as numbers",
    explains=(
        *POOR_FIT,
        "output_loss_mismatch",
        "metric_mismatch",
        "dead_units",
        "unscaled_targets",
        "not_zero_centered",
    ),
    needs=("facts/data", "facts/outputs"),
    silent=("in the first epoch", "without a metric of right answers", "on losses of one's own"),
)
def classes_as_numbers(history: History, *, classes: int = 20) -> list[Finding]:
    """Report a distance between one output and the numbers of classes.

    The squared error treats class 3 as lying between 2 and 4. One unit has to put all classes in
    a row, and an accuracy compares its value with a class number.

    Reads the facts of the outputs and of their targets: the loss is a distance, the output is one
    unit, and the targets are 0, 1, 2, and so on. That ratings and counts are such numbers too is
    decided by the metrics: it is silent unless the run measures accuracy, which means classes.

    Args:
        history: The history of the run.
        classes: Largest number of classes, at least 1.

    Returns:
        One WARNING per output, or nothing.

    Raises:
        ValueError: If `classes` is below 1.

    Example:
        >>> classes_as_numbers(History())
        []

    Reference:
        Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.1.3: least squares for
        classification.
    """
    require_count("classes", classes)
    if not has_seen_an_epoch(history):
        return []
    return [
        _finding(one)
        for one in outputs(history)
        if _is_so(one, classes) and _counts_answers(history, one)
    ]


def _counts_answers(history: History, output: Output) -> bool:
    """Return whether an accuracy of an output is logged; one of several has its name in front."""
    name = output.target.rsplit("/", 1)[-1]
    prefixes = ("", f"{name}_") if len(outputs(history)) == 1 else (f"{name}_",)
    logged = (f"logs/{prefix}{one}" for prefix in prefixes for one in ACCURACIES)
    return any(history.last(one) is not None for one in logged)


def _is_so(output: Output, most: int) -> bool:
    found = output.data.classes
    is_one_number = output.form == "distance" and output.columns == 1 and not output.is_own
    is_in_range = MIN_CLASSES <= len(found) <= most
    return is_one_number and is_in_range and found == tuple(map(float, range(len(found))))


def _finding(output: Output) -> Finding:
    count = len(output.data.classes)
    return Finding(
        rule="classes_as_numbers",
        severity=Severity.WARNING,
        target=output.target,
        message=f"The loss treats {count} classes as numbers: it measures the distance between "
        f'the single output of "{output.target}" and the class index.',
        evidence={"classes": count},
        remedies=(
            Remedy(
                f"Use a softmax with {count} units, one per class, and a sparse categorical "
                "crossentropy.",
                f'keras.layers.Dense({count}, activation="softmax")  '
                '# and loss="sparse_categorical_crossentropy"',
                no_change_because=TASK,
            ),
        ),
        reference="Bishop, Pattern Recognition and Machine Learning, 2006, section 4.1.3",
    )
