"""Reads the records of a run from a file that may be growing or incomplete."""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keras_babysit.dashboard.checksum import masked_crc32c
from keras_babysit.history import FORMAT_VERSION
from keras_babysit.sinks.records import TAG

CHUNK = 1 << 24
"""Number of bytes to read at a time."""

FRESH_SECONDS = 600
"""A run without an end counts as running if its file was written less than this long ago."""

DAMAGED = "A record is damaged and was skipped."

_HEADER = struct.Struct("<QI")  # length of the record, and its checksum
_BODY = struct.Struct("<I")  # checksum of the record, behind it
_CHECKSUM = _BODY.size

Record = dict[str, Any]


class Source:
    """The records of a file; each record is read once.

    Args:
        path: Path of the file. Event files may be in a bucket, such as `"gs://..."`.

    Attributes:
        problem: A sentence on what is wrong with the file; empty if nothing is.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.problem = ""
        self._identity: tuple[int, ...] = ()
        self._size = 0
        self._seen = 0  # size when it was last read
        self._offset = 0  # start of the next record
        self._rest = 0  # bytes of an incomplete record

    def look(self) -> bool:
        """Check the file; return whether it was replaced, so that `read` starts over.

        Raises:
            OSError: If the file cannot be read.
        """
        self._size, identity = _state(self.path)
        if identity == self._identity and self._size >= self._seen:
            return False
        is_replaced = self._identity != ()
        self._identity, self._offset, self._seen, self.problem = identity, 0, 0, ""
        return is_replaced

    def read(self) -> Iterator[list[Record]]:
        """Yield, in pieces, the new records that were complete at the last call of `look`."""
        if self._size == self._seen:
            return
        self._seen = self._size
        rest = b""
        for chunk in _chunks(self.path, self._offset):
            data = rest + chunk if rest else chunk
            used, records = self._split(data)
            self._offset += used
            rest = data[used:]
            yield records
        self._rest = len(rest)

    @property
    def is_fresh(self) -> bool:
        """Whether the file was written to recently, see `FRESH_SECONDS`."""
        try:
            return "://" not in self.path and _age(self.path) < FRESH_SECONDS
        except OSError:
            return False

    def _split(self, data: bytes) -> tuple[int, list[Record]]:
        """Return the number of bytes with complete records, and our records among them."""
        raise NotImplementedError

    @property
    def rest(self) -> str:
        """A sentence on an incomplete last record, which a running run may complete; or empty."""
        if not self._rest:
            return ""
        return f"The last record is incomplete: {self._rest:,} bytes at the end cannot be read."

    def _decoded(self, text: bytes) -> Record | None:
        try:
            record = json.loads(text)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            self.problem = DAMAGED
            return None
        if record.get("type") == "run" and record.get("version", 0) > FORMAT_VERSION:
            self.problem = (
                f"The file has format version {record['version']}; this keras-babysit reads up to "
                f"version {FORMAT_VERSION}. Upgrade keras-babysit."
            )
            return None
        return record


class EventFile(Source):
    """The records that `sinks.TensorBoard` writes to event files.

    TensorBoard's own reader samples at random and parses everything. This one keeps every record
    of ours and skips the others without parsing.
    """

    def _split(self, data: bytes) -> tuple[int, list[Record]]:
        records: list[Record] = []
        mark, start = TAG.encode(), 0
        while (body := start + _HEADER.size) <= len(data):
            length, checksum = _HEADER.unpack_from(data, start)
            if checksum != masked_crc32c(data[start : start + 8]):
                self.problem = (
                    f"The file is damaged at byte {self._offset + start:,}; the rest was not read."
                )
                return len(data), records
            if body + length + _CHECKSUM > len(data):
                break
            start, record = body + length + _CHECKSUM, data[body : body + length]
            if masked_crc32c(record) != _BODY.unpack_from(data, body + length)[0]:
                self.problem = DAMAGED
            elif mark in record:
                records += self._ours(record)
        return start, records

    def _ours(self, data: bytes) -> list[Record]:
        from google.protobuf.message import DecodeError
        from tensorboard.compat.proto.event_pb2 import Event

        try:
            event = Event.FromString(data)
        except DecodeError:
            self.problem = DAMAGED
            return []
        values = [v for v in event.summary.value if v.tag == TAG]
        texts = [text for v in values for text in v.tensor.string_val]
        records = [record for text in texts if (record := self._decoded(text)) is not None]
        return [record | {"wall_time": event.wall_time} for record in records]


class JsonLinesFile(Source):
    """The records that `sinks.JsonLines` or `History.to_jsonl` writes."""

    def _split(self, data: bytes) -> tuple[int, list[Record]]:
        used = data.rfind(b"\n") + 1
        lines = (line for line in data[:used].splitlines() if line.strip())
        return used, [record for line in lines if (record := self._decoded(line)) is not None]


def _state(path: str) -> tuple[int, tuple[int, ...]]:
    """Return the size and the identity of a file, which changes when it is replaced."""
    if "://" in path:
        from tensorboard.compat import tf

        return int(tf.io.gfile.stat(path).length), (0,)
    found = os.stat(path)
    return found.st_size, (found.st_dev, found.st_ino)


def _age(path: str) -> float:
    return time.time() - os.stat(path).st_mtime


def _chunks(path: str, offset: int) -> Iterator[bytes]:
    if "://" in path:
        from tensorboard.compat import tf

        with tf.io.gfile.GFile(path, "rb") as file:
            if offset:
                file.read(offset)  # some file systems cannot seek
            yield from iter(lambda: file.read(CHUNK), b"")
        return
    with Path(path).open("rb") as file:
        file.seek(offset)
        yield from iter(lambda: file.read(CHUNK), b"")
