"""A column of the inputs that holds the target."""

from keras_babysit.actions import DATA, RemoveFeature
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules.rule import rule


@rule(
    title="Target among the inputs",
    explains=("no_better_than_last_value", "validation_better_than_train"),
    needs=("facts/data",),
    silent=(
        "on fewer than 64 examples",
        "on inputs of one column, and on images",
        "if the column is noisy, or if it takes two columns to know the target",
    ),
)
def target_in_inputs(history: History, *, examples: int = 64) -> list[Finding]:
    """Report a column, or a step of a sequence, that corresponds one to one to the target.

    A column that is made from the target, such as its logarithm or its class number, is often not
    known when the network is used. A window of a series that ends with the value to predict holds
    the target too. Training looks perfect then, and the network is useless.

    Reads `history.facts.data`. Of numbers, the column must have the same or the opposite order; of
    classes, one value per class. It is silent on inputs of a single column, because then the
    function is the task.

    Args:
        history: The history of the run.
        examples: Smallest number of examples on which that is judged, at least 1. A column equals
            two balanced classes in 64 examples by chance with 2^-63.

    Returns:
        A WARNING for each affected array of inputs, or nothing.

    Raises:
        ValueError: If `examples` is below 1.

    Example:
        >>> from keras_babysit.facts import DataFacts, InputFacts
        >>> history = History()
        >>> history.note(data=DataFacts(examples=500, inputs=(InputFacts(target_column=3),)))
        >>> target_in_inputs(history)[0].evidence["column"]
        3

    Reference:
        Kaufman et al., "Leakage in data mining: formulation, detection, and avoidance", ACM TKDD
        6, 2012.
    """
    require_count("examples", examples)
    data = history.facts.data
    if data.examples is None or data.examples < examples:
        return []
    return [
        _finding(index, leaf.target_column, data.examples, leaf.shape or ())
        for index, leaf in enumerate(data.inputs)
        if leaf.target_column is not None
    ]


def _finding(index: int, column: int, examples: int, shape: tuple[int, ...]) -> Finding:
    what = f"Column {column} of the inputs"
    remedy = Remedy(
        "Remove the column, unless its values are known at prediction time.",
        change=RemoveFeature(column),
    )
    if len(shape) == 2:
        step, feature = divmod(column, shape[1])
        what = f"Step {step} of the inputs (feature {feature})"
        remedy = Remedy(
            "End each input window before the step to predict.",
            "print(x[:3, -3:], y[:3])",
            no_change_because=DATA,
        )
    return Finding(
        rule="target_in_inputs",
        severity=Severity.WARNING,
        target=f"inputs[{index}]",
        message=f"{what} holds the target: in all {examples:,} examples its "
        "values correspond one to one to those of the target.",
        evidence={"column": column, "examples": examples},
        remedies=(remedy,),
        reference="Kaufman et al., Leakage in data mining, 2012",
    )
