"""Inputs far from mean 0 and deviation 1, where the network minds."""

import math

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above
from keras_babysit.rules._network import hidden_layers, rms
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT, STUCK
from keras_babysit.rules.rule import rule

SMALL = 0.01
"""Size below which a signal is smaller than what biases bring within a few steps of 1e-3, the
steps of Adam."""

OFF_CENTRE = 10.0
"""Size over deviation of the first layer's units: it makes one direction of the input's second
moments 100 times as long as the others, and gradient descent as many times slower (LeCun et al.)"""

FLAT = 0.5
"""Share of units of a squashing layer that are flat before the first step."""

FEWEST = 8
"""Examples whose size may stand for that of the inputs: one alone may be all zeros."""

GATED = ("GRU", "LSTM")
"""Layers whose gates squash what they are given, out of sight: their output is of size 1 at most,
whatever comes in."""

_SCALE = Remedy(
    "Scale the inputs to mean 0 and deviation 1.",
    "normalize = keras.layers.Normalization()\nnormalize.adapt(x)",
)


@rule(
    title="Unscaled inputs",
    explains=(*BLOWN_UP, *STUCK, *LONG_STEPS, *POOR_FIT),
    needs=("facts/data", "activations/std"),
    silent=("token numbers, which an embedding looks up", "fewer than 8 examples"),
)
def unscaled_inputs(history: History, *, large: float = 10.0) -> list[Finding]:
    """Advise when inputs are so large, small or far off centre that it reaches the hidden layers.

    Standardised data and pictures in [0, 1] are silent, and so is everything that a normalisation
    at the entry of the model puts right: what counts is what arrives. Into the gates of an LSTM or
    GRU that stands first the inputs arrive as they are.

    Reads the facts of the data (root mean square of each input) and the first point of
    `"activations/mean"`, `"activations/std"`, `"activations/spread"` and
    `"activations/saturated_fraction"`. It stays silent on token numbers, which an embedding looks
    up, and on fewer than eight examples.

    Args:
        history: What the probes recorded so far.
        large: Root mean square of the inputs, and of the last hidden layer, above which they count
            as unscaled. Glorot and He keep the size of the inputs through the network, so that
            logits of 10 begin there, where a softmax has no slope left: 1 - p < 1e-4.

    Returns:
        One WARNING, or nothing.

    Raises:
        ValueError: If `large` is not above 0.

    Example:
        >>> from keras_babysit.facts import DataFacts, InputFacts, LayerFacts
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.note(layers={"dense": LayerFacts(role="hidden")})
        >>> history.note(data=DataFacts(inputs=(InputFacts(rms=144.0),)))
        >>> for name, value in (("mean", 30.0), ("std", 50.0), ("spread", 40.0)):
        ...     history.append(Measurement(0, 0, f"activations/{name}", "dense", value))
        >>> unscaled_inputs(history)[0].evidence["input_rms"]
        144.0

    Reference:
        CS231n, "Data preprocessing"; LeCun et al., "Efficient BackProp", 1998, section 4.3.
    """
    require_above("large", large, 0)
    data = history.facts.data
    inputs = data.inputs
    size = max((leaf.rms for leaf in inputs if leaf.rms is not None), default=math.nan)
    layers = hidden_layers(history, "activations/std") or history.targets("activations/std")
    are_few = data.examples is not None and data.examples < FEWEST
    if not layers or not math.isfinite(size) or are_few:
        return []
    inside = rms(history, layers[-1], is_first=True)
    flat = max(
        (history.first("activations/saturated_fraction", t, 0.0) for t in layers), default=0.0
    )
    if size > large and (inside > large or flat > FLAT):
        return [_about_size(size, inside, flat)]
    if size > large and _goes_into_gates(history):
        return [_about_gates(size, layers[0])]
    if size < SMALL and inside < SMALL:
        return [_about_size(size, inside, flat)]
    spread = history.first("activations/spread", layers[0], 0.0)
    arrives = rms(history, layers[0], is_first=True) / spread if spread > 0 else 0.0
    # In the inputs themselves too: large biases put a layer off centre, whatever it is given.
    offset = min(arrives, max((leaf.offset or 0.0 for leaf in inputs), default=0.0))
    return [_about_centre(layers[0], offset)] if offset > OFF_CENTRE else []


def _goes_into_gates(history: History) -> bool:
    layers = list(history.facts.layers.values())
    return bool(layers) and layers[0].class_name in GATED


def _about_gates(size: float, target: str) -> Finding:
    return _finding(
        f"The inputs are of size {size:.3g} and go straight into the gates of {target}, which are "
        "flat beyond 5.",
        {"input_rms": size},
        _SCALE,
    )


def _about_size(size: float, inside: float, flat: float) -> Finding:
    evidence = {"input_rms": size, "hidden_rms": inside}
    arrives = f"what the hidden layers make of them is of size {inside:.3g}"
    if flat > FLAT:
        evidence["saturated_fraction"] = flat
        arrives = f"{flat:.0%} of the units of a layer are saturated before the first step"
    return _finding(
        f"The inputs are of size {size:.3g}, and {arrives}.",
        evidence,
        _SCALE,
    )


def _about_centre(target: str, offset: float) -> Finding:
    return _finding(
        f"The inputs are off-centre: units of {target} are {offset:.0f} times as large as they "
        "vary.",
        {"size_over_std": offset},
        Remedy(
            "Subtract the mean of each feature.",
            "from keras_babysit.layers import ZeroCenter\ncenter = ZeroCenter()\ncenter.adapt(x)",
        ),
    )


def _finding(message: str, evidence: dict[str, float], remedy: Remedy) -> Finding:
    return Finding(
        rule="unscaled_inputs",
        severity=Severity.WARNING,
        target="inputs",
        message=message,
        evidence=evidence,
        remedies=(remedy,),
        reference="CS231n, Data preprocessing; LeCun et al., Efficient BackProp, 1998",
    )
