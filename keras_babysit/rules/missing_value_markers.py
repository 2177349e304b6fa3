"""Missing values that are marked by a number, which the network takes for a measurement."""

from keras_babysit.actions import DATA
from keras_babysit.facts import InputFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._progress import HALF_WAY, fraction_done, has_learnt_most
from keras_babysit.rules._texts import number, percent
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule


@rule(
    title="Missing values marked by a number",
    explains=(*POOR_FIT, "overfitting", "unscaled_inputs"),
    needs=("facts/data",),
    silent=(
        "on images",
        "on token numbers for an embedding",
        "if the marker is near the other values",
        "on columns with fewer than 10 other values",
    ),
)
def missing_value_markers(history: History) -> list[Finding]:
    """Report columns in which a number such as -999 stands for missing values.

    The network takes the number for a measurement. Scaling does not help: mean and standard
    deviation are those of the marker, and the values that were measured become nearly constant.

    Reads `history.facts.data`: of each table, and of sequences of features, the columns whose least
    or largest value occurs five times or more, and is farther from all others than these are from
    each other. The standard deviation of the others must be a tenth of that of the column at most.
    It is silent on images, where fewer than 10 different values were measured, and on whole numbers
    from 0 on where the network has an `Embedding`: the largest is the number of a token.

    Args:
        history: The history of the run.

    Returns:
        One finding per array of inputs: a NOTE until half of the run is over and while the network
        makes less than half the error of a constant prediction, else a WARNING. Empty if there is
        no such column.

    Example:
        >>> from keras_babysit.facts import DataFacts
        >>> history = History()
        >>> marked = InputFacts(
        ...     marked_columns=1, first_marked=0, marker=-999.0, marked_fraction=0.08
        ... )
        >>> history.note(data=DataFacts(inputs=(marked,)))
        >>> missing_value_markers(history)[0].evidence["marker"]
        -999.0

    Reference:
        Little and Rubin, "Statistical Analysis with Missing Data", 2019; scikit-learn, "Imputation
        of missing values".
    """
    is_late = history.facts.has_ended or fraction_done(history) >= HALF_WAY
    severity = Severity.WARNING if is_late and not has_learnt_most(history) else Severity.NOTE
    return [
        _finding(f"inputs[{index}]", leaf, severity)
        for index, leaf in enumerate(history.facts.data.inputs)
        if leaf.marked_columns and not _may_be_tokens(history, leaf)
    ]


def _may_be_tokens(history: History, leaf: InputFacts) -> bool:
    """Return whether an array may hold numbers of tokens, of which one says nothing by its size."""
    has_embedding = any(one.class_name == "Embedding" for one in history.facts.layers.values())
    return has_embedding and bool(leaf.is_whole) and leaf.low is not None and leaf.low >= 0


def _finding(target: str, leaf: InputFacts, severity: Severity) -> Finding:
    marker = number(leaf.marker or 0.0, 3)
    count = leaf.marked_columns or 0
    more = f" {count:,} columns are affected." if count > 1 else ""
    return Finding(
        rule="missing_value_markers",
        severity=severity,
        target=target,
        message=f"The value {marker} seems to mark missing values. In column {leaf.first_marked}, "
        f"{percent(leaf.marked_fraction or 0.0)} of the entries have it; all others lie between "
        f"{number(leaf.unmarked_low or 0.0, 3)} and {number(leaf.unmarked_high or 0.0, 3)}.{more}",
        evidence={
            "marker": leaf.marker,
            "columns": count,
            "marked_fraction": leaf.marked_fraction,
        },
        remedies=(
            Remedy(
                "Replace the marker before scaling by the median of the other values. Add a column "
                "that says where values are missing.",
                "from sklearn.impute import SimpleImputer\n"
                f"imputer = SimpleImputer(missing_values={marker.replace(',', '')}, "
                'strategy="median", add_indicator=True)\n'
                "x = imputer.fit_transform(x)  # x: your table, before scaling",
                no_change_because=DATA,
            ),
        ),
        reference="Little and Rubin, Statistical Analysis with Missing Data, 2019",
    )
