"""Inputs that tell nothing of the targets."""

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._progress import can_be_learnt, is_current, is_falling, is_time
from keras_babysit.rules._scores import (
    advantages,
    estimates,
    has_beaten_constant,
    is_weighted,
    training_errors,
)
from keras_babysit.rules.rule import rule

HARD = 0.1
"""Error of a constant answer below which the rare class is hardly ever nearest (see
`class_imbalance`): neighbours then cannot do better, whatever the inputs tell."""


@rule(
    title="Inputs do not predict the targets",
    explains=("constant_output", "loss_not_decreasing", "overfitting", "plateau", "underfitting"),
    needs=("score/error", "reference/constant_error", "reference/neighbour_error"),
    silent=(
        "in the first three quarters of a run",
        "the training loss falls",
        "one class is nearly everything",
    ),
)
def uninformative_inputs(history: History, *, patience: int = 2) -> list[Finding]:
    """Advise a look at the data when neither network nor neighbours can answer from the inputs.

    All must hold: examples whose inputs are alike have targets no more alike than any two have, so
    that the vote of the nearest neighbours is no better than the best constant answer; the network,
    at the end of its training, does no better either, on validation data if there are any, else on
    the training data. Inputs and targets that were shuffled apart look like that.

    Reads `"score/error"`, `"reference/neighbour_error"` and `"reference/constant_error"`, shares of
    wrong answers or of unexplained variance, unitless; `"reference/constant_advantage"` and
    `"predictions/auc"`. It stays silent in the first three quarters of a run, while the training
    loss falls, where neighbours could not be had, where one class is nearly everything, and where
    one score was surely better than a constant, or ranked yes above no: what a network learns by
    heart later does not take that back.

    Args:
        history: What the probes recorded so far.
        patience: Number of scores before which it says nothing, at least 1.

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
        neighbours' error is at most twice the best that any classifier can have. Zhang et al.,
        arXiv:1611.03530, on networks that fit random labels.
    """
    require_count("patience", patience)
    errors, data = estimates(history, "error", "validation"), "validation"
    if not errors or is_weighted(history):  # validation data hardly ever count as training data do
        errors, data = training_errors(history), "train"
    constant = history.last("reference/constant_error", data)
    is_known = errors and constant is not None and len(advantages(history, data)) >= patience
    if not is_known or can_be_learnt(history) is not False:
        return []
    if not is_current(history) or not is_time(history, is_falling=is_falling(history)):
        return []
    if constant < HARD or has_beaten_constant(history, data):
        return []
    neighbours = history.last("reference/neighbour_error", "train")
    return [_finding(data, errors[-1].value, float(neighbours), float(constant))]


def _finding(data: str, error: float, neighbours: float, constant: float) -> Finding:
    return Finding(
        rule="uninformative_inputs",
        severity=Severity.WARNING,
        target="inputs",
        message="The inputs seem to tell nothing of the targets: the error is "
        f"{error:.1%} on {data} data, where always giving the same best answer has {constant:.1%}; "
        f"the vote of the nearest neighbours has {neighbours:.1%} on training data.",
        evidence={"error": error, "neighbour_error": neighbours, "constant_error": constant},
        remedies=(
            Remedy(
                "Look at some examples with their targets: were x and y shuffled or sorted apart?",
                "for row, target in zip(x[:5], y[:5]):\n    print(row, target)",
            ),
            Remedy("See whether features that should tell were lost on the way to the network."),
        ),
        reference="Cover and Hart, Nearest neighbor pattern classification, 1967",
    )
