"""Batch normalisation whose averages are not those of the data."""

from typing import NamedTuple

import numpy as np

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above, require_count
from keras_babysit.rules._progress import (
    MODES,
    is_current,
    share_done,
    training_mode_loss,
)
from keras_babysit.rules._scores import estimates
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule

LAG = 1.0
"""Distance of an average from the batch, in the batch's deviations (mean) or as natural logarithm
(variance), that matters: the normalised signal is then off by its own size."""

LATE = 0.9
"""Share of the run before which averages of 0 and 1 may still fade: with Keras' momentum of 0.99
that takes hundreds of steps, and does no harm unless it is what the run ends with."""

KERAS_MOMENTUM = 0.99
"""What Keras takes where nothing is said."""

MATTERS = 0.05
"""Share of the starting loss that the difference of the modes must have: beside a loss that is next
to nothing everything is large."""


@rule(
    title="Batch normalization averages do not fit the data",
    explains=("overfitting", *POOR_FIT),
    needs=("activations/std", "logs/loss"),
    silent=("before the last tenth of a run", "frozen layers"),
)
def batch_norm_mismatch(
    history: History, *, factor: float = MODES, patience: int = 1
) -> list[Finding]:
    """Advise when inference goes wrong because batch norm's averages lag behind its batches.

    Both must hold: the averages of a layer are off by more than the batch varies; and the loss of
    the training data in inference mode is `factor` times that in training mode, by the whole of its
    interval, or where no score is fresh that of the validation data. Of a distance that was
    measured n steps ago, momentum leaves momentum^n.

    Reads `"normalization/mean_lag"`, `"normalization/variance_lag"`, `"logs/loss"`,
    `"logs/val_loss"`, `"loss/penalty"`, `"loss/start"` and `"score/loss"` of target `"train"`. It
    stays silent before the last tenth of a run, while averages of 0 and 1 still fade, and on frozen
    layers.

    Args:
        history: What the probes recorded so far.
        factor: Times the loss in training mode, above 1; that of `loss_explosion`.
        patience: Number of latest scores that must all show it, at least 1: an interval is beyond
            chance.

    Returns:
        One WARNING, about the layer that lags most; or nothing.

    Raises:
        ValueError: If `factor` is not above 1 or `patience` is below 1.

    Example:
        >>> batch_norm_mismatch(History())
        []

    Reference:
        Ioffe and Szegedy, arXiv:1502.03167, section 3.1; Ioffe, "Batch renormalization",
        arXiv:1702.03275, on small batches.
    """
    require_above("factor", factor, 1)
    require_count("patience", patience)
    lags = {target: _lag(history, target) for target in history.targets("normalization/mean_lag")}
    if not lags or share_done(history) < LATE:
        return []
    worst = max(lags, key=lambda target: lags[target])
    training, inference = training_mode_loss(history), _inference(history, patience)
    if not lags[worst] > LAG or inference is None or not inference.loss > factor * training > 0:
        return []
    if not inference.loss - training > MATTERS * history.last("loss/start", default=0.0):
        return []
    return [_finding(worst, lags[worst], training, inference)]


class Inference(NamedTuple):
    """A loss in inference mode: what it surely is, what it seems to be, and on which data."""

    loss: float
    shown: float
    data: str


def _inference(history: History, patience: int) -> Inference | None:
    """Return the loss in inference mode as the run stands, None where it is not known.

    Of training data where a score is fresh; else what Keras says of validation data: averages that
    lag so far are enough to make it what it is.
    """
    scores = estimates(history, "loss", "train")[-patience:]
    if scores and is_current(history):
        low = min(score.low for score in scores)
        return Inference(low, scores[-1].value, "training") if len(scores) == patience else None
    loss = history.last("logs/val_loss")
    return None if loss is None else Inference(float(loss), float(loss), "validation")


def _lag(history: History, target: str) -> float:
    """Return what is left of the larger distance as it was measured last.

    A variance begins at 1, and what is left of that fades, not its logarithm: beside a variance of
    1/1000 a hundredth of it still is ten times too much.
    """
    mean = float(history.last("normalization/mean_lag", target, default=0.0))
    variance = float(history.last("normalization/variance_lag", target, default=0.0))
    ago = history.step - int(history.series("normalization/mean_lag", target).steps[-1])
    momentum = history.layer(target).momentum
    left = float(KERAS_MOMENTUM if momentum is None else momentum) ** ago
    return float(max(mean * left, np.log1p(np.expm1(variance) * left)))


def _finding(target: str, lag: float, training: float, inference: Inference) -> Finding:
    return Finding(
        rule="batch_norm_mismatch",
        severity=Severity.WARNING,
        target=target,
        message=f"The loss is {training:.3g} in training mode, and {inference.shown:.3g} in "
        f"inference mode on {inference.data} data: the averages of {target} are not those of its "
        "batches.",
        evidence={"loss_training": training, "loss_inference": inference.shown, "lag": lag},
        remedies=(
            Remedy(
                "Let the averages follow faster.",
                "keras.layers.BatchNormalization(momentum=0.9)",
            ),
            Remedy("Take larger batches, or a normalisation that needs none: LayerNormalization."),
        ),
        reference="Ioffe and Szegedy, arXiv:1502.03167, section 3.1",
    )
