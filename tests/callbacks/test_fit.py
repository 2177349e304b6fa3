"""Promises 1 and 2: it works with every kind of model and data, and it never changes training."""

import functools
import importlib.util

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.backends import backend
from keras_babysit.callbacks.keeping import Keeping
from tests.callbacks.kinds import DATA, MODELS, NEEDS

BACKEND = keras.backend.backend()


@pytest.fixture
def unhurried(monkeypatch):
    """Let `"auto"` start at once however busy the machine is, uncompiled on TensorFlow."""

    def start_seconds(layers, is_compiled):
        return 1e3 if is_compiled and BACKEND == "tensorflow" else 0.0

    monkeypatch.setattr(backend, "start_seconds", start_seconds)


def everything(model, history):
    """Return all that training leaves behind, as arrays by name."""
    state = {f"variable {i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(model.variables)}
    for index, variable in enumerate(model.optimizer.variables):
        state[f"optimizer {index}"] = keras.ops.convert_to_numpy(variable)
    for index, variable in enumerate(model.metrics_variables):
        state[f"metrics {index}"] = keras.ops.convert_to_numpy(variable)
    return state | {f"history {name}": np.array(h) for name, h in history.history.items()}


def train(make_model, loss, fit, callbacks, **compile_options):
    keras.utils.set_random_seed(3)
    model = make_model()
    options = {"optimizer": "adam", "loss": loss} | compile_options
    model.compile(**options)
    history = model.fit(epochs=2, verbose=0, callbacks=callbacks, **fit)
    return everything(model, history)


def assert_equal(bare, watched):
    assert bare.keys() == watched.keys()
    different = [n for n in bare if not np.array_equal(bare[n], watched[n], equal_nan=True)]
    assert not different


def train_kind(kind, callbacks):
    make_model, make_data, loss = MODELS[kind]
    x, y = make_data(np.random.default_rng(0))
    fit = {"x": x, "y": y, "batch_size": 16}
    if y is not None:
        fit["validation_data"] = (x, y)
    return train(make_model, loss, fit, callbacks)


@functools.cache
def train_kind_alone(kind):
    return train_kind(kind, [])


@pytest.mark.parametrize(
    ("kind", "every"),
    [
        *((kind, 1) for kind in MODELS),
        ("functional-with-skip", "auto"),
        ("many-to-many", "auto"),
        *(
            pytest.param(kind, "auto", marks=pytest.mark.any_backend)
            for kind in MODELS
            if kind not in ("functional-with-skip", "many-to-many")
        ),
    ],
)
def test_every_kind_of_model_trains_as_if_alone(kind, every, unhurried):
    sitter = kb.Babysitter(every=every, verbose=0, budget=1.0)
    assert_equal(train_kind_alone(kind), train_kind(kind, [sitter]))
    assert not [a for a in sitter.findings if a.rule == "not_watched"]
    assert np.isfinite(sitter.history.last("loss/start"))
    assert sitter.history.targets("activations/std")


@pytest.mark.parametrize("kind", DATA)
def test_every_kind_of_data_trains_as_if_alone(kind):
    if kind in NEEDS and importlib.util.find_spec(NEEDS[kind]) is None:
        pytest.skip(f"needs {NEEDS[kind]}")
    make_model, make_data, loss = MODELS["functional-with-skip"]
    x, y = make_data(np.random.default_rng(0))
    sitter = kb.Babysitter(every=1, verbose=0)
    keras.utils.set_random_seed(1)  # tf.data mixes the global seed into that of its shuffle
    bare = train(make_model, loss, DATA[kind](x, y), [])
    keras.utils.set_random_seed(1)
    assert_equal(bare, train(make_model, loss, DATA[kind](x, y), [sitter]))
    steps = sitter.history.series("loss/batch").steps
    assert set(range(3)) <= set(steps.tolist())


OPTIONS = {
    "eager": {"run_eagerly": True},
    "compiled": {"jit_compile": True},
    "not-compiled": {"jit_compile": False},
    "four-steps-at-once": {"steps_per_execution": 4},
    "two-steps-at-once": {"steps_per_execution": 2},
    "with-metrics": {"metrics": ["accuracy"], "weighted_metrics": ["accuracy"]},
    "momentum-and-schedule": {
        "optimizer": lambda: keras.optimizers.SGD(
            keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5), momentum=0.9
        )
    },
}


