"""The verdict of the checks before training: one cause, its effects folded under it."""

import keras
import numpy as np

from keras_babysit.checks import check
from keras_babysit.findings import Severity, Verdict


def dead_from_the_start():
    """Return a network whose biases keep every hidden unit off, and data."""
    off = keras.initializers.Constant(-20.0)
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(16, activation="relu", bias_initializer=off, name="hidden"),
            keras.layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(160, 5)).astype("float32")
    return model, x, x.sum(axis=1, keepdims=True)


def test_effects_are_folded_under_their_cause():
    model, x, y = dead_from_the_start()
    report = check(model, x, y, checks=["initial_signal", "gradient_flow"], seconds=300, verbose=0)
    (cause,) = report.verdict.causes
    assert cause.rule == "initial_signal"
    assert [group.rule for group in cause.symptoms] == ["gradient_flow"]
    assert "dead" in cause.findings[0].message
    assert report.verdict.severity is Severity.ERROR
    assert report.verdict.do_first == cause.findings[0].remedies[0]
    text = str(report)
    assert text.startswith('keras-babysit: Signal lost in the initial network in "hidden"')
    assert text.index("Do this first: ") < text.index("also: gradient does not reach")
    assert "Find what discards the input" not in text  # a remedy of the effect
    assert report.verdict == Verdict.from_json(report.verdict.to_json())


def test_a_notebook_shows_verdict_and_table():
    model, x, y = dead_from_the_start()
    report = check(model, x, y, checks=["initial_signal"], seconds=300, verbose=0)
    page = report._repr_html_()
    assert "Signal lost in the initial network" in page
    assert "All checks" in page
