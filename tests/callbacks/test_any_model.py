"""Any model on any data: `fit` never fails because it is watched, and trains bit by bit the same.

A few examples in every run, more of them in `make test-all`; `make soak` takes as many as fit into
its minutes.
"""

import os
import tempfile
import warnings

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import keras_babysit as kb
from keras_babysit.errors import KerasBabysitWarning
from keras_babysit.findings import Finding

layers = keras.layers
BACKEND = keras.backend.backend()
FEW = {"jax": 2, "tensorflow": 4, "torch": 15}[BACKEND]  # what takes about ten seconds of each
MANY = int(os.environ.get("BABYSIT_EXAMPLES", {"jax": 8, "tensorflow": 20, "torch": 120}[BACKEND]))
ACTIVATIONS = ("relu", "tanh", "sigmoid", "elu", "gelu", "relu6", "softmax", "linear")
BETWEEN = ("nothing", "dropout", "batch-norm", "layer-norm", "skip", "shared", "maxout")
GO_ON = kb.Rescue(lr_factor=1.0, max_times=2)
PLAGUES = (
    "none",
    "nan",
    "inf",
    "huge",
    "constant",
    "zero",
    "integers",
    "float64",
    "negative-labels",
)


@st.composite
def models(draw):
    """Draw what a model is made of: a list of `(width, activation, what comes after)`."""
    width = draw(st.integers(1, 6))
    block = st.tuples(
        st.just(width) if draw(st.booleans()) else st.integers(1, 6),
        st.sampled_from(ACTIVATIONS),
        st.sampled_from(BETWEEN),
    )
    policies = ["float32"] * 3 + ["float64", "mixed_bfloat16", "mixed_float16"]
    return {
        "blocks": draw(st.lists(block, max_size=4)),
        "policy": draw(st.sampled_from(policies)),
        "optimizer": draw(st.sampled_from(["sgd", "adam", "rmsprop"])),
        "rate": draw(st.sampled_from([0.0, 1e-3, 1.0, 1e20])),
        "loss": draw(st.sampled_from(["mse", "sparse_categorical_crossentropy"])),
    }


@st.composite
def runs(draw):
    """Draw how a model is trained: the data and what is wrong with them, batches and epochs."""
    return {
        "count": draw(st.integers(1, 20)),
        "batch": draw(st.integers(1, 8)),
        "epochs": draw(st.integers(1, 2)),
        "plague": draw(st.sampled_from(PLAGUES)),
        "is_validated": draw(st.booleans()),
        "is_weighted": draw(st.booleans()),
        "ends_empty": draw(st.integers(0, 3)) == 0,
        "every": draw(st.sampled_from([1, 3, "auto"])),
        "recorder": draw(st.sampled_from(["none", "none", "record", "rescue"])),
    }


def build(parts):
    keras.utils.clear_session()
    keras.utils.set_random_seed(3)
    keras.config.set_dtype_policy(parts["policy"])
    x = h = keras.Input((3,))
    for width, activation, between in parts["blocks"]:
        before, dense = h, layers.Dense(width, activation)
        h = dense(h)
        if between == "dropout":
            h = layers.Dropout(0.5)(h)
        elif between == "batch-norm":
            h = layers.BatchNormalization()(h)
        elif between == "layer-norm":
            h = layers.LayerNormalization()(h)
        elif between == "maxout":
            h = kb.layers.Maxout(2, pieces=2)(h)
        elif before.shape == h.shape and between == "skip":
            h = layers.add([before, h])
        elif before.shape == h.shape and between == "shared":
            h = dense(h)
    is_class = parts["loss"] != "mse"
    dtype = "float64" if parts["policy"] == "float64" else "float32"
    y = layers.Dense(2 if is_class else 1, "softmax" if is_class else None, dtype=dtype)(h)
    model = keras.Model(x, y)
    optimizer = keras.optimizers.get(parts["optimizer"])
    optimizer.learning_rate = parts["rate"]
    # Compiled it is another model each time, which takes seconds.
    model.compile(optimizer, parts["loss"], run_eagerly=BACKEND != "jax")
    return model


