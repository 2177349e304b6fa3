"""A network that fits its training data better than new data."""

from keras_babysit.actions import DATA, SetCallback, SetDropout, SetOptimizerArguments
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._progress import is_over
from keras_babysit.rules._scores import Estimate, gaps, side_by_side, training_errors
from keras_babysit.rules._split import REMOVE_TREND, has_drifted
from keras_babysit.rules._texts import OPTIMIZERS, error_name, percent
from keras_babysit.rules.rule import rule

LEARNED_BELOW = 0.9
"""Fraction of the error of a constant prediction below which a network has learned something."""

RISE = 0.2
"""Fraction of the progress of the validation loss, from its start to its best, that must be lost
again to count as a rise."""


@rule(
    title="Overfitting",
    needs=("logs/val_loss",),
    silent=(
        "without validation data",
        "if the 95 % interval of the gap reaches below the limit",
        "if the network is no better than a constant prediction",
    ),
)
def overfitting(history: History, *, gap: float = 0.1, patience: int = 2) -> list[Finding]:
    """Report a gap between training and validation data, or a validation loss that rises.

    There are two signs. Either the whole 95 % interval of the validation error minus the training
    error is above `gap`. Or the validation loss has lost a fifth of its progress since its best
    epoch, which is more than its own interval, while the training loss kept falling.

    Reads `"score/error"` (error rate, or unexplained variance; a fraction) and `"score/loss"`, for
    the targets `"train"` and `"validation"`. Both are computed in inference mode, with the same
    weights and without the weight penalty.

    It is silent without validation data, while the interval of the gap reaches below the limit, and
    while the network is no better than a constant prediction on the training data.

    Args:
        history: The history of the run.
        gap: Difference of the errors from which on it is reported, in (0, 1].
        patience: Number of latest scores that must all show it, at least 1. At the end of a run of
            at least as many epochs a single score is enough for a gap, because those weights are
            kept, and the interval accounts for chance.

    Returns:
        One WARNING for the whole model, or nothing. A NOTE if inputs and targets of the validation
        data have both moved by a standard deviation: then a gap is no sign of overfitting alone.

    Raises:
        ValueError: If `gap` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> for epoch in range(2):
        ...     for target, error in (("train", 0.0), ("validation", 0.3)):
        ...         history.append(Measurement(9, epoch, "score/error", target, error))
        ...         history.append(Measurement(9, epoch, "score/error_stderr", target, 0.01))
        >>> overfitting(history)[0].evidence["gap"]
        0.3

    Reference:
        CS231n, "Babysitting the learning process": a big gap means overfitting; Prechelt, "Early
        stopping - but when?", 1998, for the rise from the best validation loss.
    """
    require_fraction("gap", gap)
    require_count("patience", patience)
    needed = 1 if is_over(history, patience) else patience
    errors = gaps(history, "error")[-needed:]
    has_gap = len(errors) == needed and all(e.low >= gap for e in errors)
    if has_gap and _has_learned(history):
        return [_about_gap(history, errors[-1])]
    rise = _rise(history, patience)
    return [_about_rise(history, *rise)] if rise else []


def _has_learned(history: History) -> bool:
    """Return whether the training error is below that of a constant prediction; True if unknown.

    Otherwise a gap only means that the classes have different frequencies in the two data sets.
    """
    constant = history.last("reference/constant_error", "train")
    errors = training_errors(history)
    return constant is None or not errors or errors[-1].value < LEARNED_BELOW * constant


def _rise(history: History, patience: int) -> tuple[Estimate, Estimate, int] | None:
    """Return the best and the latest validation loss and the best epoch; None without a rise."""
    losses, start = side_by_side(history, "loss"), history.last("loss/start")
    if start is None or not losses:
        return None
    best, now = min(losses, key=lambda one: one.validation.value), losses[-1]
    progress = start - best.validation.value
    # The best epoch is not above itself: it came before the latest ones.
    has_risen = all(
        one.validation.value - best.validation.value >= RISE * progress
        and one.validation.low > best.validation.high
        for one in losses[-patience:]
    )
    if progress <= 0 or not has_risen or now.train.value >= best.train.value:
        return None
    return best.validation, now.validation, best.epoch


def _about_gap(history: History, gap: Estimate) -> Finding:
    _, train, validation = side_by_side(history, "error")[-1]
    return _finding(
        history,
        f"The {error_name(history)} is {percent(train.value, 1)} on the training data but "
        f"{percent(validation.value, 1)} on the validation data. The gap is "
        f"{percent(gap.value, 1)} (95 % interval: {percent(gap.low, 1)} to "
        f"{percent(gap.high, 1)}).",
        {
            "train_error": train.value,
            "validation_error": validation.value,
            "gap": gap.value,
            "gap_low": gap.low,
            "gap_high": gap.high,
        },
    )


def _about_rise(history: History, best: Estimate, now: Estimate, epoch: int) -> Finding:
    return _finding(
        history,
        f"The validation loss rose from {best.value:.3g} after epoch {epoch + 1} to "
        f"{now.value:.3g}, while the training loss kept falling.",
        {"best_validation_loss": best.value, "validation_loss": now.value, "best_epoch": epoch},
    )


def _finding(history: History, message: str, evidence: dict[str, float]) -> Finding:
    is_drift = has_drifted(history)
    if is_drift:
        message += " The validation data has drifted, which may be the cause."
    return Finding(
        rule="overfitting",
        severity=Severity.NOTE if is_drift else Severity.WARNING,
        target="",
        message=message,
        evidence=evidence,
        remedies=tuple([REMOVE_TREND] * is_drift + _remedies(history)),
        reference="CS231n, Babysitting the learning process: big gap, increase regularization",
    )


def _remedies(history: History) -> list[Remedy]:
    return [
        _dropout(history.facts.regularization.dropout),
        _penalty(history),
        Remedy(
            "Stop training at the best epoch and restore its weights.",
            change=SetCallback(
                "EarlyStopping",
                "val_loss",
                (("patience", 5), ("restore_best_weights", True)),
                is_by_name=True,
            ),
        ),
        Remedy("Get more training examples, or augment those you have.", no_change_because=DATA),
    ]


def _dropout(rates: tuple[float, ...]) -> Remedy:
    if not rates:
        return Remedy("Add dropout before the output layer.", change=SetDropout(0.5))
    rate = round(min(0.7, max(rates) + 0.2), 1)
    return Remedy(f"Raise the dropout rate to {rate}.", change=SetDropout(rate))


def _penalty(history: History) -> Remedy:
    regularization = history.facts.regularization
    known = history.facts.optimizer
    optimizer = known if known in OPTIMIZERS else "Adam"
    decay = regularization.weight_decay
    if not regularization.penalized_weights and not decay:
        return Remedy(
            "Penalize large weights.",
            change=SetOptimizerArguments((("weight_decay", 1e-3),), optimizer),
        )
    return Remedy(
        "Penalize large weights more.",
        change=SetOptimizerArguments(
            (("weight_decay", float(f"{3 * (decay or 1e-3):.2g}")),), optimizer
        ),
    )
