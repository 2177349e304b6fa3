"""Wrong input is answered at once, and every kind of data that fit takes is taken."""

import json

import keras
import numpy as np
import pytest

from keras_babysit.checks import DEFAULT_CHECKS, CheckResult, check, lr_range_test
from keras_babysit.errors import NotCompiledError, ProbeMismatchError

FAST = ["data_quality", "output_and_loss", "initial_loss"]


def arrays(count=160):
    x = np.random.default_rng(0).normal(size=(count, 5)).astype("float32")
    return x, (x @ np.arange(5)).astype("float32")


def compiled():
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 5

    def __getitem__(self, index):
        x, y = arrays()
        return x[index * 32 : index * 32 + 32], y[index * 32 : index * 32 + 32]


def generator():
    x, y = arrays()
    for start in range(0, 160, 32):
        yield x[start : start + 32], y[start : start + 32]


def tf_dataset():
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices(arrays()).batch(32)


def data_loader():
    torch = pytest.importorskip("torch")
    tensors = torch.utils.data.TensorDataset(*map(torch.from_numpy, arrays()))
    return torch.utils.data.DataLoader(tensors, batch_size=32, shuffle=True)


def pair():
    return arrays()


def as_function():
    return generator


KINDS = [pair, tf_dataset, data_loader, lambda: Batches(), generator, as_function]
NAMES = ["arrays", "tf.data", "DataLoader", "PyDataset", "generator", "function"]


@pytest.mark.parametrize("make", KINDS, ids=NAMES)
@pytest.mark.parametrize("use", [check, lr_range_test])
def test_every_kind_of_data(make, use):
    made = make()
    x, y = made if isinstance(made, tuple) else (made, None)
    if use is check:
        report = check(compiled(), x, y, checks=FAST, verbose=0)
        assert [line.verdict for line in report.outcomes] == ["ok"] * 3
    else:
        found = lr_range_test(compiled(), x, y, steps=10, max_lr=1e-2)
        assert len(found.losses) == (5 if make is generator else 10)


def test_a_data_loader_draws_the_same_numbers_afterwards():
    torch = pytest.importorskip("torch")
    orders = []
    for is_checked in (False, True):
        torch.manual_seed(0)
        loader = data_loader()
        if is_checked:
            check(compiled(), loader, checks=FAST, verbose=0)
        orders.append(next(iter(loader))[0].tolist())
    assert orders[0] == orders[1]


def test_evidence_says_how_much_was_read():
    report = check(compiled(), generator(), checks=FAST, verbose=0)
    assert "pass a new generator to fit" in report["data_quality"].evidence
    report = check(compiled(), Batches(workers=1), checks=FAST, verbose=0)
    assert "160 examples" in report["data_quality"].evidence


WRONG = [
    ("empty", lambda x, y: (x[:0], y[:0]), ValueError, "at least one example.*0 examples"),
    ("lengths", lambda x, y: (x, y[:7]), ValueError, "same number.*x: 160, y: 7"),
    ("inputs", lambda x, y: ([x, x], y), ProbeMismatchError, "as many inputs.*1.*2 inputs"),
    ("shape", lambda x, y: (x[:, :3], y), ProbeMismatchError, r"\(None, 5\).*\(160, 3\)"),
    ("both", lambda x, y: (Batches(), y), TypeError, "`y` and `sample_weight` must be None"),
    ("no-batches", lambda x, y: (iter([]), None), ValueError, "at least one example"),
]


