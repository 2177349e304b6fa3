"""Networks that hold the weights of another one: a moving average, a teacher, a target network."""

from typing import Any, NamedTuple

import keras
from keras import ops

from keras_babysit.backends import to_array


class _Pair(NamedTuple):
    """A network that no optimizer updates, and the one of the same shapes that is trained."""

    name: str
    average: list[Any]
    trained: list[Any]


class Averages:
    """Measures how the networks of a model that no optimizer updates follow those that are trained.

    Each is compared with the only trained network whose weights have the same shapes. Nothing is
    measured on JAX, where a step returns its weights.

    Args:
        networks: The networks of the model.
    """

    def __init__(self, networks: list[keras.Layer]) -> None:
        self._groups: list[list[Any]] = []
        by_shapes: dict[Any, list[Any]] = {}
        for one in networks:
            shapes = tuple(tuple(weight.shape) for weight in one.weights)
            if any(len(shape) > 1 for shape in shapes):
                by_shapes.setdefault(shapes, []).append(one)
        if keras.backend.backend() != "jax":
            self._groups = [group for group in by_shapes.values() if len(group) > 1]
        self._before: dict[int, list[Any]] = {}

    def note_start(self) -> None:
        """Keep the weights from before a step."""
        self._before = {
            id(one): [ops.copy(ops.stop_gradient(weight.value)) for weight in one.weights]
            for group in self._groups
            for one in group
        }

    def read(self, updated: set[int]) -> dict[tuple[str, str], float]:
        """Return what a step did to the networks, by quantity and name, before it is put back.

        Args:
            updated: The ids of the variables that an optimizer updated in the step.
        """
        found = {}
        for name, average, trained in self._pairs(updated):
            old, old_trained = self._before[id(average)], self._before[id(trained)]
            now, now_trained = ([one.value for one in net.weights] for net in (average, trained))
            moved = _distance(now_trained, old_trained)
            if not moved > 0:
                continue
            apart = max(_distance(old, old_trained), _distance(now, now_trained))
            found["averages/lag", name] = apart / moved
            found["averages/norm", name] = _distance(now, [0.0] * len(now))
            found["averages/untrained_copy", name] = float(
                _distance(old, old_trained) == 0 and _is_fresh(old)
            )
        self._before = {}
        return found

    def _pairs(self, updated: set[int]) -> list[_Pair]:
        pairs = []
        for group in self._groups:
            are_trained = {
                id(one): any(id(weight) in updated for weight in one.weights) for one in group
            }
            trained = [one for one in group if are_trained[id(one)]]
            if len(trained) == 1:
                pairs += [
                    _Pair(one.name, one, trained[0]) for one in group if not are_trained[id(one)]
                ]
        return pairs


def _distance(weights: list[Any], others: list[Any]) -> float:
    squares = [
        ops.sum(ops.square(ops.cast(ops.stop_gradient(one), "float32") - other))
        for one, other in zip(weights, others, strict=True)
        if keras.backend.is_float_dtype(keras.backend.standardize_dtype(one.dtype))
    ]
    return float(to_array(ops.sqrt(sum(squares)))) if squares else 0.0


def _is_fresh(weights: list[Any]) -> bool:
    """Return whether every vector among the weights is all 0 or all 1, as before any training."""
    vectors = [one for one in weights if len(one.shape) == 1]
    return bool(vectors) and all(
        bool(to_array(ops.all(one == 0)) or to_array(ops.all(one == 1))) for one in vectors
    )
