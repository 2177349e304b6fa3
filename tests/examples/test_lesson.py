"""The pictures of the lesson show what their titles claim; those that train are not drawn here."""

import runpy

import numpy as np
import pytest

from tests.examples.paths import EXAMPLES


@pytest.fixture(scope="module")
def lesson():
    return runpy.run_path(str(EXAMPLES / "lesson.py"))


def test_only_behind_positive_outputs_have_gradients_one_sign(lesson):
    assert lesson["one_signed_fraction"](lambda z: 1 / (1 + np.exp(-z))) == [0, 1, 1, 1]
    assert lesson["one_signed_fraction"](np.tanh) == [0, 0, 0, 0]


def test_with_positive_inputs_weights_move_together(lesson):
    inputs = np.random.default_rng(1).normal(size=(20, 2))
    steps = np.diff(lesson["descent"](np.abs(inputs), rate=0.25), axis=0)
    assert (steps.prod(axis=1) >= 0).all()
    steps = np.diff(lesson["descent"](inputs, rate=0.25), axis=0)
    assert (steps.prod(axis=1) < 0).any()


def test_a_grid_tries_three_values_and_a_random_search_nine(lesson):
    titles = [axes.get_title() for axes in lesson["grid_and_random"]().axes[:2]]
    assert titles[0].startswith("grid: 3 values")
    assert titles[1].startswith("random: 9 values")


def test_noise_is_in_the_training_labels_only(lesson):
    (_, clean), (_, validation) = lesson["digits"](400)
    (_, noisy), (_, same) = lesson["digits"](400, wrong=0.2)
    assert 0.1 < (clean != noisy).mean() < 0.25
    assert (validation == same).all()


def test_the_pictures_are_saved(lesson, tmp_path, capsys):
    chosen = ["one_signed_gradients.png", "grid_and_random.png"]
    lesson["main"](["--save", str(tmp_path), "--only", *chosen])
    assert {path.name for path in tmp_path.iterdir()} == set(chosen)
    assert len(capsys.readouterr().out.splitlines()) == 2
