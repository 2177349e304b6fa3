"""Records inside event files: an exact and compact copy of a run, read by the dashboard.

Scalars and histograms serve TensorBoard's own tabs, but they are lossy: tags contain sanitized
names, and histograms do not keep single units. Therefore every probe is also written as one JSON
record with packed numbers, which the dashboard and `kb-report` read:

    {"type": "run", "version": 2, "facts": {...}}               as in JSON lines
    {"type": "names", "names": [["activations/std", "dense"]]}  new series, numbered in order
    {"type": "numbers", "step": 10, "epoch": 0, "ids": "...", "values": "..."}
    {"type": "units", "step": 10, "epoch": 0, "id": 3, "values": "..."}
    {"type": "finding", ...}, {"type": "end", ...}               as in JSON lines
"""

from __future__ import annotations

import base64
import errno
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_babysit.findings import Finding, explain
from keras_babysit.history import Measurement, to_jsonable

PLUGIN = "babysit"
"""Name of the plugin in TensorBoard."""

TAG = "babysit.record"
"""Tag of every record. Tags of scalars start with `babysit/`, so that they cannot collide."""

DENSE_UNITS = 32
"""Number of vectors per series after which only every second is kept, later every fourth."""

_NUMBER, _ID, _UNIT = np.dtype("<f4"), np.dtype("<i4"), np.dtype("<f2")


def line(record: Mapping[str, Any]) -> str:
    """Return a record as one line of strict JSON."""
    # Steps may be NumPy integers; everything else is plain already.
    return json.dumps(record, allow_nan=False, default=to_jsonable)


def require_still_there(path: Path) -> None:
    """Raise if an open file was deleted, because writing to it would fail silently.

    Raises:
        FileNotFoundError: If `path` does not exist.
    """
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, "Deleted during the run", str(path))


class Packer:
    """Converts measurements to records, and remembers which series have been named.

    Scalars of every probe are written. Vectors with one entry per unit are written less and less
    often: about `DENSE_UNITS * (1 + log2(n / DENSE_UNITS) / 2)` of `n` probes, so that long runs
    of large networks produce small files.

    Example:
        >>> records = Packer().pack([Measurement(10, 0, "loss/batch", "", 0.5)])
        >>> [record["type"] for record in records]
        ['names', 'numbers']
    """

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str], int] = {}
        self._vectors: dict[int, int] = {}  # id -> number of vectors so far

    def pack(self, measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
        """Return the records for the measurements of one step; empty if there are none."""
        names: list[list[str]] = []
        numbers: list[tuple[int, float]] = []
        records: list[dict[str, Any]] = []
        if not measurements:
            return records
        when = {"step": int(measurements[0].step), "epoch": int(measurements[0].epoch)}
        for m in measurements:
            series = self._id(m, names)
            value = np.asarray(m.value)
            if value.ndim == 0:
                numbers.append((series, float(value)))
            elif value.ndim == 1 and self._is_kept(series):
                units = {"id": series, "values": _packed(value, _UNIT)}
                records.append({"type": "units"} | when | units)
        if numbers:
            ids, values = zip(*numbers, strict=True)
            packed = {"ids": _packed(ids, _ID), "values": _packed(values, _NUMBER)}
            records.insert(0, {"type": "numbers"} | when | packed)
        if names:
            records.insert(0, {"type": "names", "names": names})
        return records

    def _id(self, m: Measurement, names: list[list[str]]) -> int:
        key = (m.quantity, m.target)
        if key not in self._ids:
            self._ids[key] = len(self._ids)
            names.append([m.quantity, m.target])
        return self._ids[key]

    def _is_kept(self, series: int) -> bool:
        seen = self._vectors.get(series, 0)
        self._vectors[series] = seen + 1
        return seen % (1 << (seen // DENSE_UNITS).bit_length()) == 0


def unpack_numbers(record: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids and values of a record of type `numbers`.

    Raises:
        ValueError: If the numbers of ids and values differ.
    """
    ids, values = _unpacked(record["ids"], _ID), _unpacked(record["values"], _NUMBER)
    if ids.shape != values.shape:
        raise ValueError(
            f"There must be one value per id. Received: {ids.size} ids, {values.size} values"
        )
    return ids, values


def unpack_units(record: dict[str, Any]) -> np.ndarray:
    """Return the values of a record of type `units`, one per unit."""
    return _unpacked(record["values"], _UNIT)


def episodes(records: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Return the latest state of every finding, from the recorded changes.

    The order is that of `explain`, because a cause may be found after its symptom was written.
    """
    found: dict[tuple[Any, ...], Finding] = {}
    for record in records:
        if record.get("type") == "finding":
            finding = Finding.from_json(record)
            found[*finding.key, finding.step] = finding
    return explain(found.values())


def _packed(values: Iterable[Any], kind: np.dtype[Any]) -> str:
    with np.errstate(over="ignore"):  # a value beyond the range of float16 becomes infinite
        return base64.b64encode(np.asarray(values).astype(kind).tobytes()).decode("ascii")


def _unpacked(text: str, kind: np.dtype[Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)
