"""What the networks of a training step of the user's are called on, from step to step."""

import numpy as np

from keras_babysit.history import History


def inputs_of_networks(history: History) -> dict[str, list[str]]:
    """Return the targets of `"networks/input_mean"` by the name of the network, in their order.

    An input of a second call of the same network is a target of its own.
    """
    found: dict[str, list[str]] = {}
    for target in history.targets("networks/input_mean"):
        found.setdefault(target.rpartition("[")[0], []).append(target)
    return found


def is_same(history: History, target: str, patience: int) -> bool:
    """Return whether an input was the same in all measurements, as far as its moments show.

    Args:
        history: The history of the run.
        target: The input.
        patience: Number of measurements that are needed.
    """
    moments = [
        history.series(f"networks/input_{name}", target).values
        for name in ("mean", "std", "spread")
    ]
    return len(moments[0]) >= patience and all(np.unique(one).size == 1 for one in moments)


def varies(history: History, target: str) -> bool:
    """Return whether the examples of the latest measurement had different values of an input."""
    return float(history.last("networks/input_spread", target, default=0.0)) > 0
