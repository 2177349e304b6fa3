"""Build functions for KerasTuner run unchanged."""

import pytest

from keras_babysit.search import HyperParameters
from keras_babysit.search.hypermodel import Hypermodel


def build(hp):
    """The ways in which KerasTuner's documentation declares hyperparameters."""
    kind = hp.Choice("model_type", ["mlp", "cnn"], ordered=False)
    with hp.conditional_scope("model_type", ["mlp"]):
        if kind == "mlp":
            hp.Int("units", min_value=32, max_value=512, step=32)
    with hp.conditional_scope("model_type", ["cnn"]):
        hp.Int("filters", 8, 64, 2, "log", default=16)
    hp.Boolean("dropout", default=True)
    hp.Float("rate", 0.1, 0.5, step=0.1, parent_name="dropout", parent_values=[True])
    with hp.name_scope("head"):
        hp.Fixed("activation", "softmax")
    return hp


def test_the_active_branch_counts():
    hp = build(HyperParameters())
    assert hp.values == {
        "model_type": "mlp",
        "units": 32,
        "dropout": True,
        "rate": 0.1,
        "head/activation": "softmax",
    }
    assert list(hp.space) == ["model_type", "units", "dropout", "rate"]
    assert hp.unmet == [("model_type", ("cnn",))]
    assert "filters" not in hp
    assert hp.get("units") == hp["units"] == 32
    with pytest.raises(KeyError):
        hp.get("filters")


def test_the_other_branch_counts_when_it_is_chosen():
    choices = {"model_type": "cnn", "dropout": False}
    hp = build(HyperParameters(lambda d: choices.get(d.name, d.default_value)))
    assert hp.values == {
        "model_type": "cnn",
        "filters": 16,
        "dropout": False,
        "head/activation": "softmax",
    }


def test_a_name_has_one_value():
    values = iter([1, 2])
    hp = HyperParameters(lambda d: next(values))
    assert hp.Int("units", 1, 9) == hp.Int("units", 1, 9) == 1


def test_kerastuners_own_values_agree():
    kerastuner = pytest.importorskip("keras_tuner", reason="keras-tuner is not installed")
    theirs = build(kerastuner.HyperParameters())
    assert theirs.values == build(HyperParameters()).values


def test_an_object_with_build_is_a_hypermodel():
    class UserProbeData:
        def build(self, hp):
            return hp

    with pytest.raises(TypeError, match="must return a keras"):
        Hypermodel(UserProbeData()).build(HyperParameters())
    with pytest.raises(TypeError, match="`hypermodel` must be a function"):
        Hypermodel("model")
