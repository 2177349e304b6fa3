"""Training data that consist almost entirely of one class."""

from keras_babysit.actions import DATA, BalanceClasses, SetFocalLoss
from keras_babysit.facts import TargetFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._progress import has_seen_an_epoch, is_current, is_falling, is_time
from keras_babysit.rules._scores import rankings
from keras_babysit.rules._texts import percent
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.outputs import outputs
from keras_babysit.rules.rule import rule

ONLY_ANSWER = 0.999
"""Fraction of the predictions from which on their most frequent class counts as the only one."""

MAX_RARE_PREDICTED = 0.5
"""Rare classes are predicted for at most this fraction of their examples if they are given up."""

MIN_FOR_ONE_CLASS = 300
"""Examples of one class from which on other classes are below 1 % with 95 % confidence (the rule of
three). Of fewer a rare class may just not be among those that were kept."""

MISSED_RECALL = 0.01
"""Recall of rare positives up to which the network does not find them."""

UNCERTAIN_AUC = 0.1
"""Standard error of an area under the curve that says nothing: that of about eight examples."""


@rule(
    title="Class imbalance",
    explains=POOR_FIT,
    needs=("facts/data",),
    silent=(
        "on fewer than 64 examples",
        "if the targets are not classes",
        "if examples have different weights",
    ),
    severity=Severity.NOTE,
)
def class_imbalance(
    history: History, *, fraction: float = 0.9, examples: int = 64
) -> list[Finding]:
    """Report targets of which almost all belong to one class.

    A network that predicts this class for every example is accurate, and useless.

    So is one that answers 0 for each of many labels or pixels of which few are 1.

    Reads the facts of the data (fraction of the most frequent class, mean of labels),
    `"predictions/recall"`, `"predictions/largest_share"`, `"predictions/auc"` and
    `"predictions/targets_largest_share"`.
    It is silent on fewer than `examples` examples, on targets that are not classes, and if
    examples have different weights.

    Args:
        history: The history of the run.
        fraction: Fraction of the most frequent class from which on it is reported, in (0, 1].
        examples: Smallest number of examples on which that is judged, at least 1.

    Returns:
        A NOTE for each target. A WARNING if the loss has plateaued and the network predicts only
        this class: on training data for every example, without ranking positives above negatives;
        or on validation data for almost every example, although twice as many belong to other
        classes. A WARNING if at most 1 % of rare labels or pixels are found, and they are not
        ranked above the others either. A WARNING as well if all examples belong to one class, and
        they are all of the training data or at least 300.

    Raises:
        ValueError: If `fraction` lies outside (0, 1] or `examples` is below 1.

    Example:
        >>> from keras_babysit.facts import DataFacts, TargetFacts
        >>> history = History()
        >>> target = TargetFacts(largest_fraction=0.97)
        >>> history.note(data=DataFacts(examples=500, targets=(target,)))
        >>> class_imbalance(history)[0].severity.name
        'NOTE'

    Reference:
        He and Garcia, "Learning from imbalanced data", IEEE TKDE 21, 2009, section 3.
    """
    require_fraction("fraction", fraction)
    require_count("examples", examples)
    data = history.facts.data
    has_effect = data.is_weighted and (
        data.weight_low is None or data.weight_low != data.weight_high
    )
    if data.examples is None or data.examples < examples or has_effect:
        return []
    found = []
    for index, leaf in enumerate(data.targets):
        largest = leaf.largest_fraction or 0
        if fraction <= largest < 1:
            has_given_up = _has_given_up(history, fraction)
            found.append(_about_fraction(index, leaf, has_given_up=has_given_up))
        elif _has_rare_labels(history, index, leaf, fraction):
            found.append(_about_labels(history, index, leaf))
        elif largest == 1 and _wants_classes(history, index) and has_seen_an_epoch(history):
            found.append(_about_one(history, index, leaf, data.examples))
    return found


def _has_rare_labels(history: History, index: int, leaf: TargetFacts, fraction: float) -> bool:
    """Return whether an example has several labels, or a mask, of which few are 1.

    One class for each step or pixel, as zeros with a single 1, is neither.
    """
    is_of_labels = leaf.is_binary and not leaf.is_one_hot and (leaf.columns or 1) > 1
    is_rare = is_of_labels and 0 < (leaf.mean or 0) <= 1 - fraction
    return bool(is_rare and _form(history, index) != "categorical")


