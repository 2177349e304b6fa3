"""Validation examples of the same series or the same group as training examples."""

from keras_babysit.actions import SPLIT
from keras_babysit.facts import ComparisonFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_fraction
from keras_babysit.rules._texts import percent
from keras_babysit.rules._wilson import wilson_lower_bound
from keras_babysit.rules.leakage import leakage
from keras_babysit.rules.rule import ask, rule

MIN_BETWEEN = 10
"""Windows between others that are needed. Where a block in the middle of a series is held out, one
on either side of it may count if the block is shorter than a window."""

MIN_GAIN = 0.05
"""Difference of the errors with and without the group from which on it counts: that of
`missing_warm_up` and `underfitting` to a baseline."""

OF_THE_GROUP = 0.25
"""Fraction of the error without the group that may be left with it: the target belongs to the group
then, as an illness to a patient. Where it varies within groups, a close example is of use anywhere.
"""

Z_SURE = 3.0
"""Standard errors of the difference that it must exceed as well: the members of a group are not
independent, and so it varies by more."""


@rule(
    title="Related examples on both sides of the split",
    explains=("validation_better_than_train",),
    needs=("facts/comparison",),
    silent=(
        "without validation data",
        "if examples of a group are not far closer to each other than to others",
        "if windows share less than half of their steps, or each was scaled by itself",
        "if the inputs are tokens, or several arrays",
    ),
)
def related_examples(history: History, *, fraction: float = 0.2) -> list[Finding]:
    """Report validation examples of the same series or group as training examples.

    Overlapping windows of a series that are split at random, several pictures of a patient, or
    several recordings of a speaker on both sides of the split: the network recognizes the patient
    in place of the illness, and the score on patients that are new is worse.

    Reads `history.facts.comparison`, which compares the two reference samples. Validation windows
    count that share half of their steps with a training window that begins earlier and with one
    that begins later; no split in time puts one there. Groups count if the examples come in at
    least 10 small groups whose members are far closer to each other than to others, and the
    nearest training example predicts the target far better with the group than without it. It is
    silent where groups give nothing away, where the group is the class to recognize, and where
    `leakage` reports copies.

    Args:
        history: The history of the run.
        fraction: Fraction of the kept validation examples, the lower end of its 95 % interval, that
            must be affected, in (0, 1].

    Returns:
        One WARNING for the whole model, or nothing.

    Raises:
        ValueError: If `fraction` lies outside (0, 1].

    Example:
        >>> history = History()
        >>> found = ComparisonFacts(train_examples=800, validation_examples=200, between=190)
        >>> history.note(comparison=found)
        >>> print(related_examples(history)[0].message)
        95 % of the validation windows overlap with training windows before and after them.

    Reference:
        Kapoor and Narayanan, "Leakage and the reproducibility crisis in machine-learning-based
        science", Patterns 4, 2023: temporal leakage, and non-independence of training and test
        samples.
    """
    require_fraction("fraction", fraction)
    found = history.facts.comparison
    if (found.between is None and found.grouped is None) or ask(leakage, history):
        return []
    count, among = found.between or 0, found.validation_examples or 0
    if count >= MIN_BETWEEN and wilson_lower_bound(count / max(1, among), among) >= fraction:
        return [_overlap(count, among)]
    count, among = found.grouped or 0, found.grouped_examples or 0
    are_many = count > 0 and wilson_lower_bound(count / max(1, among), among) >= fraction
    return [_groups(found)] if are_many and _gives_away(found) else []


def _gives_away(found: ComparisonFacts) -> bool:
    if found.error_with_group is None or found.error_without_group is None:
        return False
    gain = found.error_without_group - found.error_with_group
    if found.error_with_group > OF_THE_GROUP * found.error_without_group:
        return False
    return gain >= max(MIN_GAIN, Z_SURE * (found.group_stderr or 0.0))


def _overlap(count: int, among: int) -> Finding:
    return Finding(
        rule="related_examples",
        severity=Severity.WARNING,
        target="",
        message=f"{percent(count / among)} of the validation windows overlap with training windows "
        "before and after them.",
        evidence={"between": count, "examples": among},
        remedies=(
            Remedy(
                "Split the series by time, with a gap of one window in between.",
                "cut, gap = int(0.8 * len(x)), x.shape[1]\n"
                "x, x_val = x[: cut - gap], x[cut:]\ny, y_val = y[: cut - gap], y[cut:]",
                no_change_because=SPLIT,
            ),
        ),
        reference="Kapoor and Narayanan, Patterns 4, 2023: temporal leakage",
    )


def _groups(found: ComparisonFacts) -> Finding:
    count, among = found.grouped or 0, found.grouped_examples or 1
    with_group, without = found.error_with_group or 0.0, found.error_without_group or 0.0
    return Finding(
        rule="related_examples",
        severity=Severity.WARNING,
        target="",
        message=f"{percent(count / among)} of the validation examples belong to small groups of "
        "similar training examples, which reveal their targets. The error of the nearest "
        f"training example is {percent(with_group)}, but {percent(without)} without the group.",
        evidence={
            "grouped": count,
            "examples": among,
            "error_with_group": with_group,
            "error_without_group": without,
        },
        remedies=(
            Remedy(
                "Split by group, such as patient, speaker or original image.",
                "from sklearn.model_selection import GroupShuffleSplit\n"
                "split = GroupShuffleSplit(test_size=0.2, random_state=0)\n"
                "train, held_out = next(split.split(x, y, groups))  # groups: one id per example",
                no_change_because=SPLIT,
            ),
        ),
        reference="Kapoor and Narayanan, Patterns 4, 2023: non-independence of the samples",
    )
