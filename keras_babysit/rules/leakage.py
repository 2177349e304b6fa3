"""Validation examples that are also training examples."""

from keras_babysit.actions import SPLIT
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._split import SPLIT_AT_RANDOM
from keras_babysit.rules._texts import percent
from keras_babysit.rules._wilson import wilson_lower_bound
from keras_babysit.rules.rule import rule

MIN_NEAR = 10
"""Near copies that are needed. If validation and training examples had near copies equally often,
10 on one side and at most 1 on the other would have a probability of 0.6 %."""

MAX_WITHIN = 0.1
"""Near copies within the training data, per near copy in the validation data, above which the data
itself is so: frames of a video, or windows that overlap."""


DROP_DUPLICATES = Remedy(
    "If the data holds examples twice, keep one of each before the split.",
    "_, first = np.unique(x.reshape(len(x), -1), axis=0, return_index=True)\n"
    "x, y = x[np.sort(first)], y[np.sort(first)]",
    no_change_because=SPLIT,
)
"""What helps where a random split is not enough."""


@rule(
    title="Training examples in the validation data",
    explains=("validation_better_than_train",),
    needs=("facts/comparison",),
    silent=(
        "without validation data",
        "if equal inputs are likely by chance, as in tables of a few categories",
        "if the reference samples hold fewer than 3 copies",
    ),
)
def leakage(history: History, *, fraction: float = 0.05, copies: int = 3) -> list[Finding]:
    """Report validation data that contains training examples, or near copies of them.

    The score on such data is too good: it says how well the network remembers, not how well it does
    on new data. Usual causes are augmentation, oversampling or imputation before the split.

    Reads `history.facts.comparison`: how many examples of the validation sample have the inputs of
    an example of the training sample. If the latter is a part of the training data, as
    `history.facts.examples_per_epoch` says, each copy stands for as many more. Near copies are
    validation examples within a tenth of the distance that training examples have to their nearest
    neighbour; they count if training examples have hardly any. It is silent if equal inputs are
    likely by chance, as in tables of a few categories.

    Args:
        history: The history of the run.
        fraction: Fraction of the validation examples, the lower end of its 95 % interval, above
            which it is reported, in (0, 1]. Real data contains some duplicates: one example in 150
            of iris, 3 % of the test images of CIFAR-10.
        copies: Smallest number of copies that are reported, at least 1.

    Returns:
        One WARNING for the whole model, or nothing.

    Raises:
        ValueError: If `fraction` lies outside (0, 1] or `copies` is below 1.

    Example:
        >>> from keras_babysit.facts import ComparisonFacts
        >>> history = History()
        >>> found = ComparisonFacts(train_examples=800, validation_examples=200, copies=60)
        >>> history.note(examples_per_epoch=800, comparison=found)
        >>> leakage(history)[0].evidence["leaked_fraction"]
        0.3

    Reference:
        Kapoor and Narayanan, "Leakage and the reproducibility crisis in machine-learning-based
        science", Patterns 4, 2023; Barz and Denzler, "Do we train on test data?", 2020, on
        near copies in CIFAR.
    """
    require_fraction("fraction", fraction)
    require_count("copies", copies)
    found = history.facts.comparison
    total = history.facts.examples_per_epoch
    if found.copies is not None and found.copies >= copies:
        leaked = _leaked(found.copies, found.validation_examples, found.train_examples, total)
        if leaked[1] > fraction:
            return [_finding(found.copies, found.validation_examples or 0, leaked[0], near=False)]
    near, within = found.near_copies or 0, found.near_within or 0
    if near >= max(copies, MIN_NEAR) and within <= MAX_WITHIN * near:
        leaked = _leaked(near, found.near_examples, found.near_examples, total)
        if leaked[1] > fraction:
            return [_finding(near, found.near_examples or 0, leaked[0], near=True)]
    return []


def _leaked(
    count: int, among: int | None, kept: int | None, total: int | None
) -> tuple[float, float]:
    """Return which fraction of the validation data is leaked, and the lower end of its interval."""
    part = min(1.0, (kept or 1) / total) if total else 1.0
    fraction = count / max(1, among or 1)
    low = wilson_lower_bound(fraction, among)
    return min(1.0, fraction / part), min(1.0, low / part)


def _finding(count: int, among: int, leaked: float, *, near: bool) -> Finding:
    what = "are almost equal to a training example" if near else "are also training examples"
    return Finding(
        rule="leakage",
        severity=Severity.WARNING,
        target="",
        message=f"About {percent(leaked)} of the validation examples {what}, so the validation "
        f"score is too good. Found: {count:,} of {among:,} examples in the reference sample.",
        evidence={"leaked_fraction": leaked, "copies": count, "examples": among, "are_near": near},
        remedies=(SPLIT_AT_RANDOM,) if near else (SPLIT_AT_RANDOM, DROP_DUPLICATES),
        reference="Kapoor and Narayanan, Patterns 4, 2023: kinds of leakage",
    )
