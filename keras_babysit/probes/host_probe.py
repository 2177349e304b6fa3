"""The host probe: what a step shows without a pass of our own through the network.

Compiling a probe, or running one uncompiled, can cost more than the budget of a short run. The
batch, the weights, how far a step moves them and the loss that Keras returns are there anyway, and
cost one read each, on the host. Of a large weight about `ENTRIES` entries are read.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_babysit.backends import backend, to_array
from keras_babysit.backends.protocol import Values
from keras_babysit.probes.update_ratio import ENTRIES
from keras_babysit.typing import Batch, Tensor


def read_on_host(names: list[Any], state: Values, batch: Batch) -> dict[tuple[str, str], Any]:
    """Return readings of a batch and of the weights, by quantity and target.

    Args:
        names: The names of the trainable variables, in their order.
        state: Values of the variables as `backend.state` returns them.
        batch: `(x, y, sample_weight)` with tensors or arrays.

    Returns:
        A dict `{(quantity, target): float}`; data that are not floating-point are omitted.
    """
    readings = {}
    for group, tensors in (("inputs", batch[0]), ("targets", batch[1])):
        for index, tensor in enumerate(keras.tree.flatten(tensors)):
            is_dense = tensor is not None and backend.is_dense(tensor)
            values = _to_float32(tensor) if is_dense else None
            if values is not None and values.dtype.kind == "f" and values.size:
                target = f"{group}[{index}]"
                readings[f"{group}/nonfinite", target] = float(np.sum(~np.isfinite(values)))
                readings[f"{group}/mean", target] = float(values.mean())
                readings[f"{group}/std", target] = float(values.std())
    for name, value, entries in zip(names, state[0], _read(state[0]), strict=True):
        fraction = entries.size / max(1, np.prod(value.shape))
        readings["weights/norm", name] = _norm(entries) / np.sqrt(fraction or 1.0)
    return readings


class HostUpdateRatio:
    """Computes what `UpdateRatio` computes, on the host."""

    def before(self, state: Values) -> list[np.ndarray]:
        """Return a copy of what the step is about to change."""
        return [np.array(value) for value in _read(state[0])]

    def after(self, before: list[np.ndarray], trained: list[Tensor]) -> np.ndarray:
        """Return the ratio and the fraction of unchanged entries, as `UpdateRatio.after` does."""
        pairs = list(zip(before, _read(trained), strict=True))
        with np.errstate(all="ignore"):
            ratios = [np.float64(_norm(new - old)) / _norm(old) for old, new in pairs]
        unchanged = [np.mean(old == new) for old, new in pairs]
        return np.array([ratios, unchanged], np.float64)


def first_loss(result: Any) -> float | None:
    """Return the loss of the first step of a run, None if there is none.

    Args:
        result: What Keras' train function returned.
    """
    logs = backend.logs(result)
    loss = logs.get("loss") if isinstance(logs, dict) else None
    return None if loss is None else float(to_array(loss))


def _read(values: Sequence[Tensor]) -> list[np.ndarray]:
    """Return weights on the host, and `ENTRIES` entries of the large ones."""
    large = [value for value in values if _is_large(value)]
    parts = iter(backend.subsample(large, ENTRIES))
    return [_to_float32(next(parts) if _is_large(value) else value) for value in values]


def _is_large(value: Tensor) -> bool:
    return bool(np.prod(value.shape) > ENTRIES)


def _to_float32(tensor: Tensor) -> np.ndarray:
    """Return an array; double precision is reduced as well, as a probe does it."""
    values = to_array(tensor)
    return values.astype("float32") if values.dtype.kind == "f" else values


def _norm(values: np.ndarray) -> float:
    with np.errstate(over="ignore"):
        norm = np.linalg.norm(values.ravel())
    if not np.isfinite(norm):  # a square may have overflowed
        norm = np.linalg.norm(values.ravel().astype("float64"))
    return float(norm)
