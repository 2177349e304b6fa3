"""Experiments that tell the causes of a poor fit apart, the cheapest first."""

from keras_babysit.actions import CONNECTIONS, LOOKS, AddHiddenLayer
from keras_babysit.findings import Remedy
from keras_babysit.history import History
from keras_babysit.rules._texts import FIND_RATE, quoted

MEMORIZE = Remedy(
    "Check whether the network can memorize 20 examples. If not, the data are not the cause.",
    "kb.check(model, x, y)",
    no_change_because=LOOKS,
)
"""Seconds: separates a fault of network, loss or optimizer from one of the data."""

LOOK = Remedy(
    "Print some inputs with their targets: check that they are paired, and scaled as intended.",
    "print(x[:5], y[:5])",
    no_change_because=LOOKS,
)

PERMUTE = Remedy(
    "Train a copy on shuffled targets. If its score is the same, the network does not use the "
    "inputs.",
    "copy = keras.models.clone_model(model)\n"
    'copy.compile("adam", model.loss)\n'
    "copy.fit(x, np.random.default_rng(0).permutation(y))",
    no_change_because=LOOKS,
)
"""One training: tells a network that learns the targets' frequencies from one that learns more."""

TRY_REMEDIES = Remedy(
    "Run `kb.try_remedies(model, x, y)`: it trains once with each remedy, and once without any.",
    no_change_because=LOOKS,
)
"""A minute: the most expensive, and it only says what helps."""

CAPACITY = Remedy(
    "If none of this helps, add capacity: another hidden layer, or more units.",
    change=AddHiddenLayer(),
)


def _without(augmentations: tuple[str, ...]) -> Remedy:
    return Remedy(
        f"Train once without {quoted(augmentations, most=3)}: a random change must not turn an "
        "example of one class into one of another, as when an arrow is flipped.",
        no_change_because=CONNECTIONS,
    )


def experiments(history: History) -> list[Remedy]:
    """Return what to try if a network fits poorly and no cause is known.

    More capacity comes last, and only if the layers were measured: it is the most expensive to
    try, and hides faults that a measurement would name.

    Args:
        history: The history of the run.
    """
    has_layers = bool(history.targets("activations/std") or history.targets("gradients/norm"))
    augmentations = history.facts.regularization.augmentations
    changed = [_without(augmentations)] if augmentations else []
    return [*changed, MEMORIZE, LOOK, FIND_RATE, *([CAPACITY] if has_layers else [])]
