"""Aliases for what has no type of its own: Keras and the backends ship no type hints.

They say what is meant where a checker can only see `Any`, and stand in one place for the day when
Keras is typed.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

Tensor: TypeAlias = Any
"""A tensor or a variable's value of the backend in use."""

Shape: TypeAlias = tuple[int | None, ...]
"""The sizes of a tensor's axes; None where a size is not known."""

Nested: TypeAlias = Any
"""Tensors or arrays, alone or nested in tuples, lists and dictionaries."""

Batch: TypeAlias = Any
"""What one step trains on: `x`, `(x, y)` or `(x, y, sample_weight)`, nested as the data are."""

Logs: TypeAlias = Mapping[str, Any]
"""The numbers that Keras hands to a hook of a callback, by name."""

Probe: TypeAlias = Iterable[Any] | Callable[[], Iterable[Any]]
"""Examples to measure on: `(x, y)`, `(x, y, sample_weight)`, a dataset, or a callable that returns
a batch."""
