"""Event files of TensorBoard, written without TensorFlow."""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keras_babysit.sinks.records import require_still_there

_file_numbers = itertools.count()


class EventFile:
    """One event file that is written.

    Args:
        folder: Folder of the file, created if missing, or the address of a bucket.
        ending: Ending of its name.

    Raises:
        OSError: If the file cannot be created.
    """

    def __init__(self, folder: str, ending: str = "babysit") -> None:
        self._records, self._path = open_event_file(folder, ending)

    def write(self, step: int, values: Iterable[Any]) -> None:
        """Write summary values of one step."""
        from tensorboard.compat.proto.event_pb2 import Event as Record
        from tensorboard.compat.proto.summary_pb2 import Summary

        summary = Summary(value=values)
        record = Record(wall_time=time.time(), step=int(step), summary=summary)
        self._records.write(record.SerializeToString())

    def flush(self) -> None:
        """Hand over what was written to the operating system.

        Raises:
            FileNotFoundError: If the file was deleted, because writing to it would fail silently.
        """
        if self._path is not None:
            require_still_there(self._path)
        self._records.flush()

    def close(self) -> None:
        """Close the file."""
        self._records.close()


def open_event_file(folder: str, ending: str = "babysit") -> tuple[Any, Path | None]:
    """Return a record writer and the path of its file; the path is None for a bucket.

    TensorBoard's `EventFileWriter` is not used because it imports TensorFlow if that is installed,
    which takes seconds and reserves GPU memory on other backends.
    """
    from tensorboard.compat.proto.event_pb2 import Event as Record
    from tensorboard.summary.writer.record_writer import RecordWriter

    now = time.time()
    name = f"events.out.tfevents.{now:.0f}.{socket.gethostname()}.{os.getpid()}"
    name = f"{name}.{next(_file_numbers)}.{ending}"
    records = RecordWriter(_created(folder, name))
    records.write(Record(wall_time=now, file_version="brain.Event:2").SerializeToString())
    records.flush()
    return records, None if _is_bucket(folder) else Path(folder, name)


def _is_bucket(folder: str) -> bool:
    return "://" in folder


def _created(folder: str, name: str) -> Any:
    if _is_bucket(folder):  # TensorBoard uses TensorFlow or fsspec to access it
        from tensorboard.compat import tf

        tf.io.gfile.makedirs(folder)
        return tf.io.gfile.GFile(f"{folder}/{name}", "wb")
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder, name).open("xb")
