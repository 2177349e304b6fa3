"""Classes of which one is nearly everything."""

from keras_babysit.advice import Advice, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_share
from keras_babysit.rules._progress import is_current, is_falling, is_time

ALL = 0.999
"""Share of one answer from which on it is the only one."""


def class_imbalance(history: History, *, share: float = 0.9, examples: int = 64) -> list[Advice]:
    """Tell of a class that nearly all examples are of.

    Reads the facts of the data (share of the commonest label), `"predictions/largest_share"` and
    `"predictions/targets_largest_share"`.
    It stays silent on fewer than `examples` examples, on targets that are no classes, and where
    examples are weighted.

    Args:
        history: What the probes recorded so far.
        share: Share of the commonest class from which on it is told, in (0, 1]: who always says
            it is right in so many cases.
        examples: Number of examples that a share needs, at least 1.

    Returns:
        A NOTE for each target; a WARNING where the network has come to rest at answering nothing
        else on training data, or nearly nothing else on validation data that are less uneven.

    Raises:
        ValueError: If `share` lies outside (0, 1] or `examples` is below 1.

    Example:
        >>> history = History()
        >>> history.facts["data"] = {"examples": 500, "targets": [{"largest_share": 0.97}]}
        >>> class_imbalance(history)[0].severity.name
        'NOTE'

    Reference:
        He and Garcia, "Learning from imbalanced data", IEEE TKDE 21, 2009, section 3.
    """
    require_share("share", share)
    require_count("examples", examples)
    data = history.facts.get("data", {})
    if data.get("examples", 0) < examples or data.get("is_weighted"):
        return []
    return [
        _advice(
            f"targets[{place}]", leaf["largest_share"], has_given_up=_has_given_up(history, share)
        )
        for place, leaf in enumerate(data.get("targets", []))
        if share <= (leaf.get("largest_share") or 0) < 1
    ]


def _has_given_up(history: History, share: float) -> bool:
    if not is_current(history) or not is_time(history, is_falling=is_falling(history)):
        return False
    wanted = history.last("predictions/targets_largest_share", "validation", default=1.0)
    return _answers(history, "train") >= ALL or _answers(history, "validation") >= share > wanted


def _answers(history: History, target: str) -> float:
    """Return the least share of the commonest answer in the latest three scores, 0 for fewer."""
    recent = history.series("predictions/largest_share", target).tail(3).values
    return float(recent.min()) if len(recent) == 3 else 0.0


def _advice(target: str, share: float, *, has_given_up: bool) -> Advice:
    more = ", and the network answers nothing else" if has_given_up else ""
    return Advice(
        rule="class_imbalance",
        severity=Severity.WARNING if has_given_up else Severity.NOTE,
        target=target,
        message=f"{share:.0%} of the examples are of one class: always saying so is as accurate"
        f"{more}.",
        evidence={"largest_share": share},
        remedies=(
            Remedy(
                "Weight the classes, and watch a score that sees the rare ones.",
                'model.fit(..., class_weight={0: 1.0, 1: 10.0})  # metrics=["AUC"]',
            ),
        ),
        reference="He and Garcia, Learning from imbalanced data, 2009, section 3",
    )
