import keras
import pytest
from keras import ops

from keras_babysit.probes import gates
from keras_babysit.probes.loss_facts import describe_loss, describe_outputs

losses = keras.losses


@pytest.mark.parametrize(
    ("loss", "form", "from_logits"),
    [
        ("mse", "distance", None),
        (losses.Huber(), "distance", None),
        (losses.mean_absolute_error, "distance", None),
        (losses.SquaredHinge(), "margin", None),
        ("poisson", "other", None),
        ("categorical_crossentropy", "categorical", False),
        (losses.SparseCategoricalCrossentropy(from_logits=True), "categorical", True),
        (losses.BinaryCrossentropy(label_smoothing=0.1), "binary", False),
        ("binary_crossentropy", "binary", False),
        (lambda y, p: ops.mean(y * p), "other", None),
        (None, "other", None),
        ("no_such_loss", "other", None),
    ],
)
def test_what_a_loss_expects(loss, form, from_logits):
    found = describe_loss(loss)
    assert (found.form, found.from_logits) == (form, from_logits)


@pytest.mark.parametrize(
    ("loss", "distance", "delta"),
    [
        ("mse", "squared", 1.0),
        (losses.MeanAbsoluteError(), "absolute", 1.0),
        (losses.Huber(delta=2.0), "huber", 2.0),
        ("log_cosh", "huber", 1.0),
        (losses.Poisson(), "squared", 1.0),
        ("mean_squared_logarithmic_error", "squared_logarithmic", 1.0),
        ("binary_crossentropy", None, 1.0),
        ("mape", None, 1.0),
    ],
)
def test_what_counts_of_a_residual(loss, distance, delta):
    found = describe_loss(loss)
    assert (found.distance, found.delta) == (distance, delta)


@pytest.mark.parametrize(
    ("loss", "demands"),
    [
        ("mse", None),
        ("poisson", "not_negative"),
        (losses.MeanSquaredLogarithmicError(), "not_negative"),
        ("mape", "not_zero"),
        (losses.mean_absolute_percentage_error, "not_zero"),
        (losses.CosineSimilarity(), "several"),
        ("cosine_similarity", "several"),
    ],
)
def test_what_a_loss_of_numbers_demands_of_them(loss, demands):
    assert describe_loss(loss).demands == demands


@pytest.mark.parametrize(
    ("loss", "smoothing"),
    [
        (losses.BinaryCrossentropy(label_smoothing=0.9), 0.9),
        (losses.CategoricalCrossentropy(label_smoothing=1), 1.0),
        ("binary_crossentropy", 0.0),
        (losses.SparseCategoricalCrossentropy(), 0.0),
        ("mse", 0.0),
    ],
)
def test_how_far_a_loss_smooths_the_labels(loss, smoothing):
    assert describe_loss(loss).label_smoothing == smoothing


def test_losses_by_name_and_in_a_list_belong_to_their_outputs():
    x = keras.Input((3,))
    outputs = {"b": keras.layers.Dense(1)(x), "a": keras.layers.Dense(4)(x)}
    model = keras.Model(x, outputs)
    model.compile("sgd", {"a": "categorical_crossentropy", "b": "mse"})
    found = describe_outputs(model, [None, None], [(4,), (1,)])
    assert [one.form for one in found] == ["categorical", "distance"]


@pytest.mark.parametrize(
    ("function", "low", "high", "is_distribution"),
    [
        (keras.activations.linear, -float("inf"), float("inf"), False),
        (keras.activations.sigmoid, 0, 1, False),
        (keras.activations.tanh, -1, 1, False),
        (keras.activations.relu, 0, float("inf"), False),
        (keras.activations.softmax, 0, 1, True),
        (lambda z: ops.softmax(z, axis=-1), 0, 1, True),
        (lambda z: 2 * z, -float("inf"), float("inf"), False),
    ],
)
def test_what_values_a_function_can_give(function, low, high, is_distribution):
    found = gates.reach(function)
    assert (found.low, found.high, found.is_distribution) == (low, high, is_distribution)


def test_a_function_that_cannot_be_called_has_no_reach():
    assert gates.reach(lambda z, more: z) is None
