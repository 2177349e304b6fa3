"""Phrases and remedies that several rules share."""

from keras_babysit.findings import Remedy
from keras_babysit.history import History
from keras_babysit.rules._learning_rate import set_rate
from keras_babysit.rules.outputs import outputs

SCALE_INPUTS = Remedy(
    "Scale the inputs to mean 0 and standard deviation 1.",
    "normalize = keras.layers.Normalization()  # use it as the first layer of the model\n"
    "normalize.adapt(x)",
)
"""What helps against inputs that are too large, too small or far from 0."""


def percent(fraction: float, digits: int = 0) -> str:
    """Return a fraction as a percentage.

    Args:
        fraction: A fraction; it may lie outside [0, 1].
        digits: Number of digits after the decimal point.

    Example:
        >>> percent(0.58), percent(0.125, 1)
        ('58 %', '12.5 %')
    """
    return f"{100 * fraction:.{digits}f} %"


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


def change_rate(verb: str, rate: float | None, reason: str = "") -> Remedy:
    """Return the remedy that sets another learning rate.

    Args:
        verb: `"Lower"` or `"Raise"`.
        rate: The learning rate to set; None if it is not known.
        reason: Why, without a full stop; may be empty.

    Example:
        >>> change_rate("Lower", 3e-4).text
        'Lower the learning rate to 0.0003.'
    """
    to = "" if rate is None else f" to {rate:g}"
    why = f": {reason}" if reason else ""
    return Remedy(f"{verb} the learning rate{to}{why}.", set_rate(rate))
