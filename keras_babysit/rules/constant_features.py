"""Columns of the inputs that never change."""

from keras_babysit.facts import InputFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules.effects import POOR_FIT, STUCK
from keras_babysit.rules.rule import rule

HALF = 0.5
"""Share of the columns from which on a table has lost more than it holds."""


@rule(
    title="Constant features",
    explains=(*STUCK, *POOR_FIT),
    needs=("facts/data",),
    silent=("images", "fewer than 64 examples", "inputs of more than one axis"),
    severity=Severity.NOTE,
)
def constant_features(history: History, *, examples: int = 64) -> list[Finding]:
    """Tell of columns of a table that are the same in every example.

    Reads the facts of the data. It stays silent on pictures and their flat form, where a column
    at the edge of the range is background; on fewer than `examples` examples; and on inputs of
    more axes.

    Args:
        history: What the probes recorded so far.
        examples: Number of examples that must agree, at least 1: of 64 a column that is other in
            one example of twenty shows it with probability 1 - 0.95^64 = 0.96.

    Returns:
        A NOTE for each input with such columns; a WARNING where they are half of it, an ERROR
        where every column is constant.

    Raises:
        ValueError: If `examples` is below 1.

    Example:
        >>> from keras_babysit.facts import DataFacts, InputFacts
        >>> history = History()
        >>> table = InputFacts(features=13, constant_features=2, first_constant=4)
        >>> history.note(data=DataFacts(examples=500, inputs=(table,)))
        >>> constant_features(history)[0].severity.name
        'NOTE'

    Reference:
        CS231n, "Data preprocessing": a feature without variance cannot be normalised, and tells
        nothing.
    """
    require_count("examples", examples)
    data = history.facts.data
    found = []
    for place, leaf in enumerate(data.inputs):
        constant = leaf.constant_features
        if constant and data.examples is not None and data.examples >= examples:
            found.append(_finding(f"inputs[{place}]", leaf, data.examples))
    return found


def _severity(share: float) -> Severity:
    if share >= 1:
        return Severity.ERROR
    return Severity.WARNING if share >= HALF else Severity.NOTE


def _finding(target: str, leaf: InputFacts, examples: int) -> Finding:
    constant, features = leaf.constant_features or 0, leaf.features or 1
    return Finding(
        rule="constant_features",
        severity=_severity(constant / features),
        target=target,
        message=f"{constant} of {features} features are the same in all {examples:,} examples "
        f"that were looked at, the first is column {leaf.first_constant}.",
        evidence={"constant": constant, "features": features, "examples": examples},
        remedies=(Remedy("Leave them out: they tell nothing.", "x = x[:, x.std(axis=0) > 0]"),),
        reference="CS231n, Data preprocessing",
    )
