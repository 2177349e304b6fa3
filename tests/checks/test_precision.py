"""Half precision: the same verdicts, and the model unchanged."""

import keras
import numpy as np
import pytest

from keras_babysit.checks import check, lr_range_test
from tests.checks import pairs


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16"])
def policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


def network(activation=None):
    decay = keras.regularizers.L2(1e-4)
    body = [
        keras.layers.Dense(32, kernel_regularizer=decay),
        keras.layers.BatchNormalization(),
        keras.layers.ReLU(),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10),
        keras.layers.Activation(activation, dtype="float32"),
    ]
    found = pairs.model((64,), *body, loss=pairs.sparse_logits(), auto_scale_loss=True)
    found.optimizer.build(found.trainable_variables)
    return found


def values(model):
    variables = [*model.variables, *model.optimizer.variables]
    return [np.array(keras.ops.convert_to_numpy(v.value)) for v in variables]


def test_a_correct_program_has_no_findings(policy):
    model = network()
    before, policies = values(model), [layer.dtype_policy.name for layer in model.layers]
    report = check(model, *pairs.digits(), seconds=60, verbose=0)
    assert not report.findings
    assert not [line for line in report.outcomes if "Error" in line.evidence]
    assert report["gradient_check"].verdict == "ok"
    for one, other in zip(before, values(model), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [layer.dtype_policy.name for layer in model.layers] == policies
    assert policies[0] == policy


def test_a_broken_program_is_reported(policy):
    names = ["output_and_loss", "gradient_flow"]
    report = check(network("softmax"), *pairs.digits(), checks=names, verbose=0)
    assert report["output_and_loss"].verdict == "warning"
    assert report["gradient_flow"].verdict == "ok"


def test_the_range_test_finds_a_learning_rate(policy):
    model = network()
    before = values(model)
    found = lr_range_test(model, *pairs.digits(), steps=60)
    assert 1e-4 < found.suggestion < 1
    for one, other in zip(before, values(model), strict=True):
        np.testing.assert_array_equal(one, other)
