"""The dimensions of a search space, as plain data: a `Range` of numbers or a `Choice` of values.

Each range has an *axis* on which it is sampled uniformly, narrowed and plotted: the value itself,
its logarithm, or for `"reverse_log"` the logarithm of its distance from a point above the range.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SAMPLINGS = ("linear", "log", "reverse_log")

DIGITS = 12
"""Number of significant digits that a value keeps, so that 0.1 + 2 x 0.1 is 0.3."""


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`.

    `sampling="log"` samples `log(v)` uniformly. `"reverse_log"` samples `log(mirror - v)` uniformly
    with `mirror = low + high`, so that values are dense near the upper end. These are KerasTuner's
    formulas. With a `step`, the values are `low + k * step`, or `low * step**k` on a log axis.

    Args:
        name: Name of the hyperparameter.
        low: Smallest value.
        high: Largest value, inclusive. With a step, it becomes the last value that steps reach.
        step: Distance between values, or the factor between them on a log axis; None for no step.
        sampling: `"linear"`, `"log"` or `"reverse_log"`.
        is_int: Whether the values are integers.
        default: Value of the default model, which is built before the first trial; None for `low`.
        base: Value from which steps are counted, on a reverse-log axis its distance from `mirror`;
            None for `low`.
        mirror: See above; None for `low + high`.

    Raises:
        ValueError: If `low` is above `high`, `low` is not above 0 on a log axis, `step` is not
            above 0 (above 1 on a log axis), a number is not finite, or `sampling` is unknown.

    Example:
        >>> Range("units", 16, 128, step=2, sampling="log", is_int=True).values
        [16, 32, 64, 128]
    """

    name: str
    low: float
    high: float
    step: float | None = None
    sampling: str = "linear"
    is_int: bool = False
    default: Any = None
    base: float | None = None
    mirror: float | None = None

    def __post_init__(self) -> None:
        _check(self)
        if self.mirror is None:
            object.__setattr__(self, "mirror", self.low + self.high)
        if self.base is None:
            object.__setattr__(self, "base", self.low)  # of the mirrored axis, too
        if self.step is not None:
            ends = (self.value_at(index) for index in self.indices)
            low, high = sorted(ends)
            object.__setattr__(self, "low", low)
            object.__setattr__(self, "high", high)

    @property
    def default_value(self) -> Any:
        """Value of the default model: `default`, or else `low`."""
        return self.low if self.default is None else self.default

    @property
    def kind(self) -> tuple[Any, ...]:
        """The properties that stay the same when the ends of the range change."""
        return self.name, self.step, self.sampling, self.is_int, self.base, self.mirror

    @property
    def is_log(self) -> bool:
        """Whether the axis is logarithmic."""
        return self.sampling != "linear"

    @property
    def inner(self) -> tuple[float, float]:
        """The ends of `v`, or of `mirror - v` on a reverse-log axis."""
        if self.sampling == "reverse_log":
            return self._mirrored(self.high), self._mirrored(self.low)
        return self.low, self.high

    @property
    def indices(self) -> tuple[int, int]:
        """The first and last `k` of a range with steps."""
        low, high = self.inner
        first = math.ceil(self._index(low) - self._slack(low))
        return first, math.floor(self._index(high) + self._slack(high))

    @property
    def values(self) -> list[Any] | None:
        """All values in ascending order; None if there are infinitely many."""
        if self.step is not None:
            first, last = self.indices
            return sorted(self.value_at(index) for index in range(first, last + 1))
        return list(range(int(self.low), int(self.high) + 1)) if self.is_int else None

    @property
    def axis(self) -> tuple[float, float]:
        """Positions of both ends on the axis."""
        return self.to_axis(self.low), self.to_axis(self.high)

    @property
    def width(self) -> float:
        """Length of the range on its axis."""
        low, high = self.axis
        return high - low

    def to_axis(self, value: float) -> float:
        """Return the position of `value` on the axis. It increases with the value."""
        if self.sampling == "log":
            return math.log(value)
        return -math.log(self._mirrored(value)) if self.sampling == "reverse_log" else value

    def from_axis(self, position: float) -> float:
        """Return the number at `position`, which need not be one of the range's values."""
        if self.sampling == "log":
            return math.exp(position)
        return self._mirrored(math.exp(-position)) if self.sampling == "reverse_log" else position

    def value_at(self, index: int) -> Any:
        """Return the value that is `index` steps away from `base`."""
        base, step = _known(self.base), _known(self.step)
        inner = base * step**index if self.is_log else base + index * step
        return self.tidy(self._mirrored(inner) if self.sampling == "reverse_log" else inner)

    def index_of(self, value: float) -> int:
        """Return the number of steps between `base` and `value`."""
        return round(self._index(self._mirrored(value)))

    def tidy(self, value: float) -> Any:
        """Return `value` as an integer, or without rounding noise."""
        return round(value) if self.is_int else float(f"{value:.{DIGITS}g}")

    def between(self, low: float, high: float) -> Range:
        """Return the same range from `low` to `high`, extended to the nearest values with a step.

        Args:
            low: New smallest value.
            high: New largest value. Steps are counted from the same base as before.
        """
        if self.is_int:
            low, high = math.floor(low + 1e-9), math.ceil(high - 1e-9)
        if self.step is not None:
            first, last = sorted(self._mirrored(end) for end in (low, high))
            outer = (
                math.floor(self._index(first) + self._slack(first)),
                math.ceil(self._index(last) - self._slack(last)),
            )
            low, high = sorted(self.value_at(index) for index in outer)
        low, high = self.tidy(low), self.tidy(high)
        return dataclasses.replace(self, low=low, high=high, default=None)

    def _index(self, inner: float) -> float:
        base, step = _known(self.base), _known(self.step)
        return math.log(inner / base, step) if self.is_log else (inner - base) / step

    def _slack(self, inner: float) -> float:
        """Return how far the index of a value may be from an integer because of `tidy`'s rounding.

        Near the mirror this is much, since values are closer together there than their digits.
        """
        rounding = 10.0 ** (1 - DIGITS) * max(abs(self.low), abs(self.high))
        step = _known(self.step)
        steps = rounding / (inner * math.log(step)) if self.is_log else rounding / step
        return min(1e-8 + steps, 0.49)

    def _mirrored(self, value: float) -> float:
        return _known(self.mirror) - value if self.sampling == "reverse_log" else value

    def code(self) -> str:
        """Return the range as a line of a build function."""
        kind = "Int" if self.is_int else "Float"
        step = "" if self.step is None else f", step={self.step:g}"
        sampling = "" if self.sampling == "linear" else f', sampling="{self.sampling}"'
        return f'hp.{kind}("{self.name}", {self.low:.4g}, {self.high:.4g}{step}{sampling})'


