"""A weight penalty that dominates the loss."""

import numpy as np

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._progress import HALF_WAY, fraction_done
from keras_babysit.rules._scores import training_errors
from keras_babysit.rules._texts import percent
from keras_babysit.rules.effects import LONG_STEPS, POOR_FIT, STUCK
from keras_babysit.rules.rule import rule

POOR_FIT_ABOVE = 0.5
"""Fraction of the error of a constant prediction above which the fit is poor."""

SHRUNK_BELOW = 0.05
"""Fraction of their first measured norm below which the penalty has shrunk the kernels."""


@rule(
    title="Weight penalty dominates the loss",
    explains=(*STUCK, *LONG_STEPS, *POOR_FIT),
    needs=("loss/batch",),
    silent=("in the first half of a run", "if the network fits the training data"),
)
def regularization_dominates(
    history: History, *, fraction: float = 0.5, patience: int = 3
) -> list[Finding]:
    """Report a weight penalty that is most of the loss, or has shrunk the weights to nothing.

    The network must also fit the training data poorly: a penalty beside a small data loss is how a
    good run ends.

    Reads `"loss/penalty"`, `"loss/batch"`, `"weights/norm"`, and `"score/error"` and
    `"reference/constant_error"` of target `"train"`. It is silent without a weight penalty, in the
    first half of a run, and if the network fits the training data.

    Args:
        history: The history of the run.
        fraction: Fraction of the loss above which the penalty dominates, in (0, 1].
        patience: Number of latest measurements that must all show it, at least 1.

    Returns:
        One WARNING, or nothing.

    Raises:
        ValueError: If `fraction` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> regularization_dominates(History())
        []

    Reference:
        CS231n, "Babysitting the learning process": more regularization increases the
        loss.
    """
    require_fraction("fraction", fraction)
    require_count("patience", patience)
    penalties = history.series("loss/penalty").tail(patience).values
    losses = history.series("loss/batch").tail(patience).values
    if min(len(penalties), len(losses)) < patience or not penalties.min() > 0:
        return []
    if not _is_poor(history):
        return []
    fractions = penalties / losses
    left = _kernels_left(history)
    if fraction_done(history) < HALF_WAY or not (fractions.min() > fraction or left < SHRUNK_BELOW):
        return []
    return [_finding(float(fractions[-1]), left)]


def _is_poor(history: History) -> bool:
    errors = training_errors(history)
    constant = history.last("reference/constant_error", "train")
    return bool(errors and constant is not None and errors[-1].value > POOR_FIT_ABOVE * constant)


def _kernels_left(history: History) -> float:
    """Return the norm of the kernels relative to their first measured norm, the median."""
    names = [t for t in history.targets("weights/norm") if history.facts.is_kernel(t)]
    pairs = [(history.first("weights/norm", n), history.last("weights/norm", n)) for n in names]
    return float(np.median([last / first for first, last in pairs if first > 0] or [1.0]))


def _finding(penalty: float, left: float) -> Finding:
    if left < SHRUNK_BELOW:
        message = (
            f"The weight penalty has shrunk the kernels to {percent(left)} of their initial norm. "
            f"It is {percent(penalty)} of the loss, and the network fits the training data poorly."
        )
    else:
        message = (
            f"The weight penalty is {percent(penalty)} of the loss, and the network fits the "
            "training data poorly."
        )
    return Finding(
        rule="regularization_dominates",
        severity=Severity.WARNING,
        target="",
        message=message,
        evidence={"penalty_fraction": penalty, "kernel_norm_left": left},
        remedies=(
            Remedy(
                "Reduce the weight penalty to a tenth or less.",
                "kernel_regularizer=keras.regularizers.L2(1e-4)",
            ),
        ),
        reference="CS231n, Babysitting the learning process: the data loss beside the penalty",
    )
