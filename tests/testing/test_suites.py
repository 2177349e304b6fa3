"""Each suite finds what is wrong: cases that break the contract, and the checks that fail."""

import itertools
import types
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops

from keras_babysit import History, Measurement, Remedy, rules, sinks
from keras_babysit.backends import backend
from keras_babysit.testing import backends, initializers, layers
from keras_babysit.testing import rules as rule_suite
from keras_babysit.testing import sinks as sink_suite
from keras_babysit.testing.sinks import FINDING, SinkCase


def failed(suite, case, *arguments):
    """Return the names of the checks that fail."""
    names = set()
    for name, check in suite.CHECKS.items():
        try:
            check(case, *arguments)
        except pytest.skip.Exception:
            pass
        except (Exception, pytest.fail.Exception):
            names.add(name)
    return names


def dead(fraction):
    history = History()
    for step in range(4):
        history.append(Measurement(step, 0, "activations/dead_fraction", "dense", fraction))
    return history


def asking(function):
    """Return the case of a rule that is documented as it must be."""
    function.__doc__ = rules.dead_units.__doc__
    return rule_suite.RuleCase(function, fires=[dead(0.9)], silent=[dead(0.1)])


def healthy_rule(history, **changes):
    values = history.series("activations/dead_fraction", "dense").values
    return [replace(FINDING, **changes)] if (values > 0.5).any() else []


COUNT = itertools.count()


def counts(history):
    return healthy_rule(history, message=f"asked {next(COUNT)} times")


def appends(history):
    found = healthy_rule(history)
    history.append(Measurement(9, 0, "loss/batch", "", 1.0))
    return found


def draws(history):
    np.random.random()
    return healthy_rule(history)


def takes_the_last(history):
    last = history.series("activations/dead_fraction", "dense").values[-1]
    return healthy_rule(history) if last > 0.5 else []


EMPTY = "is-silent-on-an-empty-history"


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        (lambda history: healthy_rule(history), set()),
        (lambda history: [], {"fires"}),
        (lambda history: [FINDING], {"is-silent", EMPTY}),
        (counts, {"returns-the-same-twice", "tolerates-any-history"}),
        (appends, {"changes-nothing"}),
        (draws, {"changes-nothing"}),
        (takes_the_last, {EMPTY, "tolerates-any-history"}),
        (lambda history: healthy_rule(history, remedies=()), {"findings-say-what-to-do"}),
        (
            lambda history: healthy_rule(history, remedies=(Remedy("a", None),), evidence=None),
            {"findings-survive-json"},
        ),
    ],
)
def test_rules(rule, names):
    assert failed(rule_suite, asking(rule)) == names


def test_a_rule_without_a_docstring():
    case = replace(asking(lambda history: healthy_rule(history)), rule=lambda h: healthy_rule(h))
    assert failed(rule_suite, case) == {"docstring"}


@keras.saving.register_keras_serializable(package="broken")
class Scale(keras.layers.Layer):
    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.supports_masking = True

    def call(self, inputs):
        return inputs * self.factor

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="broken")
class Forgets(Scale):
    def get_config(self):
        return {**super().get_config(), "factor": lambda: 2.0}


@keras.saving.register_keras_serializable(package="broken")
class InFloat32(Scale):
    def call(self, inputs):
        return ops.cast(inputs, "float32") * self.factor


SHAPES = ((4, 5, 3), (2, 7, 3))


@pytest.mark.parametrize(
    ("case", "names"),
    [
        (layers.LayerCase(Scale, SHAPES), set()),
        (
            layers.LayerCase(Forgets, SHAPES),
            {"config", "save-and-load", "clone", "float16", "bfloat16"},
        ),
        (layers.LayerCase(InFloat32, SHAPES), {"float16", "bfloat16"}),
        (
            layers.LayerCase(Scale, SHAPES, invalid=(({"factor": -1}, "above 0"),)),
            {"invalid-arguments"},
        ),
        (layers.LayerCase(lambda: keras.layers.Dense(2), SHAPES), set()),
        (layers.LayerCase(lambda: keras.layers.Conv1D(2, 3), SHAPES), {"mask"}),
    ],
)
def test_layers(case, names, monkeypatch):
    for name in ("training-step", "training-step-xla", "export"):  # slow, and not broken here
        monkeypatch.delitem(layers.CHECKS, name, raising=False)
    assert failed(layers, case) == names


