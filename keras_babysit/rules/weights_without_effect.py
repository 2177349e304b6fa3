"""Class or sample weights that do nothing, or the opposite of what they are for."""

from keras_babysit.actions import BalanceClasses, DropSampleWeights
from keras_babysit.facts import TargetFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above, require_count
from keras_babysit.rules._progress import has_seen_an_epoch
from keras_babysit.rules._texts import number, percent
from keras_babysit.rules.effects import POOR_FIT, STUCK
from keras_babysit.rules.rule import rule

BALANCED = 1.5
"""Ratio of the largest class to the smallest one up to which classes are balanced by resampling."""

UNEVEN = 3.0
"""Ratio from which on classes or weights are uneven."""

PROPORTIONAL = 2.0
"""Ratio of the largest to the smallest product, or quotient, of weight and frequency up to which
the weights are made from the frequencies; a sample and a root or a bound leave as much."""

MIN_OF_A_CLASS = 5
"""Examples of a class that are needed to know its frequency."""


@rule(
    title="Class or sample weights without effect",
    explains=("class_imbalance", "no_gradient", *POOR_FIT, *STUCK),
    needs=("facts/data",),
    silent=(
        "on fewer than 64 examples",
        "if equal weights meet classes that are about equally frequent",
    ),
)
def weights_without_effect(
    history: History, *, ratio: float = 10.0, examples: int = 64
) -> list[Finding]:
    """Report sample or class weights that are all equal, or that distort the classes.

    Keras makes sample weights of `class_weight`. It gives a class that has no key the weight 1, and
    passes over keys that are no class, such as the text "1" for the class 1.

    Reads `history.facts.data` and `history.facts.validation`: the weights, and frequency and mean
    weight of each class. Five conditions are reported:

    - all weights of an epoch are 0: the loss is 0, and nothing is learned,
    - all weights are equal although one class is `ratio` times as frequent as another one,
    - weights that follow the frequency, so that they favour the frequent class,
    - a class with weight 0, if only one class has another weight, or if the validation data counts
      that class,
    - weights on top of a resampling: the training classes are balanced, and the weights balance the
      classes of the validation data, so that the rare classes count twice.

    It is silent on equal weights of classes that are about equally frequent, on classes of fewer
    than 5 examples, and on weights that follow costs rather than frequencies.

    Args:
        history: The history of the run.
        ratio: Ratio of the most to the least frequent class from which on equal weights are
            reported, above 1. At 10 the rare class hardly counts.
        examples: Smallest number of examples on which that is judged, at least 1.

    Returns:
        An ERROR if all weights are 0, a WARNING for the other conditions, or nothing.

    Raises:
        ValueError: If `ratio` is not above 1, or `examples` below 1.

    Example:
        >>> from keras_babysit.facts import DataFacts
        >>> history = History()
        >>> rare = TargetFacts(classes=(0, 1), class_fractions=(0.96, 0.04), class_weights=(1, 1))
        >>> data = DataFacts(
        ...     examples=500, is_weighted=True, weight_low=1, weight_high=1, targets=(rare,)
        ... )
        >>> history.note(data=data)
        >>> weights_without_effect(history)[0].severity.name
        'WARNING'

    Reference:
        He and Garcia, "Learning from imbalanced data", IEEE TKDE 21, 2009, section 3.2, on
        weights; Keras, `Model.fit`: `class_weight` maps class indices (integers) to weights.
    """
    require_above("ratio", ratio, 1)
    require_count("examples", examples)
    data = history.facts.data
    low, high = data.weight_low, data.weight_high
    if low is None or high is None or (data.examples or 0) < examples:
        return []
    if low == high == 0:
        return [_about_zeros(data.examples or 0)] if has_seen_an_epoch(history) else []
    held_out = history.facts.validation.targets
    for index, leaf in enumerate(data.targets):
        fractions = leaf.class_fractions
        if len(fractions) < 2 or min(fractions) * (data.examples or 0) < MIN_OF_A_CLASS:
            continue
        beside = held_out[index] if index < len(held_out) else TargetFacts()
        found = _about(f"targets[{index}]", leaf, beside, ratio)
        if found:
            return [found]
    return []


def _about(target: str, leaf: TargetFacts, held_out: TargetFacts, ratio: float) -> Finding | None:
    """Return what is wrong with the weights of the classes of one target, None if nothing is."""
    weights = leaf.class_weights
    if len(weights) != len(leaf.class_fractions):
        return None
    if min(weights) == max(weights):
        is_imbalanced = spread(leaf.class_fractions) >= ratio
        return _about_equal(target, leaf, weights[0]) if is_imbalanced else None
    left_out = _left_out(leaf, held_out)
    if left_out is not None:
        return _about_left_out(target, leaf, left_out)
    if _follow_frequency(leaf):
        return _about_reversed(target, leaf)
    return _about_twice(target, leaf, held_out) if _balance_twice(leaf, held_out) else None


