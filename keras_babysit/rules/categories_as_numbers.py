"""A column with codes of categories that the network gets as a number."""

from keras_babysit.actions import CONNECTIONS
from keras_babysit.facts import InputFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_fraction
from keras_babysit.rules._progress import is_current, is_falling, is_time
from keras_babysit.rules._scores import training_errors
from keras_babysit.rules._texts import error_name, percent
from keras_babysit.rules.effects import POOR_FIT, STUCK
from keras_babysit.rules.rule import rule

ENCODERS = ("Embedding", "CategoryEncoding", "IntegerLookup", "Hashing", "StringLookup")
"""Layers that take codes of categories for what they are."""


@rule(
    title="Categories given as numbers",
    explains=(*POOR_FIT, *STUCK, "learning_rate_too_low", "overfitting", "too_few_steps"),
    needs=("facts/data", "score/error"),
    silent=(
        "in the first three quarters of a run",
        "where the network has an embedding or another layer for categories",
        "if the network fits as well as a table of the categories",
        "on targets of three classes or more",
    ),
)
def categories_as_numbers(history: History, *, margin: float = 0.05) -> list[Finding]:
    """Report a column with codes of categories that a network gets as if they were quantities.

    Cities, products or users that are numbered have no order: 17 is not between 16 and 18. A
    network that gets the number has to learn a step for each category, which takes far more units
    and steps than one weight for each.

    Reads `history.facts.data`: a column of 16 values or more, with four rows or more each on
    average, whose values explain 10 % of the variance of the target or more (omega squared), while
    the means of neighbouring values are no more alike than those of any others (von Neumann's
    ratio). The error of the network on the training data, with its interval, must be larger than
    that of a table which has the mean target of each value and knows no other column. It is silent
    in the first three quarters of a run, and while the training loss falls until its end; where the
    network has a layer for categories, such as `Embedding`; and on targets of three classes or
    more.

    Args:
        history: The history of the run.
        margin: Smallest difference of the errors that counts, in (0, 1].

    Returns:
        One WARNING per array of inputs, or nothing.

    Raises:
        ValueError: If `margin` lies outside (0, 1].

    Example:
        >>> categories_as_numbers(History())
        []

    Reference:
        Guo and Berkhahn, "Entity embeddings of categorical variables", arXiv:1604.06737, 2016.
    """
    require_fraction("margin", margin)
    leaves = history.facts.data.inputs
    errors = training_errors(history)
    if not errors or not is_current(history) or _encodes(history):
        return []
    if not is_time(history, is_falling=is_falling(history)):
        return []
    return [
        _finding(history, f"inputs[{index}]", leaf, errors[-1].value)
        for index, leaf in enumerate(leaves)
        if leaf.code_error is not None and errors[-1].low > leaf.code_error + margin
    ]


def _encodes(history: History) -> bool:
    return any(one.class_name in ENCODERS for one in history.facts.layers.values())


def _finding(history: History, target: str, leaf: InputFacts, error: float) -> Finding:
    column, count, lookup = leaf.code_column, leaf.code_values or 0, leaf.code_error or 0.0
    return Finding(
        rule="categories_as_numbers",
        severity=Severity.WARNING,
        target=target,
        message=f"Column {column} seems to hold codes of {count:,} categories, which the network "
        f"gets as a number. The {error_name(history)} of the network is {percent(error, 1)}; that "
        f"of a table with the mean target of each category is {percent(lookup, 1)}.",
        evidence={"column": column, "values": count, "error": error, "table_error": lookup},
        remedies=(
            Remedy(
                "Give the column a layer that has weights for each category: an embedding, or a "
                "one-hot code.",
                f"categories, number = np.unique(x[:, {column}], return_inverse=True)\n"
                'category = keras.Input((1,), dtype="int32")  # `number`\n'
                "code = keras.layers.Embedding(len(categories), 8)(category)\n"
                "code = keras.layers.Flatten()(code)\n"
                "# then concatenate `code` with the other columns",
                no_change_because=CONNECTIONS,
            ),
        ),
        reference="Guo and Berkhahn, arXiv:1604.06737, 2016",
    )
