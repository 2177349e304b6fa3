"""Targets that are all the same."""

from keras_babysit.actions import LOOKS
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._progress import has_seen_an_epoch
from keras_babysit.rules._texts import number
from keras_babysit.rules.effects import BLOWN_UP, POOR_FIT, STUCK
from keras_babysit.rules.outputs import Output, outputs
from keras_babysit.rules.rule import rule


@rule(
    title="Targets do not vary",
    explains=(*POOR_FIT, *STUCK, *BLOWN_UP, "class_imbalance", "collapsed_activations"),
    needs=("facts/data", "facts/outputs"),
    silent=(
        "in the first epoch, because data that are sorted begin with one class",
        "on losses of one's own, which may ignore the targets",
    ),
)
def constant_targets(history: History, *, examples: int = 32) -> list[Finding]:
    """Report targets that are the same for every example.

    A network learns such a target with its last bias alone, and whatever it scores says nothing. A
    wrong column, labels that were parsed to one number, or division of whole numbers are usual
    causes.

    Reads the facts of the training data: least and largest entry of each array of targets, or the
    most frequent class. It is silent in the first epoch; with fewer than `examples` examples; and
    on losses of one's own, for which the targets may be placeholders.

    Args:
        history: The history of the run.
        examples: Examples that must have been seen, at least 1. Of a class as rare as 1 in 10, 32
            examples hold none with a probability of 3 %.

    Returns:
        One WARNING per array of targets.

    Raises:
        ValueError: If `examples` is below 1.

    Example:
        >>> from keras_babysit.facts import DataFacts, OutputFacts, TargetFacts
        >>> history = History()
        >>> history.note(
        ...     epochs=1, has_ended=True,
        ...     outputs=(OutputFacts(target="dense", form="distance"),),
        ...     data=DataFacts(examples=64, targets=(TargetFacts(low=3.0, high=3.0),)),
        ... )
        >>> print(constant_targets(history)[0].message)
        All 64 targets of the reference sample are 3.

    Reference:
        The definition of supervised learning: a target that depends on the input.
    """
    require_count("examples", examples)
    count = history.facts.data.examples or 0
    if count < examples or not (has_seen_an_epoch(history) or history.facts.has_ended):
        return []
    return [
        _finding(f"targets[{index}]", output, count)
        for index, output in enumerate(outputs(history))
        if output.form != "other" and not output.is_own and _is_constant(output)
    ]


def _is_constant(output: Output) -> bool:
    data = output.data
    is_one_number = data.low is not None and data.low == data.high
    return is_one_number or data.largest_fraction == 1.0


def _finding(target: str, output: Output, count: int) -> Finding:
    data = output.data
    is_number = data.low is not None and data.low == data.high
    what = (
        f"are {number(data.low)}" if is_number and data.low is not None else "belong to one class"
    )
    return Finding(
        rule="constant_targets",
        severity=Severity.WARNING,
        target=target,
        message=f"All {count:,} targets of the reference sample {what}.",
        evidence={"examples": count},
        remedies=(
            Remedy(
                "Check how the targets are loaded: print their distinct values.",
                "print(np.unique(y, return_counts=True))",
                no_change_because=LOOKS,
            ),
        ),
        reference="The definition of supervised learning: a target that depends on the input",
    )