def data(run, is_class):
    rng = np.random.default_rng(run["count"])
    x = rng.normal(size=(run["count"], 3)).astype("float32")
    y = rng.integers(0, 2, run["count"]) if is_class else x[:, :1]
    match run["plague"]:
        case "nan":
            x[rng.integers(len(x)), 1] = np.nan
        case "inf":
            x[rng.integers(len(x)), 1] = -np.inf
        case "huge":
            x *= 1e30
        case "constant":
            x[:] = 1
        case "zero":
            x[:] = 0
        case "integers":
            x = (10 * x).astype("int32")
        case "float64":
            x = x.astype("float64")
        case "negative-labels" if not is_class:
            y = -np.abs(y)
    return x, y


class WithEmptyRemainder(keras.utils.PyDataset):
    """Batches of the given arrays, and one of no examples behind them."""

    def __init__(self, *arrays, size):
        super().__init__()
        self.arrays, self.size = arrays, size

    def __len__(self):
        return -(-len(self.arrays[0]) // self.size) + 1

    def __getitem__(self, index):
        return tuple(array[self.size * index :][: self.size] for array in self.arrays)


def feed(parts, run):
    """Return how `fit` gets its data."""
    x, y = data(run, is_class=parts["loss"] != "mse")
    validation = (x, y) if run["is_validated"] else None
    weights = np.linspace(0, 2, len(x)) if run["is_weighted"] else None
    if run["ends_empty"]:
        arrays = [array for array in (x, y, weights) if array is not None]
        batches = WithEmptyRemainder(*arrays, size=run["batch"])
        return {"x": batches, "shuffle": False, "validation_data": validation}
    options = {"validation_data": validation, "sample_weight": weights}
    return options | {"x": x, "y": y, "batch_size": run["batch"]}


def train(parts, run, callbacks):
    model = build(parts)
    options = feed(parts, run) | {"epochs": run["epochs"], "verbose": 0}
    keras.utils.set_random_seed(4)
    history = model.fit(callbacks=callbacks, **options)
    values = [keras.ops.convert_to_numpy(v) for v in (*model.variables, *model.optimizer.variables)]
    return values + [np.array(values) for values in history.history.values()]


def outcome(*arguments):
    """Return what training leaves, or the kind of the error that Keras raises of itself.

    An empty batch, for instance, is an error on PyTorch and a loss of NaN on TensorFlow.
    """
    try:
        return train(*arguments)
    except Exception as error:
        return [type(error).__name__]


def trying(count):
    """Try a test on this number of models and runs: the same ones each time, except in a soak."""
    return settings(
        max_examples=count,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize="BABYSIT_EXAMPLES" not in os.environ,
    )


@trying(FEW)
@given(models(), runs())
def test_any_model_trains_as_if_alone_and_its_history_is_exact(parts, run):
    watch(parts, run)


@pytest.mark.slow
@trying(MANY)
@given(models(), runs())
def test_many_models_train_as_if_alone_and_their_histories_are_exact(parts, run):
    watch(parts, run)


def watch(parts, run):
    """Train with a sitter and without one; assert that nothing but a rescue differs."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")  # Keras warns of some models and of NaN
        options = {"record": folder} if run["recorder"] != "none" else {}
        options |= {"rescue": GO_ON} if run["recorder"] == "rescue" else {}
        sitter = kb.Babysitter(every=run["every"], verbose=0, **options)
        alone, watched = outcome(parts, run, []), outcome(parts, run, [sitter])
    assert not [one for one in caught if issubclass(one.category, KerasBabysitWarning)]
    is_rescued = any(
        finding.rule == "rescue" for finding in sitter.findings
    )  # which changes the run
    assert is_rescued or all(
        np.array_equal(one, other, equal_nan=not isinstance(one, str))
        for one, other in zip(alone, watched, strict=True)
    )
    assert sitter.history.facts.broke_off is None
    assert all(isinstance(finding, Finding) for finding in sitter.findings)
    again = kb.History.from_jsonl(sitter.history.to_jsonl())
    assert again.to_jsonl() == sitter.history.to_jsonl()
    assert sitter.report().to_html()
