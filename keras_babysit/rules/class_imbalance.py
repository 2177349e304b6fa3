"""Classes of which one is nearly everything."""

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_share
from keras_babysit.rules._progress import has_seen_an_epoch, is_current, is_falling, is_time
from keras_babysit.rules._scores import rankings
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.outputs import outputs
from keras_babysit.rules.rule import rule

ALL = 0.999
"""Share of one answer from which on it is the only one."""

MOST = 0.5
"""Rare answers as a share of the rare examples, up to which most of these are given up."""

UNSURE = 0.1
"""Standard error of an area under the curve that leaves everything open: some eight examples."""


@rule(
    title="Class imbalance",
    explains=POOR_FIT,
    needs=("facts/data",),
    silent=("fewer than 64 examples", "the targets are no classes", "examples are weighted"),
    severity=Severity.NOTE,
)
def class_imbalance(history: History, *, share: float = 0.9, examples: int = 64) -> list[Finding]:
    """Tell of a class that nearly all examples are of.

    Reads the facts of the data (share of the commonest label), `"predictions/largest_share"`,
    `"predictions/auc"` and `"predictions/targets_largest_share"`.
    It stays silent on fewer than `examples` examples, on targets that are no classes, and where
    examples are weighted.

    Args:
        history: What the probes recorded so far.
        share: Share of the commonest class from which on it is told, in (0, 1]: who always says
            it is right in so many cases.
        examples: Number of examples that a share needs, at least 1.

    Returns:
        A NOTE for each target; a WARNING where the network has come to rest at answering nothing
        else on training data, without ranking yes above no, or nearly nothing else on validation
        data of which twice as many are of other classes; or where all examples of an epoch are of
        one class.

    Raises:
        ValueError: If `share` lies outside (0, 1] or `examples` is below 1.

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
    require_share("share", share)
    require_count("examples", examples)
    data = history.facts.data
    if data.examples is None or data.examples < examples or data.is_weighted:
        return []
    found = []
    for place, leaf in enumerate(data.targets):
        largest = leaf.largest_fraction or 0
        if share <= largest < 1:
            found.append(_about_share(place, largest, has_given_up=_has_given_up(history, share)))
        elif largest == 1 and _wants_classes(history, place) and has_seen_an_epoch(history):
            found.append(_about_one(place, data.examples))
    return found


def _wants_classes(history: History, place: int) -> bool:
    """Return whether the loss of an output is one of classes: other targets may be placeholders."""
    forms = [output.form for output in outputs(history)]
    return place < len(forms) and forms[place] in ("categorical", "binary", "margin")


def _has_given_up(history: History, share: float) -> bool:
    if not is_current(history) or not is_time(history, is_falling=is_falling(history)):
        return False
    wanted = history.last("predictions/targets_largest_share", "validation", default=1.0)
    says_one = _answers(history, "train") >= ALL and _ranks_by_chance(history)
    answers = _answers(history, "validation")
    is_left_out = answers >= share > wanted and 1 - answers <= MOST * (1 - wanted)
    return says_one or is_left_out


def _ranks_by_chance(history: History) -> bool:
    """Return whether yes is not ranked above no; if it is, only the limit is in the way.

    True where there are several classes, False where too few examples are yes to tell.
    """
    auc = rankings(history, "train")[-1:]
    return all(one.error < UNSURE and one.low <= 0.5 for one in auc)


def _answers(history: History, target: str) -> float:
    """Return the least share of the commonest answer in the latest three scores, 0 for fewer."""
    recent = history.series("predictions/largest_share", target).tail(3).values
    return float(recent.min()) if len(recent) == 3 else 0.0


def _about_share(place: int, share: float, *, has_given_up: bool) -> Finding:
    more = ", and the network answers nothing else" if has_given_up else ""
    return _finding(
        Severity.WARNING if has_given_up else Severity.NOTE,
        place,
        f"{share:.0%} of the examples are of one class: always saying so is as accurate{more}.",
        share,
        Remedy(
            "Weight the classes, and watch a score that sees the rare ones.",
            'model.fit(..., class_weight={0: 1.0, 1: 10.0})  # metrics=["AUC"]',
        ),
    )


def _about_one(place: int, examples: int) -> Finding:
    return _finding(
        Severity.WARNING,
        place,
        f"All of the {examples:,} examples that were kept are of one class: there is nothing to "
        "tell apart.",
        1.0,
        Remedy("See how the labels are made and read.", "numpy.unique(y, return_counts=True)"),
    )


def _finding(severity: Severity, place: int, message: str, share: float, remedy: Remedy) -> Finding:
    return Finding(
        rule="class_imbalance",
        severity=severity,
        target=f"targets[{place}]",
        message=message,
        evidence={"largest_share": share},
        remedies=(remedy,),
        reference="He and Garcia, Learning from imbalanced data, 2009, section 3",
    )
