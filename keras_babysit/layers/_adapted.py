"""What the layers share that learn their state from data before training."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Self

import keras
import numpy as np

from keras_babysit.layers._batches import batches, to_numpy


class Adapted(keras.layers.Layer):
    """Base of layers with `adapt`: statistics in float64 on the host, weights in the model.

    Until the layer is adapted its weights are NaN, so that one that never was is seen at once.
    A subclass says how examples are cut for its statistics (`_examples`), which statistics those
    are (`_new_statistics`) and what they make of its weights (`_set_weights`).
    """

    def __init__(self, **kwargs: Any) -> None:
        # Integers keep their range and floats their precision until the mean is subtracted.
        super().__init__(autocast=False, **kwargs)
        self._statistics: Any = None

    @property
    def statistics(self) -> Any:
        """What `adapt` measured; None before it and after loading.

        It can be pickled and given to another layer's `merge`. It is not saved with the layer.
        """
        return self._statistics

    def adapt(self, data: Any, *, steps: int | None = None) -> Self:
        """Measure `data` and set the layer's state from it, forgetting what it was adapted to.

        Args:
            data: An array or tensor of examples, or batches of them: a `tf.data.Dataset`,
                a `keras.utils.PyDataset`, a PyTorch `DataLoader`, a generator or a list. Of
                batches of `(x, y)` the `x` is used. It is read once.
            steps: Number of batches to read; None for all.

        Returns:
            The layer.

        Raises:
            ValueError: If `data` is empty, holds NaN or infinity, never ends while `steps` is
                None, or has another shape than the layer was built for.
        """
        arrays = map(to_numpy, batches(data, steps=steps))
        first = next(arrays, None)
        if first is None:
            raise ValueError("Argument `data` must hold at least one example. Received: none")
        kept_shape = self._kept_shape if self.built else self._kept(first.shape)
        arrays = (self._checked(a, kept_shape) for a in itertools.chain([first], arrays))
        statistics = self._measure(self._examples(arrays, first.shape))
        if not statistics.count:
            raise ValueError("Argument `data` must hold at least one example. Received: none")
        self._statistics = statistics
        self._load_state((None, *first.shape[1:]))
        return self

    def merge(self, *statistics: Any) -> Self:
        """Add what other layers measured, as if this one had been adapted to all of the data.

        Args:
            *statistics: `statistics` of layers of the same kind, adapted to other shards.

        Returns:
            The layer.

        Raises:
            ValueError: If this layer has no statistics itself.
        """
        if self._statistics is None:
            raise ValueError("A layer must be adapted before statistics can be merged into it.")
        for other in statistics:
            self._statistics.merge(other)
        self._load_state()
        return self

    def _checked(self, array: np.ndarray, kept_shape: tuple[int, ...]) -> np.ndarray:
        if self._kept(array.shape) != kept_shape:
            raise ValueError(
                f"The data must have shape {kept_shape} along the axes that the layer keeps apart. "
                f"Received: shape={array.shape}"
            )
        return array

    def _measure(self, examples: Iterable[np.ndarray]) -> Any:
        statistics = self._new_statistics()
        for block in examples:
            if not len(block):
                continue
            with np.errstate(invalid="ignore"):  # infinity less infinity, reported below
                statistics.update(block)
            if not np.isfinite(statistics.mean).all():
                raise ValueError(
                    "Argument `data` must be finite, but holds NaN or infinity. Remove or fill "
                    "those examples first."
                )
        return statistics

    def _load_state(self, input_shape: tuple[int | None, ...] | None = None) -> None:
        state = self._solve(self._statistics)
        if not self.built:
            self.build(input_shape)
        for name, value in state.items():
            weight = getattr(self, name)
            weight.assign(value.reshape(weight.shape))

    def _add_state(self, name: str, shape: tuple[int, ...]) -> keras.Variable:
        """Add a weight that only `adapt` changes, in float32 whatever the compute dtype is."""
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
        return keras.backend.result_type(self.variable_dtype, "float32")

    def _kept(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the sizes of the axes that have state of their own."""
        raise NotImplementedError

    def _examples(
        self, arrays: Iterable[np.ndarray], shape: tuple[int, ...]
    ) -> Iterator[np.ndarray]:
        """Yield `arrays`, whose first has `shape`, in blocks of the statistics' examples."""
        raise NotImplementedError

    def _new_statistics(self) -> Any:
        """Return statistics of no example."""
        raise NotImplementedError

    def _solve(self, statistics: Any) -> dict[str, np.ndarray]:
        """Return the value of each weight; settle what about their shapes follows from the data."""
        raise NotImplementedError

    def _build_kept(self, input_shape: tuple[int | None, ...]) -> tuple[int, ...]:
        """Return `_kept`, or raise STYLE.md's ValueError where a size is unknown."""
        self._kept_shape = self._kept(input_shape)
        if None in self._kept_shape:
            raise ValueError(
                "The inputs must have a known size along each axis that has state of its own. "
                f"Received: input_shape={input_shape}"
            )
        return self._kept_shape
