"""Batch normalisation whose averages are not those of the data."""

from keras_babysit.advice import Advice, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above, require_count
from keras_babysit.rules._progress import is_current, share_done
from keras_babysit.rules._scores import estimates

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


def batch_norm_mismatch(
    history: History, *, factor: float = 3.0, patience: int = 1
) -> list[Advice]:
    """Advise when inference goes wrong because batch norm's averages lag behind its batches.

    Both must hold: the averages of a layer are off by more than the batch varies; and the loss of
    the training data in inference mode is `factor` times that in training mode, by the whole of its
    interval. Of a distance m that was measured n steps ago, momentum leaves m * momentum^n.

    Reads `"normalization/mean_lag"`, `"normalization/variance_lag"`, `"logs/loss"`,
    `"loss/penalty"`, `"loss/start"` and `"score/loss"` of target `"train"`. It stays silent
    before the last tenth of a run, while averages of 0 and 1 still fade, on frozen layers, and
    where the latest score is old.

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
    scores = estimates(history, "loss", "train")[-patience:]
    if not lags or len(scores) < patience or not is_current(history):
        return []
    if share_done(history) < LATE:
        return []
    training = _training_mode(history)
    worst = max(lags, key=lambda target: lags[target])
    inference = min(score.low for score in scores)
    start = history.last("loss/start", default=0.0)
    if not lags[worst] > LAG or not inference > factor * training > 0:
        return []
    if not inference - training > MATTERS * start:
        return []
    return [_advice(history, worst, lags[worst], training, scores[-1].value)]


def _lag(history: History, target: str) -> float:
    """Return what is left of the larger distance as it was measured last."""
    quantities = ("normalization/mean_lag", "normalization/variance_lag")
    measured = max(float(history.last(quantity, target, default=0.0)) for quantity in quantities)
    ago = history.step - int(history.series(quantities[0], target).steps[-1])
    momentum = float(history.layer(target).get("momentum", KERAS_MOMENTUM))
    return float(measured * momentum**ago)


def _training_mode(history: History) -> float:
    """Return the mean of the latest epoch without the penalty, 0 if there is none."""
    means = history.series("logs/loss").values
    penalty = history.last("loss/penalty", default=0.0)
    return float(means[-1] - penalty) if len(means) else 0.0


def _advice(history: History, target: str, lag: float, training: float, inference: float) -> Advice:
    return Advice(
        rule="batch_norm_mismatch",
        severity=Severity.WARNING,
        target=target,
        message=f"The loss on training data is {training:.3g} in training mode and "
        f"{inference:.3g} in inference mode: the averages of {target} are not those of its "
        "batches.",
        evidence={"loss_training": training, "loss_inference": inference, "lag": lag},
        remedies=(
            Remedy(
                "Let the averages follow faster.",
                "keras.layers.BatchNormalization(momentum=0.9)",
            ),
            Remedy("Take larger batches, or a normalisation that needs none: LayerNormalization."),
        ),
        reference="Ioffe and Szegedy, arXiv:1502.03167, section 3.1",
    )