@pytest.mark.parametrize("option", OPTIONS)
def test_every_way_to_run_trains_as_if_alone(option):
    if BACKEND == "torch" and option in ("four-steps-at-once", "two-steps-at-once", "compiled"):
        pytest.skip("Keras has no steps_per_execution on PyTorch, and torch.compile needs minutes")
    make_model, make_data, loss = MODELS["functional-with-skip"]
    x, y = make_data(np.random.default_rng(0))
    fit = {"x": x, "y": y, "batch_size": 8, "validation_data": (x, y)}

    def options():
        return {k: v() if callable(v) else v for k, v in OPTIONS[option].items()}

    sitter = kb.Babysitter(every=2, verbose=0)
    bare = train(make_model, loss, fit, [], **options())
    assert_equal(bare, train(make_model, loss, fit, [sitter], **options()))
    assert len(sitter.history.series("loss/batch")) >= 3
    assert sitter.history.targets("updates/ratio")


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains_as_if_alone(policy):
    keras.config.set_dtype_policy(policy)
    make_model, make_data, loss = MODELS["functional-with-skip"]
    x, y = make_data(np.random.default_rng(0))
    fit = {"x": x, "y": y, "batch_size": 16}
    sitter = kb.Babysitter(every=1, verbose=0)
    assert_equal(train(make_model, loss, fit, []), train(make_model, loss, fit, [sitter]))
    assert np.isfinite(sitter.history.series("loss/batch").values).all()
    rules = {finding.rule for finding in sitter.findings}
    assert rules <= {"uninformative_inputs"}  # the labels are random, and that is seen


def test_the_update_ratio_is_that_of_the_real_step():
    x, y = np.ones((4, 3), "float32"), np.zeros((4, 1), "float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="only")])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    before = np.concatenate([w.ravel() for w in model.get_weights()[:1]])
    sitter = kb.Babysitter(every=1, verbose=0)
    model.fit(x, y, batch_size=4, epochs=1, verbose=0, callbacks=[sitter])
    after = model.get_weights()[0].ravel()
    expected = np.linalg.norm(after - before) / np.linalg.norm(before)
    assert sitter.history.last("updates/ratio", "only/kernel") == pytest.approx(expected, rel=1e-4)


def test_loss_and_gradient_are_those_of_the_batch():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(16, 3)).astype("float32"), rng.normal(size=(16, 1)).astype("float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="only")])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    kernel = model.get_weights()[0]
    sitter = kb.Babysitter(every=1, verbose=0)
    model.fit(x, y, batch_size=16, epochs=1, verbose=0, callbacks=[sitter])
    residual = x @ kernel - y
    gradient = 2 * x.T @ residual / len(x)
    history = sitter.history
    assert history.last("loss/start") == pytest.approx(float(np.mean(residual**2)), rel=1e-5)
    assert history.last("gradients/norm", "only/kernel") == pytest.approx(
        float(np.linalg.norm(gradient)), rel=1e-4
    )


def test_activations_are_those_of_the_batch():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(64, 3)).astype("float32")
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(5, "relu", name="h"), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.SGD(0.0), "mse")
    kernel, bias = model.get_weights()[:2]
    sitter = kb.Babysitter(every=1, verbose=0)
    model.fit(x, np.zeros((64, 1)), batch_size=64, verbose=0, callbacks=[sitter])
    z = x @ kernel + bias
    history = sitter.history
    assert history.first("activations/mean", "h") == pytest.approx(
        np.maximum(z, 0).mean(), rel=1e-4
    )
    assert history.first("activations/std", "h") == pytest.approx(np.maximum(z, 0).std(), rel=1e-4)
    np.testing.assert_allclose(history.first("activations/gate", "h"), (z > 0).mean(0), rtol=1e-5)
    np.testing.assert_allclose(history.first("activations/gate_max", "h"), (z > 0).max(0))


