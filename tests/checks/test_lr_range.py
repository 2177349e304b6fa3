"""The learning-rate range test against losses whose answer is known."""

import keras
import numpy as np
import pytest

from keras_babysit.checks import LrRange, lr_range_test


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
    assert found.suggestion <= found.divergence / 10


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
    assert found.losses[-1] < found.losses[0]


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


def test_steepest_is_the_middle_of_a_step_down():
    rates, losses = curve(lambda z: 1 / (1 + np.exp(6 * (z + 3))))
    found = LrRange(rates, losses, False)
    assert found.divergence is None
    assert found.suggestion == found.steepest == pytest.approx(1e-3, rel=0.3)


def test_a_tenth_of_divergence_where_that_is_lower():
    rates, losses = curve(lambda z: 1 / (1 + np.exp(6 * (z + 1))) + np.exp(9 * (z + 0.2)))
    found = LrRange(rates, losses, True)
    assert found.divergence == pytest.approx(10**-0.2, rel=0.5)
    assert found.suggestion == pytest.approx(found.divergence / 10)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_nothing_is_suggested_for_a_flat_loss(noise):
    rates, losses = curve(lambda z: 1 + noise * np.random.default_rng(0).normal(size=z.shape))
    found = LrRange(rates, losses, False)
    assert found.suggestion is None
    assert "neither falls nor diverges" in str(found)


def test_a_loss_that_is_not_finite_ends_the_sweep():
    model = quadratic("sgd")
    x, y = data()
    x = x.copy()
    x[:] = np.nan
    found = lr_range_test(model, x, y, steps=20)
    assert found.has_diverged
    assert len(found.losses) == 1
    assert found.steepest is None
    assert found.plot() is not None


def test_the_plot_marks_the_suggestions():
    rates, losses = curve(lambda z: 1 / (1 + np.exp(6 * (z + 3))))
    axes = LrRange(rates, losses, False).plot().axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["loss of each batch", "smoothed", "falls fastest: 0.001", "suggestion: 0.001"]
