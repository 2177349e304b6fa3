"""Event files for TensorBoard's HParams tab, written without TensorFlow."""

import os
import time

from keras_babysit.search.record import COMPLETE
from keras_babysit.search.space import Choice
from keras_babysit.sinks.event_file import open_event_file


class HParams:
    """Writes the search and its trials, one run per trial, to a folder of event files.

    Args:
        log_dir: Folder of the event files, created if missing; None to write nothing.
        objective: The `Objective`.
        space: Dimensions of the search space by name.

    Raises:
        ValueError: If the folder is not writable.
    """

    def __init__(self, log_dir, objective, space):
        self._log_dir = None if log_dir is None else os.fspath(log_dir)
        self._objective = objective
        if self._log_dir is None:
            return
        from tensorboard.plugins.hparams import summary_v2 as api

        known = [api.HParam(name, _domain(one)) for name, one in space.items()]
        columns = [*known, api.HParam("cause")]
        names = (objective.name, "gap", "trained_examples")
        pb = api.hparams_config_pb(columns, [api.Metric(name) for name in names])
        try:
            self._write("", [(0, pb)])
        except OSError as error:
            raise ValueError(
                "Argument `log_dir` must be a writable folder. Received: "
                f"log_dir={self._log_dir!r} ({error.strerror or error})"
            ) from error

    def write(self, record):
        """Write the record of a trial that ended, with its mean score after each fold."""
        if self._log_dir is None:
            return
        from tensorboard.plugins.hparams import summary_v2 as api
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb

        name = f"trial-{record.number:04d}"
        values = {key: _plain(value) for key, value in record.params.items()}
        summaries = [(0, api.hparams_pb({**values, "cause": record.cause}, trial_id=name))]
        for fold in range(len(record.scores)):
            so_far = sum(record.scores[: fold + 1]) / (fold + 1)
            summaries.append((fold, scalar_pb(self._objective.name, so_far)))
        if record.scores:
            summaries.append((0, scalar_pb("gap", record.gap)))
        summaries.append((0, scalar_pb("trained_examples", record.examples)))
        summaries.append((0, _end_pb(is_success=record.state == COMPLETE)))
        self._write(name, summaries)

    def _write(self, run, summaries):
        from tensorboard.compat.proto.event_pb2 import Event

        records, _ = open_event_file(os.path.join(self._log_dir, run))
        for step, summary in summaries:
            event = Event(wall_time=time.time(), step=step, summary=summary)
            records.write(event.SerializeToString())
        records.flush()
        records.close()


def _domain(dimension):
    from tensorboard.plugins.hparams import summary_v2 as api

    if isinstance(dimension, Choice):
        return api.Discrete([_plain(value) for value in dimension.values])
    interval = api.IntInterval if dimension.is_int else api.RealInterval
    return interval(dimension.low, dimension.high)


def _plain(value):
    return value if isinstance(value, bool | int | float | str) else str(value)


def _end_pb(*, is_success):
    """Return the summary that ends a session, for which `api` has a Keras callback only."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    status = api_pb2.STATUS_SUCCESS if is_success else api_pb2.STATUS_FAILURE
    end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=time.time())
    data = plugin_data_pb2.HParamsPluginData(session_end_info=end)
    value = Summary.Value(
        tag=metadata.SESSION_END_INFO_TAG,
        metadata=metadata.create_summary_metadata(data),
        tensor=metadata.NULL_TENSOR,
    )
    return Summary(value=[value])
