"""Validation data in which what was learned does not hold at all."""

from keras_babysit.actions import DATA, LOOKS
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_fraction
from keras_babysit.rules._progress import HALF_WAY, can_be_learned, modes_differ
from keras_babysit.rules._scores import (
    Estimate,
    advantages,
    beats_constant,
    estimates,
    training_errors,
)
from keras_babysit.rules._split import has_drifted
from keras_babysit.rules._texts import error_name, percent
from keras_babysit.rules.rule import rule

UNSEEN = 0.5
"""Fraction of validation examples of unseen classes from which on these are the cause."""


@rule(
    title="Validation inputs and targets do not match",
    explains=("overfitting",),
    needs=("score/error", "reference/neighbour_error"),
    silent=(
        "without validation data",
        "until the network fits the training data",
        "if a nearest-neighbour baseline does not predict the training data",
        "if inputs and targets have drifted",
        "while the error of numbers on the validation data falls",
    ),
)
def validation_not_paired(history: History, *, margin: float = 0.1) -> list[Finding]:
    """Report a network that is at chance on the validation data, and not by overfitting.

    In the training data examples with similar inputs have similar targets: a nearest-neighbour
    baseline predicts each from the others, and so does the network. If the validation data were of
    the same kind, it could not be at chance there. Its inputs and targets are in different orders,
    its classes have other numbers, or it comes from elsewhere.

    Reads `"score/error"`, `"reference/constant_error"`, `"reference/neighbour_error"` and
    `"reference/constant_advantage"`. It is silent until the errors of the network and of the
    neighbours on the training data are below half of that of a constant prediction; if most
    validation examples are of classes that were never trained; if inputs and targets have both
    moved by a standard deviation, as in a series whose level changes; if batch normalization
    differs between training and inference; and while the error of numbers on the validation data
    falls, or was measured once in a run that goes on.

    Args:
        history: The history of the run.
        margin: Advantage over a constant prediction on the validation data, as a fraction of its
            error, that the 95 % interval must exclude, in (0, 1].

    Returns:
        One WARNING for the validation data, or nothing.

    Raises:
        ValueError: If `margin` lies outside (0, 1].

    Example:
        >>> validation_not_paired(History())
        []

    Reference:
        Cover and Hart, "Nearest neighbor pattern classification", 1967: what neighbours find is
        there for new examples of the same kind too.
    """
    require_fraction("margin", margin)
    errors = {
        "train": training_errors(history),
        "validation": estimates(history, "error", "validation"),
    }
    constant = {name: history.last("reference/constant_error", name) for name in errors}
    neighbours = history.last("reference/neighbour_error", "train")
    if not all(errors.values()) or None in constant.values() or neighbours is None:
        return []
    known = HALF_WAY * float(constant["train"])
    is_fitted = errors["train"][-1].high < known and neighbours < known
    if not is_fitted or can_be_learned(history) is not True or modes_differ(history):
        return []
    if has_drifted(history):  # what neighbours find holds for data of the same kind
        return []
    better = advantages(history, "validation")[-1:]
    limit = margin * float(constant["validation"])
    is_at_chance = all(one.high < limit for one in better) and bool(better)
    if not is_at_chance or beats_constant(history, "validation"):
        return []
    if history.last("targets/unseen_share", "validation", default=0.0) >= UNSEEN:
        return []
    if _may_improve(history, errors["validation"]):
        return []
    return [
        _finding(
            history,
            errors["train"][-1].value,
            errors["validation"][-1].value,
            float(constant["validation"]),
        )
    ]


def _may_improve(history: History, errors: list[Estimate]) -> bool:
    """Return whether the error of numbers on the validation data falls, or may still do so.

    It is relative to their own variance. Where that is small, as in a part of the range of the
    training data, a network that fits the training data is at chance there until its offset is
    gone. Numbers that belong to other examples stay at chance.
    """
    if error_name(history) != "unexplained variance":
        return False
    if len(errors) < 2:
        return not history.facts.has_ended
    return errors[-1].high < errors[-2].low


def _finding(history: History, train: float, validation: float, constant: float) -> Finding:
    return Finding(
        rule="validation_not_paired",
        severity=Severity.WARNING,
        target="validation",
        message=f"The {error_name(history)} is {percent(train, 1)} on the training data but "
        f"{percent(validation, 1)} on the validation data (constant prediction: "
        f"{percent(constant, 1)}). It is not overfitting: a 5-nearest-neighbour baseline predicts "
        "the training data as well.",
        evidence={
            "train_error": train,
            "validation_error": validation,
            "constant_error": constant,
        },
        remedies=(
            Remedy(
                "Check that each validation input belongs to its target: the same order, and the "
                "same class indices as in training.",
                "print(x_val[:5], y_val[:5])  # x_val, y_val: your validation data",
                no_change_because=DATA,
            ),
            Remedy(
                "Validate on a part of the training data: a good score means that the validation "
                "data is wrong.",
                "copy = keras.models.clone_model(model)\n"
                'copy.compile("adam", model.loss)\n'
                "copy.fit(x, y, validation_split=0.2)",
                no_change_because=LOOKS,
            ),
        ),
        reference="Cover and Hart, Nearest neighbor pattern classification, 1967",
    )
