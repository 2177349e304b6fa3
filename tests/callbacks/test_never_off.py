"""The watcher does not go off as a whole: what it cannot measure is a note, the rest goes on."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers

import keras_babysit as kb
from keras_babysit.errors import KerasBabysitWarning

BACKEND = keras.backend.backend()
WORDS = np.array(["red", "green", "blue", "grey"])


def rng():
    return np.random.default_rng(0)


def compiled(model, loss="mse", **options):
    model.compile("sgd", loss, **options)
    return model


def arrays(count=64):
    x = rng().normal(size=(count, 4)).astype("float32")
    return {"x": x, "y": x[:, :1].copy(), "batch_size": 16}


# --- data of every kind ----------------------------------------------------------------------


def lookup():
    inputs = keras.Input((1,), dtype="string")
    h = layers.StringLookup(vocabulary=WORDS.tolist())(inputs)
    h = layers.Flatten()(layers.Embedding(5, 3)(h))
    return compiled(keras.Model(inputs, layers.Dense(1, name="head")(h)))


def words(kind):
    x = rng().choice(WORDS, size=(64, 1))
    return x.astype(kind), (x == "red").astype("float32")


def strings():
    import tensorflow as tf

    return lookup(), {"x": tf.data.Dataset.from_tensor_slices(words("U")).batch(16)}


def byte_strings():
    import tensorflow as tf

    return lookup(), {"x": tf.data.Dataset.from_tensor_slices(words("S")).batch(16)}


def texts():
    import tensorflow as tf

    x = [" ".join(row) for row in rng().choice(WORDS, size=(64, 4))]
    vectorize = layers.TextVectorization(output_sequence_length=4, vocabulary=WORDS.tolist())
    inputs = keras.Input((), dtype="string")
    h = layers.GlobalAveragePooling1D()(layers.Embedding(8, 3)(vectorize(inputs)))
    model = compiled(keras.Model(inputs, layers.Dense(1, name="head")(h)))
    y = np.array([text.startswith("red") for text in x], "float32")
    return model, {"x": tf.data.Dataset.from_tensor_slices((x, y)).batch(16)}


def strings_beside_numbers():
    """A name that the model does not use, as in a table with an identifier."""
    import tensorflow as tf

    given = arrays()
    x = {"numbers": given["x"], "name": words("U")[0]}
    inputs = {"numbers": keras.Input((4,), name="numbers")}
    inputs["name"] = keras.Input((1,), name="name", dtype="string")
    model = compiled(keras.Model(inputs, layers.Dense(1, name="head")(inputs["numbers"])))
    return model, {"x": tf.data.Dataset.from_tensor_slices((x, given["y"])).batch(16)}


class Averaging(keras.Model):
    """Averages rows of different length."""

    def __init__(self):
        super().__init__()
        self.embed, self.head = layers.Embedding(9, 4), layers.Dense(1, name="head")

    def call(self, x):
        import tensorflow as tf

        embedded = x.with_values(self.embed(x.values))
        return self.head(tf.reduce_mean(embedded, axis=1))


def ragged():
    import tensorflow as tf

    lengths = rng().integers(1, 6, 64)
    x = tf.RaggedTensor.from_row_lengths(rng().integers(0, 9, lengths.sum()), lengths)
    y = lengths[:, None].astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, y)).ragged_batch(16)
    return compiled(Averaging()), {"x": data}


def sparse_model():
    inputs = keras.Input((6,), sparse=BACKEND != "torch")
    return compiled(keras.Model(inputs, layers.Dense(1, name="head")(inputs)))


def sparse():
    from scipy.sparse import csr_matrix

    x = (rng().random((64, 6)) < 0.2).astype("float32")
    return sparse_model(), {"x": csr_matrix(x), "y": x[:, :1].copy(), "batch_size": 16}


def sparse_dataset():
    import tensorflow as tf

    x = (rng().random((64, 6)) < 0.2).astype("float32")
    pair = (tf.sparse.from_dense(x), x[:, :1].copy())
    return sparse_model(), {"x": tf.data.Dataset.from_tensor_slices(pair).batch(16)}


# --- models that change ----------------------------------------------------------------------


class NotBuilt(keras.Model):
    """Has layers that only its first step builds."""

    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(3, "relu", name="hidden")
        self.head = layers.Dense(1, name="head")

    def call(self, x):
        return self.head(self.hidden(x))


def not_built():
    return compiled(NotBuilt()), arrays()


def not_built_eager():
    return compiled(NotBuilt(), run_eagerly=True), arrays()


def plain():
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, "relu", name="hidden"), layers.Dense(1, name="head")]
    )
    return compiled(model)


class At(keras.callbacks.Callback):
    """Calls a function with the model at the start of the second epoch."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            self.function(self.model)


