"""Columns of the inputs that are constant."""

from keras_babysit.actions import DATA, LOOKS, RemoveConstantFeatures
from keras_babysit.facts import DataFacts, InputFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._texts import percent
from keras_babysit.rules.effects import POOR_FIT, STUCK
from keras_babysit.rules.rule import rule

MOST_COLUMNS = 0.5
"""Fraction of constant columns from which on it is a warning: most of the table is missing."""

MOST_EXAMPLES = 0.5
"""Fraction of equal inputs from which on it is a warning: most of what is to be learned is gone."""

MIN_EXAMPLES = 0.2
"""Fraction of equal inputs from which on it is reported: a few examples may be empty."""


@rule(
    title="Constant features",
    explains=(*STUCK, *POOR_FIT),
    needs=("facts/data",),
    silent=(
        "on images that vary",
        "on fewer than 64 examples",
        "on inputs of more than one axis that vary",
        "on masks beside an input that varies",
    ),
    severity=Severity.NOTE,
)
def constant_features(history: History, *, examples: int = 64) -> list[Finding]:
    """Report columns of a table that have the same value in every example.

    An input that is constant as a whole tells the network nothing. That is an error if there is no
    other input, and harmless if another one varies: a padding mask, segment numbers, a condition
    that this data set does not use. Columns of whole numbers may be padding of sequences.

    A single input that is the same for a fifth of the examples, although their targets differ, is
    reported as well: files that could not be read, or an array of zeros that was not filled.

    Reads the facts of the data. It is silent on images, flattened ones as well, whose background
    may be constant, unless every entry of all of them is the same number; on fewer than `examples`
    examples; on other inputs of more than one axis; and on whole numbers that are all 0 or all 1
    while another input varies, as masks are.

    Args:
        history: The history of the run.
        examples: Smallest number of examples on which that is judged, at least 1. A column that
            differs in one of 20 examples does so among 64 with probability 1 - 0.95^64 = 0.96.

    Returns:
        A NOTE for each input with such columns; a WARNING if they are at least half of a table of
        fractional numbers, or if half of the examples are equal. One ERROR if every column is
        constant and no other input varies.

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
        CS231n, "Data preprocessing": a feature without variance cannot be normalized.
    """
    require_count("examples", examples)
    data = history.facts.data
    found = []
    for index, leaf in enumerate(data.inputs):
        others = data.inputs[:index] + data.inputs[index + 1 :]
        is_alone = not any(_varies(other) for other in others)
        if data.examples is None or data.examples < examples:
            continue
        if leaf.low is not None and not _varies(leaf) and is_alone and not _is_one_example(data):
            return [_about_all(f"inputs[{index}]", leaf, data)]  # so are all others
        if len(data.inputs) == 1 and (leaf.equal_fraction or 0.0) >= MIN_EXAMPLES:
            found.append(_about_examples(leaf, data.examples))
        if not leaf.constant_features:
            continue
        if is_alone or not _is_mask(leaf):
            severity = _severity(leaf, is_alone=is_alone and not _is_one_example(data))
            found.append(_finding(f"inputs[{index}]", leaf, data.examples, severity))
    return found


def _is_one_example(data: DataFacts) -> bool:
    """Return whether one example is repeated, targets included, to check that it can be learnt."""
    targets = data.targets
    is_same = all(one.largest_fraction == 1 or one.low == one.high for one in targets)
    return bool(targets) and data.different_examples == 1 and is_same


def _varies(leaf: InputFacts) -> bool:
    return leaf.low is not None and leaf.low != leaf.high


def _is_mask(leaf: InputFacts) -> bool:
    """Return whether an input is all 0 or all 1, in whole numbers, as masks and segments are."""
    return not _varies(leaf) and leaf.low in (0, 1) and not _has_dtype(leaf, "float", "bfloat")


def _has_dtype(leaf: InputFacts, *starts: str) -> bool:
    return (leaf.dtype or "").startswith(starts)


def _severity(leaf: InputFacts, *, is_alone: bool) -> Severity:
    fraction = (leaf.constant_features or 0) / (leaf.features or 1)
    if fraction >= 1:
        return Severity.ERROR if is_alone else Severity.NOTE
    is_most = fraction >= MOST_COLUMNS and not _has_dtype(leaf, "int", "uint", "bool")
    return Severity.WARNING if is_most else Severity.NOTE


def _finding(target: str, leaf: InputFacts, examples: int, severity: Severity) -> Finding:
    constant, features = leaf.constant_features or 0, leaf.features or 1
    return Finding(
        rule="constant_features",
        severity=severity,
        target=target,
        message=f"{constant} of {features} features {'is' if constant == 1 else 'are'} constant in "
        f"all {examples:,} examples; the first is column {leaf.first_constant}.",
        evidence={"constant": constant, "features": features, "examples": examples},
        remedies=(_remedy(is_all=constant >= features),),
        reference="CS231n, Data preprocessing",
    )


def _about_all(target: str, leaf: InputFacts, data: DataFacts) -> Finding:
    """Return the finding about inputs of which each is a single number."""
    are_several = len(data.inputs) > 1
    what = f"`{target}`" if are_several else "the inputs"
    others = ", and no other input varies" if are_several else ""
    divide = Remedy(
        "Scale in floating point: `//`, and a cast to whole numbers, make 0 of what is below 1.",
        "x = x.astype('float32') / 255  # x: as it was loaded",
        no_change_because=DATA,
    )
    return Finding(
        rule="constant_features",
        severity=Severity.ERROR,
        target=target,
        message=f"Every entry of {what} is {leaf.low:g} in all {data.examples:,} examples{others}.",
        evidence={"value": float(leaf.low or 0), "examples": data.examples},
        remedies=(*([divide] if leaf.low == 0 else []), _remedy(is_all=True)),
        reference="CS231n, Data preprocessing",
    )


def _about_examples(leaf: InputFacts, examples: int) -> Finding:
    fraction = leaf.equal_fraction or 0.0
    return Finding(
        rule="constant_features",
        severity=Severity.WARNING if fraction >= MOST_EXAMPLES else Severity.NOTE,
        target="inputs[0]",
        message=f"{percent(fraction)} of {examples:,} examples have the same input, although their "
        "targets differ. The network cannot tell them apart.",
        evidence={"equal_fraction": fraction, "examples": examples},
        remedies=(
            Remedy(
                "Check how batches are filled and files are read: look at the most frequent input.",
                "rows, counts = np.unique(x, axis=0, return_counts=True)\n"
                "print(counts.max(), rows[counts.argmax()])",
                no_change_because=LOOKS,
            ),
        ),
        reference="The definition of a function: one input has one output",
    )


def _remedy(*, is_all: bool) -> Remedy:
    if is_all:
        return Remedy(
            "Check how the inputs are created and loaded.",
            "x.min(axis=0), x.max(axis=0)",
            no_change_because=DATA,
        )
    return Remedy(
        "Remove the constant columns: they carry no information.", change=RemoveConstantFeatures()
    )
