"""Inputs that come from integer arithmetic that wrapped around."""

from keras_babysit.actions import DATA
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule


@rule(
    title="Integer overflow in the inputs",
    explains=(*POOR_FIT, "overfitting", "unscaled_inputs"),
    needs=("facts/data",),
    silent=(
        "on fewer than 4,096 entries",
        "on inputs that were standardized after the arithmetic",
    ),
)
def wrapped_integers(history: History) -> list[Finding]:
    """Report inputs in which small negative numbers have become large positive ones.

    A difference of two `uint8` arrays is taken modulo 256, without an error: -1 becomes 255. What
    was close is far apart then.

    Reads `history.facts.data`: whether the levels next to 255 are as frequent as those next to 0,
    and the middle of the range is nearly empty. It is silent on fewer than 4,096 entries, and on
    inputs that are no levels of 8 bits any more, because they were standardized afterwards.

    Args:
        history: The history of the run.

    Returns:
        One WARNING per array of inputs, or nothing.

    Example:
        >>> from keras_babysit.facts import DataFacts, InputFacts
        >>> history = History()
        >>> history.note(data=DataFacts(inputs=(InputFacts(is_wrapped=True),)))
        >>> wrapped_integers(history)[0].target
        'inputs[0]'

    Reference:
        NumPy, "Data types": overflow errors of integers.
    """
    return [
        Finding(
            rule="wrapped_integers",
            severity=Severity.WARNING,
            target=f"inputs[{index}]",
            message="The inputs contain 8-bit integers that overflowed: values near 255 are as "
            "frequent as values near 0, and few lie between.",
            evidence={"is_wrapped": True},
            remedies=(
                Remedy(
                    "Convert to floating point before any subtraction or multiplication.",
                    'x = first.astype("float32") - second.astype("float32")  # first, second: the '
                    "arrays of 8-bit integers",
                    no_change_because=DATA,
                ),
            ),
            reference="NumPy, Data types: overflow errors",
        )
        for index, leaf in enumerate(history.facts.data.inputs)
        if leaf.is_wrapped
    ]
