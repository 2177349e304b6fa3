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
