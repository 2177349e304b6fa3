"""Promise 6 and the errors: bad input is refused at once, a fault inside never stops `fit`."""

import logging
import warnings

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.errors import KerasBabysitWarning, NotCompiledError, ProbeMismatchError
from keras_babysit.findings import Finding, Severity
from keras_babysit.probes import Monitor
from keras_babysit.probes.score import Score

layers = keras.layers
X = np.random.default_rng(0).normal(size=(48, 4)).astype("float32")
Y = np.random.default_rng(1).integers(0, 2, 48)


def small(**options):
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(4, "relu"), layers.Dense(2, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", **options)
    return model


def fit(model, *callbacks, **options):
    options = {"epochs": 2, "batch_size": 8, "verbose": 0} | options
    return model.fit(X, Y, callbacks=list(callbacks), **options)


def ours(caught):
    return sum(issubclass(warning.category, KerasBabysitWarning) for warning in caught)


def failing_rule(history):
    raise RuntimeError("this rule is broken")


def rubbish_rule(history):
    return ["not a finding"]


def always(history):
    return [Finding("always", Severity.ERROR, "", "It is always so.")]


@pytest.mark.parametrize("rule", [failing_rule, rubbish_rule])
def test_a_broken_rule_is_one_warning_and_the_others_go_on(rule):
    sitter = kb.Babysitter(rules=[rule, always], every=1, verbose=0)
    with pytest.warns(KerasBabysitWarning, match=f"The rule {rule.__name__} is off") as caught:
        history = fit(small(), sitter)
    assert ours(caught) == 1
    assert len(history.history["loss"]) == 2
    assert [finding.rule for finding in sitter.findings] == ["always"]


def test_a_broken_probe_is_one_note_and_the_epochs_are_judged_all_the_same(monkeypatch):
    def broken(*args, **kwargs):
        raise MemoryError("no memory for a probe")

    monkeypatch.setattr(Monitor, "measure", broken)
    sitter = kb.Babysitter(rules=[always], every=1, verbose=0)
    history = fit(small(), sitter)
    assert len(history.history["loss"]) == 2
    assert sitter.history.facts.broke_off is None
    assert len(sitter.history.series("logs/loss")) == 2
    (note,) = (finding for finding in sitter.findings if finding.rule == "not_watched")
    assert note.message == (
        "Layers, gradients and updates not measured from here on: monitoring raised MemoryError "
        "(no memory for a probe)."
    )
    assert [finding.rule for finding in sitter.findings] == ["always", "not_watched"]


def test_a_broken_score_is_one_notice_and_all_else_is_measured(monkeypatch):
    def broken(*args, **kwargs):
        raise ValueError("no score")

    monkeypatch.setattr(Score, "__call__", broken)
    sitter = kb.Babysitter(every=1, verbose=0)
    history = fit(small(), sitter)
    assert len(history.history["loss"]) == 2
    assert sitter.history.facts.broke_off is None
    (note,) = (finding for finding in sitter.findings if finding.rule == "not_watched")
    assert (note.target, note.message) == (
        "scores",
        "Scores not measured: a score raised ValueError.",
    )
    losses = sitter.history.series("loss/batch").steps
    assert losses[-1] == sitter.history.step
    assert not sitter.history.targets("score/loss")


class BrokenSink(kb.sinks.Sink):
    def on_measurements(self, measurements):
        raise OSError("disk full")


def test_a_broken_sink_is_one_warning_and_the_others_go_on(tmp_path):
    path = tmp_path / "run.jsonl"
    sinks = [BrokenSink(), kb.sinks.JsonLines(path)]
    with pytest.warns(KerasBabysitWarning, match="BrokenSink is off") as caught:
        fit(small(), kb.Babysitter(every=1, verbose=0, sinks=sinks))
    assert ours(caught) == 1
    assert len(kb.History.from_jsonl(path)) > 50


def test_where_warnings_are_errors_fit_still_ends(caplog):
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        fit(small(), kb.Babysitter(rules=[failing_rule], every=1, verbose=0))
    assert "this rule is broken" in caplog.text


def test_layers_that_keep_their_tensors_are_named_once():
    class Loop(layers.Layer):
        """Calls a layer in a loop of the graph, which no tensor may leave."""

        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(4, "relu")

        def build(self, shape):
            self.dense.build(shape)

        def call(self, x):
            def step(carry, _):
                return self.dense(carry), None

            return keras.ops.scan(step, x, length=2)[0]

    model = keras.Sequential([keras.Input((4,)), Loop(), layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    sitter = kb.Babysitter(every=1, verbose=0)
    assert len(fit(model, sitter).history["loss"]) == 2
    assert sum(finding.rule == "not_watched" for finding in sitter.findings) <= 1
    assert np.isfinite(sitter.history.last("loss/batch"))


def test_a_training_step_of_its_own_is_watched_without_loss():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2, "relu", name="only")

        def call(self, x):
            return self.dense(x)

        def train_step(self, *args):
            if keras.backend.backend() == "jax":
                state, _ = args
                return {"made_up": 1.0}, state
            return {"made_up": 1.0}

    model = Own()
    model.compile("adam")
    sitter = kb.Babysitter(every=1, verbose=0)
    fit(model, sitter)
    assert sitter.history.targets("activations/std") == ["only"]
    assert sitter.history.last("loss/batch") is None
    assert not [a for a in sitter.findings if a.severity > Severity.NOTE]


def test_it_stops_when_asked_to():
    history = fit(small(), kb.Babysitter(rules=[always], every=1, verbose=0, stop_on="ERROR"))
    assert len(history.history["loss"]) == 1


def test_rescue_puts_the_last_good_weights_back():
    model = small()
    model.optimizer.learning_rate = 1e30
    before = model.get_weights()
    sitter = kb.Babysitter(every=1, verbose=0, rescue=True)
    fit(model, sitter, epochs=5)
    assert all(np.isfinite(weights).all() for weights in model.get_weights())
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert sitter.findings


def test_a_second_fit_starts_afresh_and_two_sitters_get_along():
    alone = small()
    fit(alone)
    model = small()
    first, second = kb.Babysitter(every=1, verbose=0), kb.Babysitter(every=2, verbose=0)
    fit(model, first, second)
    steps = first.history.series("loss/batch").steps.tolist()
    fit(model, first)
    assert first.history.series("loss/batch").steps.tolist() == steps
    assert second.history.series("loss/batch").steps.tolist() == [0, 2, 4, 6, 8, 10, 12]
    assert set(vars(model)) == set(vars(alone))
    assert not any("call" in vars(layer) for layer in model.layers)


def test_after_an_exception_elsewhere_nothing_is_left():
    class Raises(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 2:
                raise KeyboardInterrupt

    model = small()
    sitter = kb.Babysitter(every=1, verbose=0)
    with pytest.raises(KeyboardInterrupt):
        fit(model, sitter, Raises())
    assert len(fit(model).history["loss"]) == 2
    assert len(fit(model, sitter).history["loss"]) == 2


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"every": 0}, ValueError, "`every` must be 'auto' or an integer of at least 1"),
        ({"every": "often"}, ValueError, "Received: every='often'"),
        ({"budget": 0}, ValueError, r"`budget` must be in \(0, 1\]"),
        ({"budget": 1.5}, ValueError, "Received: budget=1.5"),
        ({"rules": ["dead_unit"]}, ValueError, "Unknown rule 'dead_unit'"),
        ({"probe": 3}, TypeError, "`probe` must be a tuple"),
        ({"probe": (X, Y[:3])}, ValueError, "one and the same number of examples"),
        ({"probe": (X[:0], Y[:0])}, ValueError, "at least 1"),
        ({"stop_on": "TERRIBLE"}, ValueError, "TERRIBLE"),
    ],
)
def test_bad_arguments_are_refused_at_once(arguments, error, message):
    with pytest.raises(error, match=message):
        kb.Babysitter(verbose=0, **arguments)


