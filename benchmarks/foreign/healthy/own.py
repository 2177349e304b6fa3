"""Healthy programs with steps or loops of their own."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops

import keras_babysit as kb
from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training
from benchmarks.foreign.healthy import data
from benchmarks.foreign.healthy.program import healthy
from benchmarks.foreign.own_steps import OwnStep

TORCH = ("torch",)


class Metric(OwnStep):
    """Embeddings that are near for pictures of one class, and far for others."""

    def __init__(self, encoder: keras.Model) -> None:
        super().__init__()
        self.encoder = encoder

    def call(self, x: Any) -> Any:
        return self.encoder(x[:, 0])

    def own_loss(self, x: Any, y: Any) -> tuple[Any, dict[str, Any]]:
        anchors, positives = (self.encoder(x[:, i], training=True) for i in range(2))
        alike = ops.matmul(anchors, ops.transpose(positives)) / 0.2
        classes = ops.arange(ops.shape(alike)[0])
        loss = keras.losses.sparse_categorical_crossentropy(classes, alike, from_logits=True)
        return ops.mean(loss), {"loss": ops.mean(loss)}


@healthy("examples/vision/metric_learning.py")
def metric_learning(rng: np.random.Generator) -> Training:
    of = data.pictures(rng)
    groups = [np.flatnonzero(of.y == k) for k in range(10)]
    pairs = np.stack([[rng.choice(group, 2, replace=False) for group in groups] for _ in range(80)])
    x = of.x[pairs.reshape(-1, 2)]
    inputs = keras.Input((8, 8, 1))
    h = inputs
    for filters in (16, 32):
        h = layers.Conv2D(filters, 3, strides=2, activation="relu")(h)
    h = layers.UnitNormalization()(layers.Dense(8)(layers.Flatten()(h)))
    model = Metric(keras.Model(inputs, h))
    model.compile(keras.optimizers.Adam(3e-3))
    model.build((None, 2, 8, 8, 1))
    fit = {"x": x, "y": np.zeros(len(x)), "batch_size": 10, "epochs": 15, "shuffle": False}
    return Training(model, fit, lambda logs: 1 - logs["loss"][-1] / np.log(10))


class Towers(OwnStep):
    """What is learned of a user beside what is learned of all films of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.users, self.films = layers.Embedding(60, 12), layers.Embedding(80, 12)

    def call(self, x: Any) -> Any:
        return ops.sum(self.users(x[:, 0]) * self.films(x[:, 1]), axis=-1)

    def own_loss(self, x: Any, y: Any) -> tuple[Any, dict[str, Any]]:
        scores = ops.matmul(self.users(x[:, 0]), ops.transpose(self.films(x[:, 1])))
        right = ops.arange(ops.shape(scores)[0])
        loss = keras.losses.sparse_categorical_crossentropy(right, scores, from_logits=True)
        return ops.mean(loss), {"loss": ops.mean(loss)}


@healthy("examples/keras_rs/basic_retrieval.py")
def retrieval(rng: np.random.Generator) -> Training:
    users, films = rng.normal(size=(60, 3)), rng.normal(size=(80, 3))
    user = rng.integers(0, 60, 2400)
    film = np.array([rng.choice(np.argsort(-films @ users[u])[:10]) for u in user])
    model = Towers()
    model.compile(keras.optimizers.Adagrad(0.1))
    x = np.stack([user, film], axis=1).astype("int32")
    model.build((None, 2))
    fit = {"x": x, "batch_size": 64, "epochs": 12}
    return Training(model, fit, lambda logs: 1 - logs["loss"][-1] / np.log(64))


class Tracked(OwnStep):
    """A training step as in the guides, with metrics of its own."""

    def __init__(self, net: keras.Model) -> None:
        super().__init__()
        self.net = net

    def call(self, x: Any, training: bool = False) -> Any:
        return self.net(x, training=training)

    def own_loss(self, x: Any, y: Any) -> tuple[Any, dict[str, Any]]:
        answers = self.net(x, training=True)
        loss = ops.mean(ops.square(y - answers))
        return loss, {"loss": loss, "mae": ops.mean(ops.abs(y - answers))}


@healthy("guides/custom_train_step_in_torch.py")
def step_of_the_guide(rng: np.random.Generator) -> Training:
    of = parts.friedman(rng, 1200, 1000)
    model = Tracked(parts.mlp(10, 32, 32, last=1))
    model.compile(keras.optimizers.Adam(3e-3), "mse")
    model.build((None, 10))
    fit = {"x": of.x, "y": of.y, "epochs": 12}
    return Training(model, fit, parts.r_squared(model, of.x_val, of.y_val))


