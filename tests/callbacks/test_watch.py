"""`kb.watch` around loops of one's own: measured as in `fit`, and never changed."""

import functools

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.presentation.verdict_view import view
from tests.callbacks.loops import BACKEND, LOOPS, X, Y, made, plainly

STEPS = 10
X_VAL = np.random.default_rng(1).normal(size=(64, 6)).astype("float32")
Y_VAL = (X_VAL[:, :1] + X_VAL[:, 1:2] ** 2).astype("float32")


def left(model, losses):
    return [*(np.array(keras.ops.convert_to_numpy(v)) for v in model.variables), np.array(losses)]


def notices(sitter):
    """Return what is not measured."""
    return {one.target for one in sitter.findings if one.rule == "not_watched"}


def run(loop, **options):
    """Return what a loop leaves, alone and watched, and its sitter."""
    model = made()
    alone = left(model, loop(STEPS, plainly, model, keras.optimizers.SGD(0.01)))
    model, optimizer = made(), keras.optimizers.SGD(0.01)
    had = set(vars(model))
    with kb.watch(model, optimizer, steps=STEPS, verbose=0, **options) as sitter:
        losses = loop(STEPS, sitter.step, model, optimizer)
        sitter.validate(X_VAL, Y_VAL)
    assert not any("call" in vars(layer) for layer in model.layers)
    assert model.compiled or set(vars(model)) == had
    return alone, left(model, losses), sitter


@pytest.mark.parametrize("name", LOOPS)
def test_each_step_is_measured_and_none_is_changed(name, tmp_path):
    path = tmp_path / "run.jsonl"
    sinks = [kb.sinks.JsonLines(path)]
    alone, watched, sitter = run(LOOPS[name], every=1, log_dir=tmp_path / "logs", sinks=sinks)
    for found, expected in zip(watched, alone, strict=True):
        np.testing.assert_array_equal(found, expected)
    history, steps = sitter.history, list(range(STEPS))
    assert history.facts.broke_off is None
    assert notices(sitter) == ({"scores"} if not sitter.model.compiled else set())
    for quantity, target in (
        ("activations/std", "hidden"),
        ("gradients/norm", "hidden/kernel"),
        ("updates/ratio", "hidden/kernel"),
        ("weights/norm", "head/kernel"),
        ("loss/batch", ""),
    ):
        assert history.series(quantity, target).steps.tolist()[:STEPS] == steps, quantity
    # The loss of a look is that of the step that follows, with the same dropout.
    if name != "train-on-batch":
        found = history.series("loss/batch").values[:STEPS]
        np.testing.assert_allclose(found, alone[-1], rtol=1e-5)
        assert history.last("logs/loss") == pytest.approx(np.mean(alone[-1]))
    assert history.last("loss/start") == pytest.approx(history.first("loss/batch"))
    again = kb.History.from_jsonl(path)
    assert again.series("updates/ratio", "head/kernel").steps.tolist() == steps
    assert list((tmp_path / "logs").rglob("*tfevents*"))


def test_scores_of_train_on_batch_are_those_of_fit():
    *_, sitter = run(LOOPS["train-on-batch"], every=1)
    for target in ("train", "validation"):
        assert sitter.history.series("score/loss", target).steps.tolist()[:1] == [STEPS]
    assert sitter.history.facts.loss == "mse"


@pytest.mark.parametrize("name", LOOPS)
def test_a_learning_rate_that_is_too_high_is_found_as_in_fit(name):
    def hot(steps, call, model, optimizer):
        optimizer.learning_rate = 1e4
        return LOOPS[name](steps, call, model, optimizer)

    if name == "torch-optimizer":
        pytest.skip("it has a learning rate of its own")
    *_, sitter = run(hot, every=1)
    rules = {one.rule for one in sitter.findings if one.severity is kb.Severity.ERROR}
    assert rules & {"learning_rate_too_high", "loss_explosion", "non_finite_values"}, rules


def test_it_looks_as_rarely_as_fit_does_and_the_loop_goes_on_when_it_breaks(monkeypatch):
    name = next(iter(LOOPS))

    def broken(*args, **kwargs):
        raise RuntimeError("out of order")

    monkeypatch.setattr("keras_babysit.probes.monitor.Monitor.measure", broken)
    alone, watched, sitter = run(LOOPS[name])
    for found, expected in zip(watched, alone, strict=True):
        np.testing.assert_array_equal(found, expected)
    (note,) = [one for one in sitter.findings if one.rule == "not_watched"]
    assert "out of order" in note.message


def test_an_error_of_the_loop_is_raised_and_the_sinks_are_closed(tmp_path):
    sink = kb.sinks.JsonLines(tmp_path / "run.jsonl")

    def bad(*args):
        raise ZeroDivisionError

    model = made()
    with pytest.raises(ZeroDivisionError), kb.watch(model, verbose=0, sinks=[sink]) as sitter:
        sitter.step(bad, X[:8], Y[:8])
    assert (tmp_path / "run.jsonl").read_text()
    assert "optimizer" not in vars(model)