def spread(values: tuple[float, ...]) -> float:
    """Return the ratio of the largest to the smallest value, infinite if that is 0.

    Example:
        >>> spread((0.5, 2.0)), spread((0.0, 1.0))
        (4.0, inf)
    """
    return max(values) / min(values) if min(values) > 0 else float("inf")


def _left_out(leaf: TargetFacts, held_out: TargetFacts) -> int | None:
    """Return the index of a class that is never learned, although it should be."""
    weights = leaf.class_weights
    zeros = [index for index, weight in enumerate(weights) if weight == 0]
    if len(weights) - len(zeros) == 1:
        return zeros[0]
    counted = dict(zip(held_out.classes, held_out.class_weights, strict=False))
    is_held_out = [leaf.classes[index] in held_out.classes for index in zeros]
    for index, is_counted in zip(zeros, is_held_out, strict=True):
        if is_counted and counted.get(leaf.classes[index], 1.0) > 0:
            return index
    return None


def _follow_frequency(leaf: TargetFacts) -> bool:
    weights, fractions = leaf.class_weights, leaf.class_fractions
    if min(weights) <= 0:
        return False
    quotients = tuple(w / f for w, f in zip(weights, fractions, strict=True))
    return min(spread(weights), spread(fractions)) >= UNEVEN and spread(quotients) <= PROPORTIONAL


def _balance_twice(leaf: TargetFacts, held_out: TargetFacts) -> bool:
    weights, fractions = leaf.class_weights, held_out.class_fractions
    if leaf.classes != held_out.classes or len(weights) != len(fractions) or min(weights) <= 0:
        return False
    products = tuple(w * f for w, f in zip(weights, fractions, strict=True))
    is_balanced = spread(leaf.class_fractions) <= BALANCED
    return (
        is_balanced
        and min(spread(weights), spread(fractions)) >= UNEVEN
        and spread(products) <= PROPORTIONAL
    )


def _about_zeros(examples: int) -> Finding:
    return _finding(
        Severity.ERROR,
        "",
        f"All {examples:,} sample weights of the reference sample are 0: the loss is 0 and nothing "
        "is learned.",
        {"weight": 0.0},
        Remedy(
            "Train without sample weights, or check how they are computed.",
            change=DropSampleWeights(),
        ),
    )


def _about_equal(target: str, leaf: TargetFacts, weight: float) -> Finding:
    least = min(leaf.class_fractions)
    return _finding(
        Severity.WARNING,
        target,
        f"The class weights have no effect: all are {number(weight)}, although only "
        f"{percent(least, 1)} of the examples belong to the rarest class. The keys of "
        "`class_weight` may not be class indices.",
        {"weight": weight, "rarest_fraction": least},
        _weights(leaf, "Use class indices, which are integers, as the keys of `class_weight`."),
    )


def _about_left_out(target: str, leaf: TargetFacts, index: int) -> Finding:
    fraction = leaf.class_fractions[index]
    return _finding(
        Severity.WARNING,
        target,
        f"The examples of class {leaf.classes[index]:g} ({percent(fraction, 1)} of all) have "
        "weight 0: the class is never learned.",
        {"weight": 0.0, "class_fraction": fraction},
        Remedy(
            "Train without sample weights, or check how they are computed.",
            change=DropSampleWeights(),
        ),
    )


def _about_reversed(target: str, leaf: TargetFacts) -> Finding:
    rarest = min(range(len(leaf.classes)), key=lambda index: leaf.class_fractions[index])
    return _finding(
        Severity.WARNING,
        target,
        f"The class weights favour frequent classes: the rarest class "
        f"({percent(leaf.class_fractions[rarest], 1)} of the examples) has weight "
        f"{number(leaf.class_weights[rarest])}, the largest is "
        f"{number(max(leaf.class_weights))}.",
        {"rarest_fraction": leaf.class_fractions[rarest]},
        _weights(leaf, "Weight the classes by how rare they are."),
    )


def _about_twice(target: str, leaf: TargetFacts, held_out: TargetFacts) -> Finding:
    return _finding(
        Severity.WARNING,
        target,
        "The classes are balanced twice: the training data was resampled, and weights up to "
        f"{number(spread(leaf.class_weights))} times as large favour the rare classes again.",
        {
            "weight_ratio": spread(leaf.class_weights),
            "train_ratio": spread(leaf.class_fractions),
            "validation_ratio": spread(held_out.class_fractions),
        },
        Remedy("Train on the resampled data without class weights.", change=DropSampleWeights()),
    )


def _weights(leaf: TargetFacts, text: str) -> Remedy:
    labels = "y.argmax(axis=-1)" if leaf.is_one_hot else "y"
    return Remedy(text, change=BalanceClasses(labels, is_numbered=False))


def _finding(
    severity: Severity, target: str, message: str, evidence: dict[str, float], remedy: Remedy
) -> Finding:
    return Finding(
        rule="weights_without_effect",
        severity=severity,
        target=target,
        message=message,
        evidence=evidence,
        remedies=(remedy,),
        reference="Keras, Model.fit: class_weight maps class indices (integers) to weights",
    )
