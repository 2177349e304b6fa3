"""What `initial_signal` says of several layers, and of recurrent ones."""

import keras
import numpy as np
import pytest

from keras_babysit.checks import check
from keras_babysit.checks.initial_signal import LayerSignal, judge

X = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")


@pytest.mark.parametrize(("depth", "named"), [(1, ["h0"]), (3, ["h0", "h1", "h2"])])
def test_layers_of_identical_units_are_one_finding_in_their_order(depth, named):
    hidden = [
        keras.layers.Dense(
            8, "tanh", kernel_initializer=keras.initializers.Constant(0.1), name=f"h{i}"
        )
        for i in range(depth)
    ]
    model = keras.Sequential(
        [keras.Input((6,)), *hidden, keras.layers.Dense(1, kernel_initializer="ones")]
    )
    model.compile("sgd", "mse")
    report = check(model, X, X[:, :1], checks=["initial_signal"], seconds=300, verbose=0)
    [finding] = [one for one in report.findings if "identical" in one.message]
    places = [finding.message.index(f'"{name}"') for name in named]
    assert places == sorted(places)
    assert finding.evidence["layers"] == depth


@pytest.mark.any_backend
@pytest.mark.parametrize("is_recurrent", [True, False])
def test_a_signal_that_is_lost_in_recurrent_layers_may_be_padding(is_recurrent):
    depths = [
        LayerSignal(
            name,
            is_output=False,
            signal=std,
            reach=std,
            mean=0.0,
            std=std,
            distinct=1.0,
            gradient=1.0,
        )
        for name, std in (("a", 1.0), ("b", 1e-6))
    ]
    [finding] = judge(depths, [], is_recurrent=is_recurrent)
    texts = [one.text for one in finding.remedies]
    assert ("padding" in texts[0].lower()) == is_recurrent
    assert any("LSUV" in text for text in texts[1:])
