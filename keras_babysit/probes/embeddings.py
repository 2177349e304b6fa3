"""Which examples a network that is called on two or three of them puts close to each other."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_babysit.backends import to_array
from keras_babysit.probes.triplets import pair_order


def read_triplet(calls: list[Any]) -> dict[str, Any]:
    """Return scalars by the name of the quantity, for three calls of one network.

    Args:
        calls: Input and output of each call.

    Returns:
        Empty unless inputs and outputs have one shape each, with two numbers or more per example.
    """
    inputs, outputs = zip(*calls, strict=True)
    found = {
        "networks/input_pair_order": pair_order(inputs),
        "networks/pair_order": pair_order(outputs),
    }
    if any(value is None for value in found.values()):
        return {}
    equal = [_distances(two) == 0 for two in (inputs[:2], outputs[:2])]
    both = ops.cast(ops.logical_and(*equal), "float32")
    return found | {"networks/equal_pairs": ops.mean(both)}


def read_pair(calls: list[Any], arguments: Any) -> dict[str, float]:
    """Return numbers by the name of the quantity, for two calls of one network.

    Args:
        calls: Input and output of each call.
        arguments: What the step was called with, among which are the labels of the pairs.

    Returns:
        Empty without such labels, or if the two inputs or outputs have different shapes.
    """
    inputs, outputs = (_distances(two) for two in zip(*calls, strict=True))
    if inputs is None or outputs is None:
        return {}
    labels = _labels(arguments, len(outputs))
    if labels is None:
        return {}
    return {
        "networks/input_label_order": _order(np.asarray(to_array(inputs)), labels),
        "networks/label_order": _order(np.asarray(to_array(outputs)), labels),
    }


def _distances(two: Any) -> Any:
    """Return the squared distance of each example of one tensor from that of the other, or None."""
    shapes = [tuple(getattr(one, "shape", ())) for one in two]
    if shapes[0] != shapes[1] or len(shapes[0]) < 2 or np.prod(shapes[0][1:]) < 2:
        return None
    one, other = (ops.stop_gradient(ops.cast(part, "float32")) for part in two)
    return ops.sum(ops.square(one - other), axis=list(range(1, len(shapes[0]))))


def _labels(arguments: Any, count: int) -> np.ndarray | None:
    """Return the only array of two different whole numbers per example, as booleans.

    The larger number is true.
    """
    found = []
    for leaf in keras.tree.flatten(arguments):
        shape = tuple(getattr(leaf, "shape", ()))
        if shape not in ((count,), (count, 1)) or isinstance(leaf, keras.Variable):
            continue
        values = np.asarray(to_array(ops.convert_to_tensor(leaf))).ravel().astype(float)
        different = np.unique(values)
        if len(different) == 2 and (different == np.round(different)).all():
            found.append(values == different[1])
    return found[0] if len(found) == 1 else None


def _order(distances: np.ndarray, labels: np.ndarray) -> float:
    """Return how often a pair of the larger label is closer than one of the smaller label."""
    near, far = distances[labels], distances[~labels]
    closer = (near[:, None] < far).mean() + 0.5 * (near[:, None] == far).mean()
    return float(closer)