@healthy("examples/generative/pixelcnn.py")
def masked_convolutions(rng: np.random.Generator) -> Training:
    x = (data.pictures(rng).x > 0.4).astype("float32")

    class Masked(layers.Layer):
        """A convolution that sees what was drawn before."""

        def __init__(self, kind: str, filters: int, size: int) -> None:
            super().__init__()
            self.kind, self.conv = kind, layers.Conv2D(filters, size, padding="same")

        def build(self, shape: Any) -> None:
            self.conv.build(shape)
            height, width = self.conv.kernel.shape[:2]
            self.mask = np.zeros(self.conv.kernel.shape, "float32")
            self.mask[: height // 2] = 1
            self.mask[height // 2, : width // 2 + (self.kind == "B")] = 1

        def call(self, x: Any) -> Any:
            kernel = self.conv.kernel * self.mask
            return ops.relu(ops.conv(x, kernel, padding="same") + self.conv.bias)

    inputs = keras.Input((8, 8, 1))
    h = Masked("A", 24, 5)(inputs)
    for _ in range(2):
        h = h + Masked("B", 24, 3)(h)
    output = layers.Conv2D(1, 1, activation="sigmoid")(Masked("B", 24, 1)(h))
    model = keras.Model(inputs, output)
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss="binary_crossentropy")
    fit = {"x": x, "y": x, "batch_size": 64, "epochs": 12, "validation_split": 0.1}
    return Training(model, fit, lambda logs: 1 - logs["val_loss"][-1] / np.log(2))


def in_torch(model: keras.Model, optimizer: Any, loss_of: Callable[..., Any]) -> Callable[..., Any]:
    """Return a step of a PyTorch loop."""

    def step(*batch: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(*batch)
        loss.backward()
        optimizer.step()
        return loss

    return step


@healthy("guides/writing_a_custom_training_loop_in_torch.py", backends=TORCH)
def torch_loop(rng: np.random.Generator) -> Callable[[], Any]:
    import torch

    of = parts.digits(rng)
    model = parts.mlp(64, 32, 32, last=10)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    step = in_torch(model, optimizer, lambda x, y: loss(y, model(x, training=True)))

    def train() -> Any:
        with kb.watch(model, optimizer, steps=400, verbose=0) as sitter:
            for _ in range(400):
                rows = rng.integers(0, 1300, 32)
                sitter.step(step, torch.tensor(of.x[rows]), torch.tensor(of.y[rows]))
            sitter.validate(of.x_val, of.y_val)
        return sitter, parts.accuracy(model, of.x_val, of.y_val)({})

    return train


@healthy("examples/rl/actor_critic_cartpole.py", backends=TORCH)
def actor_critic(rng: np.random.Generator) -> Callable[[], Any]:
    import torch

    inputs = keras.Input((4,))
    h = layers.Dense(48, activation="relu")(inputs)
    model = keras.Model(inputs, [layers.Dense(3, activation="softmax")(h), layers.Dense(1)(h)])
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    worth = np.random.default_rng(4).normal(size=(4, 3))

    def loss_of(states: Any, actions: Any, rewards: Any) -> Any:
        shares, values = model(states)
        chosen = torch.log(shares.gather(1, actions[:, None])[:, 0] + 1e-8)
        advantage = rewards - values[:, 0]
        actor = -(chosen * advantage.detach()).mean()
        return actor + torch.nn.functional.huber_loss(values[:, 0], rewards)

    step, earned = in_torch(model, optimizer, loss_of), []

    def train() -> Any:
        with kb.watch(model, optimizer, steps=300, verbose=0) as sitter:
            for _ in range(300):
                states = rng.normal(size=(32, 4)).astype("float32")
                with torch.no_grad():
                    shares = model(torch.tensor(states))[0].numpy()
                actions = np.array([rng.choice(3, p=p / p.sum()) for p in shares])
                rewards = (states @ worth)[np.arange(32), actions]
                earned.append(float(rewards.mean()))
                batch = torch.tensor(actions), torch.tensor(rewards.astype("float32"))
                sitter.step(step, torch.tensor(states), *batch)
        return sitter, float(np.mean(earned[-50:]) - np.mean(earned[:50]))

    return train


@healthy("examples/rl/deep_q_network_breakout.py", backends=TORCH)
def deep_q(rng: np.random.Generator) -> Callable[[], Any]:
    model, target = (parts.mlp(4, 48, last=3) for _ in range(2))
    target.set_weights(model.get_weights())
    model.compile(keras.optimizers.Adam(2e-3, clipnorm=1.0), keras.losses.Huber())
    worth = np.random.default_rng(4).normal(size=(4, 3))

    def train() -> Any:
        with kb.watch(model, steps=300, verbose=0) as sitter:
            for number in range(300):
                now = rng.normal(size=(32, 4)).astype("float32")
                then = (0.5 * now + rng.normal(size=now.shape)).astype("float32")
                actions = rng.integers(0, 3, 32)
                wanted = np.array(ops.convert_to_numpy(model(now)))
                later = ops.convert_to_numpy(target(then)).max(axis=1)
                reward = (now @ worth)[np.arange(32), actions]
                wanted[np.arange(32), actions] = reward + 0.5 * later
                sitter.step(model.train_on_batch, now, wanted, return_dict=True)
                if number % 50 == 49:
                    target.set_weights(model.get_weights())
        states = rng.normal(size=(500, 4)).astype("float32")
        best = np.asarray(model.predict(states, verbose=0)).argmax(1)
        return sitter, float((best == (states @ worth).argmax(1)).mean())

    return train
