"""What the probes recorded: an append-only record with bounded memory.

A `History` is all that a rule sees. It knows neither Keras nor a backend, and goes to JSON lines
and back, so that a run recorded on one machine is judged on another.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_babysit import markup, quantities
from keras_babysit.facts import LayerFacts, RunFacts

FORMAT_VERSION = 2
"""Version of the JSON lines, raised when a reader of the old ones would misread the new ones."""

Value = float | NDArray[np.float32]
"""A number for a layer, or a vector with one number per unit."""

MAX_SHOWN = 12
"""Quantities that a notebook shows without a click."""

_UNKNOWN_LAYER = LayerFacts()


@dataclass(frozen=True, slots=True)
class Measurement:
    """One quantity of one target at one step.

    Args:
        step: Optimizer steps done when it was measured; 0 is before the first.
        epoch: Epoch it belongs to, counted from 0.
        quantity: What was measured, as `"group/what"`, e.g. `"activations/std"`; one of those that
            `quantities` defines.
        target: Of what: the path of a layer or weight, `"train"`, `"validation"`, or `""` for
            the whole model.
        value: A float, or a vector with one entry per unit.
    """

    step: int
    epoch: int
    quantity: str
    target: str
    value: Value

    def to_json(self) -> dict[str, Any]:
        """Return the measurement as a JSON object; what is not finite becomes a string."""
        return {
            "type": "measurement",
            "step": self.step,
            "epoch": self.epoch,
            "quantity": self.quantity,
            "target": self.target,
            "value": to_jsonable(self.value),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Measurement:
        """Return the measurement that `to_json` made `record` of."""
        value = record["value"]
        if isinstance(value, list):
            value = np.array([float(entry) for entry in value], np.float32)
        else:
            value = float(value)
        return cls(
            int(record["step"]),
            int(record["epoch"]),
            str(record["quantity"]),
            str(record["target"]),
            value,
        )


Listener = Callable[[Sequence[Measurement]], None]
"""What a history calls with the measurements that were added."""


@dataclass(frozen=True, slots=True)
class Series:
    """The points of one quantity of one target, oldest first.

    Args:
        steps: Step of each point, shape `(points,)`.
        epochs: Epoch of each point, shape `(points,)`.
        values: Shape `(points,)`, or `(points, units)` for a quantity per unit.
    """

    steps: NDArray[np.int64]
    epochs: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps)

    def tail(self, points: int) -> Series:
        """Return the latest `points` points, or all if there are fewer."""
        return Series(self.steps[-points:], self.epochs[-points:], self.values[-points:])


class History:
    """Append-only record of `Measurement`s with bounded memory.

    Each pair of quantity and target keeps at most `max_points` numbers, or `max_vectors` vectors.
    When they are full every second point of the older half is dropped: the first point and the
    recent ones stay, and the distance between old points grows. Memory is therefore
    `O(targets x kept points)` whatever the number of steps.

    Every method that takes the name of a quantity refuses one that is neither defined, see
    `quantities`, nor held by this history as part of a recording.

    Args:
        max_points: Kept points of a quantity that is one number, at least 8.
        max_vectors: Kept points of a quantity that is a vector per unit, at least 8.

    Attributes:
        facts: What is known of the run and does not change from step to step, a `RunFacts`. It is
            replaced as more becomes known (see `note`).
        step: Latest step that was measured; 0 if none was.
        epoch: Latest epoch that was measured; 0 if none was.

    Raises:
        ValueError: If `max_points` or `max_vectors` is below 8.

    Example:
        >>> history = History()
        >>> history.append(Measurement(0, 0, "loss/batch", "", 2.3))
        >>> history.last("loss/batch")
        2.3
    """

    def __init__(self, *, max_points: int = 1024, max_vectors: int = 16) -> None:
        for name, value in (("max_points", max_points), ("max_vectors", max_vectors)):
            if value < 8:
                raise ValueError(f"Argument `{name}` must be at least 8. Received: {name}={value}")
        self.max_points = max_points
        self.max_vectors = max_vectors
        self.facts = RunFacts()
        self.step = 0
        self.epoch = 0
        self._series: dict[str, dict[str, list[Measurement]]] = {}
        self._arrays: dict[tuple[str, str], Series] = {}  # of series that were read since
        self._listeners: list[Listener] = []

    def append(self, measurement: Measurement) -> None:
        """Add one measurement; thins the older ones of its series when that is full.

        Raises:
            UnknownQuantityError: If its quantity is not defined; nothing is added then.
        """
        self.extend([measurement])

    def extend(self, measurements: Iterable[Measurement]) -> None:
        """Add several measurements in their order, then call the listeners once with all of them.

        Raises:
            UnknownQuantityError: If a quantity is not defined; nothing is added then.
        """
        added = list(measurements)
        for measurement in added:
            if measurement.quantity not in self._series:
                quantities.get(measurement.quantity)
        self.restore(added)

    def restore(self, measurements: Iterable[Measurement]) -> None:
        """Add measurements of a recording, also of quantities that are not defined here.

        A third party's quantity may be defined only in the process that wrote the recording, and
        one of another version nowhere. Such a name can be read from this history as any other.
        """
        added = list(measurements)
        for measurement in added:
            self._store(measurement)
        if added:
            for listener in self._listeners:
                listener(added)

    def listen(self, function: Listener) -> None:
        """Call a function with all measurements that come from now on.

        It is called once after each `append`, with a list of one, and once after each `extend` or
        `restore` of at least one measurement, when they are stored. What it raises goes to
        whoever appended: the measurements are stored then, and later listeners are not called.
        Listeners are part neither of a copy or pickle of the history nor of its JSON lines.

        Args:
            function: Called as `function(measurements)`; it must not change the list.

        Example:
            >>> history = History()
            >>> history.listen(lambda measurements: print(len(measurements), "measured"))
            >>> history.append(Measurement(0, 0, "loss/batch", "", 2.3))
            1 measured
        """
        self._listeners.append(function)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_listeners": []}

    def _store(self, measurement: Measurement) -> None:
        targets = self._series.setdefault(measurement.quantity, {})
        points = targets.setdefault(measurement.target, [])
        points.append(measurement)
        self._arrays.pop((measurement.quantity, measurement.target), None)
        self.step = max(self.step, measurement.step)
        self.epoch = max(self.epoch, measurement.epoch)
        is_vector = isinstance(measurement.value, np.ndarray)
        limit = self.max_vectors if is_vector else self.max_points
        if len(points) > limit:
            del points[1 : limit // 2 : 2]

    def _of(self, quantity: str) -> dict[str, list[Measurement]]:
        """Return the series of a quantity by target; empty if it was not measured."""
        targets = self._series.get(quantity)
        if targets is None:
            quantities.get(quantity)  # raises if there is no such quantity
            return {}
        return targets

    def quantities(self) -> list[str]:
        """Return the names of all recorded quantities, in the order of their first point."""
        return list(self._series)

    def targets(self, quantity: str) -> list[str]:
        """Return what `quantity` was measured of; layers come in the order of the network."""
        return list(self._of(quantity))

    def points(self, quantity: str, target: str = "") -> list[Measurement]:
        """Return the kept measurements of one series, oldest first; empty if there are none."""
        return list(self._of(quantity).get(target, ()))

    def series(self, quantity: str, target: str = "") -> Series:
        """Return the kept points of one series as arrays; empty arrays if there are none."""
        known = self._arrays.get((quantity, target))
        if known is not None:
            return known
        points = self._of(quantity).get(target, ())
        series = Series(
            np.array([point.step for point in points], np.int64),
            np.array([point.epoch for point in points], np.int64),
            np.array([point.value for point in points], np.float64),
        )
        if points and series.values.ndim == 1:  # vectors are few, and large
            for array in (series.steps, series.epochs, series.values):
                array.flags.writeable = False  # every rule is given the same
            self._arrays[quantity, target] = series
        return series

    def last(self, quantity: str, target: str = "", default: Any = None) -> Any:
        """Return the latest value of one series, or `default` if it has none."""
        points = self._of(quantity).get(target)
        return points[-1].value if points else default

    def first(self, quantity: str, target: str = "", default: Any = None) -> Any:
        """Return the earliest value of one series, or `default` if it has none."""
        points = self._of(quantity).get(target)
        return points[0].value if points else default

    def note(self, **changes: Any) -> None:
        """Replace some of the facts.

        Args:
            **changes: New values of fields of `RunFacts`.

        Raises:
            TypeError: If `RunFacts` has no field of such a name.

        Example:
            >>> history = History()
            >>> history.note(epochs=10, steps_per_epoch=200)
            >>> history.facts.epochs
            10
        """
        self.facts = replace(self.facts, **changes)

    def layer(self, target: str) -> LayerFacts:
        """Return the facts of the layer called `target`; those that know nothing if it is unknown.

        Example:
            >>> History().layer("dense").role is None
            True
        """
        return self.facts.layers.get(target, _UNKNOWN_LAYER)

    def __iter__(self) -> Iterator[Measurement]:
        """Iterate over all kept measurements in the order of their steps."""
        kept = (
            m for targets in self._series.values() for points in targets.values() for m in points
        )
        return iter(sorted(kept, key=lambda m: (m.step, m.epoch)))

    def __repr__(self) -> str:
        return f"History({self._counts()})"

    def _repr_html_(self) -> str:
        rows = [
            (
                quantity,
                f"{len(targets):,}",
                f"{sum(map(len, targets.values())):,}",
                _shown(next(reversed(targets.values()))),
            )
            for quantity, targets in self._series.items()
        ]
        head = ("quantity", "measured of", "measurements kept", "latest")
        return markup.fragment(
            markup.heading("History", "", self._counts()),
            markup.table(head, rows[:MAX_SHOWN]),
            markup.fold(f"{len(rows) - MAX_SHOWN} more", markup.table(head, rows[MAX_SHOWN:]))
            if len(rows) > MAX_SHOWN
            else "",
        )

    def _counts(self) -> str:
        return f"{len(self._series):,} quantities, {len(self):,} measurements, step {self.step:,}"

    def __len__(self) -> int:
        return sum(len(points) for targets in self._series.values() for points in targets.values())

    def to_jsonl(self, path: str | Path | None = None) -> str:
        """Return the record as JSON lines, and write them to `path` if one is given.

        The first line holds the facts of the run, each further line one measurement.
        """
        lines = [json.dumps(header(self.facts), allow_nan=False)]
        lines += [json.dumps(m.to_json(), allow_nan=False) for m in self]
        text = "\n".join(lines) + "\n"
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    @classmethod
    def from_jsonl(cls, source: str | Path) -> History:
        """Return the history that `to_jsonl` or the `JsonLines` sink wrote.

        Lines of other types are passed over, and so is a last line that was cut off, as a killed
        run leaves it. Quantities that are not defined here are kept, see `restore`.

        Args:
            source: Path of the file, or the text itself.

        Raises:
            ValueError: If a line before the last is no JSON object, or if the file was written by
                a newer version of the format.
            TypeError: If the line of the run holds no facts.
        """
        history = cls()
        for record in read_jsonl(source):
            if record.get("type") == "run":
                history.facts = read_facts(record)
            elif record.get("type") == "measurement":
                history.restore([Measurement.from_json(record)])
        return history


def _shown(points: Sequence[Measurement]) -> str:
    """Return the latest value of a series; a vector as its length."""
    value = points[-1].value if points else ""
    if np.ndim(value):
        return f"{len(np.atleast_1d(value)):,} values"
    return f"{value:.3g}" if isinstance(value, int | float | np.generic) else str(value)


def header(facts: RunFacts) -> dict[str, Any]:
    """Return the first line of a JSON lines file: the format's version and the run's facts."""
    return {"type": "run", "version": FORMAT_VERSION, "facts": facts.to_json()}


def read_facts(record: Mapping[str, Any]) -> RunFacts:
    """Return the facts of a line that `header` wrote, in this version of the format or before.

    Raises:
        TypeError: If the line holds no facts.
    """
    facts = record.get("facts")
    if not isinstance(facts, Mapping):
        raise TypeError(f"A run must have `facts`, a JSON object. Received: facts={facts!r:.80}")
    return RunFacts.from_json(facts, version=int(record.get("version", 1)))


def read_jsonl(source: str | Path) -> list[dict[str, Any]]:
    """Return the records of a JSON lines file or text; a cut-off last line is passed over.

    Raises:
        ValueError: If a line before the last is no JSON object, or if the file was written by a
            newer version of the format.
    """
    is_text = isinstance(source, str) and (source.lstrip()[:1] == "{" or not source.strip())
    text = str(source) if is_text else Path(source).read_text(encoding="utf-8", errors="replace")
    lines = text.splitlines()
    records: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        record = _parse(line)
        if record is None and number == len(lines):
            break
        if record is None:
            raise ValueError(f"Line {number} must be a JSON object. Received: {line[:80]!r}")
        if record.get("type") == "run" and record.get("version", 0) > FORMAT_VERSION:
            raise ValueError(
                f"The history must be of format version {FORMAT_VERSION} or older. Received: "
                f"version={record['version']}. A newer keras-babysit reads it."
            )
        records.append(record)
    return records


def _parse(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def to_jsonable(value: Any) -> Any:
    """Return `value` as strict JSON can hold it: arrays as lists, NaN and infinities as strings."""
    if isinstance(value, np.ndarray):
        return [to_jsonable(entry) for entry in value.tolist()]
    if isinstance(value, np.generic):
        return to_jsonable(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): to_jsonable(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [to_jsonable(entry) for entry in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


@dataclass(frozen=True, slots=True)
class Overhead:
    """The time that monitoring a run took.

    Args:
        seconds: Time spent on monitoring, compilation included.
        wall_seconds: Time of the run so far, monitoring included.
        probes: Number of measurements.

    Example:
        >>> print(Overhead(seconds=0.5, wall_seconds=50.0, probes=12))
        0.5 s of 50.0 s (1.0 %, 12 measurements)
    """

    seconds: float
    wall_seconds: float
    probes: int

    @property
    def fraction(self) -> float:
        """Fraction of the wall time, in [0, 1]; 0 before the run."""
        return self.seconds / self.wall_seconds if self.wall_seconds > 0 else 0.0

    def __str__(self) -> str:
        count = f"{self.probes} measurement{'s' * (self.probes != 1)}"
        spent = f"{self.seconds:.1f} s of {self.wall_seconds:.1f} s"
        return f"{spent} ({100 * self.fraction:.1f} %, {count})"