@pytest.mark.parametrize("every", [1, "auto"])  # compiled and, on TensorFlow, uncompiled
def test_gates_of_activations_of_every_kind_are_seen(every, unhurried):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3, "gelu", name="fused"),
            layers.Dense(3),
            layers.LeakyReLU(name="layer"),
            layers.Dense(3, lambda z: keras.ops.maximum(z, 0), name="own"),
            layers.Dense(3),
            layers.PReLU(name="learnt"),
            layers.Dense(3, "softsign", name="squashing"),
            layers.Dense(2, "softmax", name="last"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = np.random.default_rng(0).normal(size=(32, 4)), np.arange(32) % 2
    sitter = kb.Babysitter(every=every, verbose=0, budget=1.0)
    model.fit(x, y, batch_size=16, verbose=0, callbacks=[sitter])
    seen = ["fused", "layer", "own", "learnt", "squashing"]
    assert sitter.history.targets("activations/gate_max") == seen
    assert sitter.history.targets("activations/saturated_fraction") == ["squashing"]
    kinds = [sitter.history.layer(target).activation_kind for target in seen]
    assert kinds == ["rectifier", "open", "rectifier", "rectifier", "squashing"]
    assert sitter.history.layer("last").role == "output"


def test_the_gap_is_like_for_like():
    """With dropout, fit's own numbers have the wrong sign; the scores must not."""
    rng = np.random.default_rng(2)
    x, x_val = rng.normal(size=(64, 20)), rng.normal(size=(256, 20))
    y, y_val = rng.integers(0, 2, 64), rng.integers(0, 2, 256)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((20,)),
            layers.Dense(128, "relu", kernel_regularizer=keras.regularizers.L2(1e-3)),
            layers.Dropout(0.5),
            layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    sitter = kb.Babysitter(every=1000, verbose=0)
    model.fit(
        x,
        y,
        epochs=10,
        batch_size=16,
        validation_data=(x_val, y_val),
        verbose=0,
        callbacks=[sitter],
    )
    for target, data in (("train", (x, y)), ("validation", (x_val, y_val))):
        p = np.clip(model.predict(data[0], verbose=0)[:, 0].astype("float64"), 1e-7, 1 - 1e-7)
        loss = -np.mean(np.where(data[1] == 1, np.log(p), np.log(1 - p)))
        accuracy = np.mean((p > 0.5) == data[1])
        assert sitter.history.last("score/loss", target) == pytest.approx(loss, rel=1e-3)
        assert sitter.history.last("score/accuracy", target) == pytest.approx(accuracy, abs=1e-6)
        assert sitter.history.last("score/error", target) == pytest.approx(1 - accuracy, abs=1e-6)


@pytest.mark.any_backend
def test_a_rare_class_that_counts_more_is_not_held_against_giving_it_up():
    rng = np.random.default_rng(0)
    y = (rng.random(1000) < 0.05).astype("float32")
    x = (rng.normal(size=(1000, 4)) + y[:, None]).astype("float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy")
    sitter = kb.Babysitter(every=1000, verbose=0)
    weights = {0: 1.0, 1: 19.0}
    model.fit(x, y, epochs=5, class_weight=weights, verbose=0, callbacks=[sitter])
    last = {q: sitter.history.last(q, "train") for q in sitter.history.quantities() if "/" in q}
    assert last["score/error"] > 0.1  # more than always "no" would have
    assert last["reference/constant_error"] == pytest.approx(0.5, abs=0.1)
    assert last["reference/network_error"] < 0.4
    assert not sitter.findings


@pytest.mark.any_backend
def test_examples_that_weigh_nothing_are_not_scored():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 4)).astype("float32")
    y = (x[:, 0] > 0).astype("float32")
    is_known = rng.random(400) < 0.5
    y[~is_known] = 1 - y[~is_known]
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy")
    sitter = kb.Babysitter(every=1000, verbose=0)
    counts = is_known.astype("float32")
    model.fit(x, y, epochs=10, sample_weight=counts, verbose=0, callbacks=[sitter])
    assert sitter.history.last("score/error", "train") < 0.1


