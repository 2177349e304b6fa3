import numpy as np
import pytest

from keras_babysit.samples.looks import describe_batch

RNG = np.random.default_rng(0)


def test_size_and_spread_are_those_of_numpy():
    x = RNG.normal(3, 2, size=(40, 5, 4))
    found = describe_batch((x, None, None))
    assert found["inputs/rms", "inputs[0]"] == pytest.approx(np.sqrt(np.mean(x**2)), rel=1e-6)
    assert found["inputs/spread", "inputs[0]"] == pytest.approx(
        np.sqrt(x.var(axis=0).mean()), rel=1e-6
    )


def test_each_array_is_described_and_one_hot_rows_are_targets():
    x = {"a": np.ones((16, 2)), "b": np.zeros((16, 3), "int32")}
    y = np.eye(3)[[0] * 12 + [1, 2, 1, 2]]
    found = describe_batch((x, y, np.ones(16)))
    assert found["inputs/rms", "inputs[1]"] == 0
    assert found["targets/most_frequent", "targets[0]"] == 0.75


@pytest.mark.parametrize("x", [np.ones((7, 2)), np.full((8, 2), np.nan), np.array([["a"]] * 8)])
def test_nothing_is_said_of_few_of_nan_and_of_text(x):
    assert describe_batch((x, None, None)) == {}
