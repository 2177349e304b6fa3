"""What rules on sequences share: how exact a comparison is, and whether the network has learnt."""

from keras_babysit.facts import LayerFacts
from keras_babysit.history import History
from keras_babysit.rules._progress import fraction_done
from keras_babysit.rules._scores import advantages, beats_constant, training_errors
from keras_babysit.rules.outputs import outputs

EXACT = 1e-3
"""Change of an output, in its standard deviations, that float32 does not make by rounding: a
hundred times what a hundred operations lose."""

COARSE = 0.1
"""The same for 16-bit precision, which keeps two to three digits."""

HALF_WAY = 0.5
"""Fraction of the run from which on a network that is no better than a constant has not learnt."""

MUCH_LEFT = 0.5
"""Fraction of the error of a constant prediction that is left in a network that explains little."""


def tolerance(history: History) -> float:
    """Return the change of an output, in its standard deviations, that rounding does not make."""
    return COARSE if "16" in (history.facts.dtype_policy or "") else EXACT


def changed_outputs(history: History, quantity: str) -> list[tuple[str, float]]:
    """Return the outputs that changed by more than rounding does, each with its change.

    Args:
        history: The history of the run.
        quantity: Change of each output in standard deviations, with a target per output.

    Returns:
        The name of each output, `""` for a single one, and its latest change.
    """
    names = [output.target for output in outputs(history)]
    found = []
    for index, target in enumerate(history.targets(quantity)):
        change = float(history.last(quantity, target, default=0.0))
        if change > tolerance(history):
            found.append((names[index] if index < len(names) else "", change))
    return found


def has_not_learnt(history: History) -> bool:
    """Return whether half of the run is over and the network is no better than a constant."""
    is_known = bool(advantages(history, "train"))
    return is_known and fraction_done(history) >= HALF_WAY and not beats_constant(history, "train")


def explains_little(history: History) -> bool:
    """Return whether half of the run is over and half of a constant prediction's error is left."""
    errors, constant = training_errors(history), history.last("reference/constant_error", "train")
    if not errors or constant is None or not fraction_done(history) >= HALF_WAY:
        return False
    return bool(errors[-1].value >= MUCH_LEFT * constant > 0)


def sequence_layers(history: History) -> list[tuple[str, LayerFacts]]:
    """Return path and facts of the layers that get sequences, in the order of the calls."""
    layers = history.facts.layers.items()
    return [(path, facts) for path, facts in layers if facts.steps is not None]