@pytest.mark.any_backend
@pytest.mark.parametrize("is_sorted", [True, False])
def test_the_first_of_sorted_validation_data_do_not_stand_for_all(is_sorted, monkeypatch):
    wants = Keeping.wants_validation
    # The first quarter of the validation data only.
    monkeypatch.setattr(Keeping, "wants_validation", lambda k, i: wants(k, i) and i < 10)
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 320)
    x = np.eye(4, dtype="float32")[y]
    y_val = np.sort(y) if is_sorted else y
    x_val = np.eye(4, dtype="float32")[y_val]
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    sitter = kb.Babysitter(verbose=0)
    fit = {"batch_size": 8, "epochs": 2, "validation_data": (x_val, y_val), "verbose": 0}
    model.fit(x, y, callbacks=[sitter], **fit)
    targets = sitter.history.targets("score/loss")
    assert targets == (["train"] if is_sorted else ["train", "validation"])


class Fixed(keras.layers.Layer):
    """Takes batches of one size alone: it mixes examples, as a layer of a graph does."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def call(self, inputs):
        neighbours = keras.ops.eye(self.size, dtype=inputs.dtype)
        return inputs + keras.ops.matmul(neighbours, inputs)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, inputs.dtype)


def watch_batches_of(size, *, is_declared, count=640):
    x, y = np.random.default_rng(0).normal(size=(count, 4)).astype("float32"), np.arange(count) % 2
    given = keras.Input(batch_shape=(size, 4)) if is_declared else keras.Input((4,))
    hidden = keras.layers.Dense(8, "relu", name="hidden")(Fixed(size)(given))
    model = keras.Model(given, keras.layers.Dense(2, "softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy")
    sitter = kb.Babysitter(every=3, verbose=0)
    data = {"x": x, "y": y, "validation_data": (x, y)}
    model.fit(**data, batch_size=size, epochs=2, verbose=0, callbacks=[sitter])
    assert sitter.history.facts.broke_off is None
    notes = [finding.message for finding in sitter.findings if finding.rule == "not_watched"]
    return sitter.history, notes


@pytest.mark.parametrize("size", [2, 500])
def test_a_model_that_keras_builds_for_its_first_batch_accepts_others(size):
    x = np.random.default_rng(0).normal(size=(500, 4)).astype("float32")
    model = keras.Sequential([keras.layers.Dense(8, "relu", name="hidden"), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    sitter = kb.Babysitter(every=1, verbose=0)
    steps = {"x": x[: 10 * size], "y": x[: 10 * size, :1], "batch_size": size}
    model.fit(**steps, epochs=4, verbose=0, callbacks=[sitter])
    assert model.inputs[0].shape[0] is not None
    assert [one for one in sitter.findings if one.rule == "not_watched"] == []
    assert len(sitter.history.series("activations/mean", "hidden").steps) > 1
    assert len(sitter.history.series("score/loss", "train").steps)


@pytest.mark.parametrize("is_declared", [True, False])
@pytest.mark.parametrize("size", [16, 320])
def test_a_model_of_one_batch_size_is_measured_on_batches_of_that_size(size, is_declared):
    history, notes = watch_batches_of(size, is_declared=is_declared)
    assert notes == []
    assert len(history.series("activations/mean", "hidden").steps) > 1
    assert history.series("score/loss", "train").steps.size == 2


@pytest.mark.parametrize("is_declared", [True, False])
def test_batches_that_are_too_small_are_measured_by_the_host_alone(is_declared):
    history, notes = watch_batches_of(4, is_declared=is_declared, count=96)
    assert any("only batches of 4 examples, and fewer than 8 are" in note for note in notes)
    assert len(history.series("updates/ratio", "hidden/kernel").steps) > 10
    assert history.series("activations/mean", "hidden").steps.size <= (0 if is_declared else 1)