def recompile(model):
    model.compile("adam", "mae", metrics=["mse"])
    model.make_train_function(force=True)


def freeze(model):
    model.get_layer("hidden").trainable = False
    model.compile("sgd", "mse")
    model.make_train_function(force=True)


def freeze_alone(model):
    model.get_layer("hidden").trainable = False


def changed(function):
    def make():
        return plain(), arrays() | {"callbacks": [At(function)]}

    return make


def unfrozen():
    model = plain()
    model.get_layer("hidden").trainable = False

    def unfreeze(model):
        model.get_layer("hidden").trainable = True
        model.compile("sgd", "mse")
        model.make_train_function(force=True)

    return compiled(model), arrays() | {"callbacks": [At(unfreeze)]}


class WithLateMetric(keras.Model):
    """Gets another metric while it trains, which Keras does not see being added."""

    def __init__(self):
        super().__init__()
        self.head = layers.Dense(1, name="head")
        more = []
        self.more = lambda: more

    def call(self, x):
        return self.head(x)

    @property
    def metrics(self):
        return [*super().metrics, *self.more()]


def late_metric():
    def add(model):
        model.more().append(keras.metrics.Mean(name="late"))

    return compiled(WithLateMetric()), arrays() | {"callbacks": [At(add)]}


class WithoutCall(keras.Model):
    """Trains its layers in a step of its own, and has no `call`."""

    def __init__(self):
        super().__init__()
        self.head = layers.Dense(1, name="head")
        self.loss_tracker = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.loss_tracker]

    def loss_of(self, x, y):
        return keras.ops.mean(keras.ops.square(self.head(x) - y))

    def train_step(self, *args):
        return getattr(self, f"{BACKEND}_step")(*args)

    def tensorflow_step(self, data):
        import tensorflow as tf

        x, y = data
        with tf.GradientTape() as tape:
            loss = self.loss_of(x, y)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}

    def torch_step(self, data):
        x, y = data
        self.zero_grad()
        loss = self.loss_of(x, y)
        loss.backward()
        self.optimizer.apply([v.value.grad for v in self.trainable_variables])
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}

    def jax_step(self, state, data):
        import jax

        x, y = data
        trainable, other, optimizer, metrics = state

        def loss_of(trainable):
            mapping = list(zip(self.trainable_variables, trainable, strict=True))
            with keras.StatelessScope(mapping):
                return self.loss_of(x, y)

        loss, gradients = jax.value_and_grad(loss_of)(trainable)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        metrics = self.loss_tracker.stateless_update_state(metrics, loss)
        logs = {"loss": self.loss_tracker.stateless_result(metrics)}
        return logs, (trainable, other, optimizer, metrics)


def without_call():
    model, data = without_call_not_built()
    model.head.build((None, 4))
    model.built = True
    return model, data


def without_call_not_built():
    model = WithoutCall()
    model.compile("sgd")
    return model, arrays()


