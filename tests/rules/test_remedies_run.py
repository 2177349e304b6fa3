"""Every remedy with code runs as pasted, in a namespace of `kb, keras, np, model, x, y`.

Where the code needs another name, its comment says which to replace; the test replaces it too.
"""

import re
import types

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.actions import ACTIONS
from tests.rules.table import TABLE

pytestmark = pytest.mark.any_backend

CLASSES, STEPS, FEATURES = 3, 5, 8
RANDOM = np.random.default_rng(0)


def with_vectors():
    """Return a network of classes with vectors as inputs."""
    model = keras.Sequential(
        [
            keras.Input((FEATURES,)),
            keras.layers.Dense(6, activation="relu", name="a"),
            keras.layers.Dense(6, activation="relu", name="b"),
            keras.layers.Dense(6, activation="relu", name="c"),
            keras.layers.Dense(CLASSES, activation="softmax", name="last"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy")
    return model, RANDOM.normal(size=(64, FEATURES)).astype("float32"), np.arange(64) % CLASSES


def with_numbers():
    """Return a network of numbers."""
    model, x, _ = with_vectors()
    model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model, x, (100 * x[:, 0]).astype("float32")


def with_probabilities():
    """Return a network of one sigmoid unit."""
    _, x, y = with_vectors()
    layers = [keras.Input((FEATURES,)), keras.layers.Dense(1, activation="sigmoid")]
    model = keras.Sequential(layers)
    model.compile("sgd", "binary_crossentropy")
    return model, x, (y[:, None] > 0).astype("float32")


def with_two_heads():
    """Return a network with two outputs that have names."""
    inputs = keras.Input((FEATURES,))
    heads = [keras.layers.Dense(1, name=name)(inputs) for name in ("age", "mood")]
    model = keras.Model(inputs, dict(zip(("age", "mood"), heads, strict=True)))
    model.compile("sgd", {"age": "mse", "mood": "mse"})
    x = RANDOM.normal(size=(64, FEATURES)).astype("float32")
    return model, x, {"age": x[:, :1], "mood": x[:, 1:2]}


def with_tokens():
    """Return a network that answers at every step of padded tokens."""
    model = keras.Sequential(
        [
            keras.Input((STEPS,), dtype="int32"),
            keras.layers.Embedding(10, 4),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    x = RANDOM.integers(0, 10, (64, STEPS))
    return model, x, x


def with_features():
    """Return a network that answers at every step of padded features."""
    model = keras.Sequential([keras.Input((STEPS, 2)), keras.layers.Dense(10, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    x = np.ones((64, STEPS, 2), "float32")
    return model, x, np.zeros((64, STEPS), "int32")


def with_series():
    """Return a forecast of one number from the numbers before it."""
    model = keras.Sequential(
        [keras.Input((STEPS, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    x = RANDOM.normal(size=(64, STEPS, 1)).astype("float32")
    return model, x, x[:, 0]


SCENES = {
    "dominant_output": with_two_heads,
    "padding_in_loss": with_tokens,
    "sees_later_steps": with_tokens,
    "no_better_than_last_value": with_series,
    "unscaled_targets": with_numbers,
    "swapped_loss_arguments": with_probabilities,
}
"""The task of a rule, where its remedies are not about vectors and classes."""


def replacements(model, x, y):
    """Return what stands in for the names that a comment says to replace."""
    base = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(4)])
    return {
        "attention": keras.layers.MultiHeadAttention(2, 8),
        "base": base,
        "batch": x[:4],
        "dataset": _Dataset(),
        "divergence": keras.ops.ones(()),
        "first": np.ones((4, 4), "uint8"),
        "second": np.ones((4, 4), "uint8"),
        "groups": np.arange(64) // 4,
        "generator": [(x[:4], y[:4])] if hasattr(y, "shape") else [],
        "images": np.ones((4, 3, 8, 8), "float32"),
        "h": keras.ops.ones((2, 12, 16)),
        "loss": keras.losses.MeanSquaredError(),
        "losses": keras.ops.ones((4,)),
        "mean": keras.ops.ones((4, 1)),
        "padded": x,
        "self": keras.layers.Identity(),
        "sequences": [[1, 2], [3]],
        "series": np.ones(64),
        "x_val": x,
        "y_pred": keras.ops.ones((4, 1)) / 2,
        "y_true": keras.ops.ones((4,)),
        "y_val": y,
    }


class _Dataset:
    """Takes the calls of a `tf.data.Dataset`, which needs TensorFlow."""

    def unbatch(self):
        return self

    def shuffle(self, buffer_size):
        return self

    def batch(self, batch_size):
        return self


CODES, PASTED = {}, set()
for _case, (_rule, _made, _) in TABLE.items():
    for _finding in _rule(_made):
        for _remedy in _finding.remedies:
            if _remedy.code.strip():
                CODES.setdefault(_remedy.code, (_case, _finding.rule, _remedy.text))
                PASTED.add(type(_remedy.change).__name__)


@pytest.fixture
def policy():
    kept = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(kept)


@pytest.mark.parametrize("code", CODES, ids=[case for case, _, _ in CODES.values()])
def test_a_remedy_runs_as_pasted(code, policy, monkeypatch, capsys):
    _, rule, text = CODES[code]
    monkeypatch.setattr(keras.applications, "MobileNetV2", _without_download)
    model, x, y = (with_features if ".any(axis=-1)" in code else SCENES.get(rule, with_vectors))()
    comments = " ".join(line.partition("#")[2] for line in code.splitlines())
    known = {"kb": kb, "keras": keras, "np": np, "model": model, "x": x, "y": y}
    said = {
        name: value
        for name, value in replacements(model, x, y).items()
        if re.search(rf"\b{name}\b", comments + text)
    }
    if "divergence" in code:  # part of the call of a layer, which its comment says
        said |= {name: replacements(model, x, y)[name] for name in ("self", "divergence")}
    exec(compile(code, "remedy", "exec"), known | said)


def test_the_code_of_each_kind_of_action_is_pasted():
    assert set(ACTIONS) <= PASTED


def _without_download(weights, include_top):
    assert weights == "imagenet"
    return types.SimpleNamespace(include_top=include_top)


def test_suggested_learning_rates_are_plausible():
    for code in CODES:
        for rate in re.findall(r"learning_rate = ([\d.e+-]+)$", code, re.MULTILINE):
            assert 1e-6 <= float(rate) <= 10, code
