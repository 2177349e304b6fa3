"""Any model on any data: `fit` never fails because it is watched, and trains bit by bit the same.

A few examples in every run; `make soak` takes as many as fit into its minutes.
"""

import os
import warnings

import keras
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import keras_babysit as kb
from keras_babysit.advice import Advice
from keras_babysit.errors import KerasBabysitWarning

layers = keras.layers
BACKEND = keras.backend.backend()
IN_CI = {"jax": 3, "tensorflow": 10, "torch": 60}  # what takes about half a minute of each
EXAMPLES = int(os.environ.get("BABYSIT_EXAMPLES", IN_CI[BACKEND]))
ACTIVATIONS = ("relu", "tanh", "sigmoid", "elu", "gelu", "relu6", "softmax", "linear")
BETWEEN = ("nothing", "dropout", "batch-norm", "layer-norm", "skip", "shared", "maxout")
PLAGUES = ("none", "nan", "inf", "huge", "constant", "zero", "integers", "negative-labels")


@st.composite
def models(draw):
    """Draw what a model is made of: a list of `(width, activation, what comes after)`."""
    width = draw(st.integers(1, 6))
    block = st.tuples(
        st.just(width) if draw(st.booleans()) else st.integers(1, 6),
        st.sampled_from(ACTIVATIONS),
        st.sampled_from(BETWEEN),
    )
    policies = ["float32"] * 3 + ["mixed_bfloat16", "mixed_float16"]
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
        "every": draw(st.sampled_from([1, 3, "auto"])),
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
    y = layers.Dense(2 if is_class else 1, "softmax" if is_class else None, dtype="float32")(h)
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
        case "negative-labels" if not is_class:
            y = -np.abs(y)
    return x, y


def train(parts, run, callbacks):
    model = build(parts)
    x, y = data(run, is_class=parts["loss"] != "mse")
    keras.utils.set_random_seed(4)
    history = model.fit(
        x,
        y,
        batch_size=run["batch"],
        epochs=run["epochs"],
        validation_data=(x, y) if run["is_validated"] else None,
        sample_weight=np.linspace(0, 2, len(x)) if run["is_weighted"] else None,
        verbose=0,
        callbacks=callbacks,
    )
    values = [keras.ops.convert_to_numpy(v) for v in (*model.variables, *model.optimizer.variables)]
    return values + [np.array(values) for values in history.history.values()]


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="BABYSIT_EXAMPLES" not in os.environ,
)
@given(models(), runs())
def test_any_model_trains_as_if_alone_and_its_history_is_exact(parts, run):
    sitter = kb.Babysitter(every=run["every"], verbose=0)
    with warnings.catch_warnings(record=True) as told:  # Keras warns of some models and of NaN
        warnings.simplefilter("always")
        alone, watched = train(parts, run, []), train(parts, run, [sitter])
    assert not [one for one in told if issubclass(one.category, KerasBabysitWarning)]
    assert all(
        np.array_equal(one, other, equal_nan=True)
        for one, other in zip(alone, watched, strict=True)
    )
    assert "broke_off" not in sitter.history.facts
    assert all(isinstance(advice, Advice) for advice in sitter.advice)
    again = kb.History.from_jsonl(sitter.history.to_jsonl())
    assert again.to_jsonl() == sitter.history.to_jsonl()
    assert sitter.report().to_html()