class Seedless(keras.initializers.RandomNormal):
    def __call__(self, shape, dtype=None):
        return ops.convert_to_tensor(np.random.default_rng().normal(0, 0.05, shape), dtype)


class Float32(keras.initializers.RandomNormal):
    def __call__(self, shape, dtype=None):
        return super().__call__(shape, "float32")


@pytest.mark.parametrize(
    ("make", "changes", "names"),
    [
        (keras.initializers.RandomNormal, {}, set()),
        (keras.initializers.RandomNormal, {"variance": 0.01}, {"variance"}),
        (keras.initializers.RandomNormal, {"depends_on_fans": True}, {"convolution"}),
        (Float32, {}, {"dtype"}),
        (Seedless, {}, {"seed", "config"}),
    ],
)
def test_initializers(make, changes, names):
    for kind in (Seedless, Float32):
        keras.saving.register_keras_serializable(package="broken")(kind)
    made = {"variance": 0.05**2, "depends_on_fans": False} | changes
    case = initializers.InitializerCase(lambda seed: make(stddev=0.05, seed=seed), **made)
    assert failed(initializers, case) == names


class Notes(sinks.Sink):
    """Writes messages and remedies to a file, `times` times, as `write` makes them."""

    def __init__(self, folder, times=1, write=ascii):
        self.path, self.times, self.write = folder / "notes.txt", times, write

    def on_events(self, events):
        with self.path.open("a", encoding="utf-8", errors="replace") as file:
            for event in [*events] * self.times:
                finding = event.finding
                for text in (finding.message, *(f"{r.text} {r.code}" for r in finding.remedies)):
                    print(self.write(text), file=file)


class Late(Notes):
    def on_events(self, events):
        self.events = [*getattr(self, "events", ()), *events]

    def on_end(self, report):
        super().on_events(getattr(self, "events", ()))
        self.events = []


class PerLayer(Notes):
    def on_measurements(self, measurements):
        for one in measurements:
            (self.path.parent / one.target).with_suffix(".txt").write_text("seen")


def read(folder):
    path = folder / "notes.txt"
    return [path.read_text(encoding="utf-8")] if path.exists() else []


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (Notes, set()),
        (lambda folder: Notes(folder, times=2), {"shows-nothing-twice"}),
        (lambda folder: Notes(folder, write=str), {"survives-hostile-names"}),
        (Late, {"can-be-read-while-the-run-goes-on"}),
        (lambda folder: sinks.Sink(), {"shows-findings", "shows-nothing-twice"}),
    ],
)
def test_sinks(make, names, tmp_path):
    found = set()
    for number, (name, check) in enumerate(sink_suite.CHECKS.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        suite = types.SimpleNamespace(CHECKS={name: check})
        found |= failed(suite, SinkCase(make, read), folder)
    assert names <= found
    assert found <= names | {"can-be-read-while-the-run-goes-on"}


def test_a_sink_that_leaves_its_folder(tmp_path):
    check = sink_suite.CHECKS["keeps-to-its-folder"]
    with pytest.raises(AssertionError):
        check(SinkCase(PerLayer, read), tmp_path)


def trained_in_place(model, function, feed, arguments):
    """Return a sandbox that puts nothing back."""
    box = backend.Sandbox(model, function, feed, arguments)

    class Careless:
        def __enter__(self):
            return box.__enter__()

        def __exit__(self, *error):
            return None

    return Careless()


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        ("out-of-memory", {"is_out_of_memory": lambda error: False}),
        ("logs", {"logs": lambda result: {"loss": np.nan}}),
        ("borrow", {"borrow": lambda arguments, count, fetching=None: ([], arguments)}),
        ("exchange", {"exchange": lambda model, arguments, values: arguments}),
        ("subsample", {"subsample": lambda values, count: backend.copy(values)}),
        ("members", {"wait": lambda: None}),
        ("end-of-data", {"ANNOUNCES_THE_END": not backend.ANNOUNCES_THE_END}),
        (
            "gradients-of-a-constant",
            {"value_and_grad": lambda function, values: (function(values), [None for _ in values])},
        ),
        pytest.param(
            "sandbox",
            {"Sandbox": trained_in_place},
            marks=pytest.mark.skipif(
                keras.backend.backend() == "jax", reason="it has values of its own to train on"
            ),
        ),
    ],
)
def test_backends(check, broken):
    backends.CHECKS[check](backend)
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the check fails by
        backends.CHECKS[check](types.SimpleNamespace(**(vars(backend) | broken)))