def test_a_probe_with_other_inputs_is_refused_before_training():
    model = small()
    before = model.get_weights()
    sitter = kb.Babysitter(probe=([X, X], Y), verbose=0)
    with pytest.raises(ProbeMismatchError, match=r"as many inputs as the model: 1\. Received: 2"):
        fit(model, sitter)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_a_model_that_is_not_compiled_is_refused():
    sitter = kb.Babysitter(verbose=0)
    sitter.set_model(keras.Sequential([keras.Input((4,)), layers.Dense(1)]))
    with pytest.raises(NotCompiledError, match="must be compiled"):
        sitter.on_train_begin()


def test_a_log_dir_that_cannot_be_written_is_refused(tmp_path):
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    with pytest.raises(ValueError, match="log_dir"):
        fit(small(), kb.Babysitter(log_dir=occupied, verbose=0))


def by_tuple():
    return (X, Y)


def by_py_dataset():
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return X[index * 16 :][:16], Y[index * 16 :][:16]

    return Batches()


def by_callable():
    return lambda: (X[:20], Y[:20])


def by_list_of_batches():
    return [(X[:16], Y[:16]), (X[16:32], Y[16:32])]


@pytest.mark.parametrize("given", [by_tuple, by_py_dataset, by_callable, by_list_of_batches])
def test_a_given_probe_wins(given):
    keras.utils.set_random_seed(5)
    model = small()
    kernel = model.get_weights()[0]
    sitter = kb.Babysitter(probe=given(), every=1, verbose=0)
    model.fit(X * 100, Y, batch_size=8, epochs=2, verbose=0, callbacks=[sitter])
    batch = {by_tuple: X, by_py_dataset: X, by_callable: X[:20], by_list_of_batches: X[:32]}[given]
    expected = np.maximum(batch @ kernel, 0).mean()
    layer = model.layers[0].name
    assert sitter.history.first("activations/mean", layer) == pytest.approx(expected, rel=1e-4)


def test_tensorboard_and_json_lines_hold_what_was_measured(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    path = tmp_path / "run.jsonl"
    sitter = kb.Babysitter(
        rules=[always],
        every=1,
        verbose=0,
        sinks=[kb.sinks.TensorBoard(tmp_path / "logs", scalars="all"), kb.sinks.JsonLines(path)],
    )
    fit(small(), sitter)
    events = EventAccumulator(
        str(tmp_path / "logs" / "babysit"), size_guidance={"tensors": 0}
    ).Reload()
    layer = sitter.history.targets("activations/std")[0]
    written = events.Tensors(f"babysit/activations/std/{layer}")
    read = [make_ndarray(event.tensor_proto).item() for event in written]
    expected = sitter.history.series("activations/std", layer).values
    np.testing.assert_allclose(read, expected, rtol=1e-6)
    again = kb.History.from_jsonl(path)
    np.testing.assert_allclose(again.series("activations/std", layer).values, expected)
    report = sitter.report().to_html()
    assert "It is always so." in report
    assert len(report) < 1_000_000
