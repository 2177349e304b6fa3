"""Typed facts: to JSON and back, from the dictionaries of format 1, and misspelt."""

import copy
import dataclasses
import inspect
import json
import math
import pickle
import re
import types
import typing
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.diagnosis.replay import read_recording
from benchmarks.diagnosis.sample import SAMPLE
from keras_babysit import facts
from keras_babysit.facts import (
    DataFacts,
    InputFacts,
    LayerFacts,
    OutputFacts,
    Regularization,
    RunFacts,
    TargetFacts,
    WeightFacts,
)
from keras_babysit.history import History, read_facts

KINDS = [one for one in vars(facts).values() if dataclasses.is_dataclass(one)]
SCALARS = {
    str: st.text(max_size=8),
    bool: st.booleans(),
    int: st.integers(-9, 2**40),
    float: st.floats(allow_nan=False),
}


def values(hint):
    """Return a strategy of the values of a field."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return st.builds(hint, **{name: values(one) for name, one in hints.items()})
    if origin in (typing.Union, types.UnionType):
        return st.one_of(
            *(st.none() if one is types.NoneType else values(one) for one in arguments)
        )
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=2).map(tuple)
    if origin is Mapping:
        return st.dictionaries(st.text(max_size=8), values(arguments[1]), max_size=2)
    return st.sampled_from(arguments) if origin is typing.Literal else SCALARS[hint]


@given(values(RunFacts))
def test_facts_come_back_from_strict_json(known):
    text = json.dumps(known.to_json(), allow_nan=False)
    assert RunFacts.from_json(json.loads(text)) == known


def test_what_is_not_known_is_not_written():
    assert RunFacts().to_json() == {}
    assert RunFacts(weights={}).to_json() == {"weights": {}}  # known, and there are none
    assert RunFacts(is_compiled=False, epochs=0).to_json() == {"epochs": 0, "is_compiled": False}


def test_numbers_of_numpy_are_written():
    known = RunFacts(epochs=np.int64(3), recurring_fraction=np.float32(0.5), has_ended=np.bool_(1))
    expected = {"epochs": 3, "recurring_fraction": 0.5, "has_ended": True}
    assert json.loads(json.dumps(known.to_json())) == expected


NEWER = {
    "optimizer": "Adam",
    "accelerator": "a thing of a later version",
    "layers": {"dense": {"role": "hidden", "width": 3}},
    "outputs": [{"form": "binary", "is_ordinal": True}],
    "data": {"examples": 9, "inputs": [{"rms": 1.5, "kurtosis": 3}], "groups": []},
}


def test_what_a_newer_version_wrote_is_read_as_far_as_it_is_known():
    assert RunFacts.from_json(NEWER) == RunFacts(
        optimizer="Adam",
        layers={"dense": LayerFacts(role="hidden")},
        outputs=(OutputFacts(form="binary"),),
        data=DataFacts(examples=9, inputs=(InputFacts(rms=1.5),)),
    )


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"epochs": "many", "batch_size": 32}, RunFacts(batch_size=32)),
        ({"epochs": True}, RunFacts()),
        ({"epochs": 2.5}, RunFacts()),
        ({"has_ended": 1}, RunFacts()),
        ({"optimizer": 3}, RunFacts()),
        ({"layers": ["dense"]}, RunFacts()),
        ({"layers": {"dense": 3}}, RunFacts(layers={"dense": LayerFacts()})),
        (
            {"layers": {"a": {"role": "gate", "units": 4}}},
            RunFacts(layers={"a": LayerFacts(units=4)}),
        ),
        ({"outputs": {}}, RunFacts()),
        ({"data": None}, RunFacts()),
        (
            {"data": {"inputs": [None, {"rms": 2}]}},
            RunFacts(data=DataFacts(inputs=(InputFacts(), InputFacts(rms=2.0)))),
        ),
        ({"recurring_fraction": "nan"}, RunFacts()),
        ({"recurring_fraction": "half"}, RunFacts()),
        ({"regularization": {"dropout": [0.5, "x"]}}, RunFacts()),
        (
            {"outputs": [{"low": "-inf", "high": 1}]},
            RunFacts(outputs=(OutputFacts(low=-math.inf, high=1.0),)),
        ),
    ],
    ids=str,
)
def test_a_value_that_does_not_fit_is_not_known(record, expected):
    assert RunFacts.from_json(record) == expected


OLD = {
    "model": "sequential",
    "backend": "jax",
    "versions": {"keras": "3.15.1"},
    "optimizer": "Adam",
    "loss": {"a": "mse", "b": ["MeanAbsoluteError", None]},
    "batch_size": 32,
    "epochs": 3,
    "steps_per_epoch": None,
    "examples": 500,
    "recurring_share": 1.0,
    "regularization": {
        "dropout": [0.5],
        "batch_normalizations": 1,
        "penalized_weights": 0,
        "weight_decay": 0.0,
    },
    "layers": {
        "dense": {
            "class": "Dense",
            "activation": "relu",
            "kind": "rectifier",
            "role": "hidden",
            "units": 8,
            "parameters": 80,
        },
        "bn": {"class": "BatchNormalization", "kind": None, "momentum": 0.0},
    },
    "weights": {"dense/kernel": {"layer": "dense", "size": 72, "is_kernel": True}},
    "outputs": [{"target": None, "form": "distance", "low": "-inf", "high": "inf", "delta": 1.0}],
    "data": {
        "examples": 96,
        "is_weighted": False,
        "inputs": [{"dtype": "float32", "shape": [9], "rms": 1.0, "first_constant": None}],
        "targets": [
            {
                "low_1": -1.0,
                "high_99": 2.0,
                "largest_share": 0.25,
                "stretch": 32,
                "largest_share_of_stretch": 0.5,
            }
        ],
    },
}


def test_the_dictionaries_of_format_1_are_read():
    assert read_facts({"type": "run", "version": 1, "facts": OLD}) == RunFacts(
        model="sequential",
        backend="jax",
        versions={"keras": "3.15.1"},
        optimizer="Adam",
        loss="a mse, b MeanAbsoluteError, None",
        batch_size=32,
        epochs=3,
        examples_per_epoch=500,
        recurring_fraction=1.0,
        regularization=Regularization(dropout=(0.5,), batch_normalizations=1),
        layers={
            "dense": LayerFacts(
                class_name="Dense",
                activation="relu",
                activation_kind="rectifier",
                role="hidden",
                units=8,
                parameters=80,
            ),
            "bn": LayerFacts(class_name="BatchNormalization", momentum=0.0),
        },
        weights={"dense/kernel": WeightFacts(layer="dense", size=72, is_kernel=True)},
        outputs=(OutputFacts(form="distance", low=-math.inf, high=math.inf),),
        data=DataFacts(
            examples=96,
            is_weighted=False,
            inputs=(InputFacts(dtype="float32", shape=(9,), rms=1.0),),
            targets=(
                TargetFacts(
                    percentile_1=-1.0,
                    percentile_99=2.0,
                    largest_fraction=0.25,
                    stretch=32,
                    largest_fraction_of_stretch=0.5,
                ),
            ),
        ),
    )


@pytest.mark.parametrize("odd", [3, "x", [], None], ids=repr)
def test_what_does_not_fit_is_passed_over_in_format_1(odd):
    record = {"layers": odd, "data": odd, "outputs": odd, "versions": odd, "examples": 9}
    assert RunFacts.from_json(record, version=1) == RunFacts(examples_per_epoch=9)
    record = {"layers": {"a": odd}, "data": {"targets": [odd]}}
    assert RunFacts.from_json(record, version=1) == RunFacts(
        layers={"a": LayerFacts()}, data=DataFacts(targets=(TargetFacts(),))
    )


RENAMED = {
    "class": "class_name",
    "kind": "activation_kind",
    "recurring_share": "recurring_fraction",
    "low_1": "percentile_1",
    "high_99": "percentile_99",
    "largest_share": "largest_fraction",
    "largest_share_of_stretch": "largest_fraction_of_stretch",
}


def assert_same(old, new):
    """Assert that an entry of a dictionary of format 1 is what a fact says."""
    if isinstance(new, RunFacts):
        assert old.pop("examples") == new.examples_per_epoch
    if dataclasses.is_dataclass(new):
        for key, value in old.items():
            assert_same(value, getattr(new, RENAMED.get(key, key)))
    elif isinstance(old, dict):
        assert list(old) == list(new)
        for key, value in old.items():
            assert_same(value, new[key])
    elif isinstance(old, list):
        for one, other in zip(old, new, strict=True):
            assert_same(one, other)
    else:
        assert new == (float(old) if old in ("inf", "-inf") else old)


def test_nothing_is_lost_of_recordings_in_format_1():
    read = 0
    for path in sorted(SAMPLE.rglob("*.jsonl.gz"))[::6]:
        runs = [one for one in read_recording(path).records if one["type"] == "run"]
        assert_same(runs[-1]["facts"], read_facts(runs[-1]))
        read += runs[-1]["version"] == 1
    assert read or not SAMPLE.exists()


def test_what_is_known_can_be_asked_by_name():
    known = RunFacts(weights={}, has_ended=True)
    names = ("weights", "has_ended", "data", "outputs")
    assert [known.knows(name) for name in names] == [True, True, False, False]
    with pytest.raises(AttributeError, match="dta"):
        known.knows("dta")


def test_a_run_without_facts_is_refused():
    with pytest.raises(TypeError, match=r"must have `facts`, a JSON object\. Received: facts=3"):
        History.from_jsonl('{"type": "run", "version": 1, "facts": 3}\n')


def test_a_misspelt_fact_fails():
    history = History()
    with pytest.raises(TypeError, match="optimiser"):
        history.note(optimiser="Adam")
    with pytest.raises(AttributeError, match="optimiser"):
        history.facts.optimiser  # noqa: B018
    with pytest.raises(dataclasses.FrozenInstanceError):
        history.facts.optimizer = "Adam"


def test_facts_are_replaced_and_never_changed():
    history = History()
    before = history.facts
    history.note(epochs=3)
    history.note(layers={"dense": LayerFacts(units=4)})
    assert before == RunFacts()
    assert history.facts == RunFacts(epochs=3, layers={"dense": LayerFacts(units=4)})
    assert history.layer("dense").units == 4
    assert history.layer("another") == LayerFacts()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_facts_can_be_copied(copied):
    known = RunFacts.from_json(OLD, version=1)
    assert copied(known) == known


@pytest.mark.parametrize("kind", KINDS)
def test_every_fact_is_documented(kind):
    documented = re.findall(r"^ {4}(\w+): ", inspect.getdoc(kind).partition("Args:")[2], re.M)
    assert documented == [one.name for one in dataclasses.fields(kind)]
