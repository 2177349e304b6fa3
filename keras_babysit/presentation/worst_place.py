"""Where a heat map opens: the quantity and the layer of the worst finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from keras_babysit.findings import CONDITIONS, Group, Verdict, alternatives

SHOWN_BY = {
    "dead_units": "activations/dead_fraction",
    "saturated_units": "activations/saturated_fraction",
}
"""Quantities that show a condition, where these are not what the condition needs."""


def worst_place(verdict: Verdict, measured: Mapping[str, Sequence[str]]) -> tuple[str, str] | None:
    """Return the quantity that shows the worst finding, and the layer or weight that it is about.

    Args:
        verdict: The verdict on the run.
        measured: Layers or weights of each quantity that can be shown.

    Returns:
        Quantity and target; the target is `""` if the finding is about the whole model. None if no
        quantity shows any finding that holds.

    Example:
        >>> from keras_babysit.findings import Finding, Severity, verdict_of
        >>> from keras_babysit.history import History
        >>> dead = Finding("dead_units", Severity.WARNING, "fc1", "80 of 100 units are dead.")
        >>> worst_place(verdict_of([dead], History()), {"activations/dead_fraction": ["fc1"]})
        ('activations/dead_fraction', 'fc1')
    """
    for group in (group for cause in verdict.causes if cause.is_open for group in cause.groups):
        for quantity in _shown_by(group):
            if quantity in measured and group.is_open:
                known = set(measured[quantity])
                return quantity, next((t for t in group.targets if t in known), "")
    return None


def _shown_by(group: Group) -> Iterator[str]:
    if group.rule in SHOWN_BY:
        yield SHOWN_BY[group.rule]
    for need in CONDITIONS[group.rule].needs:
        yield from alternatives(need)
