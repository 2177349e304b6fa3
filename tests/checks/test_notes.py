"""Unusual models that train well get a note at most; those that only look unusual get nothing."""

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

from keras_babysit import Severity
from keras_babysit.checks import check
from tests.checks import pairs


def ordinals():
    x = pairs.normal(500, 6)
    y = np.clip(np.round(2 + 1.5 * x[:, 0]), 0, 4).astype("int64")
    return pairs.mlp(6, 1, loss="mse"), x, y


def sigmoids_normalized_by_the_loss():
    x, y = pairs.digits()
    return pairs.mlp(64, 10, "sigmoid", loss="categorical_crossentropy"), x, pairs.one_hot(y)


@pytest.mark.parametrize("build", [ordinals, sigmoids_normalized_by_the_loss])
def test_it_is_a_note(build):
    model, x, y = build()
    found = check(model, x, y, checks=["output_and_loss", "data_quality"], verbose=0).findings
    assert [one.severity for one in found] == [Severity.NOTE]


@pytest.mark.parametrize(
    ("has_validation", "severity"), [(True, Severity.NOTE), (False, Severity.WARNING)]
)
def test_a_rare_class_that_is_repeated_after_the_split_is_a_note(has_validation, severity):
    x = pairs.normal(900, 6)
    y = (x[:, 0] > 1).astype("int64")
    train, rest = slice(0, 600), slice(600, None)
    rare = np.flatnonzero(y[train])
    more = np.concatenate([np.arange(600), np.tile(rare, 3)])
    model = pairs.mlp(6, 1, "sigmoid", loss="binary_crossentropy")
    held_out = (x[rest], y[rest]) if has_validation else None
    report = check(
        model, x[more], y[more], validation_data=held_out, checks=["data_quality"], verbose=0
    )
    assert [(one.target, one.severity) for one in report.findings] == [("x", severity)]


def test_all_rows_twice_is_a_warning_beside_validation_data_too():
    x, y = pairs.normal(900, 6), np.arange(900) % 2
    model = pairs.mlp(6, 1, "sigmoid", loss="binary_crossentropy")
    report = check(
        model,
        np.tile(x[:600], (2, 1)),
        np.tile(y[:600], 2),
        validation_data=(x[600:], y[600:]),
        checks=["data_quality"],
        verbose=0,
    )
    assert [one.severity for one in report.findings] == [Severity.WARNING]


def test_fresh_batch_norms_thirty_deep_depend_on_their_inputs():
    x, y = pairs.digits()
    small = keras.initializers.RandomNormal(stddev=0.01)
    body = []
    for _ in range(30):
        dense = L.Dense(8, use_bias=False, kernel_initializer=small)
        body += [dense, L.BatchNormalization(), L.ReLU()]
    model = pairs.model((64,), *body, L.Dense(10), loss=pairs.sparse_logits())
    report = check(model, x, y, checks=["gradient_flow"], seconds=60, verbose=0)
    assert report["gradient_flow"].verdict == "ok", report["gradient_flow"]
    assert "depends on the inputs" in report["gradient_flow"].evidence


def test_every_finding_has_the_name_of_its_check():
    model, x, y = pairs.saturated_from_the_start()
    report = check(model, x, y, checks=["initial_signal"], verbose=0)
    assert {one.rule for one in report.findings} == {"initial_signal"}


def test_inactive_units_are_not_saturated():
    """After batch normalization a ReLU6 is zero for half of the examples, like any ReLU."""
    x, y = pairs.digits()
    body = [L.Dense(96), L.BatchNormalization(beta_initializer=keras.initializers.Constant(-0.5))]
    model = pairs.model((64,), *body, L.ReLU(6.0), L.Dense(10), loss=pairs.sparse_logits())
    report = check(model, x, y, checks=["initial_signal"], seconds=60, verbose=0)
    assert report["initial_signal"].verdict == "ok", report.findings
