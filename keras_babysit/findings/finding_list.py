"""A list of findings that shows itself."""

from __future__ import annotations

from keras_babysit import markup
from keras_babysit.findings.finding import Finding


class FindingList(list[Finding]):
    """Findings in their order; a list in every other respect.

    Example:
        >>> from keras_babysit.findings import Severity
        >>> FindingList([Finding("dead_units", Severity.WARNING, "fc1", "80 units are dead.")])
        [WARNING dead_units in "fc1" since step 0: 80 units are dead.]
    """

    def _repr_html_(self) -> str:
        if not self:
            return markup.fragment(markup.heading("No findings", "well"))
        rows = [
            (
                one.severity.name.lower(),
                one.rule,
                one.target or "the model",
                f"since step {one.step:,}" if one.is_open else f"resolved at {one.resolved_step:,}",
                one.message,
            )
            for one in self
        ]
        count = f"{len(self):,} finding{'s' * (len(self) != 1)}"
        head = ("severity", "rule", "in", "when", "message")
        return markup.fragment(markup.heading(count), markup.table(head, rows))
