"""A column of the training data that was computed from its targets."""

from keras_babysit.actions import DATA
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._texts import percent
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule


@rule(
    title="Column computed from the targets",
    explains=(*POOR_FIT, "overfitting", "validation_not_paired"),
    needs=("facts/comparison",),
    silent=(
        "without validation data",
        "on inputs other than tables",
        "on targets of three classes or more",
        "with fewer than 100 examples of either kind",
    ),
)
def column_from_targets(history: History) -> list[Finding]:
    """Report a column that predicts the training targets, and not those of the validation data.

    A code of a category that is the mean target of its rows holds the target of the row itself. The
    network relies on it, and new rows do not have it.

    Reads `history.facts.comparison`: of each column of a table, the variance of the target that a
    line by this column alone explains, on the training data and, with the same line, on the
    validation data. It is reported if the column explains a fifth on the training data, and if the
    residual variance is more than 1.5 times as large on the validation data, and larger by five
    standard errors. A drift is no leak: it is silent if the entries of the validation data lie
    outside of the range of the training data, and the ratio is divided by that of the distances of
    the targets from the mean of the training targets.

    Args:
        history: The history of the run.

    Returns:
        One WARNING for the column that explains the most, or nothing.

    Example:
        >>> from keras_babysit.facts import ComparisonFacts
        >>> history = History()
        >>> found = ComparisonFacts(
        ...     fitted_input=0, fitted_column=4, fitted_train=0.62, fitted_validation=0.03
        ... )
        >>> history.note(comparison=found)
        >>> print(column_from_targets(history)[0].message)
        Column 4 explains 62 % of the variance of the training targets, but 3 % of that of the
        validation targets. It seems to be computed from the training targets.

    Reference:
        Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes", 2001;
        Prokhorenkova et al., "CatBoost", arXiv:1706.09516, section 3: target leakage.
    """
    found = history.facts.comparison
    if found.fitted_column is None:
        return []
    train, validation = found.fitted_train or 0.0, found.fitted_validation or 0.0
    return [
        Finding(
            rule="column_from_targets",
            severity=Severity.WARNING,
            target=f"inputs[{found.fitted_input or 0}]",
            message=f"Column {found.fitted_column} explains {percent(train)} of the variance of "
            f"the training targets, but {percent(validation)} of that of the validation targets. "
            "It seems to be computed from the training targets.",
            evidence={
                "column": found.fitted_column,
                "explained": train,
                "explained_validation": validation,
            },
            remedies=(
                Remedy(
                    "Compute the column for each row without the target of that row, as "
                    "scikit-learn's `TargetEncoder` does in `fit_transform`.",
                    "from sklearn.preprocessing import TargetEncoder\n"
                    "encoder = TargetEncoder()  # x_train = encoder.fit_transform(categories, y)",
                    no_change_because=DATA,
                ),
            ),
            reference="Prokhorenkova et al., CatBoost, arXiv:1706.09516, section 3",
        )
    ]
