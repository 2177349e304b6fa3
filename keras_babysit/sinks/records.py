"""What a run brings as small records inside an event file, exact and cheap to read back.

Scalars and histograms are for TensorBoard's own tabs: their tags are made of names that had to be
cleaned, and a histogram no longer knows its units. Beside them each probe is one record, JSON with
its numbers packed, which the dashboard and `kb-report` read:

    {"type": "run", "version": 2, "facts": {...}}               as in JSON lines
    {"type": "names", "names": [["activations/std", "dense"]]}  new series; their ids count on
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
"""Tag of every record. The tags of scalars begin with `babysit/`, so that none is mistaken."""

DENSE_UNITS = 32
"""Vectors of a series that are all kept before every second is passed over, then every fourth."""

_NUMBER, _ID, _UNIT = np.dtype("<f4"), np.dtype("<i4"), np.dtype("<f2")


def line(record: Mapping[str, Any]) -> str:
    """Return a record as one line of strict JSON."""
    # A step may come as a numpy integer; everything else is plain already.
    return json.dumps(record, allow_nan=False, default=to_jsonable)


def require_still_there(path: Path) -> None:
    """Raise if a file that is open was deleted: what is written to it is lost without an error.

    Raises:
        FileNotFoundError: If there is nothing at `path`.
    """
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, "Deleted while the run went on", str(path))


class Packer:
    """Turns measurements into records; knows which series were named before.

    Numbers are kept of every probe. Vectors with an entry per unit are kept ever more rarely: of
    `n` probes about `DENSE_UNITS * (1 + log2(n / DENSE_UNITS) / 2)`, so that a long run of a big
    network stays a small file.

    Example:
        >>> records = Packer().pack([Measurement(10, 0, "loss/batch", "", 0.5)])
        >>> [record["type"] for record in records]
        ['names', 'numbers']
    """

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str], int] = {}
        self._vectors: dict[int, int] = {}  # id -> vectors seen

    def pack(self, measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
        """Return the records of measurements that were taken at one step."""
        names: list[list[str]] = []
        numbers: list[tuple[int, float]] = []
        records: list[dict[str, Any]] = []
        if not measurements:
            return records
        when = {"step": int(measurements[0].step), "epoch": int(measurements[0].epoch)}
        for m in measurements:
            place = self._id(m, names)
            value = np.asarray(m.value)
            if value.ndim == 0:
                numbers.append((place, float(value)))
            elif value.ndim == 1 and self._is_kept(place):
                units = {"id": place, "values": _packed(value, _UNIT)}
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

    def _is_kept(self, place: int) -> bool:
        seen = self._vectors.get(place, 0)
        self._vectors[place] = seen + 1
        return seen % 2 ** (seen // DENSE_UNITS).bit_length() == 0


def unpack_numbers(record: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids and the values of a record of type `numbers`.

    Raises:
        ValueError: If there are not as many ids as values.
    """
    ids, values = _unpacked(record["ids"], _ID), _unpacked(record["values"], _NUMBER)
    if ids.shape != values.shape:
        raise ValueError(f"There must be a value for each id. Received: {ids.size}, {values.size}")
    return ids, values


def unpack_units(record: dict[str, Any]) -> np.ndarray:
    """Return the values of a record of type `units`, one per unit."""
    return _unpacked(record["values"], _UNIT)


def episodes(records: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Return every finding as it stood last, of all changes that were written of it.

    In the order of `explain`: a cause may have been found after its symptom was written.
    """
    found: dict[tuple[Any, ...], Finding] = {}
    for record in records:
        if record.get("type") == "finding":
            finding = Finding.from_json(record)
            found[*finding.key, finding.step] = finding
    return explain(found.values())


def _packed(values: Iterable[Any], kind: np.dtype[Any]) -> str:
    with np.errstate(over="ignore"):  # beyond the range of a half it is infinite, and shown so
        return base64.b64encode(np.asarray(values).astype(kind).tobytes()).decode("ascii")


def _unpacked(text: str, kind: np.dtype[Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)
