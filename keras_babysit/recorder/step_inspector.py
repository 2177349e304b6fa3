"""One step, looked at from values of its own: its data, layers, loss and gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from keras_babysit.backends import backend, to_array
from keras_babysit.backends.protocol import Values
from keras_babysit.probes import taps
from keras_babysit.probes.probe import compute_loss, stateless
from keras_babysit.recorder.vitals import nonfinite_indices
from keras_babysit.samples import batches
from keras_babysit.typing import Tensor

if TYPE_CHECKING:
    from keras_babysit.recorder.ring import KeptStep

BATCH_PARTS = ("inputs", "targets", "sample_weight")
"""The parts of a batch, by name."""


@dataclass(frozen=True)
class LayerReading:
    """One output of one layer on the host.

    Args:
        target: Name of the layer, as taps give it.
        dtype: Type of the output.
        largest: Per example, the largest magnitude in the output.
        is_bad: Whether the output holds NaN or infinity.
        entries: How many entries are not finite.
        has_infinity: Whether some of them are infinite.
        largest_input: As `largest`, of the first input; None where that is no float.
        is_input_bad: Whether that input holds NaN or infinity.
    """

    target: str
    dtype: str
    largest: np.ndarray
    is_bad: bool
    entries: int
    has_infinity: bool
    largest_input: np.ndarray | None
    is_input_bad: bool


class StepInspector:
    """Looks into one step of a model in `fit`; nothing of the model changes.

    It runs operation by operation, not as the compiled step did.

    Args:
        model: The model.
        kept: A `KeptStep` of one batch.
        values: Values of the variables before it.
        rows: Slice of the examples to look at, None for all.

    Attributes:
        size: Number of examples.
    """

    def __init__(
        self,
        model: Any,
        kept: KeptStep,
        values: Values,
        rows: Any = None,
    ) -> None:
        self.model, self.kept, self.values = model, kept, values
        batch = keras.utils.unpack_x_y_sample_weight(kept.batches[0])
        self.batch = batch if rows is None else batches.take(batch, rows)
        self.size = batches.size(self.batch[0])

    def first_alone(self, is_bad: Callable[[StepInspector], Any]) -> int | None:
        """Return the first example that is bad by itself.

        Rows of what a layer gives need not be the examples, and a batch norm or a sum over the
        batch spoils the rows of others: so candidates are looked at alone.

        Args:
            is_bad: Returns whether a `StepInspector` of some of the examples finds them bad.

        Returns:
            Its index in the batch; None if none is, or if the model takes no smaller batches.
        """

        def is_part_bad(rows: Any) -> bool:
            return bool(is_bad(StepInspector(self.model, self.kept, self.values, rows)))

        try:
            return first_alone(self.size, is_part_bad)
        except Exception:  # a model that takes batches of one size only
            return None

    def data(self) -> dict[str, np.ndarray]:
        """Return the arrays of the batch by name."""
        return {
            f"{group}[{index}]": to_array(leaf)
            for group, tensors in zip(BATCH_PARTS, self.batch, strict=True)
            for index, leaf in enumerate(keras.tree.flatten(tensors))
            if leaf is not None
        }

    def largest_input(self) -> Any:
        """Return the largest entry of each example over all inputs, None if none is a number."""
        found = [array for name, array in self.data().items() if name.startswith(BATCH_PARTS[0])]
        found = [_largest_of(array) for array in found if array.dtype.kind in "fiu"]
        return np.max(found, axis=0) if found else None

    def readings(self) -> list[LayerReading]:
        """Return a `LayerReading` of each output of each layer, in the order of the calls."""
        try:
            return self._readings_of(taps.leaves(self.model))
        except Exception:  # layers inside of others may not be called by themselves
            return self._readings_of(taps.outermost(self.model))

    def _readings_of(self, layers: list[Any]) -> list[LayerReading]:
        readings = []

        def record(call: Any) -> None:
            y = to_array(call.y)
            if y.dtype.kind != "f":
                return
            x = None if call.x is None else to_array(call.x)
            x = None if x is None or x.dtype.kind != "f" else x
            readings.append(
                LayerReading(
                    target=call.target,
                    dtype=keras.backend.standardize_dtype(call.y.dtype),
                    largest=_largest_of(y),
                    is_bad=not np.isfinite(y).all(),
                    entries=int(np.sum(~np.isfinite(y))),
                    has_infinity=bool(np.isinf(y).any()),
                    largest_input=None if x is None else _largest_of(x),
                    is_input_bad=x is not None and not np.isfinite(x).all(),
                )
            )

        with self._scope(self.values), taps.tapped(layers, taps.names(layers), record):
            self.model(self.batch[0], training=True)
        return readings

    def loss(self) -> tuple[float, float, Any]:
        """Return the loss, the penalties in it and what the model predicts."""
        x, y, weight = self.batch
        with self._scope(self.values):
            y_pred = self.model(x, training=True)
            penalty = sum((float(to_array(one)) for one in self.model.losses), 0.0)
            loss = compute_loss(self.model, x, y, y_pred, weight, training=True)
        return float(to_array(loss)), penalty, y_pred

    def bad_gradients(self) -> set[int]:
        """Return the indices of the trainable weights whose gradients are not finite."""
        x, y, weight = self.batch

        def loss_of(trainable: Sequence[Tensor]) -> Any:
            with self._scope((trainable, *self.values[1:])):
                y_pred = self.model(x, training=True)
                loss = compute_loss(self.model, x, y, y_pred, weight, training=True)
            return ops.cast(loss, "float32"), ()

        trainable = [ops.convert_to_tensor(value) for value in self.values[0]]
        _, gradients = backend.value_and_grad(loss_of, trainable)
        return nonfinite_indices(gradients)

    def _scope(
        self,
        values: Values,
    ) -> AbstractContextManager[Any]:
        if self.kept.random is not None:
            backend.set_random_state(self.kept.random)
        trainable, other = (
            [ops.convert_to_tensor(value) for value in group] for group in values[:2]
        )
        scope: AbstractContextManager[Any] = stateless(self.model, trainable, other)
        return scope


def first_alone(size: int, is_bad: Callable[[slice], Any]) -> int | None:
    """Return the first example that is bad by itself, by bisection; None if none is.

    Args:
        size: Number of examples.
        is_bad: Returns whether a slice of them is bad.

    Example:
        >>> first_alone(16, lambda rows: rows.start <= 5 < rows.stop)
        5
        >>> first_alone(16, lambda rows: rows.stop - rows.start == 16) is None
        True
    """
    start, stop = 0, size
    while stop - start > 1:
        middle = (start + stop) // 2
        if is_bad(slice(start, middle)):
            stop = middle
        elif is_bad(slice(middle, stop)):
            start = middle
        else:
            return None
    return start if size and is_bad(slice(start, start + 1)) else None


def _largest_of(array: Any) -> np.ndarray:
    with np.errstate(all="ignore"):
        sizes: np.ndarray = np.abs(array.astype("float64"))
        if sizes.ndim == 0 or not sizes.size:
            return sizes.reshape(-1)
        return np.asarray(sizes.reshape(len(sizes), -1).max(axis=1))
