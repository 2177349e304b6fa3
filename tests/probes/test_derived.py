import keras
import numpy as np
import pytest

from keras_babysit.backends import backend
from keras_babysit.probes.derived import DerivedReadings, FirstLoss, saturated_fractions
from tests.probes.parts import network


def first_losses(batch_size, losses):
    first = FirstLoss(batch_size)
    return [first.update(step, loss) for step, loss in enumerate(losses)]


@pytest.mark.parametrize(
    ("batch_size", "expected"),
    [
        pytest.param(32, [3.0, None, None], id="one-batch-is-enough"),
        pytest.param(8, [3.0, None, None], id="so-is-one-of-eight"),
        pytest.param(4, [3.0, 2.0, None], id="two-of-four-are-joined"),
        pytest.param(1, [3.0, 2.0, 3.0], id="single-examples-go-on"),
    ],
)
def test_the_first_loss_is_the_median_over_enough_examples(batch_size, expected):
    assert first_losses(batch_size, [3.0, 1.0, 9.0]) == expected


def test_small_batches_that_explode_count_for_no_more_than_a_constant_prediction():
    first = FirstLoss(4)
    found = [first.update(*one) for one in [(0, 1e-3, 0.5), (1, 1e5, 2e5)]]
    assert found == [1e-3, 0.5]
    single = FirstLoss(1)  # one example shows no constant prediction
    assert [single.update(*one) for one in [(0, 1.0, 1.0), (1, 9.0, 9.0)]] == [1.0, 5.0]


def test_a_run_that_is_measured_late_has_no_first_loss():
    assert FirstLoss(32).update(5, 1.0) is None


def test_units_are_dead_once_enough_examples_left_them_shut():
    derived = DerivedReadings(needed=8, batch_size=4)
    key = ("activations/gate_max", "dense")
    derived.add_gates({key: np.array([0.0, 1.0, 0.0, 0.0])}, 4)
    assert derived.dead_fractions() == {}
    derived.add_gates({key: np.array([0.0, 0.0, 0.0, 1.0])}, 4)
    assert derived.dead_fractions() == {("activations/dead_fraction", "dense"): 0.5}


def test_pieces_are_counted_apart_from_units():
    derived = DerivedReadings(needed=4, batch_size=4)
    derived.add_gates({("activations/piece_share", "maxout"): np.array([0.0, 0.4, 0.6])}, 4)
    fractions = derived.dead_fractions()
    assert fractions == {("activations/dead_piece_fraction", "maxout"): pytest.approx(1 / 3)}


def test_a_unit_is_saturated_where_both_ends_together_are_most_of_the_examples():
    readings = {
        ("activations/saturated_low", "tanh"): np.array([0.3, 0.6, 0.0, 0.25]),
        ("activations/saturated_high", "tanh"): np.array([0.3, 0.0, 0.4, 0.25]),
        ("activations/std", "tanh"): 1.0,
    }
    assert saturated_fractions(readings) == {("activations/saturated_fraction", "tanh"): 0.5}


def test_a_probe_shows_the_learning_rate_and_the_first_loss():
    model = network()
    model.compile(keras.optimizers.SGD(0.25), "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    state = backend.state(model, None)
    derived = DerivedReadings(needed=8, batch_size=16)
    readings = {("loss/batch", ""): 2.5, ("loss/constant", ""): 2.3}
    values = derived.derive(readings, model.optimizer, state, 0)
    assert values == {("optimizer/learning_rate", ""): 0.25, ("loss/start", ""): 2.5}
    assert derived.derive({}, None, state, 1) == {}
