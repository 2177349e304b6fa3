"""The base class of layers that compute their state from data before training."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Self

import keras
import numpy as np

from keras_babysit.layers._batches import batches, to_numpy
from keras_babysit.typing import Shape


class Adapted(keras.layers.Layer):
    """Base class of layers with `adapt`.

    Statistics are computed in float64 on the host and stored in the layer's weights. The weights
    are NaN until the layer is adapted, so that a missing `adapt` is noticed at once.

    A subclass implements `_state_shape`, `_examples`, `_new_statistics` and `_solve`.
    """

    def __init__(self, **kwargs: Any) -> None:
        # No autocast: integers and floats keep their precision until the mean is subtracted.
        super().__init__(autocast=False, **kwargs)
        self._statistics: Any = None

    @property
    def statistics(self) -> Any:
        """Statistics from `adapt`; None before it and after loading.

        They can be pickled and passed to `merge` of another layer. They are not saved with the
        layer.
        """
        return self._statistics

    def adapt(self, data: Any, *, steps: int | None = None) -> Self:
        """Compute the layer's state from `data`. An earlier `adapt` is forgotten.

        Args:
            data: An array or tensor of examples, or batches of them: a `tf.data.Dataset`,
                a `keras.utils.PyDataset`, a PyTorch `DataLoader`, a generator or a list. If
                batches are `(x, y)`, `x` is used. The data is read once.
            steps: Number of batches to read; None for all.

        Returns:
            The layer.

        Raises:
            ValueError: If `data` is empty, contains NaN or infinity, is infinite while `steps` is
                None, has another shape than the layer was built for, or statistics that do not fit
                into the weights.
        """
        arrays = map(to_numpy, batches(data, steps=steps))
        first = next(arrays, None)
        if first is None:
            raise ValueError("Argument `data` must hold at least one example. Received: no data")
        state_shape = self._built_state_shape if self.built else self._state_shape(first.shape)
        checked = (self._checked(a, state_shape) for a in itertools.chain([first], arrays))
        statistics = self._measure(self._examples(checked, first.shape))
        if not statistics.count:
            raise ValueError("Argument `data` must hold at least one example. Received: no data")
        self._statistics = statistics
        self._load_state((None, *first.shape[1:]))
        return self

    def merge(self, *statistics: Any) -> Self:
        """Add the statistics of other layers, as if this layer had been adapted to all data.

        Args:
            *statistics: `statistics` of layers with the same configuration, adapted to other parts
                of the data.

        Returns:
            The layer.

        Raises:
            ValueError: If this layer has not been adapted.
        """
        if self._statistics is None:
            raise ValueError(
                "The layer must be adapted before statistics are merged into it. Call `adapt` "
                "first."
            )
        for other in statistics:
            self._statistics.merge(other)
        self._load_state()
        return self

    def _checked(self, array: np.ndarray, state_shape: Shape) -> np.ndarray:
        if self._state_shape(array.shape) != state_shape:
            raise ValueError(
                "Argument `data` must have the sizes that the layer was built for along the axes "
                f"with separate statistics: {state_shape}. Received: shape={array.shape}"
            )
        return array

    def _measure(self, examples: Iterable[np.ndarray]) -> Any:
        statistics = self._new_statistics()
        for block in examples:
            if not len(block):
                continue
            with np.errstate(invalid="ignore", over="ignore"):  # reported below or by `_load_state`
                statistics.update(block)
            if not np.isfinite(statistics.mean).all():
                raise ValueError(
                    "Argument `data` must be finite. Received: data with NaN or infinity. Remove "
                    "or fill those examples first."
                )
        return statistics

    def _load_state(self, input_shape: Shape | None = None) -> None:
        with np.errstate(invalid="ignore", over="ignore"):
            state = self._solve(self._statistics)
        if not all(np.isfinite(value.astype(self._state_dtype)).all() for value in state.values()):
            raise ValueError(
                f"Argument `data` must have statistics within the range of {self._state_dtype}. "
                "Received: larger numbers. Scale the data first."
            )
        if not self.built:
            self.build(input_shape)
        for name, value in state.items():
            weight = getattr(self, name)
            weight.assign(value.reshape(weight.shape))

    def _add_state(self, name: str, shape: tuple[int, ...]) -> keras.Variable:
        """Add a non-trainable weight that `adapt` sets, in float32 or better."""
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=keras.initializers.Constant(np.nan),
            dtype=self._state_dtype,
            trainable=False,
            autocast=False,
        )

    @property
    def _state_dtype(self) -> str:
        return str(keras.backend.result_type(self.variable_dtype, "float32"))

    def _state_shape(self, shape: Shape) -> Shape:
        """Return the sizes of the axes that have separate statistics, given an input shape."""
        raise NotImplementedError

    def _examples(
        self, arrays: Iterable[np.ndarray], shape: tuple[int, ...]
    ) -> Iterator[np.ndarray]:
        """Yield the examples of `arrays`, the first of which has `shape`, in blocks of rows."""
        raise NotImplementedError

    def _new_statistics(self) -> Any:
        """Return empty statistics."""
        raise NotImplementedError

    def _solve(self, statistics: Any) -> dict[str, np.ndarray]:
        """Return the value of each weight by name."""
        raise NotImplementedError

    def _build_state_shape(self, input_shape: Shape) -> tuple[int, ...]:
        """Return `_state_shape`, and raise a ValueError if one of its sizes is unknown."""
        shape = self._state_shape(input_shape)
        known = tuple(size for size in shape if size is not None)
        if len(known) < len(shape):
            raise ValueError(
                "The inputs must have a known size along each axis with separate statistics. "
                f"Received: input_shape={input_shape}"
            )
        self._built_state_shape = known
        return known
