"""The learning-rate range test against losses whose answer is known."""

import keras
import numpy as np
import pytest

from keras_babysit.checks import LrRange, lr_range_test
from keras_babysit.checks.lr_range_test import lead_of


def quadratic(optimizer):
    """Return a model whose loss is a quadratic with second derivative 2 E[x²] = 2: limit 1."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(optimizer, "mse")
    return model


def data():
    rng = np.random.default_rng(0)
    x = rng.choice([-1.0, 1.0], size=(256, 1)).astype("float32")
    return x, (3 * x + 0.3 * rng.normal(size=x.shape)).astype("float32")


SCHEDULE = keras.optimizers.schedules.CosineDecay(0.1, 100)


@pytest.mark.parametrize("rate", [0.01, SCHEDULE], ids=["constant", "schedule"])
def test_gradient_descent_diverges_at_two_over_the_curvature(rate):
    model = quadratic(keras.optimizers.SGD(rate))
    found = lr_range_test(model, *data(), min_lr=1e-3, max_lr=100.0, steps=150)
    assert found.has_diverged
    # Above 2 / 2 every step overshoots; the loss needs some steps to exceed its initial value.
    assert 1.0 < found.divergence < 10
    assert found.steepest < 1.0
    assert found.suggestion <= found.divergence / 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.Adam(),
        lambda: keras.optimizers.AdamW(weight_decay=1e-3),
        lambda: keras.optimizers.SGD(momentum=0.9, nesterov=True, global_clipnorm=1.0),
        lambda: keras.optimizers.RMSprop(),
        lambda: keras.optimizers.Lion(),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()),
    ],
    ids=["adam", "adamw", "sgd", "rmsprop", "lion", "loss-scale"],
)
def test_every_optimizer_is_copied(make):
    model = quadratic(make())
    found = lr_range_test(model, *data(), min_lr=1e-4, max_lr=1.0, steps=30)
    assert len(found.losses) == len(found.learning_rates) == 30
    assert found.losses.min() < 0.5 * found.losses[0]


def test_the_learning_rate_grows_by_a_constant_factor():
    found = lr_range_test(quadratic("sgd"), *data(), min_lr=1e-4, max_lr=1e-1, steps=31)
    np.testing.assert_allclose(found.learning_rates, np.logspace(-4, -1, 31))


def test_the_first_step_is_that_of_fit():
    model = quadratic(keras.optimizers.SGD(0.05))
    x, y = data()
    start = model.get_weights()[0].item()
    found = lr_range_test(model, x, y, min_lr=0.05, max_lr=0.5, steps=10, batch_size=256)
    after = start - 0.05 * 2 * np.mean(x * (start * x - y))
    expected = [np.mean((w * x - y) ** 2) for w in (start, after)]
    np.testing.assert_allclose(found.losses[:2], expected, rtol=1e-5)


def curve(loss, low=-6, high=1, steps=141):
    rates = np.logspace(low, high, steps)
    return rates, loss(np.log10(rates))


def step_down(z, at=-3.0):
    return 1 / (1 + np.exp(6 * (z - at)))


def test_steepest_is_the_middle_of_a_step_down():
    found = LrRange(*curve(step_down))
    assert found.divergence is None
    assert found.steepest == pytest.approx(1e-3, rel=0.3)


def test_the_fall_ends_where_two_percent_are_left():
    found = LrRange(*curve(step_down))
    assert found.maximum == pytest.approx(10 ** (-3 + np.log(49) / 6), rel=0.5)
    assert found.suggestion == pytest.approx(found.maximum / 3)


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.SGD(momentum=0.9),
        keras.optimizers.SGD(momentum=0.9, nesterov=True),
        keras.optimizers.RMSprop(momentum=0.8),
        keras.optimizers.RMSprop(),
        keras.optimizers.Adam(),
    ],
)
def test_a_step_of_the_sweep_is_as_long_as_at_a_constant_learning_rate(optimizer):
    def last_step(rates):
        weight = keras.Variable(np.zeros(1, "float32"))
        copy = type(optimizer).from_config(optimizer.get_config())
        for rate in rates:
            before = keras.ops.convert_to_numpy(weight).copy()
            copy.learning_rate = rate
            copy.apply([keras.ops.ones(1)], [weight])
        return float((before - keras.ops.convert_to_numpy(weight))[0])

    rates = np.geomspace(1e-6, 1e-2, 150)
    growing = last_step(lead_of(optimizer, rates[1] / rates[0]) * rates)
    assert growing == pytest.approx(last_step([rates[-1]] * 150), rel=0.02)


def test_the_suggestion_is_a_third_of_the_end_of_the_fall():
    rates, losses = curve(lambda z: step_down(z, -1) + np.exp(9 * (z + 0.2)))
    found = LrRange(rates, losses)
    assert found.divergence == pytest.approx(10**-0.2, rel=0.5)
    assert found.maximum < found.divergence
    assert found.suggestion == pytest.approx(found.maximum / 3)


def test_the_named_suggestions_are_in_order():
    found = LrRange(*curve(lambda z: step_down(z, -2) + np.exp(9 * (z - 0.2))))
    assert found.learning_rates[0] < found.valley < found.maximum < found.divergence
    assert found.steepest < found.maximum
    assert found.steepest == pytest.approx(1e-2, rel=0.3)


@pytest.mark.parametrize("worst", [10.0, 8e11, np.inf, np.nan])
def test_how_high_a_loss_rises_does_not_matter(worst):
    def losses(highest):
        return lambda z: np.where(z > 0, highest, step_down(z))

    one, other = (LrRange(*curve(losses(highest), high=0.55)) for highest in (worst, 3.0))
    assert one.suggestion == pytest.approx(other.suggestion)
    assert one.divergence == pytest.approx(other.divergence)
    assert one.has_diverged


def test_a_network_that_dies_at_its_initial_loss_has_diverged():
    rates, losses = curve(lambda z: np.where(z > -1, 0.99, step_down(z)))
    found = LrRange(rates, losses)
    assert 0.1 < found.divergence < 0.2  # later than the loss by the width of the smoothing
    assert found.suggestion < 0.01


def test_one_high_batch_is_no_divergence():
    rates, losses = curve(step_down)
    losses[100] = 50.0
    found = LrRange(rates, losses)
    assert not found.has_diverged
    assert found.suggestion == pytest.approx(LrRange(*curve(step_down)).suggestion, rel=0.3)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_nothing_is_suggested_for_a_flat_loss(noise, seed):
    rng = np.random.default_rng(seed)
    found = LrRange(*curve(lambda z: 1 + noise * rng.normal(size=z.shape)))
    assert found.suggestion is None
    assert not found.has_diverged
    assert found.steepest is found.valley is found.maximum is None
    assert str(found).startswith("no suggestion: the loss does not fall")


@pytest.mark.parametrize("seed", range(10))
def test_noise_hardly_moves_the_suggestion(seed):
    rng = np.random.default_rng(seed)
    noisy = LrRange(*curve(lambda z: 2 * step_down(z) + 0.2 * rng.normal(size=z.shape)))
    assert 1 / 3 < noisy.suggestion / LrRange(*curve(step_down)).suggestion < 3


def test_several_sweeps_give_a_median_and_an_interval():
    model = quadratic("sgd")
    x, y = data()
    before = model.get_weights()
    one = lr_range_test(model, x, y, min_lr=1e-3, max_lr=100.0, steps=60)
    found = lr_range_test(model, x, y, min_lr=1e-3, max_lr=100.0, steps=60, repeats=3)
    assert one.interval is None
    assert one.sweeps == ()
    assert len(found.sweeps) == 3
    np.testing.assert_array_equal(found.sweeps[0].losses, one.losses)
    assert not np.array_equal(found.sweeps[0].losses, found.sweeps[1].losses)
    low, high = found.interval
    assert low <= found.suggestion <= high
    assert "in 3 sweeps" in str(found)
    np.testing.assert_array_equal(model.get_weights(), before)


def test_a_loss_that_is_not_finite_ends_the_sweep():
    model = quadratic("sgd")
    x, y = data()
    x = x.copy()
    x[:] = np.nan
    found = lr_range_test(model, x, y, steps=20)
    assert found.has_diverged
    assert len(found.losses) == 1
    assert found.steepest is None
    assert found.divergence is None  # at any learning rate
    assert str(found) == "no suggestion: the loss is not finite before the first step"
    assert str(found) in found._repr_html_()
    assert found.plot() is not None


def test_the_plot_marks_the_suggestions():
    rates, losses = curve(lambda z: 1 / (1 + np.exp(6 * (z + 3))))
    axes = LrRange(rates, losses).plot().axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert [label.split(":")[0] for label in labels] == [
        "loss of each batch",
        "smoothed",
        "falls fastest",
        "valley",
        "fall ends",
        "suggestion",
    ]
