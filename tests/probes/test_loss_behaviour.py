"""What a loss does, found by evaluating it: each case is a loss and what is known of it."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_babysit.callbacks import Babysitter
from keras_babysit.facts import OutputFacts
from keras_babysit.probes.loss_behaviour import describe_behaviour, normalized_axes
from keras_babysit.probes.loss_reading import View, read_loss

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(8, 1))
YES = np.array([[1.0], [0], [1], [0], [0], [1], [0], [1]])
ONE_HOT = np.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1]]
LINEAR = {"low": -np.inf, "high": np.inf, "is_distribution": False}
SIGMOID = {"low": 0.0, "high": 1.0, "is_distribution": False}
SOFTMAX = {"low": 0.0, "high": 1.0, "is_distribution": True}
TINY = 1e-7


class NumpyRows:
    """The rows of one output with a loss written in numpy; a gradient by differences."""

    def __init__(self, loss, targets, outputs):
        self.targets, self.outputs = [targets], [outputs]
        self._loss = loss

    def __len__(self):
        return len(self.outputs[0])

    def loss(self, targets, outputs, rows=slice(None)):
        with np.errstate(all="ignore"):
            return float(np.mean(self._loss(targets[0][rows], np.asarray(outputs[0])[rows])))

    def is_finite(self, index, predictions):
        near = (self.loss(self.targets, [predictions + shift]) for shift in (0.0, 1e-9))
        return bool(np.isfinite(list(near)).all())


def behaviour(loss, targets, known):
    columns = targets.shape[-1]
    low, high = (0.1, 0.9) if known["low"] == 0 else (-1.5, 1.5)
    outputs = RNG.uniform(low, high, (8, columns))
    if known["is_distribution"]:
        outputs /= outputs.sum(axis=-1, keepdims=True)
    facts = (OutputFacts(columns=columns, **known),)
    reduction, (output,) = describe_behaviour(NumpyRows(loss, targets, outputs), facts)
    return reduction, output


def squared(y, p):
    return (y - p) ** 2


def entropy(y, p):
    return -(y * np.log(p + TINY) + (1 - y) * np.log(1 - p + TINY))


def focal(y, p):
    return -(y * (1 - p) ** 2 * np.log(p + TINY)).sum(axis=-1)


def dice(y, p):
    return 2 * (y * p).sum() / (y.sum() + p.sum())


@pytest.mark.parametrize(
    ("loss", "reduction"),
    [
        (squared, "mean"),
        (lambda y, p: squared(y, p).sum(), "sum"),
        (lambda y, p: 7 - squared(y, p), "mean"),
        (lambda y, p: squared(y, p.T), None),  # (n, n)
        (lambda y, p: (abs(y) * squared(y, p)).sum() / abs(y).sum(), None),
        (lambda y, p: np.nan * p, None),
    ],
    ids=["mean", "sum", "negative", "broadcast", "weighted", "nan"],
)
def test_a_mean_is_told_from_a_sum(loss, reduction):
    assert behaviour(loss, NUMBERS, LINEAR)[0] == reduction


@pytest.mark.parametrize(
    ("loss", "targets", "mixes"),
    [
        (lambda y, p: squared(y, p.T), NUMBERS, True),
        (lambda y, p: squared(y, p.T).sum(), NUMBERS, True),
        (lambda y, p: abs(y - p.T), YES, True),
        (squared, NUMBERS, False),
        (lambda y, p: 1 - np.corrcoef(y.ravel(), p.ravel())[0, 1], NUMBERS, False),
        (lambda y, p: 1 - dice(y, p), YES, False),
        # Far from all targets these are linear, and no target belongs to a prediction.
        (lambda y, p: abs(y - p), NUMBERS + 90, False),
        (lambda y, p: np.maximum(0.9 * (y - p), -0.1 * (y - p)), NUMBERS - 90, False),
        (lambda y, p: squared(y, p.T), NUMBERS + 90, True),
        # Every answer counts the same, or no target counts: then there is nothing to pair.
        (lambda y, p: squared(y, p.T), np.zeros((8, 1)), None),
        (lambda y, p: p, NUMBERS, None),
        # Two distributions are compared, as a moment or an energy distance does.
        (lambda y, p: (y.mean() - p.mean()) ** 2, NUMBERS, None),
        (lambda y, p: 2 * abs(y - p.T).mean() - abs(p - p.T).mean(), NUMBERS, None),
        # Pairs within the batch, on purpose: labels say which predictions are alike.
        (lambda y, p: np.where(y == y.T, 1, -1) * abs(p - p.T), YES, False),
    ],
    ids=[
        *("broadcast", "broadcast-sum", "broadcast-labels", "paired", "correlation", "dice"),
        *("absolute-far", "pinball-far", "broadcast-far"),
        *("one-target", "no-target", "moments", "energy", "contrastive"),
    ],
)
def test_a_loss_that_mixes_examples(loss, targets, mixes):
    assert behaviour(loss, targets, LINEAR)[1].mixes_examples is mixes


def test_a_loss_that_pairs_examples_is_not_asked_again():
    calls = []

    def counted(y, p):
        calls.append(len(p))
        return squared(y, p).mean(axis=-1)

    targets = RNG.normal(size=(8, 3))
    known = LINEAR | {"form": "distance", "distance": "squared"}
    assert behaviour(counted, targets, known)[1].mixes_examples is False
    for_reduction, for_one_set_of_predictions = 3, 6
    assert len(calls) <= for_reduction + for_one_set_of_predictions


@pytest.mark.parametrize(
    ("loss", "targets", "known", "prefers", "falls"),
    [
        (squared, NUMBERS, LINEAR, False, False),
        (lambda y, p: -squared(y, p), NUMBERS, LINEAR, True, True),
        (lambda y, p: -abs(y - p), NUMBERS, LINEAR, True, True),
        (entropy, YES, SIGMOID, False, False),
        (lambda y, p: -entropy(y, p), YES, SIGMOID, True, False),
        (dice, YES, SIGMOID, True, False),
        (lambda y, p: 1 - dice(y, p), YES, SIGMOID, False, False),
        (focal, ONE_HOT, SOFTMAX, False, False),
        (lambda y, p: -focal(y, p), ONE_HOT, SOFTMAX, True, False),
        (lambda y, p: np.exp(p) - abs(y) * p, NUMBERS, LINEAR, False, False),
        (lambda y, p: np.maximum(0.9 * (y - p), -0.1 * (y - p)), NUMBERS, LINEAR, False, False),
        (lambda y, p: -np.cos(y - p), NUMBERS / 5, LINEAR, False, False),
        # A critic has no right answer.
        (lambda y, p: y * p, 2 * YES - 1, LINEAR, None, False),
    ],
    ids=[
        *("squared", "minus-squared", "minus-absolute", "entropy", "minus-entropy", "dice"),
        *("one-minus-dice", "focal", "minus-focal", "poisson", "pinball", "negative", "critic"),
    ],
)
def test_a_loss_that_prefers_errors(loss, targets, known, prefers, falls):
    found = behaviour(loss, targets, known)[1]
    assert (found.prefers_errors, found.falls_without_bound) == (prefers, falls)


@pytest.mark.parametrize(
    ("loss", "known", "value"),
    [
        (entropy, SIGMOID, None),
        (lambda y, p: -y * np.log(p), SIGMOID, 0.0),
        (lambda y, p: -(1 - y) * np.log(1 - p), SIGMOID, 1.0),
        (lambda y, p: p - y * np.log(p), LINEAR, -1.0),
        (squared, LINEAR, None),
        (lambda y, p: np.nan * p, LINEAR, None),
    ],
    ids=["with-epsilon", "at-0", "at-1", "negative", "everywhere", "nowhere"],
)
def test_a_loss_that_is_not_finite_within_the_range(loss, known, value):
    assert behaviour(loss, YES, known)[1].not_finite_at == value


def test_a_loss_of_ones_own_gets_the_name_of_the_one_it_equals():
    found = behaviour(squared, NUMBERS, LINEAR)[1]
    assert (found.form, found.distance, found.is_own) == ("distance", "squared", True)
    mixing = behaviour(lambda y, p: squared(y, p.T), NUMBERS, LINEAR)[1]
    assert (mixing.form, mixing.distance) == ("other", None)


@pytest.mark.parametrize(
    ("loss", "distance"),
    [
        (lambda y, p: abs(y - p), "absolute"),
        (lambda y, p: 3 * squared(y, p).sum(), "squared"),
        (lambda y, p: np.sqrt(squared(y, p).mean()), "squared"),
        (lambda y, p: ((y > 0) * squared(y, p)).sum() / (y > 0).sum(), None),
        (lambda y, p: (y >= 0.3) * squared(y, p), None),
    ],
    ids=["absolute", "sum", "root", "positive-ones", "without-missing"],
)
def test_a_distance_of_ones_own_is_one_on_the_targets_of_the_run(loss, distance):
    assert behaviour(loss, NUMBERS, LINEAR)[1].distance == distance


def test_three_quantiles_of_one_target_are_no_distance():
    level = np.array([0.1, 0.5, 0.9])
    p = RNG.normal(size=(8, 3))
    rows = NumpyRows(lambda y, p: np.maximum(level * (y - p), (level - 1) * (y - p)), NUMBERS, p)
    _, (found,) = describe_behaviour(rows, (OutputFacts(columns=3, **LINEAR),))
    assert (found.form, found.distance) == ("other", None)


def test_a_cosine_is_no_crossentropy():
    def cosine(y, p):
        sizes = np.linalg.norm(y, axis=-1) * np.linalg.norm(p, axis=-1)
        return -(y * p).sum(axis=-1) / sizes

    assert behaviour(cosine, RNG.normal(size=(8, 4)), LINEAR)[1].form == "other"


def test_a_softmax_with_a_focal_loss_is_not_binary():
    assert behaviour(focal, ONE_HOT, SOFTMAX)[1].form == "other"


def watched(loss, activation=None, targets=1, **options):
    """Return the facts of a run of two epochs with a loss."""
    x = RNG.normal(size=(64, 4)).astype("float32")
    y = (x[:, :1] > 0).astype("float32")
    layers = [keras.Input((4,)), keras.layers.Dense(6, "relu"), keras.layers.Dense(1, activation)]
    model = keras.Sequential(layers)
    model.compile("sgd", loss, **options)
    sitter = Babysitter(verbose=0)
    model.fit(x, y, epochs=2, batch_size=16, verbose=0, callbacks=[sitter])
    return sitter.history.facts


@pytest.mark.parametrize(
    ("known", "form"),
    [(LINEAR, "binary"), (SIGMOID, "other"), ({"low": None, "high": None}, "other")],
)
def test_a_loss_that_clips_probabilities_is_told_of_an_output_that_leaves_them(known, form):
    def clipped(y, p):
        p = np.clip(p, TINY, 1 - TINY)
        return -(y * (1 - p) ** 2 * np.log(p) + (1 - y) * p**2 * np.log(1 - p))

    outputs = RNG.uniform(0.1, 0.9, (8, 1))
    facts = (OutputFacts(columns=1, **known),)
    found = describe_behaviour(NumpyRows(clipped, YES, outputs), facts)[1][0]
    assert found.form == form
    assert found.from_logits is (False if form == "binary" else None)


FEW = np.array([[1.0], [0], [0], [0], [0], [1], [0], [0]])


def jaccard(y, p):
    return 1 - (y * p).sum() / (y + p - y * p).sum()


def tversky(y, p):
    hits, misses, alarms = (y * p).sum(), (y * (1 - p)).sum(), ((1 - y) * p).sum()
    return 1 - (hits + 1) / (hits + 0.7 * misses + 0.3 * alarms + 1)


def hinge(y, p):
    return np.maximum(0, 1 - (2 * y - 1) * p)


@pytest.mark.parametrize(
    ("loss", "known", "form"),
    [
        (lambda y, p: 1 - dice(y, p), LINEAR, "binary"),
        (lambda y, p: -dice(y, p), LINEAR, "binary"),
        (jaccard, LINEAR, "binary"),
        (tversky, LINEAR, "binary"),
        (lambda y, p: 1 - dice(y, p), SIGMOID, "other"),
        # Without negative values the divisor keeps its sign, and the network learns.
        (lambda y, p: 1 - dice(y, p), {"low": 0.0, "high": np.inf}, "other"),
        # With squares in the divisor, an unbounded output has its optimum at the labels.
        (lambda y, p: 1 - 2 * (y * p).sum() / (y**2 + p**2).sum(), LINEAR, "other"),
        (hinge, LINEAR, "other"),
        (lambda y, p: -(2 * y - 1) * p, LINEAR, "other"),
        (lambda y, p: (y - p) ** 4, LINEAR, "other"),
        (lambda y, p: -np.corrcoef(y.ravel(), p.ravel())[0, 1], LINEAR, "other"),
    ],
    ids=[
        *("dice", "minus-dice", "jaccard", "tversky", "dice-of-a-sigmoid", "dice-of-a-relu"),
        *("dice-of-squares", "hinge", "critic", "fourth-power", "correlation"),
    ],
)
@pytest.mark.parametrize("targets", [FEW, YES, 1 - FEW], ids=["few", "half", "most"])
def test_an_overlap_of_logits_is_named(loss, known, form, targets):
    facts = (OutputFacts(columns=1, **known),)
    outputs = np.linspace(0.1, 0.9, 8)[:, None]
    (found,) = describe_behaviour(NumpyRows(loss, targets, outputs), facts)[1]
    assert found.form == form


@pytest.mark.parametrize(
    ("axis", "found"), [(-1, ()), (1, (1,)), (2, (2,)), ((1, 2), (1, 2)), ((1, 2, 3), (1, 2, 3))]
)
def test_a_softmax_over_other_axes_than_the_classes_is_named(axis, found):
    z = np.exp(RNG.normal(size=(6, 4, 5, 3)))
    predictions = (z / z.sum(axis=axis, keepdims=True)).astype("float32")
    assert normalized_axes(predictions) == found
    facts = OutputFacts(form="categorical", from_logits=False, columns=3, **SOFTMAX)
    targets = np.eye(3)[RNG.integers(0, 3, (6, 4, 5))]
    rows = NumpyRows(lambda y, p: -(y * np.log(p)).sum(axis=-1), targets, predictions)
    (output,) = describe_behaviour(rows, (facts,))[1]
    assert (output.normalized_axes, output.is_distribution) == (found, not found)


@pytest.mark.parametrize("shape", [(6, 3), (6, 4, 1), (6, 1, 3)])
def test_outputs_without_a_sum_of_1_have_no_such_axes(shape):
    assert normalized_axes(RNG.uniform(0.3, 0.6, shape)) == ()


def test_a_difference_is_no_crossentropy_of_logits():
    found = behaviour(lambda y, p: y - p, NUMBERS, LINEAR)[1]
    assert (found.form, found.falls_without_bound) == ("other", True)
    kind = read_loss(View(NumpyRows(lambda y, p: y - p, YES, np.full((8, 1), 0.5)), 0))
    assert kind.form == "other"


def test_a_run_knows_how_its_loss_behaves():
    facts = watched(lambda y, p: -ops.sum(ops.square(y - p)))
    (output,) = facts.outputs
    assert facts.loss_reduction == "sum"
    assert (output.mixes_examples, output.prefers_errors) == (False, True)
    assert output.falls_without_bound


def test_a_run_knows_that_its_loss_mixes_examples():
    facts = watched(lambda y, p: ops.mean(ops.square(ops.reshape(y, (-1,)) - p)))
    assert facts.outputs[0].mixes_examples is True


def test_a_run_knows_where_its_loss_ends():
    facts = watched(lambda y, p: -ops.mean(y * ops.log(p)), "sigmoid")
    assert facts.outputs[0].not_finite_at == 0.0


def test_a_run_knows_the_reduction_of_a_loss_of_keras():
    facts = watched(keras.losses.MeanSquaredError(reduction="sum"))
    assert facts.loss_reduction == "sum"
    assert facts.outputs[0].prefers_errors is None
    assert watched("mse").loss_reduction == "mean"


def test_a_loss_of_several_outputs_is_known_for_each():
    inputs = keras.Input((4,))
    ends = {name: keras.layers.Dense(1, name=name)(inputs) for name in ("right", "wrong")}
    model = keras.Model(inputs, ends)
    model.compile("sgd", {"right": "mse", "wrong": lambda y, p: -ops.mean(ops.square(y - p))})
    x = RNG.normal(size=(64, 4)).astype("float32")
    sitter = Babysitter(verbose=0)
    model.fit(x, {"right": x[:, :1], "wrong": x[:, 1:2]}, verbose=0, callbacks=[sitter])
    assert [one.prefers_errors for one in sitter.history.facts.outputs] == [None, True]


def test_a_loss_that_takes_only_whole_batches_is_not_known():
    facts = watched(lambda y, p: ops.mean(ops.square(ops.reshape(y, (16, 1)) - p)))
    assert facts.loss_reduction is None
    assert facts.outputs[0].mixes_examples is None