@pytest.mark.parametrize(
    ("change", "error", "words"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
@pytest.mark.parametrize("use", [check, lr_range_test])
def test_wrong_data(use, change, error, words):
    with pytest.raises(error, match=words):
        use(compiled(), *change(*arrays()))


@pytest.mark.parametrize("use", [check, lr_range_test])
def test_wrong_models(use):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    with pytest.raises(NotCompiledError, match="compiled before"):
        use(model, *arrays())
    with pytest.raises(TypeError, match=r"keras\.Model.*str"):
        use("model", *arrays())


@pytest.mark.parametrize("use", [check, lr_range_test])
def test_a_model_that_cannot_be_built_on_the_data(use):
    model = keras.Sequential([keras.layers.Conv2D(3, 3), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="must be built"):
        use(model, *arrays())


def test_wrong_arguments():
    x, y = arrays()
    with pytest.raises(ValueError, match=r"`seconds` must be above 0.*seconds=0"):
        check(compiled(), x, y, seconds=0)
    with pytest.raises(ValueError, match="initial_lots"):
        check(compiled(), x, y, checks=["initial_lots"])
    with pytest.raises(TypeError, match=r"names of checks.*int"):
        DEFAULT_CHECKS.read([3])
    with pytest.raises(ValueError, match=r"validation_data.*1 entries"):
        check(compiled(), x, y, validation_data=(x,))
    for options in ({"min_lr": 0}, {"min_lr": 2.0, "max_lr": 1.0}):
        with pytest.raises(ValueError, match="0 < min_lr < max_lr"):
            lr_range_test(compiled(), x, y, **options)
    with pytest.raises(ValueError, match="`steps` must be at least 10"):
        lr_range_test(compiled(), x, y, steps=3)
    with pytest.raises(ValueError, match="`batch_size` must be at least 1"):
        lr_range_test(compiled(), x, y, batch_size=0)


def test_checks_without_time_are_skipped(capsys):
    report = check(compiled(), *arrays(), seconds=1e-9)
    assert {line.verdict for line in report.outcomes} == {"unknown"}
    assert not report.is_well
    assert "skipped: no time left" in " ".join(capsys.readouterr().out.split())


def test_a_check_of_ones_own_and_the_report_as_json(tmp_path):
    def always_calm(case):
        return CheckResult("calm")

    report = check(compiled(), *arrays(), checks=[always_calm], verbose=0)
    assert report.is_well
    assert report.result() == "No problems found"
    record = json.loads(report.to_json(tmp_path / "report.json"))
    assert record["checks"][0]["check"] == "always_calm"
    assert json.loads((tmp_path / "report.json").read_text()) == record
    with pytest.raises(KeyError):
        report["other"]


def test_the_verdict_comes_first_and_then_the_table(capsys):
    x, y = arrays()
    report = check(compiled(), x, 1000 + y)
    out = capsys.readouterr().out
    assert all(name in out for name in DEFAULT_CHECKS.names)
    assert out.index(report.verdict.headline) < out.index("Do this first") < out.index("evidence")
    code = report.verdict.do_first.code.splitlines()
    assert code
    assert all(line in out for line in code)
    assert report.result() in str(report)


def test_a_model_with_its_own_train_step_is_unknown_where_its_loss_counts():
    class Own(keras.Model):
        def train_step(self, *args):
            raise NotImplementedError

    inputs = keras.Input((5,))
    model = Own(inputs, keras.layers.Dense(1)(inputs))
    model.compile("sgd")
    x, _ = arrays()
    report = check(model, x, seconds=60, verbose=0)
    assert "train_step" in report["initial_loss"].evidence
    assert report["data_quality"].verdict == "ok"
    assert report["gradient_flow"].verdict == "ok"
    with pytest.raises(ValueError, match="train_step"):
        lr_range_test(model, x)


def test_validation_rows_that_are_training_rows():
    x, y = arrays()
    report = check(compiled(), x, y, validation_data=(x[:40], y[:40]), checks=FAST, verbose=0)
    assert report.findings[0].target == "validation_data"
    fresh = np.random.default_rng(1).normal(size=(40, 5)).astype("float32")
    report = check(compiled(), x, y, validation_data=(fresh, y[:40]), checks=FAST, verbose=0)
    assert report.findings == []


def test_a_stream_sorted_by_class_is_found_and_an_array_is_not():
    x, _ = arrays()
    y = np.sort(np.arange(160) % 4)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    batches = [(x[i : i + 32], y[i : i + 32]) for i in range(0, 160, 32)]
    report = check(model, iter(batches), checks=FAST, verbose=0)
    assert "consecutive examples" in report.findings[0].message
    assert check(model, x, y, checks=FAST, verbose=0).findings == []


def test_unscaled_inputs_are_found_also_where_the_loss_cannot_be_computed():
    x, _ = arrays()
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(8), keras.layers.Dense(4)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    report = check(model, 255 * x, np.full(160, -3), checks=FAST, verbose=0)
    assert {a.target for a in report["data_quality"].findings} == {"x", "y"}
    assert report["output_and_loss"].verdict == "error"


def rare_class():
    x = np.random.default_rng(0).normal(size=(400, 5)).astype("float32")
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    return model, x, (x[:, 0] > 1.8).astype("int32")


@pytest.mark.parametrize(
    ("weights", "is_reported"),
    [({0: 1.0, 1: 1.0}, True), ({"0": 0.5, "1": 15.0}, True), ({0: 0.5, 1: 15.0}, False)],
    ids=["equal", "keys-are-text", "balanced"],
)
def test_class_weights_are_judged_as_fit_uses_them(weights, is_reported):
    model, x, y = rare_class()
    report = check(model, x, y, class_weight=weights, checks=["data_quality"], verbose=0)
    assert any("weight" in one.message for one in report.findings) is is_reported


@pytest.mark.parametrize(
    ("arguments", "law"),
    [
        ({"sample_weight": np.ones(400, "float32")}, "cannot be combined with sample weights"),
        ({"y": None}, "needs targets that are one array of classes. Received: 0 arrays"),
    ],
    ids=["sample-weights-too", "no-targets"],
)
def test_class_weights_that_fit_would_refuse(arguments, law):
    model, x, y = rare_class()
    given = {"y": y, "class_weight": {0: 1.0}, "verbose": 0} | arguments
    with pytest.raises(ValueError, match=f"`class_weight` {law}"):
        check(model, x, **given)


class Points(keras.Model):
    """Makes points of noise that it draws: `fit` gets real points, which it is not called on."""

    def __init__(self):
        super().__init__()
        self.points = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])

    def call(self, noise):
        return self.points(noise)

    def train_step(self, data):
        self(np.zeros((8, 4), "float32"))
        return {"loss": 0.0}


def test_inputs_that_the_model_is_not_called_on():
    model = Points()
    model(np.zeros((8, 4), "float32"))
    model.compile("adam", "mse")
    with pytest.raises(ProbeMismatchError, match=r"shape \(\d+, 2\).*Its own `train_step`"):
        check(model, np.zeros((64, 2), "float32"), verbose=0)
