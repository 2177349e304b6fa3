"""Training data of classes that the validation data lacks."""

from keras_babysit.findings import Finding, Severity
from keras_babysit.history import History
from keras_babysit.rules._split import SPLIT_BY_CLASS, missing_fraction
from keras_babysit.rules._texts import percent
from keras_babysit.rules.rule import rule


@rule(
    title="Training classes missing from the validation data",
    explains=("overfitting", "validation_better_than_train"),
    needs=("facts/data",),
    silent=(
        "before the end of the first epoch",
        "without validation data",
        "if the targets are not classes",
        "if the reference sample is a part of data that may be sorted",
    ),
)
def unvalidated_classes(history: History, *, fraction: float = 0.25) -> list[Finding]:
    """Report validation data that lacks classes of the training data.

    `validation_split` takes the last examples in their order; of sorted data these are of the last
    class. The score then says nothing about the other classes.

    Reads `"targets/unvalidated_share"`: the fraction of the training examples, in [0, 1], whose
    class does not occur among the validation examples, where 10 or more were to be expected. It is
    silent before the end of the first epoch; if the targets are not classes; and if the reference
    sample is a part of data that may be sorted.

    Args:
        history: The history of the run.
        fraction: Fraction of the training examples from which on it is reported, in (0, 1]. A rare
            class may be missing by chance, or have to be.

    Returns:
        One WARNING for the whole model, or nothing.

    Raises:
        ValueError: If `fraction` lies outside (0, 1].

    Example:
        >>> from keras_babysit.facts import DataFacts
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.append(Measurement(9, 1, "targets/unvalidated_share", "train", 0.9))
        >>> history.note(examples_per_epoch=800, data=DataFacts(examples=800))
        >>> unvalidated_classes(history)[0].severity.name
        'WARNING'

    Reference:
        Keras, `Model.fit`: `validation_split` takes the last samples, before shuffling.
    """
    missing = missing_fraction(history, "targets/unvalidated_share", "train", fraction)
    if not missing:
        return []
    return [
        Finding(
            rule="unvalidated_classes",
            severity=Severity.WARNING,
            target="targets[0]",
            message=f"{percent(missing)} of the training examples belong to classes that are "
            "missing from the validation data, so these classes are not validated.",
            evidence={"unvalidated_fraction": missing},
            remedies=(SPLIT_BY_CLASS,),
            reference="Keras, Model.fit: validation_split takes the last samples, unshuffled",
        )
    ]
