"""Squashing units that sit at an end of their range."""

import numpy as np

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_share
from keras_babysit.rules._shares import wilson_lower_bound
from keras_babysit.rules.effects import POOR_FIT, SHORT_STEPS, STUCK
from keras_babysit.rules.rule import rule


@rule(
    title="Saturated units",
    explains=(*STUCK, *SHORT_STEPS, *POOR_FIT),
    needs=("activations/std",),
    silent=("output layers",),
)
def saturated_units(
    history: History, *, threshold: float = 0.5, patience: int = 3
) -> list[Finding]:
    """Advise on layers whose squashing units (tanh, sigmoid) sit at an end of their range.

    There the slope is near zero, the unit passes no gradient on, and the layers before it learn
    slowly or not at all. Weights or inputs that are too large are the usual cause.

    Reads `"activations/saturated_fraction"`: per layer, the share of units whose slope was below
    2 % of the steepest for most examples of a probe (|tanh z| > 0.99, a sigmoid outside
    [0.005, 0.995]); unitless, in [0, 1].

    It stays silent on output layers: a sure classifier is meant to be sure, and a crossentropy
    takes the slope out of its gradient.

    Args:
        history: What the probes recorded so far.
        threshold: Rate of saturated units from which a layer is reported, in (0, 1]; the 95 %
            interval of the rate must lie above it, so that layers of few units need a larger share.
        patience: Number of latest measurements that must all reach `threshold`, at least 1.

    Returns:
        One WARNING per affected layer; empty if none is.

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
    require_share("threshold", threshold)
    require_count("patience", patience)
    found = []
    for target in history.targets("activations/saturated_fraction"):
        recent = history.series("activations/saturated_fraction", target).tail(patience)
        if history.layer(target).role == "output" or len(recent) < patience:
            continue
        share = float(recent.values.min())
        units = len(np.atleast_1d(history.last("activations/saturated_low", target, ())))
        if wilson_lower_bound(share, units) >= threshold:
            found.append(_finding(history, target, share))
    return found


def _finding(history: History, target: str, share: float) -> Finding:
    low, high = (
        float(np.mean(history.last(f"activations/saturated_{end}", target, 0.0)))
        for end in ("low", "high")
    )
    ends = "both ends" if min(low, high) > max(low, high) / 3 else f"the {_end(low, high)} end"
    return Finding(
        rule="saturated_units",
        severity=Severity.WARNING,
        target=target,
        message=f"In {target} {share:.0%} of the units sit at {ends} of their range.",
        evidence={"saturated_fraction": share, "at_low_end": low, "at_high_end": high},
        remedies=_remedies(history, target),
        reference="Glorot and Bengio, AISTATS 2010, section 3; flat: under 2 % of the full slope",
    )


def _end(low: float, high: float) -> str:
    return "low" if low > high else "high"


def _remedies(history: History, target: str) -> tuple[Remedy, ...]:
    layer = history.layer(target)
    units = layer.units or "units"
    activation = layer.activation or "tanh"
    return (
        Remedy(
            "Scale the inputs to mean 0 and deviation 1 if they are not.",
            "normalize = keras.layers.Normalization()\nnormalize.adapt(x)",
        ),
        Remedy(
            "Initialise so that the signal keeps its size from layer to layer.",
            f'keras.layers.Dense({units}, activation="{activation}", '
            'kernel_initializer="glorot_uniform")',
        ),
        Remedy(
            "Normalise before the activation.",
            f"keras.layers.Dense({units}), keras.layers.BatchNormalization(), "
            f'keras.layers.Activation("{activation}")',
        ),
    )
