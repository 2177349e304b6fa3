"""A weight penalty that outweighs the data."""

import numpy as np

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_share
from keras_babysit.rules._progress import HALF_WAY, share_done
from keras_babysit.rules._scores import training_errors
from keras_babysit.rules.effects import LONG_STEPS, POOR_FIT, STUCK
from keras_babysit.rules.rule import rule

POOR = 0.5
"""Share of the constant answer's error above which the data are hardly learnt."""

SHRUNK = 0.05
"""Norm of the kernels as a share of where they began, from which on a penalty has eaten them."""


@rule(
    title="Weight penalty dominates the loss",
    explains=(*STUCK, *LONG_STEPS, *POOR_FIT),
    needs=("loss/batch",),
    silent=("in the first half of a run", "the fit is good"),
)
def regularization_dominates(
    history: History, *, share: float = 0.5, patience: int = 3
) -> list[Finding]:
    """Advise a weaker penalty when it is most of the loss, or has eaten the weights.

    And the training data are hardly learnt: a small data loss beside a modest penalty is how a
    good run ends.

    Reads `"loss/penalty"`, `"loss/batch"`, `"weights/norm"`, and `"score/error"` with
    `"reference/constant_error"` of target `"train"`. It stays silent without a weight penalty, in
    the first half of a run, and where the fit is good.

    Args:
        history: What the probes recorded so far.
        share: Share of the loss that is penalty from which on it dominates, in (0, 1]: the half.
        patience: Number of latest probes that must all show it, at least 1.

    Returns:
        One WARNING, or nothing.

    Raises:
        ValueError: If `share` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> regularization_dominates(History())
        []

    Reference:
        CS231n, "Babysitting the learning process": with the regularisation up the loss goes up.
    """
    require_share("share", share)
    require_count("patience", patience)
    penalties = history.series("loss/penalty").tail(patience).values
    losses = history.series("loss/batch").tail(patience).values
    if min(len(penalties), len(losses)) < patience or not penalties.min() > 0:
        return []
    if not _is_poor(history):
        return []
    shares = penalties / losses
    left = _kernels_left(history)
    if share_done(history) < HALF_WAY or not (shares.min() > share or left < SHRUNK):
        return []
    return [_finding(float(shares[-1]), left)]


def _is_poor(history: History) -> bool:
    errors = training_errors(history)
    constant = history.last("reference/constant_error", "train")
    return bool(errors and constant is not None and errors[-1].value > POOR * constant)


def _kernels_left(history: History) -> float:
    """Return the norm of the kernels now over that of the first probe, the median."""
    names = [t for t in history.targets("weights/norm") if t.endswith("kernel")]
    pairs = [(history.first("weights/norm", n), history.last("weights/norm", n)) for n in names]
    return float(np.median([last / first for first, last in pairs if first > 0] or [1.0]))


def _finding(share: float, left: float) -> Finding:
    return Finding(
        rule="regularization_dominates",
        severity=Severity.WARNING,
        target="",
        message=f"{share:.0%} of the loss is the weight penalty, and the kernels are at "
        f"{left:.0%} of where they began; the training data are hardly learnt.",
        evidence={"penalty_share": share, "kernel_norm_left": left},
        remedies=(
            Remedy(
                "Penalise a tenth as much, or less.",
                "kernel_regularizer=keras.regularizers.L2(1e-4)",
            ),
        ),
        reference="CS231n, Babysitting the learning process: the data loss beside the penalty",
    )
