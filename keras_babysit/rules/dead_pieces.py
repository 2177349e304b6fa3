"""Pieces of a maxout that never win."""

import numpy as np

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_share
from keras_babysit.rules._learning_rate import set_rate, suggest_lower_rate
from keras_babysit.rules._shares import wilson_lower_bound
from keras_babysit.rules.rule import rule

NOTEWORTHY = 0.2
"""Share that is told but costs little, as of dead units."""


@rule(
    title="Dead maxout pieces",
    explains=("plateau", "underfitting"),
    needs=("activations/std",),
    silent=("fewer than 1,024 examples were seen, where the data has as many",),
)
def dead_pieces(history: History, *, threshold: float = 0.4, patience: int = 3) -> list[Finding]:
    """Advise on maxout layers of whose pieces many never are the maximum.

    Such a piece gets no gradient and does not come back. A unit with one piece left is linear.

    Reads `"activations/dead_piece_fraction"`: per layer, the share of pieces that won for fewer
    than one in a thousand examples of the recent probes, over at least 1,024 where the data has
    as many. It stays silent before so many were seen.

    Args:
        history: What the probes recorded so far.
        threshold: Rate of dead pieces from which a layer costs accuracy, in (0, 1], among those
            that can die: all but one of each unit. The 95 % interval of the rate must lie above.
        patience: Number of latest measurements that must all reach it, at least 1.

    Returns:
        One WARNING for each such layer; a NOTE from 20 % on.

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
    require_share("threshold", threshold)
    require_count("patience", patience)
    found = []
    for target in history.targets("activations/dead_piece_fraction"):
        recent = history.series("activations/dead_piece_fraction", target).tail(patience).values
        if len(recent) < patience:
            continue
        share = float(recent.min())
        rate = _idle(history, target, share)
        if rate >= NOTEWORTHY:
            severity = Severity.WARNING if rate >= threshold else Severity.NOTE
            found.append(_finding(history, target, share, severity))
    return found


def _idle(history: History, target: str, share: float) -> float:
    """Return the lower limit of the rate of dead pieces among those that could be.

    Of `k` pieces of a unit one always wins, so that `k - 1` can die.
    """
    wins = history.last("activations/piece_share", target)
    if wins is None or not np.sum(wins) > 0:
        return share
    units = float(np.sum(wins))  # the shares of each unit sum to 1
    could = len(wins) - round(units)
    return wilson_lower_bound(min(1.0, share * len(wins) / could), could) if could > 0 else 0.0


def _finding(history: History, target: str, share: float, severity: Severity) -> Finding:
    return Finding(
        rule="dead_pieces",
        severity=severity,
        target=target,
        message=f"In {target} {share:.0%} of the pieces never were the maximum.",
        evidence={"dead_piece_fraction": share},
        remedies=(
            Remedy("Lower the learning rate.", set_rate(suggest_lower_rate(history))),
            Remedy(
                "Begin with pieces that differ: random kernels, biases at zero.",
                'keras_babysit.layers.Maxout(units, pieces=2, bias_initializer="zeros")',
            ),
            Remedy("Take fewer pieces: those that never win are weights for nothing."),
        ),
        reference="Goodfellow et al., arXiv:1302.4389, section 7",
    )
