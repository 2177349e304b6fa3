"""Slopes that a PReLU has learnt beyond reason."""

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._progress import is_solved
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT
from keras_babysit.rules.rule import rule

STEEP = 3**0.5
"""Slope from which on a layer multiplies the variance of its input by (1 + slope^2) / 2 = 2 or
more (He et al. 2015, equation 15): as much as He's initial weights make up for in a whole layer."""


@rule(
    title="PReLU slopes out of range",
    explains=(*BLOWN_UP, *LONG_STEPS, *POOR_FIT),
    needs=("activations/std",),
    silent=("layers other than PReLU",),
)
def negative_slope_out_of_range(history: History, *, patience: int = 3) -> list[Finding]:
    """Tell of PReLU layers whose slope for negative inputs left the interval from 0 to 1.

    Below 0 a unit answers a strong no with a yes; above 1 it is steeper on the side that it is to
    damp.

    Reads `"activations/slope_low"` and `"activations/slope_high"`, the least and the largest slope
    of a layer, and the training loss. It stays silent on slopes that are fixed (leaky ReLU), and
    within [0, 1].

    Args:
        history: What the probes recorded so far.
        patience: Number of latest probes that must all show it, at least 1.

    Returns:
        One NOTE for each such layer; a WARNING where a slope is beyond 1.73 either way, so that
        the layer blows its signal up, and the problem is not solved.

    Raises:
        ValueError: If `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> for step in range(3):
        ...     history.append(Measurement(step, 0, "activations/slope_low", "prelu", -2.0))
        ...     history.append(Measurement(step, 0, "activations/slope_high", "prelu", 0.3))
        >>> negative_slope_out_of_range(history)[0].severity.name
        'WARNING'

    Reference:
        He et al., "Delving deep into rectifiers", arXiv:1502.01852, 2015, sections 2.1 and 2.2.
    """
    require_count("patience", patience)
    found = []
    for target in history.targets("activations/slope_low"):
        low = history.series("activations/slope_low", target).tail(patience).values
        high = history.series("activations/slope_high", target).tail(patience).values
        if min(len(low), len(high)) < patience:
            continue
        # The slope that is out of range in all of them, by the least that it was.
        beyond = [max(-a, b) if a < 0 or b > 1 else 0.0 for a, b in zip(low, high, strict=True)]
        if min(beyond) > 0:
            does_harm = min(beyond) > STEEP and not is_solved(history)
            severity = Severity.WARNING if does_harm else Severity.NOTE
            found.append(_finding(target, float(low[-1]), float(high[-1]), severity))
    return found


def _finding(target: str, low: float, high: float, severity: Severity) -> Finding:
    return Finding(
        rule="negative_slope_out_of_range",
        severity=severity,
        target=target,
        message=f"The slopes that {target} has learnt for negative inputs run from {low:.2g} to "
        f"{high:.2g}.",
        evidence={"slope_low": low, "slope_high": high},
        remedies=(
            Remedy(
                "Keep them between 0 and 1.",
                "keras_babysit.layers.ChannelPReLU(bounded=True)",
            ),
        ),
        reference="He et al., arXiv:1502.01852, equation 15: variance grows by (1 + slope^2) / 2",
    )
