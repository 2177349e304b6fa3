"""Inputs far from mean 0 and standard deviation 1, if that reaches the hidden layers."""

import math

from keras_babysit.actions import DATA, CenterInputs, StandardizeInputs
from keras_babysit.facts import InputFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above
from keras_babysit.rules._network import hidden_layers, rms
from keras_babysit.rules._progress import HALF_WAY, fraction_done
from keras_babysit.rules._scores import training_errors
from keras_babysit.rules._texts import SCALE_INPUTS, number, percent
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT, STUCK
from keras_babysit.rules.outputs import outputs
from keras_babysit.rules.rule import rule

SMALL_SIGNAL = 0.01
"""Root mean square below which a signal is smaller than biases after a few steps of 1e-3, the step
size of Adam."""

OFF_CENTER = 10.0
"""Root mean square over standard deviation of the units of the first layer. At 10 the largest
eigenvalue of the inputs' second moments is 100 times the others, and gradient descent is as many
times slower (LeCun et al.)."""

MOSTLY_SATURATED = 0.5
"""Fraction of the units of a squashing layer that are saturated before the first step."""

MIN_EXAMPLES = 8
"""Number of examples that are needed to know the size of the inputs: a single one may be zero."""

SCALED = 10.0
"""Size of the largest entry up to which inputs are scaled already."""

SCALING_LAYERS = ("Rescaling", "Normalization")
"""Layers that scale the inputs inside of the model."""

COLUMN_LAYERS = ("BatchNormalization", "Normalization", "Rescaling")
"""Layers that may scale each column by itself."""

MIN_ADVANTAGE = 0.05
"""Error, as a fraction of all wrong answers or of the variance, by which a linear model on the
small columns must be better than the network: less is hardly worth a change."""

GATED_LAYERS = ("GRU", "LSTM")
"""Layers whose gates saturate unseen: their outputs stay in [-1, 1], whatever the inputs."""


