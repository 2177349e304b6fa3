"""A network that is better on the validation data than on its training data."""

from keras_babysit.actions import DATA, SPLIT
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._scores import (
    advantages,
    beats_constant,
    gaps,
    side_by_side,
)
from keras_babysit.rules._texts import error_name, percent
from keras_babysit.rules.rule import rule

NOT_AUGMENTED = 0.5
"""Fraction of the training examples that repeat unchanged in later epochs. Half of them do if
images are flipped at random, and a flip alone does not make them that much harder."""


@rule(
    title="Validation better than training",
    needs=("score/error", "logs/val_loss"),
    silent=(
        "without validation data",
        "if the 95 % interval of the gap reaches below the limit",
        "if the training examples are augmented",
    ),
)
def validation_better_than_train(
    history: History, *, gap: float = 0.1, patience: int = 3
) -> list[Finding]:
    """Report a validation error that is far below the training error.

    Both are computed in inference mode with the same weights, so dropout, the weight penalty and
    the running mean of an epoch cannot be the cause. Possible causes are validation data that is
    easier, scarce or leaked, noisier labels in the training data, or augmentation. Augmentation is
    intended, and it is recognized: augmented examples do not repeat unchanged in later epochs.

    Reads `"score/error"` for the targets `"train"` and `"validation"`, and
    `history.facts.recurring_fraction`. It is silent without validation data; if the 95 % interval
    of the gap reaches below the limit; if the network is no better than a constant prediction on
    the validation data, because the difference then depends on the data alone; and if fewer than
    half of the training examples repeat unchanged.

    Args:
        history: The history of the run.
        gap: Difference of the errors from which on it is reported, in (0, 1].
        patience: Number of latest scores that must all show it, at least 1.

    Returns:
        One finding for the whole model, or nothing: a WARNING, or a NOTE if it is not known whether
        the training data is augmented.

    Raises:
        ValueError: If `gap` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.note(recurring_fraction=1.0)
        >>> for epoch in range(3):
        ...     for target, error in (("train", 0.4), ("validation", 0.1)):
        ...         history.append(Measurement(9, epoch, "score/error", target, error))
        ...         history.append(Measurement(9, epoch, "score/error_stderr", target, 0.01))
        >>> validation_better_than_train(history)[0].evidence["validation_error"]
        0.1

    Reference:
        Kapoor and Narayanan, "Leakage and the reproducibility crisis in machine-learning-based
        science", Patterns 4, 2023, on kinds of leakage.
    """
    require_fraction("gap", gap)
    require_count("patience", patience)
    recent = gaps(history, "error")[-patience:]
    if len(recent) < patience or not all(estimate.high <= -gap for estimate in recent):
        return []
    if advantages(history, "validation") and not beats_constant(history, "validation"):
        return []
    recurring = history.facts.recurring_fraction
    if recurring is not None and recurring < NOT_AUGMENTED:
        return []
    severity = Severity.NOTE if recurring is None else Severity.WARNING
    return [_finding(history, severity)]


def _finding(history: History, severity: Severity) -> Finding:
    _, train, validation = side_by_side(history, "error")[-1]
    gap = validation.minus(train)
    return Finding(
        rule="validation_better_than_train",
        severity=severity,
        target="",
        message=f"The {error_name(history)} is {percent(validation.value, 1)} on the validation "
        f"data but {percent(train.value, 1)} on the training data. Both are computed in inference "
        "mode with the same weights.",
        evidence={
            "train_error": train.value,
            "validation_error": validation.value,
            "gap": gap.value,
            "gap_low": gap.low,
            "gap_high": gap.high,
        },
        remedies=(
            Remedy(
                "Split the data at random, before any other preprocessing.",
                "from sklearn.model_selection import train_test_split\n"
                "x, x_val, y, y_val = train_test_split(x, y, random_state=0)",
                no_change_because=SPLIT,
            ),
            Remedy(
                "Check the training data for wrong labels, and for augmentation that is too "
                "strong.",
                no_change_because=DATA,
            ),
        ),
        reference="Kapoor and Narayanan, Patterns 4, 2023: kinds of leakage",
    )
