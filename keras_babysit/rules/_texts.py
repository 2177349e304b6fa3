"""Phrases and remedies that several rules share."""

import re
from collections.abc import Iterable

from keras_babysit.actions import (
    LOOKS,
    ClipGradients,
    NormalizeActivations,
    ScaleWeights,
    SetActivation,
    SetInitializer,
    StandardizeInputs,
    WarmUp,
)
from keras_babysit.facts import LayerFacts
from keras_babysit.findings import Remedy
from keras_babysit.history import History
from keras_babysit.rules._headroom import Headroom, grows
from keras_babysit.rules._learning_rate import HEALTHY_RATIO, rate_factor, set_rate
from keras_babysit.rules.outputs import outputs

SCALE_INPUTS = Remedy(
    "Scale the inputs to mean 0 and standard deviation 1.",
    change=StandardizeInputs(),
)
"""What helps against inputs that are too large, too small or far from 0."""


def percent(fraction: float, digits: int = 0) -> str:
    """Return a fraction as a percentage; from 1,000 % on with two significant digits.

    Args:
        fraction: A fraction; it may lie outside [0, 1].
        digits: Number of digits after the decimal point.

    Example:
        >>> percent(0.58), percent(0.125, 1), percent(1e6, 1)
        ('58 %', '12.5 %', '1e+08 %')
    """
    if abs(fraction) >= 10:
        return f"{number(100 * fraction)} %"
    return f"{100 * fraction:.{digits}f} %"


def number(value: float, digits: int = 2) -> str:
    """Return a number in significant digits; from a thousand to a million as a whole number.

    Args:
        value: Any number.
        digits: Significant digits of other numbers, at least 1.

    Example:
        >>> number(0.01234), number(318.2), number(26087.0), number(1e9), number(2.3045, 4)
        ('0.012', '320', '26,087', '1e+09', '2.304')
    """
    if 1e3 <= abs(value) < 1e6:
        return f"{value:,.0f}"
    rounded = f"{value:.{digits}g}"
    return f"{float(rounded):g}" if 1 <= abs(value) < 1e3 else rounded


def quoted(names: Iterable[str], most: int | None = None) -> str:
    """Return names in quotes, separated by commas.

    Args:
        names: The names.
        most: Number of names that are shown; the others are counted. None for all.

    Example:
        >>> quoted(["fc1", "fc2"]), quoted(["fc1", "fc2", "fc3"], most=1)
        ('"fc1", "fc2"', '"fc1" and 2 more')
    """
    found = [f'"{name}"' for name in names]
    more = f" and {len(found) - most} more" if most is not None and len(found) > most else ""
    return ", ".join(found[:most]) + more


def error_name(history: History) -> str:
    """Return what `"score/error"` measures in this run.

    Args:
        history: The history of the run.

    Returns:
        `"error rate"` for classes and labels, `"unexplained variance"` for numbers, and `"error"`
        where the loss and the targets do not tell which.
    """
    found = outputs(history)
    if len(found) != 1:
        return "error"
    data, form = found[0].data, found[0].form
    if form == "categorical" or (form == "binary" and data.is_binary):
        return "error rate"
    is_number = form == "distance" and not data.is_binary and not data.is_one_hot
    return "unexplained variance" if is_number else "error"


def change_rate(history: History, verb: str, rate: float | None, reason: str = "") -> Remedy:
    """Return the remedy that sets another learning rate, or scales the schedule that sets it.

    Args:
        history: The history of the run.
        verb: `"Lower"` or `"Raise"`.
        rate: The learning rate to set; None if it is not known.
        reason: Why, without a full stop; may be empty.

    Example:
        >>> change_rate(History(), "Lower", 3e-4).text
        'Lower the learning rate to 0.0003.'
    """
    schedule, factor = history.facts.learning_rate_schedule, rate_factor(history, rate)
    to = "" if rate is None else f" to {rate:g}"
    if schedule is not None:
        times = "" if factor is None else f" to {factor:g} times its values"
        to = f" of the schedule `{schedule}`{times}"
    why = f": {reason}" if reason else ""
    return Remedy(f"{verb} the learning rate{to}{why}.", change=set_rate(history, verb, rate))


ADAPTIVE = ("Adam", "AdamW", "Nadam", "Adamax", "Lion", "Lamb", "RMSprop")
"""Optimizers whose first steps are of the full learning rate in every weight, whatever the
gradient."""


def warm_up(history: History, first: Headroom, later: Headroom) -> list[Remedy]:
    """Return the remedy that raises the learning rate in the first steps; none for others.

    It is none either if the network does not bear the learning rate for certain after the growth:
    a warm-up ends at that learning rate.

    Args:
        history: The history of the run.
        first: The first measurement of the headroom.
        later: A later one, where it has grown.
    """
    if history.facts.optimizer not in ADAPTIVE or later.low < 1:
        return []
    why = grows(first, later)
    return [
        Remedy(
            "Raise the learning rate from 0 in the first tenth of the steps: "
            f"{why[0].lower()}{why[1:]}",
            change=WarmUp(first.rate or 1e-3, history.facts.optimizer),
        )
    ]


