"""Validation data on which the network does better than on what it was trained on."""

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_share
from keras_babysit.rules._scores import (
    Estimate,
    advantages,
    beats_constant,
    gaps,
    side_by_side,
)
from keras_babysit.rules.rule import rule

UNCHANGED = 0.5
"""Share of the training examples that come again as they were: of those that are flipped at random
half do, and a flip alone does not make them so much harder."""


@rule(
    title="Validation better than training",
    needs=("score/error", "logs/val_loss"),
    silent=(
        "without validation data",
        "the interval of the gap reaches below the limit",
        "the examples are augmented",
    ),
)
def validation_better_than_train(
    history: History, *, gap: float = 0.1, patience: int = 3
) -> list[Finding]:
    """Advise a look at the split when validation data are answered far better, like for like.

    Both are scored with the same weights in inference mode, so that dropout, the penalty and the
    running mean of an epoch cannot be the reason. Left are validation data that are easier, few
    or leaked, labels of the training data that are noisier, or augmentation. The last is meant to
    be, and shows: examples that are augmented do not come again in later epochs as they were.

    Reads `"score/error"` for targets `"train"` and `"validation"`, and the fact
    `recurring_fraction`. It stays silent without validation data; while the 95 % interval reaches
    above the limit; where validation data are answered no better than by a constant, so that a
    difference tells of the data alone; and where fewer than half of the training examples come
    again unchanged.

    Args:
        history: What the probes recorded so far.
        gap: Difference of the errors from which on it is reported, in (0, 1].
        patience: Number of latest scores that must all show it, at least 1.

    Returns:
        One advice for the whole model, or nothing: a WARNING, or a NOTE while it is not known
        whether training data are augmented.

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
        science", Patterns 4, 2023, on what to look for.
    """
    require_share("gap", gap)
    require_count("patience", patience)
    recent = gaps(history, "error")[-patience:]
    if len(recent) < patience or not all(estimate.high <= -gap for estimate in recent):
        return []
    if advantages(history, "validation") and not beats_constant(history, "validation"):
        return []
    recurring = history.facts.recurring_fraction
    if recurring is not None and recurring < UNCHANGED:
        return []
    severity = Severity.NOTE if recurring is None else Severity.WARNING
    return [_finding(history, recent[-1], severity)]


def _finding(history: History, gap: Estimate, severity: Severity) -> Finding:
    _, train, validation = side_by_side(history, "error")[-1]
    return Finding(
        rule="validation_better_than_train",
        severity=severity,
        target="",
        message=f"The error is {validation.value:.1%} on validation and {train.value:.1%} on "
        "training data, with the same weights and in the same mode.",
        evidence={
            "train_error": train.value,
            "validation_error": validation.value,
            "gap": gap.value,
            "gap_low": gap.low,
            "gap_high": gap.high,
        },
        remedies=(
            Remedy(
                "Split at random, before anything else is done with the data.",
                "x, x_val, y, y_val = train_test_split(x, y, random_state=0)",
            ),
            Remedy("See whether training labels are wrong, or augmented out of recognition."),
        ),
        reference="Kapoor and Narayanan, Patterns 4, 2023: kinds of leakage",
    )
