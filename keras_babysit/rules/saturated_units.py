"""Units of tanh and sigmoid layers that are stuck at an end of their range."""

import numpy as np

from keras_babysit.actions import NormalizeActivations, SetInitializer
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._progress import HALF_WAY, fraction_done, has_learnt_most, is_falling
from keras_babysit.rules._texts import SCALE_INPUTS, percent
from keras_babysit.rules._wilson import wilson_lower_bound
from keras_babysit.rules.effects import POOR_FIT, SHORT_STEPS, STUCK
from keras_babysit.rules.rule import rule

STANDARD_INPUTS = 2.6
"""Root mean square of the inputs up to which scaling them to 1 is no remedy: Glorot's initial
weights make pre-activations of about the size of the inputs, and tanh'(2.6) is 0.02, the slope
below which a unit counts as saturated."""


@rule(
    title="Saturated units",
    explains=(*STUCK, *SHORT_STEPS, *POOR_FIT),
    needs=("activations/std",),
    silent=("on output layers",),
)
def saturated_units(
    history: History, *, threshold: float = 0.5, patience: int = 3
) -> list[Finding]:
    """Report layers whose squashing units (tanh, sigmoid) are saturated.

    At the ends of its range the slope of such a unit is close to 0. It passes no gradient on, and
    the layers before it learn slowly or not at all. The usual causes are weights or inputs that are
    too large.

    A first layer of random features learns through the layers after it, so the severity goes by
    what the network has learnt.

    Reads `"activations/saturated_fraction"`: per layer, the fraction of units whose slope is below
    2 % of its maximum for most examples of a measurement (|tanh z| > 0.99, a sigmoid outside
    [0.005, 0.995]), in [0, 1]. For the severity also `"score/error"`, `"score/loss"`,
    `"logs/loss"`, `"loss/start"` and `"reference/constant_error"`.

    It is silent on output layers: a classifier may be certain, and the slope cancels in the
    gradient of a crossentropy.

    Args:
        history: The history of the run.
        threshold: Fraction of saturated units from which on a layer is reported, in (0, 1]. The
            lower bound of its 95 % interval counts, so small layers need a larger fraction.
        patience: Number of latest measurements that must all reach `threshold`, at least 1.

    Returns:
        One WARNING per affected layer, or nothing. A NOTE if the network learns all the same: its
        error is less than half that of a constant prediction, or the loss falls in the first half
        of the run.

    Raises:
        ValueError: If `threshold` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> from keras_babysit.facts import LayerFacts
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> tanh = LayerFacts(activation_kind="squashing", role="hidden")
        >>> history.note(layers={"dense": tanh})
        >>> for step in range(3):
        ...     history.append(Measurement(step, 0, "activations/saturated_fraction", "dense", 0.9))
        >>> saturated_units(history)[0].severity.name
        'WARNING'

    Reference:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
        networks", AISTATS 2010, section 3.
    """
    require_fraction("threshold", threshold)
    require_count("patience", patience)
    found = []
    for target in history.targets("activations/saturated_fraction"):
        recent = history.series("activations/saturated_fraction", target).tail(patience)
        if history.layer(target).role == "output" or len(recent) < patience:
            continue
        fraction = float(recent.values.min())
        units = len(np.atleast_1d(history.last("activations/saturated_low", target, ())))
        if wilson_lower_bound(fraction, units) >= threshold:
            found.append(_finding(history, target, fraction))
    return found


def _severity(history: History) -> Severity:
    """Return a warning where the layer costs the run something, or where no run is known."""
    if history.last("loss/start") is None:
        return Severity.WARNING
    may_still_learn = fraction_done(history) < HALF_WAY and is_falling(history)
    does_no_harm = may_still_learn or has_learnt_most(history)
    return Severity.NOTE if does_no_harm else Severity.WARNING


def _finding(history: History, target: str, fraction: float) -> Finding:
    low, high = (
        float(np.mean(history.last(f"activations/saturated_{end}", target, 0.0)))
        for end in ("low", "high")
    )
    ends = "both ends" if min(low, high) > max(low, high) / 3 else f"the {_end(low, high)} end"
    return Finding(
        rule="saturated_units",
        severity=_severity(history),
        target=target,
        message=f'{percent(fraction)} of the units in "{target}" are saturated at {ends} of their '
        "range. They pass almost no gradient to earlier layers.",
        evidence={"saturated_fraction": fraction, "at_low_end": low, "at_high_end": high},
        remedies=_remedies(history, target),
        reference="Glorot and Bengio, AISTATS 2010, section 3; saturated: a slope below 2 % of its "
        "maximum",
    )


def _end(low: float, high: float) -> str:
    return "low" if low > high else "high"


def _remedies(history: History, target: str) -> tuple[Remedy, ...]:
    activation = history.layer(target).activation or "tanh"
    sizes = [leaf.rms for leaf in history.facts.data.inputs if leaf.rms is not None]
    are_large = not sizes or max(sizes) > STANDARD_INPUTS
    return (
        *([SCALE_INPUTS] if are_large else []),
        Remedy(
            f'Initialize "{target}" so that the signal keeps its size from layer to layer.',
            change=SetInitializer((target,), "glorot_uniform"),
        ),
        Remedy(
            f'Normalize the input of the activation in "{target}": replace the activation by two '
            "layers.",
            change=NormalizeActivations((target,), before=activation),
        ),
    )