@dataclass(frozen=True)
class Choice:
    """One of several values.

    Args:
        name: Name of the hyperparameter.
        values: The values: numbers, strings, booleans or None.
        default: Value of the default model. None means None if that is one of the values, and the
            first value otherwise.

    Raises:
        ValueError: If there are no values.
    """

    name: str
    values: tuple[Any, ...]
    default: Any = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        if not self.values:
            raise ValueError(
                "Argument `values` must hold at least one value. "
                f"Received: hp.Choice({self.name!r}, [])"
            )

    @property
    def default_value(self) -> Any:
        """Value of the default model, which is built before the first trial."""
        return self.values[0] if self.default is None and None not in self.values else self.default


Dimension = Range | Choice


def to_json(dimension: Dimension) -> dict[str, Any]:
    """Return a dimension as a JSON object."""
    return dataclasses.asdict(dimension)


def from_json(record: Mapping[str, Any]) -> Dimension:
    """Return the dimension that `to_json` converted."""
    return Choice(**record) if "values" in record else Range(**record)


def _check(one: Range) -> None:
    kind = "Int" if one.is_int else "Float"
    received = f"Received: hp.{kind}({one.name!r}, min_value={one.low}, max_value={one.high}"
    if not all(math.isfinite(v) for v in (one.low, one.high, one.step or 0)):
        raise ValueError(f"A range must have finite ends. {received})")
    if one.low > one.high:
        raise ValueError(f"`min_value <= max_value` must hold. {received}). Swap them.")
    if one.sampling not in SAMPLINGS:
        raise ValueError(
            f"Argument `sampling` must be one of {SAMPLINGS}. {received}, "
            f"sampling={one.sampling!r})"
        )
    if one.is_log and one.low <= 0:
        raise ValueError(
            f"With sampling={one.sampling!r}, `min_value` must be above 0, because log(0) is "
            f"infinite. {received}). Start at a small number, such as {_small(one.high)}."
        )
    least = 1 if one.is_log else 0
    if one.step is not None and one.step <= least:
        raise ValueError(
            f"With sampling={one.sampling!r}, `step` must be above {least}. {received}, "
            f"step={one.step})"
        )


def _small(high: float) -> str:
    return f"{1e-3 * high:.0e}" if high > 0 else "1e-4"


def _known(number: float | None) -> float:
    assert number is not None  # __post_init__ has filled it in
    return number