def _about_labels(history: History, index: int, leaf: TargetFacts) -> Finding:
    """Return the finding on labels or pixels of which almost all are 0."""
    positive = leaf.mean or 0.0
    recall = history.series("predictions/recall", "train").tail(3).values
    is_over = is_current(history) and is_time(history, is_falling=is_falling(history))
    is_missed = len(recall) > 0 and bool(recall.max() <= MISSED_RECALL)
    has_given_up = is_missed and len(recall) == 3 and is_over and _ranks_by_chance(history)
    amount = f"{percent(positive, 1)} of the labels are 1"
    always = f"always predicting 0 is {percent(1 - positive, 1)} accurate"
    if has_given_up:
        end = f", and the network finds {percent(float(recall[-1]))} of them: {always}"
    else:
        end = f": {always}"
    known = outputs(history)
    is_logit = index < len(known) and known[index].from_logits
    return _finding(
        Severity.WARNING if has_given_up else Severity.NOTE,
        index,
        f"{amount}{end}.",
        1 - positive,
        Remedy(
            "Weight the positives by how rare they are. Monitor recall or AUC, not accuracy.",
            change=SetFocalLoss(1 - positive, from_logits=bool(is_logit)),
        ),
    )


def _wants_classes(history: History, index: int) -> bool:
    """Return whether the loss of an output expects classes: other targets may be placeholders."""
    return _form(history, index) in ("categorical", "binary", "margin")


def _form(history: History, index: int) -> str | None:
    """Return the form of the loss of an output, None if it is not known."""
    known = outputs(history)
    return known[index].form if index < len(known) else None


def _has_given_up(history: History, fraction: float) -> bool:
    """Return whether the network does not predict the rare classes, and no longer improves."""
    if not is_current(history) or not is_time(history, is_falling=is_falling(history)):
        return False
    predicts_one = _predicted(history, "train") >= ONLY_ANSWER and _ranks_by_chance(history)
    predicted = _predicted(history, "validation")
    true = history.last("predictions/targets_largest_share", "validation", default=1.0)
    is_left_out = predicted >= fraction > true and 1 - predicted <= MAX_RARE_PREDICTED * (1 - true)
    return predicts_one or is_left_out


def _ranks_by_chance(history: History) -> bool:
    """Return whether positives are not ranked above negatives.

    If they are, only the decision threshold is wrong. True if there are several classes, False if
    there are too few positives to say.
    """
    auc = rankings(history, "train")[-1:]
    return all(one.error < UNCERTAIN_AUC and one.low <= 0.5 for one in auc)


def _predicted(history: History, target: str) -> float:
    """Return the least fraction of the most often predicted class in three scores, 0 for fewer."""
    recent = history.series("predictions/largest_share", target).tail(3).values
    return float(recent.min()) if len(recent) == 3 else 0.0


def _labels(leaf: TargetFacts) -> str:
    """Return the code for the class numbers of an array of targets."""
    return "y.argmax(axis=-1)" if leaf.is_one_hot else "y"


def _about_fraction(index: int, leaf: TargetFacts, *, has_given_up: bool) -> Finding:
    largest = leaf.largest_fraction or 0.0
    amount = f"{percent(largest)} of the training examples belong to one class"
    end = (
        ", and the network predicts no other"
        if has_given_up
        else f": always predicting it is {percent(largest)} accurate"
    )
    return _finding(
        Severity.WARNING if has_given_up else Severity.NOTE,
        index,
        f"{amount}{end}.",
        largest,
        Remedy(
            "Weight the classes by how rare they are. Monitor recall or AUC, not accuracy.",
            change=BalanceClasses(_labels(leaf)),
        ),
    )


def _about_one(history: History, index: int, leaf: TargetFacts, examples: int) -> Finding:
    total = history.facts.examples_per_epoch
    is_certain = examples >= MIN_FOR_ONE_CLASS or (total is not None and examples >= total)
    return _finding(
        Severity.WARNING if is_certain else Severity.NOTE,
        index,
        f"All {examples:,} examples of the reference sample belong to one class.",
        1.0,
        Remedy(
            "Check how the labels are created and loaded.",
            f"np.unique({_labels(leaf)}, return_counts=True)",
            no_change_because=DATA,
        ),
    )


def _finding(
    severity: Severity, index: int, message: str, largest: float, remedy: Remedy
) -> Finding:
    return Finding(
        rule="class_imbalance",
        severity=severity,
        target=f"targets[{index}]",
        message=message,
        evidence={"largest_fraction": largest},
        remedies=(remedy,),
        reference="He and Garcia, Learning from imbalanced data, 2009, section 3",
    )
