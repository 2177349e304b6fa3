"""Learned slopes of a PReLU outside [0, 1]."""

from keras_babysit.actions import SetLayerArguments
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._progress import is_solved
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT
from keras_babysit.rules.rule import rule

STEEP_SLOPE = 3**0.5
"""Slope above which a layer multiplies the variance of its input by (1 + slope^2) / 2 = 2 or more
(He et al., 2015, equation 15). He's initial weights compensate for a factor of 2 per layer."""


BOUND = SetLayerArguments(
    class_name="ChannelPReLU", arguments=(("bounded", True),), module="kb.layers"
)


@rule(
    title="PReLU slopes out of range",
    explains=(*BLOWN_UP, *LONG_STEPS, *POOR_FIT),
    needs=("activations/std",),
    silent=("on layers other than PReLU",),
)
def negative_slope_out_of_range(history: History, *, patience: int = 3) -> list[Finding]:
    """Report PReLU layers whose learned slope for negative inputs is outside [0, 1].

    With a slope below 0 the layer is no longer monotone. With a slope above 1 it amplifies the
    inputs that it should damp.

    Reads `"activations/slope_low"` and `"activations/slope_high"`, the smallest and the largest
    slope of a layer, and the training loss. It is silent on fixed slopes (leaky ReLU), and on
    slopes in [0, 1].

    Args:
        history: The history of the run.
        patience: Number of latest measurements that must all be out of range, at least 1.

    Returns:
        One NOTE per affected layer; a WARNING if a slope is below -1.73 or above 1.73, so that the
        layer amplifies its input, and the training loss is not close to zero.

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
        # Per measurement the size of the slope that is out of range; 0 if all are in range.
        sizes = [max(-a, b) if a < 0 or b > 1 else 0.0 for a, b in zip(low, high, strict=True)]
        if min(sizes) > 0:
            does_harm = min(sizes) > STEEP_SLOPE and not is_solved(history)
            severity = Severity.WARNING if does_harm else Severity.NOTE
            found.append(_finding(target, float(low[-1]), float(high[-1]), severity))
    return found


def _finding(target: str, low: float, high: float, severity: Severity) -> Finding:
    return Finding(
        rule="negative_slope_out_of_range",
        severity=severity,
        target=target,
        message=f'The slopes of "{target}" for negative inputs range from {low:.2g} to {high:.2g}; '
        "they should stay in [0, 1].",
        evidence={"slope_low": low, "slope_high": high},
        remedies=(Remedy("Keep the slopes in [0, 1].", change=BOUND),),
        reference="He et al., arXiv:1502.01852, equation 15: variance grows by (1 + slope^2) / 2",
    )
