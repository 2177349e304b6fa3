"""A network that knows its training examples better than anything else."""

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_share
from keras_babysit.rules._progress import is_over
from keras_babysit.rules._scores import Estimate, gaps, side_by_side, training_errors
from keras_babysit.rules.rule import rule

LEARNT = 0.9
"""Share of the constant answer's error below which a network has learnt something."""

RISE = 0.2
"""Share of what the validation loss had gained that must be lost again to call it a rise: a fifth
of the progress, which early stopping would have kept."""


@rule(
    title="Overfitting",
    needs=("logs/val_loss",),
    silent=(
        "without validation data",
        "the interval of the gap reaches below the limit",
        "the network does no better than a constant prediction",
    ),
)
def overfitting(history: History, *, gap: float = 0.1, patience: int = 2) -> list[Finding]:
    """Advise more regularisation when training and validation data part.

    Two signs count: the whole 95 % interval of validation error minus training error lies above
    `gap`; or the validation loss has risen from its best by a fifth of all that it had gained,
    beyond its own interval, while the training loss went on falling.

    Reads `"score/error"` (share of wrong answers, or of unexplained variance; unitless) and
    `"score/loss"`, for targets `"train"` and `"validation"`: both scored in inference mode with
    the same weights and without the weight penalty.

    It stays silent without validation data, while the interval reaches below the limit, and while
    the network does no better on training data than a constant answer.

    Args:
        history: What the probes recorded so far.
        gap: Difference of the errors from which on it is reported, in (0, 1].
        patience: Number of latest scores that must all show it, at least 1. At the end of a run of
            as many epochs one is enough for a gap: its interval tells chance, and those are the
            weights that are kept.

    Returns:
        One WARNING for the whole model, or nothing.

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
    require_share("gap", gap)
    require_count("patience", patience)
    needed = 1 if is_over(history, patience) else patience
    errors = gaps(history, "error")[-needed:]
    has_gap = len(errors) == needed and all(e.low >= gap for e in errors)
    if has_gap and _has_learnt(history):
        return [_about_gap(history, errors[-1])]
    rise = _rise(history, patience)
    return [_about_rise(history, *rise)] if rise else []


def _has_learnt(history: History) -> bool:
    """Return whether the training error is below that of a constant answer; True if not known.

    Before, a gap only tells that the classes are spread unevenly over the two.
    """
    constant = history.last("reference/constant_error", "train")
    errors = training_errors(history)
    return constant is None or not errors or errors[-1].value < LEARNT * constant


def _rise(history: History, patience: int) -> tuple[Estimate, Estimate, int] | None:
    """Return best and latest validation loss and the epoch of the best, if it rose since."""
    losses, start = side_by_side(history, "loss"), history.last("loss/start")
    if start is None or len(losses) <= patience:
        return None
    place = min(range(len(losses)), key=lambda place: losses[place].validation.value)
    best, now = losses[place], losses[-1]
    gained = start - best.validation.value
    has_risen = place < len(losses) - patience and all(
        one.validation.value - best.validation.value >= RISE * gained
        and one.validation.low > best.validation.high
        for one in losses[-patience:]
    )
    if gained <= 0 or not has_risen or now.train.value >= best.train.value:
        return None
    return best.validation, now.validation, best.epoch


def _about_gap(history: History, gap: Estimate) -> Finding:
    _, train, validation = side_by_side(history, "error")[-1]
    return _finding(
        history,
        f"The error is {train.value:.1%} on training and {validation.value:.1%} on validation "
        f"data: a gap of {gap.value:.1%} (95 % interval {gap.low:.1%} to {gap.high:.1%}).",
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
        f"{now.value:.3g}, while the training loss went on falling.",
        {"best_validation_loss": best.value, "validation_loss": now.value, "best_epoch": epoch},
    )


def _finding(history: History, message: str, evidence: dict[str, float]) -> Finding:
    return Finding(
        rule="overfitting",
        severity=Severity.WARNING,
        target="",
        message=message,
        evidence=evidence,
        remedies=tuple(_remedies(history)),
        reference="CS231n, Babysitting the learning process: big gap, increase regularisation",
    )


def _remedies(history: History) -> list[Remedy]:
    has = history.facts.regularization
    optimizer = history.facts.optimizer or "Adam"
    remedies = [
        Remedy(
            "Stop at the best epoch and keep its weights.",
            'keras.callbacks.EarlyStopping(monitor="val_loss", patience=5, '
            "restore_best_weights=True)",
        )
    ]
    rates = has.dropout
    if not rates:
        dropout = Remedy("Add dropout before the output layer.", "keras.layers.Dropout(0.5)")
    else:
        more = min(0.7, max(rates) + 0.2)
        dropout = Remedy("Raise the dropout rate.", f"keras.layers.Dropout({more:.1f})")
    if not has.penalized_weights and not has.weight_decay:
        penalty = Remedy(
            "Penalise large weights.",
            f'keras.optimizers.{optimizer}(weight_decay=1e-3)  # or kernel_regularizer="l2"',
        )
    else:
        decay = has.weight_decay or 1e-3
        penalty = Remedy(
            "Penalise large weights more.",
            f"keras.optimizers.{optimizer}(weight_decay={3 * decay:.2g})",
        )
    more_data = Remedy("Get more training examples, or vary those you have (augmentation).")
    return [dropout, penalty, *remedies, more_data]
