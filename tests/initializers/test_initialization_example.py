"""The example's table shows the expected effects, and its plots are saved."""

import importlib.util
import pathlib
import sys

import keras
import pytest

PATH = pathlib.Path(__file__).parents[2] / "examples" / "initialization.py"
PICTURES = {f"initialization_{name}.png" for name in ("depth", "maxout", "relu", "tanh")}


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("initialization", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table(example):
    keras.utils.set_random_seed(0)
    return example.print_table(width=100, depth=10)


@pytest.mark.any_backend
def test_it_saves_its_plots(example, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        sys, "argv", ["initialization", "--folder", str(tmp_path), "--width", "20", "--depth", "3"]
    )
    example.main()
    assert {path.name for path in tmp_path.iterdir()} == PICTURES
    assert "| maxout | fitting |" in capsys.readouterr().out


@pytest.mark.parametrize("activation", ["tanh", "relu", "maxout"])
def test_small_weights_lose_the_signal_and_the_gradient(table, activation):
    signal, gradient = table[activation]["small, 0.01"]
    assert signal[-1] < 1e-6
    assert gradient[0] < 1e-6


def test_large_weights_saturate_tanh_and_blow_up_relu(table):
    assert table["tanh"]["large, 1"][0][-1] > 0.9
    assert table["relu"]["large, 1"][0][-1] > 1e6
    assert table["relu"]["large, 1"][1][0] > 1e6


def test_xavier_shrinks_the_signal_of_relu_and_he_preserves_it(table):
    assert table["relu"]["Xavier"][0][-1] < 0.1
    assert 0.3 < table["relu"]["He"][0][-1] < 3


@pytest.mark.parametrize("activation", ["tanh", "relu", "leaky_relu", "elu", "selu", "maxout"])
def test_the_fitting_gain_preserves_both(table, activation):
    signal, gradient = table[activation]["fitting"]
    assert 0.2 < signal[-1] < 3
    assert 0.2 < gradient[0] < 10


def test_zeros_pass_nothing_on(table):
    signal, gradient = table["tanh"]["zeros"]
    assert signal[-1] == gradient[0] == 0.0
