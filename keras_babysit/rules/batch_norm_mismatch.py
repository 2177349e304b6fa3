"""Batch normalization whose moving averages do not match the data."""

from typing import NamedTuple

import numpy as np

from keras_babysit.actions import ReplaceLayers, SetLayerArguments
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above, require_count
from keras_babysit.rules._progress import (
    MODES_DIFFER,
    fraction_done,
    is_current,
    training_mode_loss,
)
from keras_babysit.rules._scores import estimates
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule

MIN_LAG = 1.0
"""Smallest lag that matters: the distance between the moving average and the batch, in standard
deviations of the batch (mean) or as a natural logarithm (variance). The normalized signal is then
wrong by its own size."""

MIN_FRACTION_DONE = 0.9
"""Fraction of the run before which the initial averages, 0 and 1, may still fade: with Keras'
momentum of 0.99 that takes hundreds of steps. It matters only if the run ends with them."""

KERAS_MOMENTUM = 0.99
"""The default of `keras.layers.BatchNormalization`."""

MIN_DIFFERENCE = 0.05
"""Smallest difference between the two losses that matters, as a fraction of the loss before the
first step: next to a loss near 0 every factor is large."""


@rule(
    title="Outdated batch normalization averages",
    explains=("overfitting", "validation_not_paired", *POOR_FIT),
    needs=("activations/std", "logs/loss"),
    silent=("in the first nine tenths of a run", "on frozen layers"),
)
def batch_norm_mismatch(
    history: History, *, factor: float = MODES_DIFFER, patience: int = 1
) -> list[Finding]:
    """Report batch normalizations whose moving averages ruin the loss in inference mode.

    Two conditions must hold. The averages of a layer differ from its batches by more than the
    batches vary. And the loss on training data in inference mode is at least `factor` times the
    loss in training mode, with its whole interval; if there is no recent score, the loss on
    validation data counts. A lag that was measured n steps ago has shrunk to momentum^n of it.

    Reads `"normalization/mean_lag"`, `"normalization/variance_lag"`, `"logs/loss"`,
    `"logs/val_loss"`, `"loss/penalty"`, `"loss/start"` and `"score/loss"` of target `"train"`. It
    is silent in the first nine tenths of a run, while the initial averages still fade, and on
    frozen layers.

    Args:
        history: The history of the run.
        factor: Smallest ratio of the two losses, above 1; that of `loss_explosion`.
        patience: Number of latest scores that must all show it, at least 1. One is enough, because
            its interval excludes chance.

    Returns:
        One WARNING about the layer that lags most; empty if there is none.

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
    if not lags or fraction_done(history) < MIN_FRACTION_DONE:
        return []
    worst = max(lags, key=lambda target: lags[target])
    training, inference = training_mode_loss(history), _inference_loss(history, patience)
    if inference is None or not lags[worst] > MIN_LAG or not inference.low > factor * training > 0:
        return []
    if not inference.low - training > MIN_DIFFERENCE * history.last("loss/start", default=0.0):
        return []
    return [_finding(worst, lags[worst], training, inference)]


class InferenceLoss(NamedTuple):
    """A loss in inference mode: the lower end of its interval, its value, and of which data."""

    low: float
    value: float
    data: str


def _inference_loss(history: History, patience: int) -> InferenceLoss | None:
    """Return the latest loss in inference mode, None if it is not known.

    On training data if there is a recent score. Otherwise on validation data, as Keras logs it:
    with averages that lag so far behind, they determine that loss as well.
    """
    scores = estimates(history, "loss", "train")[-patience:]
    if scores and is_current(history):
        low = min(score.low for score in scores)
        is_enough = len(scores) == patience
        return InferenceLoss(low, scores[-1].value, "training") if is_enough else None
    loss = history.last("logs/val_loss")
    return None if loss is None else InferenceLoss(float(loss), float(loss), "validation")


def _lag(history: History, target: str) -> float:
    """Return what is left of the larger lag since it was measured.

    Of a variance, the initial 1 fades, not its logarithm: if the true variance is 1/1000, a
    hundredth of the initial 1 is still ten times too much.
    """
    mean = float(history.last("normalization/mean_lag", target, default=0.0))
    variance = float(history.last("normalization/variance_lag", target, default=0.0))
    ago = history.step - int(history.series("normalization/mean_lag", target).steps[-1])
    momentum = history.layer(target).momentum
    left = float(KERAS_MOMENTUM if momentum is None else momentum) ** ago
    return float(max(mean * left, np.log1p(np.expm1(variance) * left)))


def _finding(target: str, lag: float, training: float, inference: InferenceLoss) -> Finding:
    return Finding(
        rule="batch_norm_mismatch",
        severity=Severity.WARNING,
        target=target,
        message=f"The loss is {training:.3g} in training mode but {inference.value:.3g} in "
        f"inference mode ({inference.data} data). The moving averages of "
        f'"{target}" do not match its batches.',
        evidence={"loss_training": training, "loss_inference": inference.value, "lag": lag},
        remedies=(
            Remedy(
                "Lower the momentum, so that the averages adapt faster.",
                change=SetLayerArguments(
                    class_name="BatchNormalization", arguments=(("momentum", 0.9),)
                ),
            ),
            Remedy(
                "Use larger batches, or a normalization that does not depend on the batch.",
                change=ReplaceLayers("BatchNormalization", "LayerNormalization"),
            ),
        ),
        reference="Ioffe and Szegedy, arXiv:1502.03167, section 3.1",
    )
