"""A look from outside: what a step shows without a pass of our own through the network.

To compile a probe, or to run one uncompiled, can take more than the budget grants a short run.
The batch, the weights, how far a step moves them and the loss that Keras returns are there anyway,
and cost one read of each, on the host; of a large weight about `ENTRIES` entries are read.
"""

import keras
import numpy as np

from keras_babysit.backends import backend
from keras_babysit.probes.update_ratio import ENTRIES


def look(names, state, batch):
    """Return readings of a batch and of the weights, by quantity and target.

    Args:
        names: The names of the trainable variables, in their order.
        state: Values of the variables as `backend.state` returns them.
        batch: `(x, y, sample_weight)` with tensors or arrays.
    """
    readings = {}
    for room, tensors in (("inputs", batch[0]), ("targets", batch[1])):
        for place, tensor in enumerate(keras.tree.flatten(tensors)):
            values = None if tensor is None else _on_host(tensor)
            if values is not None and values.dtype.kind == "f" and values.size:
                target = f"{room}[{place}]"
                bad = np.sum(~np.isfinite(values))
                readings[f"{room}/nonfinite", target] = float(bad)
                readings[f"{room}/mean", target] = float(values.mean())
                readings[f"{room}/std", target] = float(values.std())
    for name, value, some in zip(names, state[0], _read(state[0]), strict=True):
        share = some.size / max(1, np.prod(value.shape))
        readings["weights/norm", name] = _norm(some) / np.sqrt(share or 1.0)
    return readings


class HostUpdateRatio:
    """Computes what `UpdateRatio` computes, on the host."""

    def before(self, state):
        """Return a copy of what the step is about to change."""
        return [np.array(value) for value in _read(state[0])]

    def after(self, before, trained):
        """Return the ratio of each variable as an array; NaN where there is none."""
        with np.errstate(all="ignore"):
            ratios = [
                np.float64(_norm(new - old)) / _norm(old)
                for old, new in zip(before, _read(trained), strict=True)
            ]
        return np.array(ratios, np.float64)


def first_loss(result):
    """Return the loss of the first step of a run from what Keras' train function returned."""
    logs = backend.logs(result)
    loss = logs.get("loss") if isinstance(logs, dict) else None
    return None if loss is None else float(backend.to_numpy(loss))


def _read(values):
    """Return weights on the host, and of the large ones `ENTRIES` entries."""
    large = [value for value in values if _is_large(value)]
    parts = iter(backend.subsample(large, ENTRIES))
    return [_on_host(next(parts) if _is_large(value) else value) for value in values]


def _is_large(value):
    return np.prod(value.shape) > ENTRIES


def _on_host(tensor):
    values = np.asarray(backend.to_numpy(tensor))
    return values.astype("float32") if values.dtype.kind in "fV" else values


def _norm(values):
    with np.errstate(over="ignore"):
        norm = np.linalg.norm(values.ravel())
    if not np.isfinite(norm):  # a square may have overflowed
        norm = np.linalg.norm(values.ravel().astype("float64"))
    return float(norm)
