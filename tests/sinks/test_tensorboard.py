import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugin_util import markdown_to_safe_html
from tensorboard.util.tensor_util import make_ndarray

from keras_babysit.findings import Change, Event
from keras_babysit.history import History, Measurement, Overhead
from keras_babysit.sinks import Report, TensorBoard
from keras_babysit.sinks.records import TAG
from keras_babysit.testing.sinks import FINDING, HOSTILE_NAMES, opened


@pytest.fixture
def sink(tmp_path):
    sink = TensorBoard(tmp_path)
    sink.on_start(History())
    yield sink
    sink.on_end(Report(History(), [], Overhead(0.1, 10.0, 1)))


@pytest.fixture
def full_sink(tmp_path):
    sink = TensorBoard(tmp_path, scalars="all")
    sink.on_start(History())
    yield sink
    sink.close()


def reader(sink, run=""):
    return EventAccumulator(f"{sink.log_dir}/babysit/{run}").Reload()


def tags(sink):
    """Return the tags of TensorBoard's own tabs."""
    return [tag for tag in reader(sink).Tags()["tensors"] if tag != TAG]


def plugin(events, tag):
    return events.SummaryMetadata(tag).plugin_data.plugin_name


def texts(sink, tag):
    return [e.tensor_proto.string_val[0].decode() for e in reader(sink).Tensors(tag)]


def test_numbers_become_scalars(full_sink):
    sink = full_sink
    for step, value in ((10, 0.25), (20, float("inf"))):
        sink.on_measurements([Measurement(step, 0, "activations/dead_fraction", "a/dense", value)])
    events = reader(sink)
    tag = "babysit/activations/dead_fraction/a/dense"
    assert plugin(events, tag) == "scalars"
    points = [(e.step, make_ndarray(e.tensor_proto).item()) for e in events.Tensors(tag)]
    assert points == [(10, 0.25), (20, float("inf"))]


def large_network(layers=60, metrics=40):
    """Return the measurements of a network with many layers and metrics."""
    found = [Measurement(20, 0, "loss/batch", "", 1.0), Measurement(20, 0, "loss/start", "", 2.0)]
    found.append(Measurement(20, 0, "optimizer/learning_rate", "", 0.1))
    for quantity in ("activations/dead_fraction", "activations/std", "gradients/norm"):
        found += [Measurement(20, 0, quantity, f"layer_{i}", float(i)) for i in range(layers)]
    for metric in range(metrics):
        for target in ("train", "validation"):
            found.append(Measurement(20, 0, f"score/metric_{metric}", target, 0.5))
            found.append(Measurement(20, 0, f"score/metric_{metric}_stderr", target, 0.1))
    return found


def scalar_tags(sink, run=""):
    events = reader(sink, run)
    known = events.Tags()["tensors"]
    return {tag for tag in known if plugin(events, tag) == "scalars"}


def test_scalars_are_few_whatever_the_network(sink):
    sink.on_measurements(large_network())
    found = [scalar_tags(sink, run) for run in ("", "train", "validation")]
    assert 20 < len(set.union(*found)) <= 30
    assert found[1] == found[2]  # one tag in two runs: TensorBoard draws both in one chart
    assert "babysit/score/metric_0" in found[1]
    assert "babysit/loss/batch" in found[0]


def test_all_scalars_are_written_on_request(full_sink):
    full_sink.on_measurements(large_network())
    found = scalar_tags(full_sink)
    assert len(found) > 60 * 3
    assert "babysit/activations/std/layer_59" in found


def test_layers_are_summed_up_by_the_largest_value_and_the_median(sink):
    values = {"a": 1.0, "b": 2.0, "c": 6.0}
    probe = [Measurement(5, 0, "gradients/norm", k, v) for k, v in values.items()]
    sink.on_measurements(probe)
    sink.on_measurements([Measurement(6, 0, "gradients/norm", "a", float("nan")), *probe[1:]])
    events = reader(sink)
    for part, first in (("largest", 6.0), ("median", 2.0)):
        found = [
            make_ndarray(e.tensor_proto).item()
            for e in events.Tensors(f"babysit/gradients/norm/{part}")
        ]
        assert found[0] == first
        assert part == "median" or np.isnan(found[1])


def test_logged_metrics_of_both_sides_share_a_tag(sink):
    for name in ("logs/accuracy", "logs/val_accuracy"):
        sink.on_measurements([Measurement(20, 0, name, "", 0.5)])
    assert (
        scalar_tags(sink, "train") == scalar_tags(sink, "validation") == {"babysit/logs/accuracy"}
    )


def test_scalars_are_few_or_all(tmp_path):
    with pytest.raises(ValueError, match=r"`scalars` must be .few. or .all.*scalars='some'"):
        TensorBoard(tmp_path, scalars="some")


def test_quantities_of_the_whole_model_have_no_empty_part(sink):
    sink.on_measurements([Measurement(1, 0, "loss/batch", "", 1.0)])
    assert tags(sink) == ["babysit/loss/batch"]


