import copy
import json
import pickle
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_babysit.errors import UnknownQuantityError
from keras_babysit.facts import LayerFacts
from keras_babysit.history import History, Measurement, Overhead, read_jsonl


def filled(points, value=float):
    history = History(max_points=16, max_vectors=8)
    for step in range(points):
        history.append(Measurement(step, step // 10, "gradients/norm", "layer", value(step)))
    return history


def test_memory_is_bounded_and_the_ends_stay():
    history = filled(10_000)
    steps = history.series("gradients/norm", "layer").steps
    assert len(steps) <= 16
    assert steps[0] == 0
    assert steps[-4:].tolist() == [9996, 9997, 9998, 9999]
    assert (np.diff(steps) > 0).all()


def size_of_a_run(steps, spacing):
    """Return the memory that the history of a run holds, with a probe every `spacing` steps."""
    tracemalloc.start()
    history = History()
    for step in range(0, steps, spacing):
        for layer in ("a", "b"):
            history.append(Measurement(step, 0, "gradients/norm", layer, float(step)))
            gates = np.full(8, step, np.float32)
            history.append(Measurement(step, 0, "activations/gate", layer, gates))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size, len(history)


def test_ten_million_steps_hold_no_more_than_ten_thousand():
    (small, few), (large, many) = size_of_a_run(10_000, 5), size_of_a_run(10_000_000, 500)
    assert max(few, many) <= 2 * (1024 + 16)  # of two layers
    assert large <= 1.1 * small


def test_vectors_have_their_own_bound():
    history = filled(500, lambda step: np.full(3, step, np.float32))
    assert len(history) <= 8
    assert history.series("gradients/norm", "layer").values.shape[1] == 3


def test_step_and_epoch_are_the_latest():
    history = filled(25)
    assert (history.step, history.epoch) == (24, 2)
    assert (History().step, History().epoch) == (0, 0)


values = st.one_of(
    st.floats(width=32),
    st.lists(st.floats(width=32), min_size=1, max_size=4).map(lambda v: np.array(v, np.float32)),
)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 99),
            st.sampled_from(["activations/gate", "gradients/norm"]),
            st.text(max_size=9),
            values,
        ),
        max_size=20,
    )
)
def test_json_lines_bring_back_what_was_recorded(rows):
    history = History()
    history.note(layers={"dense": LayerFacts(units=3)})
    kinds = {}
    for step, quantity, target, value in rows:
        size = np.shape(value)
        if kinds.setdefault((quantity, target), size) == size:
            history.append(Measurement(step, 0, quantity, target, value))
    text = history.to_jsonl()
    for line in text.splitlines():
        json.loads(line, parse_constant=pytest.fail)  # strict JSON: no NaN, no Infinity
    again = History.from_jsonl(text)
    assert again.facts == history.facts
    assert len(again) == len(history)
    for quantity in history.quantities():
        for target in history.targets(quantity):
            # The record is in the order of the steps.
            ours = sorted(history.points(quantity, target), key=lambda m: m.step)
            theirs = again.points(quantity, target)
            assert [m.step for m in ours] == [m.step for m in theirs]
            for one, other in zip(ours, theirs, strict=True):
                np.testing.assert_array_equal(one.value, other.value)


def test_a_series_that_was_read_shows_what_came_after():
    history = filled(3)
    assert len(history.series("gradients/norm", "layer")) == 3
    history.append(Measurement(3, 0, "gradients/norm", "layer", 1.0))
    assert history.series("gradients/norm", "layer").steps.tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="read-only"):
        history.series("gradients/norm", "layer").values[0] = 0.0


def test_a_cut_off_last_line_is_passed_over(tmp_path):
    path = tmp_path / "run.jsonl"
    text = filled(5).to_jsonl(path)
    path.write_text(text[: len(text) - 20])
    assert len(History.from_jsonl(path)) == 4


def test_a_broken_line_in_the_middle_is_an_error():
    lines = filled(3).to_jsonl().splitlines()
    lines[1] = "{broken"
    with pytest.raises(ValueError, match="Line 2 must be a JSON object"):
        read_jsonl("\n".join(lines))


