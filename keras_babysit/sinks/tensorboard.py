"""`TensorBoard`, which writes a run to event files, without TensorFlow."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_babysit.facts import RunFacts
from keras_babysit.findings import CONDITIONS, Change, Event, Finding, Remedy, moments
from keras_babysit.history import History, Measurement, header
from keras_babysit.presentation.documentation import page_of
from keras_babysit.presentation.wording import (
    code_lines,
    common_evidence,
    cost,
    moment,
    name,
    one_line,
)
from keras_babysit.quantities import describe
from keras_babysit.sinks.event_file import EventFile
from keras_babysit.sinks.few_scalars import OF_THE_RUN, FewScalars
from keras_babysit.sinks.records import PLUGIN, TAG, Packer, line
from keras_babysit.sinks.sink import Sink

if TYPE_CHECKING:
    from keras_babysit.sinks.report import Report

TEXT_TARGETS = 20
"""Maximum number of layers that one text lists."""


class TensorBoard(Sink):
    """Writes scalars, histograms of the units' gates, and findings, for TensorBoard.

    Everything is written to the run `babysit`, a folder in `log_dir`.
    `keras.callbacks.TensorBoard` with the same `log_dir` adds the runs `train` and `validation`,
    and `tensorboard --logdir <log_dir>` shows all of them:

    - Scalars, at most 30 tags however large the network is: loss, learning rate, every metric, and
      the largest value and the median over the layers of a few quantities, e.g.
      `babysit/activations/dead_fraction/largest`. Metrics of training and validation data have the
      same tag in the runs `babysit/train` and `babysit/validation`, so that they share a chart.
      `scalars="all"` adds every series, e.g. `babysit/activations/dead_fraction/dense`.
    - Histograms and distributions: `babysit/activations/gate/<layer>`, one entry per unit.
    - Text: `babysit/findings/<rule>`, with remedies as code, and `babysit/summary` at the end.
    - The Babysit tab, which shows the exact records that this sink also writes.

    Only the `tensorboard` package is required, on every backend, and nothing is added to the
    model's graph. The file is flushed after every probe, so it can be read during the run and
    after a killed run. A second `fit` with the same `log_dir` adds a file to the same run, as
    Keras' own callback does; use one folder per `fit` to keep them apart.

    Args:
        log_dir: Folder for TensorBoard, created if missing, or the address of a bucket that
            TensorBoard can access, such as `"gs://..."`.
        scalars: `"few"` or `"all"`. The Babysit tab shows every series either way.

    Raises:
        ValueError: If `scalars` is neither; at the start of training, if `log_dir` cannot be
            written.

    Example:
        >>> sink = TensorBoard("logs/first")
    """

    def __init__(self, log_dir: str | Path, *, scalars: str = "few") -> None:
        if scalars not in ("few", "all"):
            raise ValueError(
                f'Argument `scalars` must be "few" or "all". Received: scalars={scalars!r}'
            )
        self.log_dir = os.fspath(log_dir)
        self.scalars = scalars
        self._files: dict[str, EventFile] = {}  # by the part of the run; "" is the main one
        self._few = FewScalars()
        self._tags: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()
        self._reported: dict[str, list[Event]] = {}
        self._history = History()
        self._facts: RunFacts | None = None  # as they were written last
        self._packer = Packer()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the open files: a copy opens its own in its next run."""
        return vars(self) | {"_files": {}, "_history": History()}

    def on_start(self, history: History) -> None:
        """Open an event file."""
        with contextlib.suppress(OSError):  # an earlier run already reported this error
            self.close()
        self._tags, self._taken, self._reported = {}, set(), {}
        self._history, self._facts, self._packer = history, None, Packer()
        self._few = FewScalars()
        try:
            self._files[""] = EventFile(os.path.join(self.log_dir, "babysit"))
        except OSError as error:
            raise ValueError(
                "Argument `log_dir` must be a writable folder. Received: "
                f"log_dir={self.log_dir!r} ({error.strerror or error})"
            ) from error
        self._record(history.step, [])
        self._flush()

    def on_measurements(self, measurements: Sequence[Measurement]) -> None:
        """Write numbers as scalars, gates as histograms, and everything as records."""
        for step, group in itertools.groupby(measurements, lambda m: m.step):
            probe = list(group)
            self._write_scalars(step, probe)
            self._write(step, (value for m in probe for value in self.summary_values(m)))
            self._record(step, self._packer.pack(probe))
        self._flush()

    def on_events(self, events: Sequence[Event]) -> None:
        """Write the changes of findings as Markdown, one text per rule."""
        from tensorboard.plugins.text.summary_v2 import text_pb

        for rule in dict.fromkeys(event.finding.rule for event in events):
            mine = [event for event in events if event.finding.rule == rule]
            # TensorBoard shows only the latest text per tag and step, so it includes the earlier.
            before = [event for event in self._reported.get(rule, ()) if event.step == mine[0].step]
            self._reported[rule] = before + mine
            text = text_pb(self._tag("findings", rule), _markdown(self._reported[rule]))
            self._write(mine[0].step, text.value)
        self._record(events[0].step, [event.to_json() for event in events])
        self._flush()

    def on_end(self, report: Report) -> None:
        """Write the summary, and close the file."""
        from tensorboard.plugins.text.summary_v2 import text_pb

        text = text_pb(self._tag("summary", ""), _code(report.outline().splitlines()))
        self._write(report.history.step, text.value)
        self._record(report.history.step, [{"type": "end", "overhead": cost(report.overhead)}])
        self.close()

    def close(self) -> None:
        """Close the files, if any are open."""
        files, self._files = self._files, {}
        for file in files.values():
            file.close()

    def _write_scalars(self, step: int, probe: Sequence[Measurement]) -> None:
        """Write the few scalars, each to its run."""
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb

        by_run: dict[str, list[Any]] = {}
        for one in self._few.of(probe):
            tag = self._tag(one.quantity, one.part)
            by_run.setdefault(one.run, []).extend(scalar_pb(tag, one.value).value)
        for run, values in by_run.items():
            self._file(run).write(step, values)

    def _file(self, run: str) -> EventFile:
        if run not in self._files:
            folder = os.path.join(self.log_dir, "babysit", run)
            # Another ending, as the Babysit tab lists runs by the files of the main one.
            self._files[run] = EventFile(folder, ending="scalars")
        return self._files[run]

    def summary_values(self, measurement: Measurement) -> Iterable[Any]:
        """Return the scalar or histogram of one series, none where TensorBoard shall show none."""
        from tensorboard.plugins.histogram.summary_v2 import histogram_pb
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb

        value = np.asarray(measurement.value)
        if value.ndim == 0:
            if self.scalars == "few" or measurement.quantity in OF_THE_RUN:
                return ()
            tag = self._tag(measurement.quantity, measurement.target)
            return list(scalar_pb(tag, float(value)).value)
        finite = value[np.isfinite(value)]
        if finite.size and describe(measurement.quantity).has_histogram:
            tag = self._tag(measurement.quantity, measurement.target)
            return list(histogram_pb(tag, finite).value)
        return ()

    def _tag(self, quantity: str, target: str) -> str:
        """Return the tag of a series, unique whatever the names are."""
        known = self._tags.get((quantity, target))
        if known is not None:
            return known
        path = "/".join(filter(None, ["babysit", one_line(quantity, 100), one_line(target, 200)]))
        plain = re.sub(r"[^\w./-]+", "_", path)
        tag = next(t for t in _numbered(plain) if t not in self._taken)
        self._taken.add(tag)
        self._tags[quantity, target] = tag
        return tag

    def _write(self, step: int, values: Iterable[Any]) -> None:
        if "" in self._files:
            self._files[""].write(step, values)

    def _record(self, step: int, records: Iterable[Any]) -> None:
        """Write records for the dashboard, preceded by the facts of the run if those changed."""
        lines = [line(record) for record in records]
        facts = self._history.facts
        if facts != self._facts:
            self._facts = facts
            lines.insert(0, line(header(facts)))
        if lines:
            self._write(step, map(_record_pb, lines))

    def _flush(self) -> None:
        for file in self._files.values():
            file.flush()


