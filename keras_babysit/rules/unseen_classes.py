"""Validation data of classes that the training data lacks."""

from keras_babysit.findings import Finding, Severity
from keras_babysit.history import History
from keras_babysit.rules._split import SPLIT_BY_CLASS, missing_fraction
from keras_babysit.rules._texts import percent
from keras_babysit.rules.rule import rule


@rule(
    title="Validation classes missing from the training data",
    explains=(
        "overfitting",
        "validation_not_paired",
        "uninformative_inputs",
        "unvalidated_classes",
    ),
    needs=("facts/data",),
    silent=(
        "before the end of the first epoch",
        "without validation data",
        "if the targets are not classes",
        "if the reference sample is a part of training data that may be sorted",
    ),
)
def unseen_classes(history: History, *, fraction: float = 0.5) -> list[Finding]:
    """Report validation data whose classes are missing or rare in the training data.

    `validation_split` takes the last examples in their order; of sorted data these are the last
    classes. The network cannot learn classes that it never sees, and regularization does not help.

    Reads `"targets/unseen_share"`: the fraction of the validation examples, in [0, 1], whose class
    is less than a tenth as frequent among the training examples of the reference sample. It is
    silent before the end of the first epoch; if the targets are not classes; and if the reference
    sample may lack a class itself, because it is a part of training data whose order is not random
    or not known.

    Args:
        history: The history of the run.
        fraction: Fraction of the validation examples from which on it is reported, in (0, 1]. Lower
            fractions occur if the training data is imbalanced and the validation data is not.

    Returns:
        One WARNING for the whole model, or nothing.

    Raises:
        ValueError: If `fraction` lies outside (0, 1].

    Example:
        >>> from keras_babysit.facts import DataFacts
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.append(Measurement(9, 1, "targets/unseen_share", "validation", 0.5))
        >>> history.note(examples_per_epoch=800, data=DataFacts(examples=800))
        >>> unseen_classes(history)[0].severity.name
        'WARNING'

    Reference:
        Keras, `Model.fit`: `validation_split` takes the last samples, before shuffling; Poisson's
        law of rare events, for differences that are not due to chance.
    """
    unseen = missing_fraction(history, "targets/unseen_share", "validation", fraction)
    if not unseen:
        return []
    return [
        Finding(
            rule="unseen_classes",
            severity=Severity.WARNING,
            target="targets[0]",
            message=f"{percent(unseen)} of the validation examples belong to classes that are "
            "missing or rare in the training data.",
            evidence={"unseen_fraction": unseen},
            remedies=(SPLIT_BY_CLASS,),
            reference="Keras, Model.fit: validation_split takes the last samples, unshuffled",
        )
    ]
