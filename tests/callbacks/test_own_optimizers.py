"""Loops on PyTorch with optimizers of their own: several, now and then, or with a closure."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_babysit as kb
from tests.callbacks.loops import BACKEND, X, Y, batches, made, network, plainly

pytestmark = pytest.mark.skipif(BACKEND != "torch", reason="uses optimizers of PyTorch")

STEPS = 48


def run(loop):
    """Return the sitter of a loop that left the same weights alone and watched."""
    model = made()
    loop(plainly, model)
    alone = [np.array(v) for v in model.get_weights()]
    model = made()
    with kb.watch(model, steps=STEPS, verbose=0) as sitter:
        loop(sitter.step, model)
    for found, expected in zip(model.get_weights(), alone, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert sitter.history.facts.broke_off is None
    return sitter


def parameters(model):
    return [v.value for v in model.trainable_variables]


@pytest.mark.parametrize("every", [3, 4])
def test_gradients_accumulated_by_hand_are_measured_where_they_are_applied(every):
    import torch

    def loop(call, model):
        optimizer, done = torch.optim.SGD(parameters(model), lr=0.01), [0]

        def train_step(x, y):
            loss = torch.mean((model(x, training=True) - y) ** 2) / every
            loss.backward()
            done[0] += 1
            if done[0] % every == 0:
                optimizer.step()
                optimizer.zero_grad()
            return loss.detach()

        for x, y in batches(STEPS):
            call(train_step, torch.tensor(x), torch.tensor(y))

    sitter = run(loop)
    applied = sitter.history.series("gradients/norm", "hidden/kernel").steps
    assert len(applied) >= 3
    assert set((applied[applied < STEPS] + 1) % every) == {0}
    assert not [one for one in sitter.findings if one.rule == "missing_zero_grad"]


def test_gradients_of_an_optimizer_that_computes_them_itself_are_measured():
    import torch

    def loop(call, model):
        optimizer = torch.optim.LBFGS(parameters(model), lr=0.1, max_iter=2)

        def train_step(x, y):
            def closure():
                optimizer.zero_grad()
                loss = torch.mean((model(x, training=False) - y) ** 2)
                loss.backward()
                return loss

            return optimizer.step(closure).detach()

        for _ in range(8):
            call(train_step, torch.tensor(X), torch.tensor(Y))

    sitter = run(loop)
    assert sitter.history.first("gradients/norm", "hidden/kernel") > 0
    # One batch over and over is named, in a loop too.
    assert "repeated_batches" in {one.rule for one in sitter.findings}


def test_networks_in_a_model_that_is_never_called_or_built():
    import torch

    class Both(keras.Model):
        def __init__(self):
            super().__init__()
            self.generator = keras.Sequential(
                [keras.Input((4,)), layers.Dense(8, "relu"), layers.Dense(6)], name="generator"
            )
            self.critic = keras.Sequential(
                [keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(1)], name="critic"
            )

        def call(self, x):
            return self.critic(x)

    keras.utils.set_random_seed(0)
    model = Both()
    pair = [torch.optim.Adam(parameters(one)) for one in (model.generator, model.critic)]
    score = torch.nn.functional.softplus

    def train_step(x):
        made_up = model.generator(torch.randn(len(x), 4))
        for optimizer in pair:
            optimizer.zero_grad()
        (score(-model.critic(x)) + score(model.critic(made_up.detach()))).mean().backward()
        pair[1].step()
        pair[0].zero_grad()
        loss = score(-model.critic(made_up)).mean()
        loss.backward()
        pair[0].step()
        return {"g_loss": loss.detach()}

    with kb.watch(model, steps=STEPS, verbose=0) as sitter:
        for x, _ in batches(STEPS):
            sitter.step(train_step, torch.tensor(x))
    history = sitter.history
    rates = set(history.targets("optimizer/learning_rate"))
    assert rates == {"Adam of generator", "Adam of critic"}
    assert history.facts.parameters == sum(np.prod(v.shape) for v in model.weights)
    assert {one.target for one in sitter.findings if one.rule == "not_watched"} == {"scores"}


def test_batches_that_come_again_in_a_loop_of_several_epochs_are_no_finding():
    import torch

    def loop(call, model):
        optimizer = torch.optim.SGD(parameters(model), lr=0.01)

        def train_step(x, y):
            optimizer.zero_grad()
            loss = torch.mean((model(x, training=True) - y) ** 2)
            loss.backward()
            optimizer.step()
            return loss.detach()

        for x, y in batches(STEPS):  # twelve times the same four batches
            call(train_step, torch.tensor(x), torch.tensor(y))

    assert "repeated_batches" not in {one.rule for one in run(loop).findings}


def test_optimizers_of_one_name_are_told_apart_by_their_networks():
    import torch

    from keras_babysit.probes.optimizer_taps import name_optimizers

    model = keras.Sequential([network(), keras.Sequential([keras.Input((1,)), layers.Dense(1)])])
    first, second = (torch.optim.Adam(parameters(one)) for one in model.layers)
    both = torch.optim.Adam(parameters(model))
    names = [f"Adam of {one.name}" for one in model.layers]
    assert list(name_optimizers(model, [first, second, both])) == [*names, "Adam"]
    assert list(name_optimizers(model, [first])) == ["Adam"]