def test_gates_become_a_histogram(sink):
    gates = np.random.default_rng(0).random(200).astype(np.float32)
    gates[:50] = 0
    with_holes = np.append(gates, np.float32("nan"))
    sink.on_measurements([Measurement(5, 0, "activations/gate", "dense", with_holes)])
    events = reader(sink)
    tag = "babysit/activations/gate/dense"
    assert plugin(events, tag) == "histograms"
    buckets = make_ndarray(events.Tensors(tag)[0].tensor_proto)
    counts, edges = np.histogram(gates.astype(np.float64), bins=len(buckets))
    np.testing.assert_array_equal(buckets[:, 2], counts)
    np.testing.assert_allclose(buckets[:, 0], edges[:-1])
    np.testing.assert_allclose(buckets[:, 1], edges[1:])


def test_other_vectors_are_not_written(sink):
    vector = np.ones(8, np.float32)
    sink.on_measurements([Measurement(5, 0, "activations/saturated_low", "dense", vector)])
    assert tags(sink) == []


def test_findings_are_markdown_with_the_remedy_as_code(sink):
    sink.on_events([opened(FINDING)])
    events = reader(sink)
    assert plugin(events, "babysit/findings/dead_units") == "text"
    page = markdown_to_safe_html(texts(sink, "babysit/findings/dead_units")[0])
    assert "<strong>WARNING</strong>" in page
    assert "<pre><code>optimizer.learning_rate = 1e-4\n</code></pre>" in page
    assert 'without("dead_units")' in page


def test_findings_on_many_layers_are_one_text(sink):
    sink.on_events([opened(replace(FINDING, target=f"dense_{i}")) for i in range(30)])
    (text,) = texts(sink, "babysit/findings/dead_units")
    assert text.count("Lower the learning rate") == 1
    assert "and 10 more" in text


def test_later_text_of_a_step_includes_the_earlier(sink):
    sink.on_events([opened(FINDING)])
    sink.on_events([Event(Change.RESOLVED, replace(FINDING, target="other"), 10, 0)])
    latest = texts(sink, "babysit/findings/dead_units")[-1]
    assert "80 of 100 units are dead" in latest
    assert "**resolved** at step 10 in `other`" in latest


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_markdown_shows_names_as_they_are(sink, name):
    sink.on_events([opened(replace(FINDING, target=name, message=f"{name} is *sick*"))])
    page = markdown_to_safe_html(texts(sink, "babysit/findings/dead_units")[0])
    assert not re.search("<script|<img", page)
    assert "is *sick*" in page or len(name) > 1000


def test_every_series_has_a_tag_of_its_own(full_sink):
    sink = full_sink
    names = [*HOSTILE_NAMES, "a b", "a\nb", "a_b", "a'b", 'a"b']
    sink.on_measurements([Measurement(1, 0, "gradients/norm", name, 1.0) for name in names])
    few = {f"babysit/gradients/norm/{part}" for part in ("largest", "median")}
    assert len(set(tags(sink)) - few) == len(names)
    assert all(re.fullmatch(r"babysit/[\w./-]+", tag) and len(tag) < 400 for tag in tags(sink))


@pytest.mark.parametrize("lost", [1, 7, 30])
def test_file_of_a_killed_run_is_read_to_its_last_whole_record(sink, lost):
    for step in range(5):
        sink.on_measurements([Measurement(step, 0, "loss/batch", "", float(step))])
    (file,) = (p for p in Path(sink.log_dir, "babysit").iterdir())
    file.write_bytes(file.read_bytes()[:-lost])
    events = reader(sink)
    assert [event.step for event in events.Tensors("babysit/loss/batch")] == [0, 1, 2, 3, 4]
    assert [event.step for event in events.Tensors(TAG)][2:] == [0, 1, 2, 3]  # before: facts, names


KILLED = """
import os, signal, sys
from keras_babysit.history import History, Measurement
from keras_babysit.sinks import TensorBoard
sink = TensorBoard(sys.argv[1])
sink.on_start(History())
sink.on_measurements([Measurement(1, 0, "loss/batch", "", 1.0)])
assert "tensorflow" not in sys.modules or os.environ["KERAS_BACKEND"] == "tensorflow"
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.any_backend
def test_killed_process_leaves_what_it_measured(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path])
    assert done.returncode == -9
    events = EventAccumulator(str(tmp_path / "babysit")).Reload()
    assert len(events.Tensors("babysit/loss/batch")) == 1


def test_writes_next_to_keras_own_callback(sink):
    pytest.importorskip("tensorflow", reason="Keras' own callback needs TensorFlow")
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    x, y = np.ones((8, 2), np.float32), np.ones((8, 1), np.float32)
    board = keras.callbacks.TensorBoard(sink.log_dir, write_graph=False)
    model.fit(x, y, validation_split=0.5, verbose=0, callbacks=[board])
    runs = {p.name for p in Path(sink.log_dir).iterdir()}
    assert runs == {"babysit", "train", "validation"}


def test_writes_to_buckets():
    pytest.importorskip("tensorflow", reason="the memory file system is TensorFlow's")
    sink = TensorBoard("ram://logs")
    sink.on_start(History())
    sink.on_measurements([Measurement(1, 0, "loss/batch", "", 1.0)])
    sink.on_end(Report(History(), [], Overhead(0.1, 10.0, 1)))
    assert "babysit/loss/batch" in reader(sink).Tags()["tensors"]


def test_unwritable_folder_is_refused_before_training(tmp_path):
    (tmp_path / "file").touch()
    sink = TensorBoard(tmp_path / "file")
    with pytest.raises(ValueError, match=r"`log_dir` must be a writable folder.*log_dir"):
        sink.on_start(History())
