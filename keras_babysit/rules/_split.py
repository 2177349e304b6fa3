"""What rules on training and validation data share."""

from keras_babysit.actions import DATA, SPLIT
from keras_babysit.findings import Remedy
from keras_babysit.history import History
from keras_babysit.rules._checks import require_fraction
from keras_babysit.rules._progress import has_seen_an_epoch
from keras_babysit.rules._scores import advantages, beats_constant, gaps
from keras_babysit.rules.rule import ask
from keras_babysit.rules.unshuffled_data import unshuffled_data

NEARLY_ALL = 0.9
"""Fraction of the training examples that counts as all: an incomplete last batch may be left out.
"""

DRIFT = 1.0
"""Standard deviations between the means from which on inputs and targets have drifted: two normal
distributions at that distance share less than two thirds of their area."""

SPLIT_AT_RANDOM = Remedy(
    "Split the data at random, before any other preprocessing.",
    "from sklearn.model_selection import train_test_split\n"
    "x, x_val, y, y_val = train_test_split(x, y, random_state=0)",
    no_change_because=SPLIT,
)
"""What helps if validation data is not like new data."""


REMOVE_TREND = Remedy(
    "Remove the trend: predict changes instead of levels, or scale each window by its own mean.",
    no_change_because=DATA,
)
"""What helps if validation data comes from a later time."""

SPLIT_BY_CLASS = Remedy(
    "Shuffle the data before you split it, or stratify the split by class.",
    "from sklearn.model_selection import train_test_split\n"
    "x, x_val, y, y_val = train_test_split(x, y, stratify=y, random_state=0)",
    no_change_because=SPLIT,
)
"""What helps if one of the two data sets lacks classes."""


def missing_fraction(history: History, quantity: str, target: str, fraction: float) -> float:
    """Return the fraction of examples whose class the other data set lacks; 0 if it is small.

    It is 0 as well before the end of the first epoch, and where the reference sample may lack a
    class itself.

    Args:
        history: The history of the run.
        quantity: The fraction of the examples, in [0, 1].
        target: The data set that has these classes.
        fraction: Fraction from which on it counts, in (0, 1].

    Raises:
        ValueError: If `fraction` lies outside (0, 1].
    """
    require_fraction("fraction", fraction)
    missing = float(history.last(quantity, target, default=0.0))
    is_known = missing >= fraction and has_seen_an_epoch(history) and stands_for_all(history)
    return missing if is_known else 0.0


def costs(history: History) -> bool:
    """Return whether a difference of the two data sets may cost the network its score.

    It does not where the network is as good on the validation data as on the training data, and
    better than a constant prediction there; and that is not known before it has learned something.
    True where there are no scores.
    """
    errors = gaps(history, "error")
    if not errors or not advantages(history, "validation"):
        return True
    if not beats_constant(history, "train"):
        return False
    return errors[-1].low > 0 or not beats_constant(history, "validation")


def is_worse(history: History, margin: float) -> bool:
    """Return whether the network is worse on validation data, by a margin beyond chance.

    Args:
        history: The history of the run.
        margin: Difference of the errors, in [0, 1].
    """
    errors = gaps(history, "error")
    return bool(errors) and errors[-1].low >= margin


def has_drifted(history: History) -> bool:
    """Return whether inputs and targets of the validation data are both elsewhere.

    That is what a series does whose level changes over time. A fault in the preparation of the
    inputs leaves the targets where they are.
    """
    compared = history.facts.comparison
    return all(
        any((shift.offset or 0.0) >= DRIFT for shift in group)
        for group in (compared.inputs, compared.targets)
    )


def stands_for_all(history: History) -> bool:
    """Return whether the reference sample holds all training examples, or a random part."""
    data, examples = history.facts.data, history.facts.examples_per_epoch
    if examples and (data.examples or 0) >= NEARLY_ALL * examples:
        return True
    has_order = any(leaf.largest_fraction_of_stretch is not None for leaf in data.targets)
    return has_order and not ask(unshuffled_data, history)
