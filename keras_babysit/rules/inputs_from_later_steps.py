"""Inputs that were computed from steps that come later: a series smoothed with its future."""

from keras_babysit.actions import DATA
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules.rule import rule


@rule(
    title="Inputs computed from later steps",
    explains=("no_better_than_last_value", "validation_better_than_train"),
    needs=("facts/data",),
    silent=(
        "on fewer than 256 rows, or if neither the training nor the validation rows are in order",
        "on classes, and on several numbers per target",
        "if an input is no linear function of the targets, as after scaling each window by itself",
    ),
)
def inputs_from_later_steps(history: History) -> list[Finding]:
    """Report inputs that are an exact function of targets that come later.

    A series that is smoothed with a window around each value, filtered forwards and backwards, or
    filled by interpolation holds at each step a part of the steps after it. The network reads the
    answer from it, and in use, where the future is not known, it fails.

    Reads `history.facts.data` and `history.facts.validation`: whether an input, or its difference
    from the step before, is a linear function of up to 16 targets on both sides of its row and not
    of those on one side. Lags and means over earlier values are functions of one side. It takes 256
    rows in order: `fit` shuffles training data, but not validation data.

    It is silent on classes and on inputs that were scaled window by window.

    Args:
        history: The history of the run.

    Returns:
        One WARNING for each affected array of inputs, or nothing.

    Example:
        >>> from keras_babysit.facts import DataFacts, InputFacts
        >>> history = History()
        >>> history.note(validation=DataFacts(inputs=(InputFacts(later_column=7, shape=(8,)),)))
        >>> print(inputs_from_later_steps(history)[0].message)
        Column 7 of the inputs was computed from later steps: it is a function of the targets before
        and after its row.

    Reference:
        Kapoor and Narayanan, "Leakage and the reproducibility crisis in machine-learning-based
        science", Patterns 4, 2023: temporal leakage.
    """
    found: dict[int, tuple[int, bool]] = {}
    for data in (history.facts.data, history.facts.validation):
        for index, leaf in enumerate(data.inputs):
            if leaf.later_column is not None:
                found.setdefault(index, (leaf.later_column, len(leaf.shape or ()) > 1))
    return [_finding(index, column, is_step) for index, (column, is_step) in found.items()]


def _finding(index: int, column: int, is_step: bool) -> Finding:
    what = f"{'Feature' if is_step else 'Column'} {column} of the inputs"
    return Finding(
        rule="inputs_from_later_steps",
        severity=Severity.WARNING,
        target=f"inputs[{index}]",
        message=f"{what} was computed from later steps: it is a function of the targets before and "
        "after its row.",
        evidence={"column": column},
        remedies=(
            Remedy(
                "Compute each input from earlier steps only, for example as a trailing mean.",
                "smooth = np.convolve(series, np.ones(5) / 5)[: len(series)]  # series: your "
                "values",
                no_change_because=DATA,
            ),
        ),
        reference="Kapoor and Narayanan, Patterns 4, 2023: temporal leakage",
    )
