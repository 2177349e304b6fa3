"""Reads the records of one run from a file that may still grow, or may have been cut off."""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keras_babysit.history import FORMAT_VERSION
from keras_babysit.sinks.records import TAG

CHUNK = 1 << 24
"""Bytes read at a time."""

FRESH_SECONDS = 600
"""A file without an end that was written to so recently belongs to a run that may still go on."""

_HEADER = struct.Struct("<QI")  # length of a record, checksum of that
_CHECKSUM = 4  # after the record

Record = dict[str, Any]


class Source:
    """The records of a file, each read once.

    Args:
        path: Path of the file; event files may lie in a bucket, as `"gs://..."`.

    Attributes:
        problem: What is wrong with the file, a sentence; empty if nothing is.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.problem = ""
        self._identity: tuple[int, ...] = ()
        self._size = 0
        self._seen = 0  # size when it was last read
        self._offset = 0  # where the next record begins
        self._rest = 0  # bytes of a record that is not complete

    def look(self) -> bool:
        """Look at the file; return whether it was replaced, and `read` begins anew.

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
        """Yield, piece by piece, the records that were complete when `look` was last called."""
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
        """Whether the file was written to a short while ago."""
        try:
            return "://" not in self.path and _age(self.path) < FRESH_SECONDS
        except OSError:
            return False

    def _split(self, data: bytes) -> tuple[int, list[Record]]:
        """Return how many bytes hold whole records, and the records that are ours."""
        raise NotImplementedError

    @property
    def rest(self) -> str:
        """What could not be read at the end, a sentence; a run that goes on may complete it."""
        if not self._rest:
            return ""
        return f"The last record is cut off: {self._rest:,} bytes at the end cannot be read."

    def _decoded(self, text: bytes) -> Record | None:
        try:
            record = json.loads(text)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            self.problem = "A record is damaged; it is left out."
            return None
        if record.get("type") == "run" and record.get("version", 0) > FORMAT_VERSION:
            self.problem = (
                f"Written in format version {record['version']}, which is newer than "
                f"{FORMAT_VERSION}: a newer keras-babysit reads it."
            )
            return None
        return record


class EventFile(Source):
    """The records that `sinks.TensorBoard` puts into event files, among all else.

    TensorBoard's own reader thins what it reads at random and can't skip; this one keeps every
    record of ours and passes over the others unparsed.
    """

    def _split(self, data: bytes) -> tuple[int, list[Record]]:
        mark, records, place = TAG.encode(), [], 0
        while (body := place + _HEADER.size) <= len(data):
            length, checksum = _HEADER.unpack_from(data, place)
            if checksum != _masked_crc(data[place : place + 8]):
                self.problem = (
                    f"Byte {self._offset + place:,} begins no record: the file is damaged, and "
                    "what follows is not read."
                )
                return len(data), records
            if body + length + _CHECKSUM > len(data):
                break
            if data.find(mark, body, body + length) >= 0:
                records += self._ours(data[body : body + length])
            place = body + length + _CHECKSUM
        return place, records

    def _ours(self, data: bytes) -> list[Record]:
        from google.protobuf.message import DecodeError
        from tensorboard.compat.proto.event_pb2 import Event

        try:
            values = Event.FromString(data).summary.value
        except DecodeError:
            self.problem = "A record is damaged; it is left out."
            return []
        texts = [text for v in values if v.tag == TAG for text in v.tensor.string_val]
        return [record for text in texts if (record := self._decoded(text)) is not None]


class JsonLinesFile(Source):
    """The records that `sinks.JsonLines` or `History.to_jsonl` wrote."""

    def _split(self, data: bytes) -> tuple[int, list[Record]]:
        used = data.rfind(b"\n") + 1
        lines = (line for line in data[:used].splitlines() if line.strip())
        return used, [record for line in lines if (record := self._decoded(line)) is not None]


def _masked_crc(data: bytes) -> int:
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    return int(masked_crc32c(data))


def _state(path: str) -> tuple[int, tuple[int, ...]]:
    """Return the size of a file and what tells it from another one of the same name."""
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
                file.read(offset)  # not every file system can seek
            yield from iter(lambda: file.read(CHUNK), b"")
        return
    with Path(path).open("rb") as file:
        file.seek(offset)
        yield from iter(lambda: file.read(CHUNK), b"")