EVERYWHERE = ("tensorflow", "jax", "torch")
CASES = {
    "strings": (["tensorflow"], strings),
    "bytes": (["tensorflow"], byte_strings),
    "texts": (["tensorflow"], texts),
    "strings-beside-numbers": (["tensorflow"], strings_beside_numbers),
    "ragged": (["tensorflow"], ragged),
    "sparse": (EVERYWHERE, sparse),
    "sparse-dataset": (["tensorflow"], sparse_dataset),
    "not-built": (EVERYWHERE, not_built),
    "not-built-eager": (EVERYWHERE, not_built_eager),
    # On JAX, fit itself fails where variables change while it runs.
    "recompiled": (["tensorflow", "torch"], changed(recompile)),
    "frozen": (["tensorflow", "torch"], changed(freeze)),
    "frozen-alone": (["tensorflow", "torch"], changed(freeze_alone)),
    "unfrozen": (["tensorflow", "torch"], unfrozen),
    "late-metric": (EVERYWHERE, late_metric),
    "without-call": (EVERYWHERE, without_call),
    # On JAX and PyTorch, fit builds a model by its `call`.
    "without-call-not-built": (["tensorflow"], without_call_not_built),
}
"""What once switched the watcher off, by name: the backends whose `fit` takes it, what makes it."""

NO_SCORE = "Scores not measured: the model has a `train_step` of its own"

NOTES = {
    "ragged": ["First step not measured", "Scores not measured: ragged"],
    "without-call": [NO_SCORE],
    "without-call-not-built": ["First step", NO_SCORE],
}
"""What the verdict says of it, where something is not measured."""


def train(make, *callbacks):
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    model, data = make()
    callbacks = [*data.pop("callbacks", []), *callbacks]
    history = model.fit(**data, epochs=4, verbose=0, shuffle=False, callbacks=callbacks)
    return [*model.get_weights(), *map(np.asarray, history.history.values())]


def watched(make, **options):
    """Return what a watched training leaves, and its sitter; our warnings fail."""
    sitter = kb.Babysitter(every=1, verbose=0, **options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        left = train(make, sitter)
    assert not [str(o.message) for o in caught if issubclass(o.category, KerasBabysitWarning)]
    return left, sitter


@pytest.mark.parametrize("name", CASES)
def test_it_measures_to_the_end_and_notes_what_it_cannot(name, tmp_path):
    backends, make = CASES[name]
    if BACKEND not in backends:
        pytest.skip(f"`fit` takes it on {backends}")
    bare = train(make)
    for options in ({}, {"record": tmp_path}):
        left, sitter = watched(make, **options)
        for found, expected in zip(left, bare, strict=True):
            np.testing.assert_array_equal(found, expected)
    history = sitter.history
    assert history.facts.broke_off is None
    for quantity in ("weights/norm", "updates/ratio"):
        assert history.series(quantity, "head/kernel").steps[-1] >= 15
    notes = [one.message for one in sitter.verdict.not_checked if one.rule == "not_watched"]
    expected = sorted(NOTES.get(name, []))
    assert len(notes) == len(expected)
    assert all(map(str.startswith, sorted(notes), expected)), notes
    assert kb.History.from_jsonl(history.to_jsonl()).to_jsonl() == history.to_jsonl()
    assert sitter.report().to_html()


def test_a_loss_that_another_compile_gives_has_a_start_of_its_own():
    """Its first value is no explosion of the loss before."""

    def scale_up(model):
        model.compile("sgd", lambda y, y_pred: 1e4 * keras.losses.mean_absolute_error(y, y_pred))
        model.optimizer.learning_rate = 1e-7
        model.make_train_function(force=True)

    if BACKEND == "jax":
        pytest.skip("`fit` itself fails")
    _, sitter = watched(changed(scale_up))
    starts = sitter.history.series("loss/start")
    assert starts.steps.tolist() == [0, 5]  # the state before step 4 was measured before that
    assert starts.values[1] > 100 * starts.values[0]
    assert not [one for one in sitter.findings if one.rule == "loss_explosion"]