def test_a_newer_format_is_refused():
    with pytest.raises(ValueError, match=r"format version 2 or older\. Received: version=99"):
        History.from_jsonl('{"type": "run", "version": 99, "facts": {}}\n{"type": "other"}')


@pytest.mark.parametrize("name", ["max_points", "max_vectors"])
def test_bounds_are_checked(name):
    with pytest.raises(ValueError, match=rf"`{name}` must be at least 8\. Received: {name}=7"):
        History(**{name: 7})


def test_overhead_before_the_run_is_zero():
    assert Overhead(0.0, 0.0, 0).fraction == 0


METHODS = ("first", "last", "points", "series", "targets")


@pytest.mark.parametrize("method", METHODS)
def test_reading_an_unknown_quantity_is_an_error(method):
    with pytest.raises(UnknownQuantityError, match=r"'gradient/norm'\. The nearest .*gradients/"):
        getattr(filled(3), method)("gradient/norm")


@pytest.mark.parametrize("method", METHODS)
def test_reading_what_was_not_measured_is_none(method):
    assert not getattr(filled(3), method)("score/accuracy")


def test_nothing_is_added_where_one_quantity_is_unknown():
    history, heard = filled(3), []
    history.listen(heard.append)
    known = Measurement(9, 0, "loss/batch", "", 1.0)
    with pytest.raises(UnknownQuantityError, match="'loss/bach'"):
        history.extend([known, replace(known, quantity="loss/bach")])
    with pytest.raises(UnknownQuantityError, match="'loss/bach'"):
        history.append(replace(known, quantity="loss/bach"))
    assert (len(history), history.step, heard) == (3, 2, [])


def test_a_recording_keeps_what_only_its_writer_defines():
    text = filled(2).to_jsonl().replace("gradients/norm", "elsewhere/registered")
    history = History.from_jsonl(text)
    assert history.series("elsewhere/registered", "layer").values.tolist() == [0.0, 1.0]
    assert history.targets("elsewhere/registered") == ["layer"]
    assert pickle.loads(pickle.dumps(history)).last("elsewhere/registered", "layer") == 1.0
    assert History.from_jsonl(history.to_jsonl()).to_jsonl() == history.to_jsonl()
    history.append(Measurement(2, 0, "elsewhere/registered", "layer", 2.0))  # as of any it holds
    with pytest.raises(UnknownQuantityError):
        history.last("elsewhere/registred", "layer")
    with pytest.raises(UnknownQuantityError):
        History().last("elsewhere/registered", "layer")


def test_a_listener_is_called_once_per_call_when_all_is_stored():
    history, heard = History(), []
    history.listen(lambda measurements: heard.append((list(measurements), len(history))))
    one, two, three = (Measurement(step, 0, "loss/batch", "", 1.0) for step in range(3))
    history.append(one)
    history.extend(m for m in (two, three))
    history.restore([one])
    history.extend([])
    assert heard == [([one], 1), ([two, three], 3), ([one], 4)]


def test_listeners_are_called_in_their_order_and_what_one_raises_is_not_swallowed():
    history, heard = History(), []

    def fail(measurements):
        raise RuntimeError("disk full")

    history.listen(lambda measurements: heard.append("first"))
    history.listen(fail)
    history.listen(lambda measurements: heard.append("third"))
    with pytest.raises(RuntimeError, match="disk full"):
        history.append(Measurement(0, 0, "loss/batch", "", 1.0))
    assert heard == ["first"]
    assert history.last("loss/batch") == 1.0


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda history: pickle.loads(pickle.dumps(history))]
)
def test_copies_have_no_listeners_and_leave_those_of_the_original(copied):
    history, heard = History(), []
    history.listen(heard.append)
    twin = copied(history)
    one = Measurement(0, 0, "loss/batch", "", 1.0)
    twin.append(one)
    assert heard == []
    history.append(one)
    assert heard == [[one]]
