"""Readings: what a probe measured, packed into one vector so that one read copies it to the host.

Inside the graph a reading is a scalar or a vector with a fixed number of entries. `Readings`
keeps the tensors and the layout, which says which entry of the vector is what.
"""

import math
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from keras_babysit.backends import backend
from keras_babysit.backends.untouched import untouched_state

MERGED = {
    "activations/gate_max": np.max,
    "activations/gate": np.mean,
    "activations/piece_share": np.mean,
    "activations/saturated_low": np.mean,
    "activations/saturated_high": np.mean,
}
"""How the readings of a unit over several calls of its layer are merged: a unit that one of them
opens is not dead."""


@dataclass(frozen=True)
class Slot:
    """Name and shape of one reading in the packed vector; `shape` is `()` for a scalar."""

    quantity: str
    target: str
    shape: tuple[int, ...]


class Readings:
    """Collects named tensors while a pass is traced.

    `layout` is known as soon as the trace is done, and is the same for batches of every size.
    """

    def __init__(self):
        self.layout: list[Slot] = []
        self._tensors = []
        self._rest = None

    def add(self, quantity, target, tensor):
        """Add one reading; a tensor of unknown shape is omitted."""
        shape = tuple(tensor.shape)
        if any(size is None for size in shape):
            return
        self.layout.append(Slot(quantity, target, shape))
        self._tensors.append(_flat(tensor))

    def add_rest(self, quantity, target, tensor):
        """Add the one reading that has a row per example, `(batch_size, columns)`."""
        self._rest = (Slot(quantity, target, (-1, tensor.shape[1])), _flat(tensor))

    def extend(self, layout, packed):
        """Add readings that were packed elsewhere."""
        self.layout += layout
        self._tensors.append(packed)

    def pack(self):
        """Return all readings as one float32 vector."""
        if self._rest is not None:
            slot, tensor = self._rest
            self.layout.append(slot)
            self._tensors.append(tensor)
        if not self._tensors:
            return ops.zeros((0,), "float32")
        return ops.concatenate(self._tensors)


class Pass:
    """A pure function of the variables and a batch, run as one graph with one read at its end.

    Args:
        model: The model that goes with it: what its layers hold is left as it was.
        function: Called while traced as `function(readings, trainable, other, scale, batch)`; adds
            what it measures to `readings`.
        is_compiled: Whether to compile it.
    """

    def __init__(self, model, function, *, is_compiled):
        self._model = model
        self._function = function
        self._is_compiled = is_compiled
        self._graphs = {}  # by which leaves of a batch are not None

    def __call__(self, state, batch, *, scale=1.0):
        """Return the readings by quantity and target, as numpy arrays."""
        with untouched_state(self._model):
            return self.run(state, batch, scale=scale)

    def run(self, state, batch, *, scale=1.0):
        """Return the same inside of `untouched_state`, which several runs then share."""
        flat = keras.tree.flatten(batch)
        present = tuple(leaf is not None for leaf in flat)
        trainable, other, _ = state
        data = [leaf for leaf in flat if leaf is not None]
        arguments = (trainable, other, np.float32(scale), data)
        if present not in self._graphs:
            self._graphs[present] = self._make(batch, present, arguments)
        graph, layout = self._graphs[present]
        return merge_calls(unpack(layout, backend.to_numpy(graph(*arguments))).items())

    def _make(self, batch, present, arguments):
        layout = []

        def run(trainable, other, scale, data):
            waiting = iter(_tensors(data))
            leaves = [next(waiting) if is_there else None for is_there in present]
            readings = Readings()
            whole = keras.tree.pack_sequence_as(batch, leaves)
            self._function(readings, trainable, other, scale, whole)
            packed = readings.pack()
            layout[:] = readings.layout
            return packed

        if self._is_compiled:
            return backend.compile(run, *arguments, varies=(3,)), layout
        return run, layout


def _tensors(leaves):
    """Return what `fit` hands on: tensors, as losses and metrics of the user's may need.

    An array in double precision stays one: as a tensor it would meet those of `floatx`. Beside
    strings all arrays stay: Keras refuses inputs of which some are tensors.
    """
    arrays = [leaf for leaf in leaves if isinstance(leaf, np.ndarray)]
    if any(array.dtype.kind not in "fiub" for array in arrays):
        return leaves
    return [
        ops.convert_to_tensor(leaf)
        if isinstance(leaf, np.ndarray) and leaf.dtype != np.float64
        else leaf
        for leaf in leaves
    ]


@backend.shared
def nonfinite(tensor):
    """Return how many entries of a floating-point tensor are NaN or infinite."""
    return ops.sum(ops.cast(ops.logical_not(ops.isfinite(tensor)), "float32"))


def moments(tensor, axes):
    """Return mean and variance of a float32 tensor over `axes`.

    In two passes: the difference of the squares, which `keras.ops.moments` takes on PyTorch, is
    lost in the rounding where the mean is large.
    """
    mean = ops.mean(tensor, axis=axes, keepdims=True)
    variance = ops.mean(ops.square(tensor - mean), axis=axes)
    return ops.mean(mean, axis=axes), variance


@backend.shared
def norm(tensor):
    """Return the Euclidean norm in float32; not finite exactly if an entry is not.

    The tensor is scaled by its largest entry first: the squares of a float16 or of a diverging
    float32 would overflow long before the norm does.
    """
    tensor = ops.cast(tensor, "float32")
    largest = ops.maximum(ops.max(tensor), -ops.min(tensor))
    # An infinite entry gives inf / inf, which is NaN. Not times the inverse: of a gradient that is
    # known to be 0 XLA squares the inverse first, and 0 times infinity is NaN.
    scaled = tensor / (largest + 1e-30)
    return largest * ops.sqrt(ops.sum(ops.square(scaled)))


def _flat(tensor):
    return ops.reshape(ops.cast(tensor, "float32"), (-1,))


def unpack(layout, packed):
    """Return readings by quantity and target, from the vector that `Readings.pack` returned."""
    found = {}
    start = 0
    for slot in layout:
        size = len(packed) - start if -1 in slot.shape else math.prod(slot.shape)
        found[slot.quantity, slot.target] = packed[start : start + size].reshape(slot.shape)
        start += size
    return found


def merge_calls(readings):
    """Return readings of which those of a unit are merged over the calls of its layer.

    Args:
        readings: Pairs `((quantity, target), value)`. The second call of `"dense"` has the target
            `"dense#2"`. There may be several of one target.

    Example:
        >>> gates = "activations/gate_max"
        >>> merge_calls([((gates, "dense"), [0.0, 1.0]), ((gates, "dense#2"), [1.0, 0.0])])
        {('activations/gate_max', 'dense'): array([1., 1.])}
    """
    found, apart = {}, {}
    for (quantity, target), value in readings:
        if quantity in MERGED:
            layer, _, number = target.rpartition("#")
            apart.setdefault((quantity, layer if number.isdigit() else target), []).append(value)
        else:
            found[quantity, target] = value
    return found | {key: MERGED[key[0]](values, axis=0) for key, values in apart.items()}
