"""Faults of a training step of one's own are named, and the same step without them is not."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_babysit as kb
from benchmarks.foreign.own_steps import OwnStep
from keras_babysit.findings import Severity

# Keras says so of arrays in double precision on JAX, with and without us.
pytestmark = pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")

X = np.random.default_rng(0).normal(size=(128, 4)).astype("float32")
Y = X[:, :1] * X[:, 1:2]
X_VAL = np.random.default_rng(1).normal(size=(128, 4)).astype("float32")
Y_VAL = X_VAL[:, :1] * X_VAL[:, 1:2]


def findings(model, x=X, y=Y, *, epochs=4, optimizer="adam"):
    """Return the findings above a note of a run that measures every second step, by rule."""
    keras.utils.set_random_seed(0)
    model.compile(optimizer)
    sitter = kb.Babysitter(every=2, verbose=0)
    model.fit(x, y, batch_size=16, epochs=epochs, verbose=0, callbacks=[sitter])
    assert sitter.history.facts.broke_off is None
    named = [one for one in sitter.findings if one.severity > Severity.NOTE]
    return {one.rule: one for one in reversed(named)}


class Regression(OwnStep):
    """A network whose step calls it in some mode."""

    def __init__(self, inner, *, training=True):
        super().__init__()
        self.inner, self.training_mode = inner, training

    def call(self, x, training=False):
        return self.inner(x, training=training)

    def own_loss(self, x, y):
        loss = ops.mean(ops.square(self(x, training=self.training_mode) - y))
        return loss, {"loss": loss}


@pytest.mark.parametrize("is_training", [True, False])
def test_batch_norm_that_a_step_runs_in_inference_mode_is_named(is_training):
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(8), layers.BatchNormalization(name="bn"), layers.Dense(1)]
    )
    found = findings(Regression(inner, training=is_training))
    assert ("batch_norm_not_updating" in found) is not is_training


class Reporting(Regression):
    """A step that returns a mean, which `resets` says whether Keras knows."""

    def __init__(self, inner, resets):
        super().__init__(inner)
        self.resets, self.mean = resets, keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.mean] if self.resets else []

    def train_step(self, *args):
        logs = super().train_step(*args)
        self.mean.update_state(logs["loss"])
        return {"loss": self.mean.result()}


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="a step cannot update it there")
@pytest.mark.parametrize("resets", [True, False])
def test_a_metric_that_keras_does_not_reset_is_named(resets):
    found = findings(Reporting(keras.Sequential([keras.Input((4,)), layers.Dense(1)]), resets))
    assert ("metric_not_reset" in found) is not resets


torch_only = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="other backends compute each gradient anew"
)


class Summing(Regression):
    """A step on PyTorch that sets the gradients to zero where `when` says so.

    With `when="applied"` it accumulates the gradients of three batches before it applies them.
    """

    def __init__(self, inner, when, norm=None):
        super().__init__(inner)
        self.when, self.clip, self.batches = when, norm, 0

    def train_step(self, data):
        import torch

        x, y = data
        self.batches += 1
        if self.when == "first":
            self.zero_grad()
        loss, logs = self.own_loss(x, y)
        loss.backward()
        weights = self.trainable_variables
        if self.when != "applied" or self.batches % 3 == 1:
            if self.clip:
                torch.nn.utils.clip_grad_norm_([one.value for one in weights], self.clip)
            with torch.no_grad():
                self.optimizer.apply([one.value.grad for one in weights], weights)
            if self.when in ("last", "applied"):
                self.zero_grad()
        return {name: value.detach() for name, value in logs.items()}


def dense():
    return keras.Sequential([keras.Input((4,)), layers.Dense(8, "tanh"), layers.Dense(1)])


@torch_only
@pytest.mark.parametrize("norm", [None, 0.1])
@pytest.mark.parametrize("when", ["never", "first", "last", "applied"])
def test_gradients_that_are_never_set_to_zero_are_named(when, norm):
    found = findings(Summing(dense(), when, norm))
    assert ("missing_zero_grad" in found) == (when == "never")


@torch_only
@pytest.mark.parametrize("is_forgotten", [True, False])
def test_a_forgotten_zero_grad_of_a_loop_is_named(is_forgotten):
    import torch

    model = dense()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def step(x, y):
        if not is_forgotten:
            optimizer.zero_grad()
        loss = torch.mean((model(x) - y) ** 2)
        loss.backward()
        optimizer.step()
        return loss.detach()

    with kb.watch(model, optimizer, steps=20, every=2, verbose=0) as sitter:
        for index in range(20):
            part = slice(index % 8 * 16, index % 8 * 16 + 16)
            sitter.step(step, torch.tensor(X[part]), torch.tensor(Y[part]))
    assert ("missing_zero_grad" in {one.rule for one in sitter.findings}) == is_forgotten


class Headed(OwnStep):
    """A head on an encoder, through which the gradient is cut or not."""

    def __init__(self, is_cut):
        super().__init__()
        self.encoder = keras.Sequential(
            [keras.Input((4,)), layers.Dense(8, "tanh", name="first")], name="encoder"
        )
        self.head = keras.Sequential([keras.Input((8,)), layers.Dense(1)], name="head")
        self.is_cut = is_cut

    def call(self, x):
        return self.head(self.encoder(x))

    def own_loss(self, x, y):
        features = self.encoder(x)
        if self.is_cut:
            features = ops.stop_gradient(features)
        loss = ops.mean(ops.square(self.head(features) - y))
        return loss, {"loss": loss}

    def _on_torch(self, data):
        import torch

        self.zero_grad()
        loss, logs = self.own_loss(*data)
        loss.backward()
        weights = [one for one in self.trainable_variables if one.value.grad is not None]
        with torch.no_grad():
            self.optimizer.apply([one.value.grad for one in weights], weights)
        return {name: value.detach() for name, value in logs.items()}


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("is_cut", [True, False])
def test_layers_that_a_detached_tensor_leaves_untrained_are_named(is_cut):
    found = findings(Headed(is_cut))
    assert bool(found.keys() & {"unmoved_weights", "no_gradient"}) == is_cut
    assert all(one.target == "first" for one in found.values() if is_cut)


class Adding(layers.Layer):
    """Adds the size of its inputs to the loss."""

    def call(self, x):
        self.add_loss(0.1 * ops.mean(ops.square(x)))
        return x


class Penalized(Regression):
    """A network with a layer that adds a loss, which the step reads or not."""

    def __init__(self, reads, teacher=None):
        inner = [keras.Input((4,)), layers.Dense(8, "tanh"), Adding(name="added"), layers.Dense(1)]
        super().__init__(keras.Sequential(inner) if teacher is None else dense())
        self.reads, self.teacher = reads, teacher

    def own_loss(self, x, y):
        loss = super().own_loss(x, y)[0]
        if self.teacher is not None:
            loss = loss + ops.mean(ops.square(ops.stop_gradient(self.teacher(x)) - self(x)))
        if self.reads:
            loss = loss + sum(self.losses)
        return loss, {"loss": loss}


@pytest.mark.parametrize("reads", [True, False])
def test_a_loss_that_a_layer_adds_and_the_step_leaves_out_is_named(reads):
    found = findings(Penalized(reads))
    assert ("penalties_left_out" in found) is not reads
    assert reads or found["penalties_left_out"].target == "added"


def test_what_a_frozen_network_adds_need_not_be_read():
    teacher = keras.Sequential([keras.Input((4,)), layers.Dense(1), Adding()], name="teacher")
    teacher.trainable = False
    assert findings(Penalized(False, teacher)) == {}


class Denoiser(OwnStep):
    """A network that removes noise, with the time step or without, and new noise or the same."""

    def __init__(self, *, is_timed=True, seed=None):
        super().__init__()
        self.seeds = keras.random.SeedGenerator(1)
        self.seed = self.seeds if seed is None else seed
        x, t = keras.Input((4,)), keras.Input((1,))
        hidden = layers.Dense(8, "tanh")(layers.Concatenate()([x, t]))
        self.denoiser = keras.Model([x, t], layers.Dense(4)(hidden), name="denoiser")
        self.is_timed = is_timed

    def call(self, x):
        return self.denoiser([x, ops.zeros((ops.shape(x)[0], 1))])

    def own_loss(self, x, y):
        noise = keras.random.normal(ops.shape(x), seed=self.seed)
        t = keras.random.uniform((ops.shape(x)[0], 1), seed=self.seeds)
        noisy = ops.sqrt(1 - t) * x + ops.sqrt(t) * noise
        found = self.denoiser([noisy, t if self.is_timed else ops.zeros_like(t)])
        loss = ops.mean(ops.square(found - noise))
        return loss, {"noise_loss": loss}


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        ({}, set()),
        ({"is_timed": False}, {"constant_time_step"}),
        ({"seed": 7}, {"repeated_noise"}),
    ],
)
def test_what_a_denoising_network_is_given_is_checked(options, rules):
    assert set(findings(Denoiser(**options))) == rules


class Distilling(OwnStep):
    """A student that imitates a teacher, which is frozen or not."""

    def __init__(self, is_frozen):
        super().__init__()
        self.teacher, self.student = (
            keras.Sequential(
                [keras.Input((4,)), layers.Dense(8, "tanh"), layers.Dense(1)], name=one
            )
            for one in ("teacher", "student")
        )
        self.teacher.trainable = not is_frozen

    def call(self, x):
        return self.student(x)

    def own_loss(self, x, y):
        made, wanted = self.student(x), self.teacher(x)
        loss = ops.mean(ops.square(made - y)) + ops.mean(ops.square(made - wanted))
        return loss, {"loss": loss}


@pytest.mark.parametrize("is_frozen", [True, False])
def test_a_teacher_that_is_trained_along_is_named(is_frozen):
    found = findings(Distilling(is_frozen))
    assert ("teacher_is_trained" in found) is not is_frozen


@torch_only
def test_a_loop_that_accumulates_gradients_between_measured_steps_is_healthy():
    import torch

    model = dense()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

    def step(x, y, index):
        if index % 4 == 0:
            optimizer.zero_grad()
        loss = torch.mean((model(x) - y) ** 2) / 4
        loss.backward()
        if index % 4 == 3:
            optimizer.step()
        return loss.detach()

    with kb.watch(model, optimizer, steps=40, every=4, verbose=0) as sitter:
        for index in range(40):
            part = slice(index % 8 * 16, index % 8 * 16 + 16)
            sitter.step(step, torch.tensor(X[part]), torch.tensor(Y[part]), index)
            if index % 20 == 19:
                sitter.validate(X_VAL, Y_VAL)
    assert not [one for one in sitter.findings if one.severity > Severity.NOTE]
    assert not any(sitter.history.targets("gradients/applied_before"))


class Triplets(OwnStep):
    """A triplet loss, with the distances in the right order or not."""

    def __init__(self, is_right):
        super().__init__()
        inner = [keras.Input((16,)), layers.Dense(32, "relu"), layers.Dense(8)]
        self.embedding = keras.Sequential([*inner, layers.UnitNormalization()], name="embedding")
        self.is_right = is_right

    def call(self, x):
        return [self.embedding(one) for one in x]

    def own_loss(self, x, y):
        anchor, *others = self(x)
        near, far = (ops.sum(ops.square(anchor - one), axis=-1) for one in others)
        if not self.is_right:
            near, far = far, near
        loss = ops.mean(ops.maximum(near - far + 1.0, 0.0))
        return loss, {"loss": loss}


@pytest.mark.parametrize("is_right", [True, False])
def test_triplets_that_are_reversed_are_named(is_right):
    rng = np.random.default_rng(1)
    centers = rng.normal(size=(8, 16))
    labels = rng.integers(0, 8, 256)
    others = (labels + rng.integers(1, 8, 256)) % 8
    x = [centers[one] + rng.normal(size=(256, 16)) for one in (labels, labels, others)]
    x = [one.astype("float32") for one in x]
    found = findings(Triplets(is_right), x, None, epochs=8, optimizer=keras.optimizers.Adam(0.01))
    assert ("reversed_triplets" in found) is not is_right


not_on_jax = pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="a step on JAX returns its weights"
)


@pytest.mark.parametrize("is_right", [True, False])
def test_a_positive_that_is_the_anchor_is_named(is_right):
    rng = np.random.default_rng(1)
    x = [rng.normal(size=(128, 16)).astype("float32") for _ in range(3)]
    if not is_right:
        x[1] = x[0]
    assert ("anchor_is_positive" in findings(Triplets(True), x, None)) is not is_right


class Siamese(OwnStep):
    """A contrastive loss that takes one label for an equal pair."""

    def __init__(self, same, has_head=False):
        super().__init__()
        inner = [keras.Input((16,)), layers.Dense(32, "relu"), layers.Dense(8)]
        self.embedding = keras.Sequential(inner, name="embedding")
        self.head = keras.Sequential([keras.Input((8,)), layers.Dense(1)]) if has_head else None
        self.same = same

    def call(self, x):
        return [self.embedding(one) for one in x]

    def own_loss(self, x, y):
        one, other = (self.embedding(part) for part in x)
        squared = ops.sum(ops.square(one - other), axis=-1, keepdims=True)
        same = ops.cast(ops.equal(y, self.same), "float32")
        if self.head is not None:
            squared = ops.square(self.head(ops.abs(one - other)))
        distance = ops.sqrt(squared + 1e-7)
        apart = ops.square(ops.maximum(3.0 - distance, 0.0))
        loss = ops.mean(same * squared + (1 - same) * apart)
        return loss, {"loss": loss}


def in_pairs():
    rng = np.random.default_rng(1)
    centers = 2 * rng.normal(size=(8, 16))
    labels = rng.integers(0, 8, 256)
    others = np.where(rng.random(256) < 0.5, labels, (labels + rng.integers(1, 8, 256)) % 8)
    x = [centers[one] + rng.normal(size=(256, 16)) for one in (labels, others)]
    equal = (labels == others).astype("float32")[:, None]
    return [one.astype("float32") for one in x], equal


@not_on_jax
@pytest.mark.parametrize("options", [{}, {"has_head": True}])
@pytest.mark.parametrize("same", [0, 1])
def test_labels_of_pairs_that_are_reversed_are_named(same, options):
    x, equal = in_pairs()
    found = findings(
        Siamese(same, **options), x, equal, epochs=10, optimizer=keras.optimizers.Adam(0.01)
    )
    assert ("reversed_triplets" in found) is (same == 0 and not options)


class Averaged(OwnStep):
    """A network with an average of its weights, which is not part of any forward pass."""

    def __init__(self, decay):
        super().__init__()
        self.net, self.average = dense(), dense()
        self.average.set_weights(self.net.get_weights())
        self.average.trainable = False
        self.decay = decay

    def call(self, x):
        return self.net(x)

    def own_loss(self, x, y):
        loss = ops.mean(ops.square(self.net(x) - y))
        return loss, {"loss": loss}

    def train_step(self, data):
        logs = super().train_step(data)
        for old, new in zip(self.average.variables, self.net.variables, strict=True):
            old.assign(self.decay * old + (1 - self.decay) * ops.stop_gradient(new.value))
        return logs


@not_on_jax
@pytest.mark.parametrize(
    ("decay", "rules"),
    [
        (0.9, set()),
        (0.5, set()),
        (1.0, {"average_not_updated"}),
        (0.0, {"average_without_memory"}),
        (0.01, {"average_without_memory"}),
    ],
)
def test_an_average_that_does_not_follow_slowly_is_named(decay, rules):
    found = findings(Averaged(decay))
    assert {one for one in found if one.startswith("average")} == rules


class WeightPenalized(Regression):
    """A network with a penalized kernel, whose step reads the penalty in some way or not."""

    def __init__(self, how):
        inner = [keras.Input((4,)), layers.Dense(8, "tanh", kernel_regularizer="l2")]
        super().__init__(keras.Sequential([*inner, layers.Dense(1)]))
        self.how = how

    def own_loss(self, x, y):
        loss = super().own_loss(x, y)[0]
        first = self.inner.layers[0]
        if self.how == "losses":
            loss = loss + sum(self.losses)
        elif self.how == "losses of the network":
            loss = loss + sum(self.inner.losses)
        elif self.how == "regularizer":
            loss = loss + first.kernel_regularizer(first.kernel)
        return loss, {"loss": loss}


@pytest.mark.parametrize("how", [None, "losses", "losses of the network", "regularizer"])
def test_weight_penalties_that_a_step_does_not_compute_are_named(how):
    assert ("penalties_left_out" in findings(WeightPenalized(how))) == (how is None)


class Holder(keras.Model):
    """Networks that a loop trains, held by a model that is never called."""

    def __init__(self):
        super().__init__()
        self.first, self.second = dense(), dense()


@torch_only
def test_a_loop_on_networks_of_a_model_that_is_never_called_is_measured():
    import torch

    model = Holder()
    optimizer = torch.optim.SGD([one.value for one in model.trainable_weights], lr=0.05)

    def step(x, y):
        optimizer.zero_grad()
        loss = torch.mean((model.first(x) + model.second(x) - y) ** 2)
        loss.backward()
        optimizer.step()
        return loss.detach()

    with kb.watch(model, optimizer, steps=8, every=2, verbose=0) as sitter:
        for _ in range(8):
            sitter.step(step, torch.tensor(X[:16]), torch.tensor(Y[:16]))
    facts = sitter.history.facts
    assert facts.broke_off is None
    assert facts.parameters == sum(one.count_params() for one in (model.first, model.second))
    assert len(sitter.history.targets("gradients/norm")) == 8


class Coded(OwnStep):
    """A variational autoencoder, whose code has noise of some kind."""

    def __init__(self, how):
        super().__init__()
        self.seeds = keras.random.SeedGenerator(1)
        self.drawn = keras.random.normal((16, 2), seed=3)
        inputs = keras.Input((4,))
        hidden = layers.Dense(8, "tanh")(inputs)
        self.encoder = keras.Model(inputs, [layers.Dense(2)(hidden) for _ in "ab"])
        decoder = [keras.Input((2,)), layers.Dense(8, "tanh"), layers.Dense(4)]
        self.decoder = keras.Sequential(decoder)
        self.how = how

    def call(self, x):
        return self.decoder(self.encoder(x)[0])

    def own_loss(self, x, y):
        mean, spread = self.encoder(x)
        if self.how in ("mean", "two heads"):
            code = mean
        else:
            new = keras.random.normal(ops.shape(mean), seed=self.seeds)
            code = mean + ops.exp(0.5 * spread) * (self.drawn if self.how == "once" else new)
        error = ops.mean(ops.sum(ops.square(x - self.decoder(code)), axis=-1))
        if self.how == "two heads":  # of which the other one has a loss of its own
            return error + ops.mean(ops.square(spread - x[:, :2])), {"loss": error}
        terms = -0.5 * (1 + spread - ops.square(mean) - ops.exp(spread))
        divergence = 0.1 * ops.mean(ops.sum(terms, axis=-1))
        return error + divergence, {"loss": error + divergence, "kl_loss": divergence}


@not_on_jax
@pytest.mark.parametrize(
    ("how", "rules"),
    [
        ("new", set()),
        ("two heads", set()),
        ("mean", {"code_without_noise"}),
        ("once", {"repeated_noise"}),
    ],
)
def test_a_code_without_new_noise_is_named(how, rules):
    found = findings(Coded(how))
    assert found.keys() & {"code_without_noise", "repeated_noise"} == rules


class Scaled(OwnStep):
    """A network with names that say nothing, and a second input that is constant or not."""

    def __init__(self, is_constant):
        super().__init__()
        x, s = keras.Input((4,)), keras.Input((1,))
        self.net = keras.Model([x, s], layers.Dense(1)(layers.Concatenate()([x, s])))
        self.is_constant = is_constant

    def call(self, x):
        return self.net([x, x[:, :1]])

    def own_loss(self, x, y):
        given = ops.ones_like(x[:, :1]) if self.is_constant else x[:, :1]
        loss = ops.mean(ops.square(self.net([x, given]) - y))
        return loss, {"loss": loss}


@pytest.mark.parametrize("is_constant", [True, False])
def test_a_number_that_is_the_same_for_every_example_is_named(is_constant):
    assert ("constant_time_step" in findings(Scaled(is_constant))) is is_constant