SCALE_WEIGHTS = Remedy(
    "Scale the initial weights to the data: `lsuv` gives hidden layers outputs of unit variance.",
    change=ScaleWeights(),
)
"""What helps if signals or gradients vanish or explode with depth."""


def initialize_layers(history: History) -> Remedy:
    """Return the remedy that draws initial weights as the activations of the hidden layers need.

    It depends on no data. `lsuv` divides by the spread that each layer has on a batch, which is
    rounding error where the signal is lost, so that the weights can become huge.

    Args:
        history: The history of the run.

    Example:
        >>> initialize_layers(History()).code
        'keras.layers.Dense(64, kernel_initializer="he_normal", bias_initializer="zeros")'
    """
    hidden = [one for one in history.facts.layers.values() if one.role == "hidden"]
    squashing = [one for one in hidden if one.activation_kind == "squashing"]
    name = "glorot_uniform" if 2 * len(squashing) > len(hidden) else "he_normal"
    return Remedy(
        f'Initialize the hidden layers with "{name}", so that signals keep their size.',
        change=SetInitializer((), name),
    )


NORMALIZE = Remedy(
    "Add normalization layers between the hidden layers.",
    change=NormalizeActivations(),
)
"""What helps if activations vanish or explode with depth."""

FIND_RATE = Remedy(
    "Find a learning rate with a range test.",
    "kb.lr_range_test(model, x, y).plot()",
    no_change_because=LOOKS,
)

OPTIMIZERS = frozenset(
    {"Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion", "Muon"}
    | {"Nadam", "RMSprop", "SGD"}
)
"""The optimizers of Keras."""


def clip_gradient(history: History, reason: str = "") -> Remedy:
    """Return the remedy that limits the norm of the gradient, for the optimizer of the run.

    Args:
        history: The history of the run.
        reason: When or why, without a full stop; may be empty.

    Example:
        >>> clip_gradient(History()).code
        'model.compile(keras.optimizers.Adam(global_clipnorm=1.0), model.loss)'
    """
    known, rate = history.facts.optimizer, history.last("optimizer/learning_rate")
    name = known if known in OPTIMIZERS else "Adam"
    change = ClipGradients(1.0, name, rate if known in OPTIMIZERS else None)
    if history.facts.learning_rate_schedule is not None:  # it must stay
        change = ClipGradients(1.0)
    text = f"Clip the norm of the gradient{f' {reason}' if reason else ''}."
    return Remedy(text, change=change)


def relu_layer(target: str, layer: LayerFacts, activation: str = "relu") -> SetActivation:
    """Return the change of a layer to an activation, initialized for a ReLU.

    A recurrent layer keeps its own activation, tanh: neither dead units nor a growing state.

    Args:
        target: Path of a hidden layer; empty for all hidden layers.
        layer: Facts of a hidden layer.
        activation: Name of the activation.

    Example:
        >>> relu_layer("conv", LayerFacts(class_name="Conv2D", units=32), "elu").code
        'keras.layers.Conv2D(32, 3, activation="elu", kernel_initializer="he_normal")'
        >>> relu_layer("lstm", LayerFacts(class_name="LSTM", units=32)).code
        'keras.layers.LSTM(32)'
    """
    layers = (target,) if target else ()
    if layer.class_name in ("SimpleRNN", "LSTM", "GRU"):  # a ReLU lets their state grow
        return SetActivation(layers, "tanh", "", layer.class_name, layer.units or 64)
    shape = layer_shape(layer)
    return SetActivation(layers, activation, "he_normal", *shape)


def layer_shape(layer: LayerFacts) -> tuple[str, int]:
    """Return class and units of a layer for its code; `Dense` for other classes.

    Example:
        >>> layer_shape(LayerFacts(class_name="Conv2D", units=32))
        ('Conv2D', 32)
    """
    name = layer.class_name or ""
    is_conv = bool(re.fullmatch(r"Conv[123]D", name))
    return name if is_conv else "Dense", layer.units or 64


def update_size(ratio: float) -> str:
    """Return by how much a step changes the weights, as a sentence without its full stop.

    Args:
        ratio: The update ratio, above 0.

    Example:
        >>> update_size(0.3)
        'each step changes the weights by 30 % of their norm (healthy: about 0.1 %)'
        >>> update_size(7.0)
        'each step changes the weights by 7 times their norm (healthy: about 0.1 %)'
    """
    amount = f"{ratio:.2g} times" if ratio >= 1 else f"{100 * ratio:.2g} % of"
    healthy = f"{100 * HEALTHY_RATIO:.2g} %"
    return f"each step changes the weights by {amount} their norm (healthy: about {healthy})"