def _record_pb(text: str) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING

    plugin = SummaryMetadata.PluginData(plugin_name=PLUGIN)
    tensor = TensorProto(dtype=DT_STRING, string_val=[text.encode("ascii")])
    return Summary.Value(tag=TAG, metadata=SummaryMetadata(plugin_data=plugin), tensor=tensor)


def _numbered(tag: str) -> Iterable[str]:
    yield tag
    for number in itertools.count(2):
        yield f"{tag}_{number}"


def _markdown(events: Sequence[Event]) -> str:
    """Return the changes of one rule's findings as Markdown."""
    blocks = []
    for change in Change:
        changed = [event.finding for event in events if event.change is change]
        if changed and change is Change.RESOLVED:
            where = ", ".join(_quoted(one.target) for one in changed[:TEXT_TARGETS])
            blocks.append(f"**resolved** at step {events[0].step:,} in {where}{_more(changed)}")
        elif changed:
            blocks += [_finding(group, change) for group in moments(changed)]
    return "\n\n".join(blocks)


def _more(findings: Sequence[Finding]) -> str:
    hidden = len(findings) - TEXT_TARGETS
    return f" and {hidden} more" if hidden > 0 else ""


def _finding(findings: Sequence[Finding], change: Change) -> str:
    first = findings[0]
    since = {Change.WORSENED: ", worse since then", Change.RENEWED: ", measured again since then"}
    when = moment(first.step, first.epoch) + since.get(change, "")
    lines = [f"**{first.severity.name}** {_escaped(one_line(first.rule))} · {when}"]
    shown = findings[:TEXT_TARGETS]
    lines += [f"{_quoted(one.target)}: {_escaped(one_line(one.message))}" for one in shown]
    lines.append(_more(findings))
    lines.append("" if first.tried is None else _escaped(one_line(first.tried.text)))
    lines.append(" · ".join(f"{_escaped(k)} {_escaped(v)}" for k, v in common_evidence(findings)))
    lines += [_remedy(number, remedy) for number, remedy in enumerate(first.remedies, 1)]
    if first.reference:
        lines.append(f"*{_escaped(one_line(first.reference))}*")
    silence = CONDITIONS.silence(first.rule)
    lines += ["To silence:", _code([silence])] if silence else []
    page = page_of(first.rule)
    lines += [f"[What it means, and how it is measured]({page})"] if page else []
    return "\n\n".join(line for line in lines if line)


def _remedy(number: int, remedy: Remedy) -> str:
    text = f"**{number}.** {_escaped(one_line(remedy.text))}"
    return f"{text}\n\n{_code(code_lines(remedy.code))}" if remedy.code.strip() else text


def _code(lines: Iterable[str]) -> str:
    # An indented block cannot be closed by its content, unlike a fenced one.
    return "\n".join(f"    {line}" for line in lines)


def _quoted(target: str) -> str:
    return f"`{name(target).replace('`', chr(39))}`"


def _escaped(text: str) -> str:
    """Return `text` with Markdown and HTML characters escaped."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]#|~!])", r"\\\1", text)
