"""The records of a run, stored by column, with bounded memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_babysit.facts import RunFacts
from keras_babysit.findings import Finding, Verdict, measured_as_a_whole, verdict_on
from keras_babysit.history import History, Measurement, Overhead, read_facts
from keras_babysit.sinks import Report
from keras_babysit.sinks.records import episodes, unpack_numbers, unpack_units

MAX_PROBES = 4096
MAX_VECTORS = 128
MAX_CHANGES = 10_000
"""Maximum number of probes per group, vectors per series and changes of findings in memory. Beyond
it, older ones are thinned out."""

MODEL_TARGETS = ("", "train", "validation")


@dataclass(frozen=True, slots=True)
class StoredProbe:
    """Numbers of one group from the same step: `values[i]` belongs to the series `ids[i]`."""

    step: int
    epoch: int
    ids: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers of several series, one row per probe.

    Args:
        ids: Id of each series, shape `(series,)`.
        steps: Shape `(probes,)`, ascending.
        values: Shape `(probes, series)`.
        known: Whether the value was measured, same shape.
    """

    ids: list[int]
    steps: np.ndarray
    values: np.ndarray
    known: np.ndarray

    def series(self, column: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the steps and the known values of one column."""
        known = self.known[:, column]
        return self.steps[known], self.values[known, column]


class RunLog:
    """Stores the records of a run for the views.

    Probes are stored by the group of their quantity, the part before the slash. So scores, which
    are measured once per epoch, are not thinned out along with gradients, which are measured every
    few steps.

    Attributes:
        facts: Facts of the run, see `History.facts`.
        names: Quantity and target of each series, indexed by the id of the series.
        changes: Changes of findings as they were written, oldest first.
        overhead: Time that monitoring took; None until it is known.
        has_ended: Whether the end of the run was written.
        step: Latest step.
        epoch: Latest epoch.
        damaged: Number of invalid records.
        clock: Steps, and the times in seconds since 1970 at which they were written, ascending;
            empty if the file holds no times.
    """

    def __init__(self) -> None:
        self.facts = RunFacts()
        self.names: list[tuple[str, str]] = []
        self.changes: list[dict[str, Any]] = []
        self.overhead: Overhead | None = None
        self.has_ended = False
        self.step = 0
        self.epoch = 0
        self.damaged = 0
        self.clock: list[tuple[int, float]] = []
        self._ids: dict[tuple[str, str], int] = {}
        self._probes: dict[str, list[StoredProbe]] = {}
        self._vectors: dict[int, list[tuple[int, np.ndarray]]] = {}
        self._by_group: dict[bytes, list[tuple[str, np.ndarray, np.ndarray]]] = {}
        self._row: tuple[int, int, dict[int, float]] = (0, 0, {})  # JSON lines of the current probe

    def take(self, records: Iterable[dict[str, Any]]) -> None:
        """Add records, in the order in which they were written."""
        for record in records:
            take = getattr(self, f"_take_{record.get('type')}", None)
            try:
                if take is not None:
                    take(record)
            except (KeyError, ValueError, TypeError, IndexError):
                self.damaged += 1
        self._close_row()

    def quantities(self) -> dict[str, list[int]]:
        """Return the ids of the series of each quantity, in the order of their first records."""
        found: dict[str, list[int]] = {}
        for series, (quantity, _) in enumerate(self.names):
            found.setdefault(quantity, []).append(series)
        return found

    def id(self, quantity: str, target: str = "") -> int | None:
        """Return the id of a series; None if there is no such series."""
        return self._ids.get((quantity, target))

    def table(self, ids: list[int]) -> Table:
        """Return the numbers of some series, one row per probe that contains any of them."""
        column = np.full(len(self.names), -1)
        column[ids] = np.arange(len(ids))
        rows = []
        groups = dict.fromkeys(_group(self.names[series][0]) for series in ids)
        for probe in (probe for group in groups for probe in self._probes.get(group, ())):
            columns = column[probe.ids]
            is_asked = columns >= 0
            if is_asked.any():
                rows.append((probe.step, columns[is_asked], probe.values[is_asked]))
        rows.sort(key=lambda row: row[0])
        values = np.full((len(rows), len(ids)), np.nan, np.float32)
        known = np.zeros(values.shape, bool)
        for row, (_, columns, numbers) in enumerate(rows):
            values[row, columns], known[row, columns] = numbers, True
        return Table(ids, np.array([row[0] for row in rows], np.int64), values, known)

    def series(self, quantity: str, target: str = "") -> tuple[np.ndarray, np.ndarray]:
        """Return the steps and values of one series; empty if there is no such series."""
        series = self.id(quantity, target)
        if series is None:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        return self.table([series]).series(0)

    def vectors(self, series: int) -> list[tuple[int, np.ndarray]]:
        """Return step and value of the stored vectors of a series, oldest first."""
        return self._vectors.get(series, [])

    def findings(self) -> list[Finding]:
        """Return all findings of the run, causes before their symptoms."""
        return episodes(self.changes)

    def verdict(self) -> Verdict:
        """Return the verdict on the run, as its report has it."""
        return verdict_on(self.findings(), self.facts, measured_as_a_whole(self.names))

    def report(self, *, probes: int = 512, only: tuple[str, ...] = ()) -> Report:
        """Return the report of the run.

        Args:
            probes: Approximate number of values to keep per series of a layer.
            only: Groups of quantities to include; empty for all.
        """
        history = History(max_points=MAX_PROBES + 1, max_vectors=MAX_VECTORS + 1)
        history.facts = self.facts
        for quantity, ids in self.quantities().items():
            if only and _group(quantity) not in only:
                continue
            table = self.table(ids)
            is_of_model = all(self.names[series][1] in MODEL_TARGETS for series in ids)
            every = 1 if is_of_model else max(1, -(-len(table.steps) // probes))
            for column, series in enumerate(ids):
                steps, values = table.series(column)
                target = self.names[series][1]
                history.restore(
                    Measurement(step, 0, quantity, target, value)
                    for step, value in zip(*_every(every, steps, values), strict=True)
                )
        history.epoch = self.epoch
        return Report(history, self.findings(), self.overhead)

    def _take_run(self, record: dict[str, Any]) -> None:
        self.facts = read_facts(record)

    def _take_names(self, record: dict[str, Any]) -> None:
        for quantity, target in record["names"]:
            self._name(str(quantity), str(target))

    def _take_numbers(self, record: dict[str, Any]) -> None:
        ids, values = unpack_numbers(record)
        if ids.size and not 0 <= ids.min() <= ids.max() < len(self.names):
            raise ValueError(f"Ids must be below {len(self.names)}. Received: {ids.max()}")
        self._add(int(record["step"]), int(record["epoch"]), ids, values)
        self._note_time(int(record["step"]), record.get("wall_time"))

    def _note_time(self, step: int, seconds: float | None) -> None:
        if seconds is None or (self.clock and self.clock[-1][0] >= step):
            return
        self.clock.append((step, float(seconds)))
        if len(self.clock) > MAX_PROBES:
            del self.clock[1 : MAX_PROBES // 2 : 2]

    def _take_units(self, record: dict[str, Any]) -> None:
        self._add_vector(record["id"], int(record["step"]), unpack_units(record))

    def _take_measurement(self, record: dict[str, Any]) -> None:
        m = Measurement.from_json(record)
        series = self._name(m.quantity, m.target)
        if isinstance(m.value, np.ndarray):
            self._add_vector(series, m.step, m.value)
            return
        if self._row[0] != m.step or series in self._row[2]:
            self._close_row()
            self._row = (m.step, m.epoch, {})
        self._row[2][series] = m.value

    def _take_finding(self, record: dict[str, Any]) -> None:
        Finding.from_json(record)  # raises if it is invalid
        self.changes.append(record)
        if len(self.changes) > MAX_CHANGES:
            del self.changes[: MAX_CHANGES // 10]
        self._seen(int(record.get("changed_step", record["step"])), 0)

    def _take_end(self, record: dict[str, Any]) -> None:
        self.has_ended = True
        if record["overhead"]:
            spent = record["overhead"]
            seconds, wall = float(spent["seconds"]), float(spent["wall_seconds"])
            self.overhead = Overhead(seconds, wall, int(spent["probes"]))

    def _name(self, quantity: str, target: str) -> int:
        series = self._ids.setdefault((quantity, target), len(self.names))
        if series == len(self.names):
            self.names.append((quantity, target))
        return series

    def _close_row(self) -> None:
        step, epoch, row = self._row
        self._row = (0, 0, {})
        if row:
            ids = np.fromiter(row, np.int32, len(row))
            self._add(step, epoch, ids, np.fromiter(row.values(), np.float32, len(row)))

    def _add(self, step: int, epoch: int, ids: np.ndarray, values: np.ndarray) -> None:
        self._seen(step, epoch)
        for group, part, indices in self._split(ids):
            kept = self._probes.setdefault(group, [])
            kept.append(StoredProbe(step, epoch, part, values[indices]))
            if len(kept) > MAX_PROBES:
                del kept[1 : MAX_PROBES // 2 : 2]

    def _split(self, ids: np.ndarray) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """Return the ids of each group and their indices; probes of the same series share them."""
        key = ids.tobytes()
        if key not in self._by_group:
            groups = np.array([_group(self.names[series][0]) for series in ids.tolist()])
            split = [(str(group), np.flatnonzero(groups == group)) for group in np.unique(groups)]
            if len(self._by_group) >= MAX_PROBES:
                self._by_group.clear()
            self._by_group[key] = [(group, ids[i], i) for group, i in split]
        return self._by_group[key]

    def _add_vector(self, series: int, step: int, values: np.ndarray) -> None:
        if not 0 <= series < len(self.names):
            raise ValueError(f"The id must be below {len(self.names)}. Received: {series}")
        kept = self._vectors.setdefault(series, [])
        kept.append((step, values.astype(np.float16)))
        if len(kept) > MAX_VECTORS:
            del kept[1 : MAX_VECTORS // 2 : 2]

    def _seen(self, step: int, epoch: int) -> None:
        self.step, self.epoch = max(self.step, step), max(self.epoch, epoch)


def _group(quantity: str) -> str:
    return quantity.partition("/")[0]


def _every(n: int, steps: np.ndarray, values: np.ndarray) -> tuple[list[int], list[float]]:
    """Return every `n`-th point, including the last one."""
    start = (len(steps) - 1) % n
    return steps[start::n].tolist(), values[start::n].tolist()
