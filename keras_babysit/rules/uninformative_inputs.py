"""Inputs that do not predict the targets."""

from keras_babysit.actions import DATA, LOOKS
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._progress import can_be_learned, is_current, is_falling, is_time
from keras_babysit.rules._scores import (
    advantages,
    estimates,
    has_beaten_constant,
    is_weighted,
    training_errors,
)
from keras_babysit.rules._texts import error_name, percent
from keras_babysit.rules.rule import rule
from keras_babysit.rules.unshuffled_data import is_sorted

RARE_CLASS = 0.1
"""Error of a constant prediction below which the rare class is hardly ever among the nearest
neighbours (see `class_imbalance`). The neighbours then cannot be better, whatever the inputs."""


_SORTED = " The validation targets are sorted by class, which the inputs may not be."
_READ_IN_ORDER = Remedy(
    "Read inputs and targets in the same order: take both from one generator, or do not shuffle "
    "the one that the inputs come from.",
    "generator.shuffle = False  # generator: what the inputs are read or predicted from",
    no_change_because=DATA,
)

NOTICEABLE = 0.1
"""Advantage over a constant prediction, as a fraction of its error, from which on the inputs may
tell something, although too few examples make sure of it: what the neighbours need, too."""


@rule(
    title="Inputs do not predict the targets",
    explains=("constant_output", "loss_not_decreasing", "overfitting", "plateau", "underfitting"),
    needs=("score/error", "reference/constant_error", "reference/neighbour_error"),
    silent=(
        "in the first three quarters of a run",
        "while the training loss falls",
        "if almost all examples are of one class",
    ),
)
def uninformative_inputs(history: History, *, patience: int = 2) -> list[Finding]:
    """Report that neither the network nor its nearest neighbours predict the targets.

    Two things must hold. The 5-nearest-neighbour baseline is no better than the best constant
    prediction, so examples with similar inputs do not have similar targets. And at the end of
    training the network is no better either, on the validation data if there is any, otherwise on
    the training data. A usual cause is that inputs and targets were shuffled independently.

    Reads `"score/error"`, `"reference/neighbour_error"` and `"reference/constant_error"`, error
    rates or unexplained variance, as fractions; `"reference/constant_advantage"` and
    `"predictions/auc"`. It is silent in the first three quarters of a run; while the training loss
    falls; if the neighbours are not known; if almost all examples are of one class; and if any
    score so far was significantly better than a constant prediction or ranked positive above
    negative examples, because overfitting that follows does not disprove it. The latest score must
    show no advantage either: its 95 % interval includes 0, and it is less than a tenth of the
    error of the constant prediction.

    Args:
        history: The history of the run.
        patience: Number of scores that are needed, at least 1.

    Returns:
        One WARNING for the whole model, or nothing.

    Raises:
        ValueError: If `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> for epoch in range(4):
        ...     for quantity, value in (
        ...         ("score/error", 0.5), ("score/error_stderr", 0.01),
        ...         ("score/loss", 0.69), ("score/loss_stderr", 0.01),
        ...         ("reference/constant_error", 0.5), ("reference/neighbour_error", 0.5),
        ...         ("reference/constant_advantage", 0.0),
        ...         ("reference/constant_advantage_stderr", 0.01),
        ...     ):
        ...         history.append(Measurement(9, epoch, quantity, "train", value))
        >>> uninformative_inputs(history)[0].severity.name
        'WARNING'

    Reference:
        Cover and Hart, "Nearest neighbor pattern classification", 1967: with enough examples the
        neighbours' error is at most twice the best error of any classifier. Zhang et al.,
        arXiv:1611.03530, on networks that fit random labels.
    """
    require_count("patience", patience)
    errors, data = estimates(history, "error", "validation"), "validation"
    if not errors or is_weighted(history):  # validation data is rarely weighted the same way
        errors, data = training_errors(history), "train"
    constant = history.last("reference/constant_error", data)
    is_known = errors and constant is not None and len(advantages(history, data)) >= patience
    if not is_known or can_be_learned(history) is not False:
        return []
    if not is_current(history) or not is_time(history, is_falling=is_falling(history)):
        return []
    if constant < RARE_CLASS or has_beaten_constant(history, data):
        return []
    better = advantages(history, data)[-1]
    if better.low > 0 or better.value >= NOTICEABLE * constant:
        return []
    neighbours = history.last("reference/neighbour_error", "train")
    return [_finding(history, data, errors[-1].value, float(neighbours), float(constant))]


def _finding(
    history: History, data: str, error: float, neighbours: float, constant: float
) -> Finding:
    name, data = error_name(history), "training" if data == "train" else data
    are_sorted = any(is_sorted(leaf) for leaf in history.facts.validation.targets)
    return Finding(
        rule="uninformative_inputs",
        severity=Severity.WARNING,
        target="inputs",
        message=f"The inputs do not predict the targets: the network ({name} {percent(error, 1)}) "
        f"is no better than a constant prediction ({percent(constant, 1)}). Both are computed on "
        f"the {data} data. A 5-nearest-neighbour baseline is no better "
        f"({percent(neighbours, 1)} on "
        "the training data)." + (_SORTED if are_sorted else ""),
        evidence={"error": error, "neighbour_error": neighbours, "constant_error": constant},
        remedies=(
            *([_READ_IN_ORDER] if are_sorted else []),
            Remedy(
                "Check that each row of x belongs to its row of y: print some examples.",
                "for row, target in zip(x[:5], y[:5]):\n    print(row, target)",
                no_change_because=LOOKS,
            ),
            Remedy(
                "Check that preprocessing did not remove the features that matter.",
                no_change_because=DATA,
            ),
        ),
        reference="Cover and Hart, Nearest neighbor pattern classification, 1967",
    )