OWN = [name for name in LOOPS if name != "train-on-batch"]


@pytest.mark.parametrize("name", OWN)
def test_a_loss_gives_scores_of_the_state_that_the_loop_has_reached(name):
    seen = []

    def validating(steps, call, model, optimizer):
        def counted(function, *args, **kwargs):
            result = call(function, *args, **kwargs)
            if call != plainly:
                seen.append(result)
                if len(seen) == STEPS:
                    call.__self__.validate(X_VAL, Y_VAL, logs={"val_loss": 3.0})
            return result

        return LOOPS[name](steps, counted, model, optimizer)

    alone, watched, sitter = run(validating, loss="mse")
    for found, expected in zip(watched, alone, strict=True):
        np.testing.assert_array_equal(found, expected)
    history, model = sitter.history, sitter.model
    error = np.mean((model.predict(X, verbose=0) - Y) ** 2)  # examples that repeat count once
    assert history.series("score/loss", "train").steps.tolist()[0] == STEPS
    assert history.first("score/loss", "train") == pytest.approx(error, rel=1e-4)
    expected = np.mean((model.predict(X_VAL, verbose=0) - Y_VAL) ** 2)
    assert history.first("score/loss", "validation") == pytest.approx(expected, rel=1e-4)
    assert history.first("score/error", "train") > 0
    assert history.last("logs/val_loss") == 3.0
    assert history.facts.outputs[0].distance == "squared"
    assert not sitter.model.compiled


@pytest.mark.parametrize("name", OWN)
def test_without_a_loss_dead_units_are_found_and_the_last_state_is_measured(name):
    def dead(steps, call, model, optimizer):
        model.get_layer("hidden").bias.assign(-100 * np.ones(8))
        return LOOPS[name](steps, call, model, optimizer)

    *_, sitter = run(dead, every=8)
    history = sitter.history
    assert history.last("activations/dead_fraction", "hidden") == 1.0
    assert history.series("activations/std", "hidden").steps.tolist() == [0, 8, STEPS]
    notes = [one.message for one in sitter.verdict.not_checked if one.rule == "not_watched"]
    assert [note for note in notes if "Set `loss`" in note]
    assert not [line for line in view(sitter.verdict).not_checked if "`fit`" in line]


def test_inputs_that_the_step_changes_are_not_taken_for_those_of_the_model():
    name = OWN[0]

    def scaled(steps, call, model, optimizer):
        def doubled(function, x, y):
            return call(lambda x, y: function(2 * x, y), x, y)

        return LOOPS[name](steps, doubled, model, optimizer)

    if BACKEND == "jax":
        pytest.skip("its step has another argument")
    *_, sitter = run(scaled, every=8)
    assert "activations/dead_fraction" not in sitter.history.quantities()
    assert "layers were hardly measured" in sitter.verdict.headline


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="`record` and `rescue` must not be set in a loop"):
        kb.watch(made(), record="folder")
    with pytest.raises(ValueError, match="`record` and `rescue` must not be set in a loop"):
        kb.watch(made(), rescue=True)
    with pytest.raises(ValueError, match="`steps` must be at least 1"):
        kb.watch(made(), steps=0)
    with pytest.raises(RuntimeError, match="`step` must be called inside"):
        kb.watch(made(), verbose=0).step(print)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="only JAX takes the state with it")
def test_a_state_that_is_given_up_by_each_step_is_measured_too():
    """With `donate_argnums` the variables of the model hold nothing after the first step."""
    import jax

    model, optimizer = made(), keras.optimizers.SGD(0.01)
    optimizer.build(model.trainable_variables)

    def loss_of(trainable, other, x, y):
        y_pred, other = model.stateless_call(trainable, other, x, training=True)
        return keras.ops.mean((y_pred - y) ** 2), other

    @functools.partial(jax.jit, donate_argnums=0)
    def train_step(state, x, y):
        trainable, other, slots = state
        differentiate = jax.value_and_grad(loss_of, has_aux=True)
        (loss, other), gradients = differentiate(trainable, other, x, y)
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        return (trainable, other, slots), loss

    groups = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
    state = tuple([v.value for v in group] for group in groups)
    with kb.watch(model, optimizer, every=1, verbose=0) as sitter:
        for _ in range(3):
            for _ in range(2):
                state, _ = sitter.step(train_step, state, X[:64], Y[:64])
            sitter.validate(X[64:128], Y[64:128])
    assert sitter.history.series("updates/ratio", "head/kernel").steps.tolist() == list(range(6))
    assert sitter.history.series("logs/loss").steps.tolist() == [2, 4, 6]
    assert notices(sitter) == ({"scores"} if not sitter.model.compiled else set())
