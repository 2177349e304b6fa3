"""A run that a callback ended while it still learned."""

import numpy as np
from numpy.typing import NDArray

from keras_babysit.actions import OWN_CODE, SetCallback
from keras_babysit.facts import CallbackFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_fraction
from keras_babysit.rules._progress import MIN_RECENT_FALL, MIN_TOTAL_FALL, is_solved, poor_fit
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule

MARGIN = 0.05
"""Smallest difference to a baseline that counts as a poor fit; that of `underfitting`."""


@rule(
    title="Stopped while still learning",
    explains=POOR_FIT,
    needs=("logs/loss",),
    silent=(
        "before the run has ended",
        "if training or validation loss had stopped falling",
        "on a callback of your own, unless the network fits poorly",
    ),
)
def stopped_early(history: History, *, fraction: float = 0.5) -> list[Finding]:
    """Report a run that a callback ended early although both losses were at their best.

    Both the training loss and, where there is one, the validation loss were the smallest in the
    last epoch, and had fallen in the latest third of the epochs: by 2 % of their whole fall and by
    half a per cent of the first loss. What is monitored did not show it: the wrong direction, too
    little patience, too large a `min_delta`, or a metric that is coarser than the loss.

    Reads `"logs/loss"`, `"logs/val_loss"`, `"loss/start"`, the scores and the facts of the
    callbacks. A callback of your own may stop at a goal that it has reached, so that counts only if
    the network fits worse than a baseline. It is silent if the problem is solved, if `Babysitter`
    itself stopped the run, and in recordings that do not say who stopped.

    Args:
        history: The history of the run.
        fraction: Largest fraction of the planned epochs that counts as early, in (0, 1].

    Returns:
        One WARNING if a loss is monitored, or if the fit is poor, otherwise a NOTE; or nothing.

    Raises:
        ValueError: If `fraction` lies outside (0, 1].

    Example:
        >>> stopped_early(History())
        []

    Reference:
        Prechelt, "Early stopping, but when?", 1998: stop when the validation error rises.
    """
    require_fraction("fraction", fraction)
    facts = history.facts
    if facts.stopped_by in (None, "Babysitter") or not facts.epochs or not facts.has_ended:
        return []
    if history.epoch + 1 > fraction * facts.epochs or is_solved(history):
        return []
    start = history.last("loss/start", default=np.nan)
    losses = [history.series(name).values for name in ("logs/loss", "logs/val_loss")]
    if not all(_falls(one, start) for one in losses if len(one)) or not len(losses[0]):
        return []
    stopper = next((c for c in facts.callbacks if c.class_name == facts.stopped_by), None)
    is_poor = poor_fit(history, MARGIN) is not None
    if stopper is None and not is_poor:
        return []
    return [_finding(history, losses, stopper, is_poor)]


def _falls(losses: NDArray[np.float64], start: float) -> bool:
    """Return whether a loss is at its best in the last epoch, and was still falling."""
    if len(losses) < 2 or not np.isfinite(losses).all() or losses[-1] > losses.min():
        return False
    first = max(start, losses[0]) if np.isfinite(start) else losses[0]
    third = max(1, len(losses) // 3)
    least = max(MIN_RECENT_FALL * (first - losses[-1]), MIN_TOTAL_FALL * abs(first))
    return bool(losses[-1 - third] - losses[-1] > least)


def _finding(
    history: History,
    losses: list[NDArray[np.float64]],
    stopper: CallbackFacts | None,
    is_poor: bool,
) -> Finding:
    done, planned = history.epoch + 1, history.facts.epochs or 0
    both = len(losses[1]) > 0
    name, monitor = (stopper.class_name, stopper.monitor) if stopper else (None, None)
    by = f'The callback "{name}"' if name else "A callback"
    monitored = f', which monitors "{monitor}",' if monitor else ""
    fell = "The training and the validation loss were" if both else "The training loss was"
    is_serious = monitor in ("loss", "val_loss") or is_poor
    return Finding(
        rule="stopped_early",
        severity=Severity.WARNING if is_serious else Severity.NOTE,
        target="",
        message=f"{by}{monitored} stopped training after {done} of {planned} epochs. "
        f"{fell} still falling.",
        evidence={"epochs": done, "planned": planned, "loss": float(losses[0][-1])}
        | ({"val_loss": float(losses[1][-1])} if both else {}),
        remedies=tuple(_remedies(stopper, both)),
        reference="Prechelt, Early stopping, but when?, 1998",
    )


def _remedies(stopper: CallbackFacts | None, both: bool) -> list[Remedy]:
    if stopper is None:
        return [
            Remedy(
                "Check the condition under which your callback sets `model.stop_training`.",
                no_change_because=OWN_CODE,
            )
        ]
    loss = "val_loss" if both else "loss"
    patience = max(5, 3 * (stopper.patience or 0))
    return [
        Remedy(
            f"Monitor the {'validation ' if both else ''}loss, with a patience of {patience} "
            "epochs and without `min_delta`.",
            change=SetCallback(
                "EarlyStopping", loss, (("patience", patience), ("restore_best_weights", True))
            ),
        )
    ]
