"""Data, scores and a training step that the programs of the reports share."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from sklearn import datasets

Scored = Callable[[dict[str, list[float]]], float]


class Data(NamedTuple):
    """Training and validation data."""

    x: Any
    y: Any
    x_val: Any
    y_val: Any


def cut(x: Any, y: Any, count: int) -> Data:
    """Return the first examples as training data and the others as validation data."""
    x, y = (a.astype("float32") if a.dtype.kind == "f" else a for a in (x, y))
    return Data(x[:count], y[:count], x[count:], y[count:])


def digits(rng: np.random.Generator, *, image: bool = False, count: int = 1300) -> Data:
    """Return the digits of scikit-learn in [0, 1], shuffled, with labels from 0 to 9."""
    x, y = datasets.load_digits(return_X_y=True)
    order = rng.permutation(len(x))
    x = x[order] / 16
    return cut(x.reshape(-1, 8, 8, 1) if image else x, y[order], count)


def cancer(rng: np.random.Generator, *, count: int = 400) -> Data:
    """Return the breast cancer data of scikit-learn, standardized, with labels 0 and 1."""
    x, y = datasets.load_breast_cancer(return_X_y=True)
    order = rng.permutation(len(x))
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return cut(x[order], y[order, None].astype("float32"), count)


def overlapping(rng: np.random.Generator, n: int, count: int, *, rare: float = 0.0) -> Data:
    """Return two classes that overlap; `rare` shifts the limit so that class 1 becomes rare."""
    x = rng.normal(size=(n, 10))
    likely = 1 / (1 + np.exp(-3 * (x[:, 0] + x[:, 1] - rare)))
    return cut(x, (rng.random(n) < likely)[:, None].astype(float), count)


def friedman(rng: np.random.Generator, n: int, count: int) -> Data:
    """Return Friedman's first problem with standardized targets."""
    x, y = datasets.make_friedman1(n_samples=n, noise=0.5, random_state=int(rng.integers(1 << 31)))
    return cut(2 * x - 1, ((y - y.mean()) / y.std())[:, None], count)


def mlp(
    inputs: int, *units: int, last: int, activation: Any = None, name: str | None = None
) -> keras.Sequential:
    """Return a network of ReLU layers with an output layer."""
    hidden = [keras.layers.Dense(size, activation="relu") for size in units]
    output = keras.layers.Dense(last, activation=activation)
    return keras.Sequential([keras.Input((inputs,)), *hidden, output], name=name)


def arguments(data: Data, epochs: int, batch_size: int = 32, **more: Any) -> dict[str, Any]:
    """Return arguments of `fit` that validate on the second part of the data."""
    validation = (data.x_val, data.y_val)
    return {
        "x": data.x,
        "y": data.y,
        "validation_data": validation,
        "epochs": epochs,
        "batch_size": batch_size,
        **more,
    }


# --------------------------------------------------------------------------------------- scores


def predicted(model: keras.Model, x: Any) -> np.ndarray:
    return np.asarray(model.predict(x, verbose=0, batch_size=256), float)


def accuracy_of(answers: Any, labels: Any) -> float:
    """Return the accuracy of class probabilities, or of the probability of class 1."""
    if not np.isfinite(answers).all():
        return 0.0
    if answers.shape[-1] == 1:
        return float(((answers > 0.5).ravel() == (np.ravel(labels) > 0.5)).mean())
    return float((answers.argmax(-1) == labels).mean())


def accuracy(model: keras.Model, x: Any, labels: Any) -> Scored:
    """Score by the accuracy on some data."""
    return lambda logs: accuracy_of(predicted(model, x), labels)


def explained(truth: Any, answers: Any) -> float:
    """Return the explained variance, at least -1, and -1 if an answer is not finite."""
    answers = np.reshape(answers, np.shape(truth))
    if not np.isfinite(answers).all():
        return -1.0
    with np.errstate(over="ignore"):
        return float(max(-1.0, 1 - ((truth - answers) ** 2).mean() / np.var(truth, axis=0).mean()))


def r_squared(model: keras.Model, x: Any, truth: Any) -> Scored:
    """Score by the explained variance on some data."""
    return lambda logs: explained(truth, predicted(model, x))


def balanced(model: keras.Model, x: Any, labels: Any, *, limit: float = 0.5) -> Scored:
    """Score by the mean recall of both classes, so that 0 is a constant answer and 1 is perfect."""

    def score(logs: Any) -> float:
        answers, truth = predicted(model, x), np.asarray(labels) > 0.5
        if not np.isfinite(answers).all():
            return 0.0
        answers = answers > limit
        return float(answers[truth].mean() + (~answers)[~truth].mean() - 1)

    return score


def honesty(metric: str, actual: Callable[[], float]) -> Scored:
    """Score by how little the last value of a metric exceeds the actual one: 1 is honest."""
    return lambda logs: 1 - max(0.0, float(logs[metric][-1]) - actual())


# ---------------------------------------------------------------------------- an own training step


def apply_gradients(
    model: keras.Model,
    loss_of: Callable[[], Any],
    variables: Sequence[keras.Variable],
    optimizer: keras.optimizers.Optimizer,
) -> Any:
    """Do what a training step of one's own does: differentiate a loss and update variables."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = loss_of()
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss
    import torch

    model.zero_grad()
    loss = loss_of()
    loss.backward()
    with torch.no_grad():
        optimizer.apply([v.value.grad for v in variables], variables)
    return loss


def reported(model: keras.Model, loss: Any, y: Any, y_pred: Any) -> dict[str, Any]:
    """Update the metrics of a model and return their values."""
    for metric in model.metrics:
        if metric.name == "loss":
            metric.update_state(loss)
        else:
            metric.update_state(y, y_pred)
    return model.get_metrics_result()


OWN_STEP = ("tensorflow", "torch")
"""Backends of the programs with a training step of their own."""