@rule(
    title="Unscaled inputs",
    explains=(*BLOWN_UP, *STUCK, *LONG_STEPS, *POOR_FIT),
    needs=("facts/data", "activations/std"),
    silent=("on token numbers for an embedding", "on fewer than 8 examples"),
)
def unscaled_inputs(history: History, *, large: float = 10.0) -> list[Finding]:
    """Report inputs that are too large, too small or off-center for the hidden layers.

    The first activations of the hidden layers decide, so inputs that the model normalizes itself
    are silent, as are standardized data and images in [0, 1]. The gates of an LSTM or GRU as the
    first layer get the inputs as they are.

    Inputs that are scaled twice, by hand and again by a layer of the model, are too small as well.
    Inputs are off-center in the median column, or because one column that hardly varies is far
    larger than all others.

    Columns of a table may also be scaled together, by one mean and one standard deviation. Then
    those that were small stay small beside the largest. They are reported once half of the run is
    over, if a linear model on these columns alone is better than the network. That comparison is
    not made where a layer of the model may scale each column by itself.

    Reads `history.facts.data` (root mean square of each input) and the first measurement of
    `"activations/mean"`, `"activations/std"`, `"activations/spread"` and
    `"activations/saturated_fraction"`, and the latest training error. It is silent on token numbers
    for an embedding, and on fewer than 8 examples.

    Args:
        history: The history of the run.
        large: Root mean square of the inputs, and of the last hidden layer, above which they count
            as unscaled, above 0. Glorot's and He's initial weights keep the size of the inputs
            throughout the network; at logits of 10 a softmax has no slope left (1 - p < 1e-4).

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
    are_few = data.examples is not None and data.examples < MIN_EXAMPLES
    if not layers or not math.isfinite(size) or size == 0 or are_few:  # of 0: `constant_features`
        return []
    inside = rms(history, layers[-1], is_first=True)
    saturated = max(
        (history.first("activations/saturated_fraction", t, 0.0) for t in layers), default=0.0
    )
    if size > large and (inside > large or saturated > MOSTLY_SATURATED):
        return [_about_size(size, inside, saturated)]
    if size > large and _goes_into_gates(history):
        return [_about_gates(size, layers[0])]
    if size < SMALL_SIGNAL and inside < SMALL_SIGNAL:
        return [_about_size(size, inside, saturated)]
    scaling, arrives = _scaling_layer(history), rms(history, layers[0], is_first=True)
    if scaling is not None and arrives < SMALL_SIGNAL * size:
        return [_about_scaling(scaling, layers[0], size, arrives)]
    spread = history.first("activations/spread", layers[0], 0.0)
    arrives = arrives / spread if spread > 0 else 0.0
    # The inputs must be off-center too: large biases put a layer off-center, whatever its inputs.
    off = max((leaf.offset or 0.0 for leaf in inputs), default=0.0)
    in_all = max((leaf.mean_over_std or 0.0 for leaf in inputs), default=0.0)
    offset = min(arrives, max(off, in_all))
    if offset > OFF_CENTER:
        # Where a few large columns decide, the others are far too small once these are centered.
        return [_about_center(layers[0], offset, is_uneven=off <= OFF_CENTER)]
    return _about_columns(history)


def _about_columns(history: History) -> list[Finding]:
    """Return the finding on small columns that say more of the target than the network does."""
    inputs, ends = history.facts.data.inputs, outputs(history)
    is_late = history.facts.has_ended or fraction_done(history) >= HALF_WAY
    if not is_late or len(inputs) != 1 or len(ends) != 1 or not inputs[0].small_columns:
        return []
    if any(
        layer.class_name in COLUMN_LAYERS and layer.normalized is None
        for layer in history.facts.layers.values()
    ):
        return []
    output, errors = ends[0], training_errors(history)
    are_classes = output.form == "categorical" or output.data.is_binary
    linear = inputs[0].small_error_rate if are_classes else inputs[0].small_unexplained
    if linear is None or not errors:
        return []
    if not are_classes and output.distance != "squared":
        linear = math.sqrt(max(linear, 0.0))  # the mean absolute error, of normal residuals
    error = errors[-1]
    if min(error.low, 1.0) - linear < MIN_ADVANTAGE:
        return []
    return [_small(inputs[0], linear, error.value, "wrong" if are_classes else "unexplained")]


def _small(leaf: InputFacts, linear: float, error: float, what: str) -> Finding:
    count, column = leaf.small_columns or 0, leaf.first_small
    are = f"{count:,} columns are" if count > 1 else "1 column is"
    these = "these columns" if count > 1 else "this column"
    return _finding(
        f"{are} far smaller than the others: the spread of column {column} is "
        f"{number(leaf.small_spread or 0.0, 2)} times that of column {leaf.largest_column}. A "
        f"linear model on {these} leaves {percent(linear)} {what}, the network {percent(error)}.",
        {
            "small_columns": count,
            "first_small": column,
            "small_spread": leaf.small_spread,
            "linear_error": linear,
            "network_error": error,
        },
        Remedy(
            "Scale each column by its own mean and standard deviation, not all by the same.",
            change=StandardizeInputs(),
        ),
    )


def _scaling_layer(history: History) -> str | None:
    """Return the first layer that scales small inputs once more, None if there is none."""
    names = [path for path, f in history.facts.layers.items() if f.class_name in SCALING_LAYERS]
    lows = [leaf.low for leaf in history.facts.data.inputs]
    highs = [leaf.high for leaf in history.facts.data.inputs]
    are_scaled = all(low is not None and low >= -SCALED for low in lows) and all(
        high is not None and high <= SCALED for high in highs
    )
    return names[0] if names and are_scaled else None


def _about_scaling(scaling: str, target: str, size: float, arrives: float) -> Finding:
    return _finding(
        f'The inputs are scaled twice: their root mean square is {size:.4g}, and "{scaling}" '
        f'scales them again. The outputs of "{target}" have a root mean square of {arrives:.4g}.',
        {"input_rms": size, "hidden_rms": arrives},
        Remedy(
            "Scale the inputs only once: in the data or in the model.",
            "print(x.min(), x.max())  # what the layer expects is often [0, 255]",
            no_change_because=DATA,
        ),
    )


def _goes_into_gates(history: History) -> bool:
    layers = list(history.facts.layers.values())
    return bool(layers) and layers[0].class_name in GATED_LAYERS


def _about_gates(size: float, target: str) -> Finding:
    return _finding(
        f"The inputs are not scaled: their root mean square is {size:.4g}, and the gates of "
        f'"{target}" saturate beyond about 5.',
        {"input_rms": size},
        SCALE_INPUTS,
    )


def _about_size(size: float, inside: float, saturated: float) -> Finding:
    evidence: dict[str, float | None] = {"input_rms": size, "hidden_rms": inside}
    effect = f"That of the last hidden layer is {inside:.4g}."
    if saturated > MOSTLY_SATURATED:
        evidence["saturated_fraction"] = saturated
        effect = (
            f"Before the first step, {percent(saturated)} of the units of a layer are saturated."
        )
    return _finding(
        f"The inputs are not scaled: their root mean square is {size:.4g}. {effect}",
        evidence,
        SCALE_INPUTS,
    )


def _about_center(target: str, offset: float, *, is_uneven: bool) -> Finding:
    return _finding(
        f'The inputs are not centered: the outputs of "{target}" are {offset:.0f} times as large '
        "as their standard deviation.",
        {"size_over_std": offset},
        SCALE_INPUTS
        if is_uneven
        else Remedy("Subtract the mean of each feature.", change=CenterInputs()),
    )


def _finding(message: str, evidence: dict[str, float | None], remedy: Remedy) -> Finding:
    return Finding(
        rule="unscaled_inputs",
        severity=Severity.WARNING,
        target="inputs",
        message=message,
        evidence=evidence,
        remedies=(remedy,),
        reference="CS231n, Data preprocessing; LeCun et al., Efficient BackProp, 1998",
    )
