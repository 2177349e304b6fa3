"""What the findings of one judgement cost the run, seen together: the one place for that.

A rule judges one condition. Whether a note is the root of a poor run, and whether more capacity is
worth a try, depends on what else holds at the same time.
"""

from collections.abc import Iterable
from dataclasses import replace

from keras_babysit.findings import CONDITIONS, Finding, Severity
from keras_babysit.history import History
from keras_babysit.rules._experiments import CAPACITY
from keras_babysit.rules._progress import HALF_WAY, fraction_done
from keras_babysit.rules._scores import training_errors
from keras_babysit.rules._sequences import has_not_learnt
from keras_babysit.rules.effects import POOR_FIT

LEARNT_BELOW = 0.9
"""Fraction of the error of a constant prediction below which a network has learned something, as in
`overfitting`."""

SIGNS = ("constant_output", "loss_not_decreasing", "plateau")
"""Conditions that say only that the fit is poor, and so nothing about capacity."""

UNKNOWN = "not_learning"
"""The condition that no other finding explains."""

POOR = "underfitting"
"""The condition that a cause of a poor fit explains."""


def by_cost(history: History, findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings of one judgement, with what they mean for each other.

    - A note becomes a warning if half of the run is over, the network is hardly better than a
      constant prediction or a warning says that its fit is poor, no warning explains that, and its
      condition says that it may (`costs_the_run`). Of several notes it is the one of the highest
      rank.
    - That the cause of a poor run is unknown (`not_learning`) is left out while a warning or an
      error holds.
    - More capacity is no remedy while another finding explains the poor fit.

    Args:
        history: The history of the run.
        findings: What the rules found, all of which holds now.

    Example:
        >>> found = [Finding("unmasked_padding", Severity.NOTE, "lstm", "40 steps of padding")]
        >>> by_cost(History(), found) == found  # nothing is known of the fit
        True
    """
    found = list(findings)
    causes = [
        one for one in found if POOR in CONDITIONS[one.rule].explains and one.rule not in POOR_FIT
    ]
    is_explained = any(one.severity > Severity.NOTE for one in causes)
    is_poor = any(one.rule in (POOR, UNKNOWN) and one.severity > Severity.NOTE for one in found)
    if not is_explained and (is_poor or has_not_learnt(history) or _learnt_little(history)):
        notes = {one.rule for one in causes if CONDITIONS[one.rule].costs_the_run}
        root = min(notes, key=CONDITIONS.rank, default=None)
        found = [_raised(one) if one.rule == root else one for one in found]
    serious = {one.rule for one in found if one.severity > Severity.NOTE}
    if serious.difference((UNKNOWN,)):
        found = [one for one in found if one.rule != UNKNOWN]
    open_causes = serious.difference(SIGNS)
    return [_without_capacity(one, open_causes) for one in found]


def _learnt_little(history: History) -> bool:
    errors, constant = training_errors(history), history.last("reference/constant_error", "train")
    if not errors or constant is None or not fraction_done(history) >= HALF_WAY:
        return False
    return bool(errors[-1].value >= LEARNT_BELOW * constant > 0)


def _raised(one: Finding) -> Finding:
    return replace(one, severity=max(one.severity, Severity.WARNING))


def _without_capacity(one: Finding, open_causes: set[str]) -> Finding:
    """Return the finding without the remedy of more capacity, if a cause of it is open."""
    is_explained = any(one.rule in CONDITIONS[cause].explains for cause in open_causes)
    if CAPACITY not in one.remedies or not is_explained:
        return one
    return replace(one, remedies=tuple(left for left in one.remedies if left != CAPACITY))
