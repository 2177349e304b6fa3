"""Pieces of a maxout layer that are never the maximum."""

import math

import numpy as np

from keras_babysit.actions import SetLayerArguments
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._learning_rate import suggest_lower_rate
from keras_babysit.rules._texts import change_rate, percent
from keras_babysit.rules._wilson import wilson_lower_bound
from keras_babysit.rules.rule import rule

NOTE_FROM = 0.2
"""Rate of dead pieces from which on there is a note, as for dead units."""


@rule(
    title="Dead maxout pieces",
    explains=("plateau", "underfitting"),
    needs=("activations/std",),
    silent=("until 1,024 different examples, or all of a smaller data set, were seen",),
)
def dead_pieces(history: History, *, threshold: float = 0.4, patience: int = 3) -> list[Finding]:
    """Report maxout layers many of whose pieces are never the maximum.

    Such a piece receives no gradient and does not recover. A unit with one piece left is linear.

    Reads `"activations/dead_piece_fraction"`: per layer, the fraction of the pieces that were the
    maximum for fewer than one in a thousand recent examples. It is silent until at least 1,024
    examples, or all of a smaller data set, were seen.

    Args:
        history: The history of the run.
        threshold: Rate of dead pieces from which on a layer costs accuracy, in (0, 1], among those
            that can die: all but one of each unit. The 95 % interval of the rate must lie above.
        patience: Number of latest measurements that must all reach it, at least 1.

    Returns:
        One WARNING for each such layer, or a NOTE if the rate is only above 20 %; empty if there
        is none.

    Raises:
        ValueError: If `threshold` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> for step in range(3):
        ...     m = Measurement(step, 0, "activations/dead_piece_fraction", "maxout", 0.5)
        ...     history.append(m)
        >>> dead_pieces(history)[0].target
        'maxout'

    Reference:
        Goodfellow et al., "Maxout Networks", arXiv:1302.4389, 2013, section 7.
    """
    require_fraction("threshold", threshold)
    require_count("patience", patience)
    found = []
    for target in history.targets("activations/dead_piece_fraction"):
        recent = history.series("activations/dead_piece_fraction", target).tail(patience).values
        if len(recent) < patience:
            continue
        fraction = float(recent.min())
        rate = _rate(history, target, fraction)
        if rate >= NOTE_FROM:
            severity = Severity.WARNING if rate >= threshold else Severity.NOTE
            found.append(_finding(history, target, fraction, severity))
    return found


def _rate(history: History, target: str, fraction: float) -> float:
    """Return the lower limit of the rate of dead pieces among those that can die.

    One of the `k` pieces of a unit is always the maximum, so that `k - 1` can die.
    """
    wins = history.last("activations/piece_share", target)
    if wins is None or not np.sum(wins) > 0:
        return fraction
    units = round(float(np.sum(wins)))  # the fractions of each unit sum to 1
    mortal = len(wins) - units
    dead = min(1.0, fraction * len(wins) / mortal) if mortal > 0 else 0.0
    return wilson_lower_bound(dead, mortal)


def _was_born_dead(history: History, target: str, fraction: float) -> bool:
    """Return whether as many pieces never won before the first step."""
    first = history.points("activations/piece_share", target)[:1]
    return bool(first) and first[0].step == 0 and float(np.mean(first[0].value == 0)) >= fraction


def _finding(history: History, target: str, fraction: float, severity: Severity) -> Finding:
    alive = (
        change_rate(history, "Lower", suggest_lower_rate(history)),
        Remedy(
            "Initialize the pieces with random kernels and zero biases, so that they differ.",
            change=SetLayerArguments(
                class_name="Maxout",
                arguments=(("kernel_initializer", None), ("bias_initializer", "zeros")),
                first=str(history.layer(target).units or 64),
                module="kb.layers",
            ),
        ),
    )
    return Finding(
        rule="dead_pieces",
        severity=severity,
        target=target,
        message=f'{percent(fraction)} of the pieces in "{target}" are dead: they are almost never '
        "the maximum.",
        evidence={"dead_piece_fraction": fraction},
        remedies=(
            *(reversed(alive) if _was_born_dead(history, target, fraction) else alive),
            *_fewer(history, target, fraction),
        ),
        reference="Goodfellow et al., arXiv:1302.4389, section 7",
    )


def _fewer(history: History, target: str, fraction: float) -> list[Remedy]:
    """Return to use as many pieces as are alive, where more than the fewest possible are not."""
    wins = np.ravel(history.last("activations/piece_share", target, default=0.0))
    total = float(wins.sum())  # the shares of each unit sum to 1
    if not math.isfinite(total + fraction) or total < 1:
        return []
    units = round(total)
    pieces = len(wins) // units
    alive = max(2, math.ceil((1 - fraction) * pieces))
    if alive >= pieces:
        return []
    change = SetLayerArguments(
        (target,), "Maxout", (("pieces", alive),), first=f"{units}", module="kb.layers"
    )
    return [Remedy("Use fewer pieces: dead ones are unused weights.", change=change)]
