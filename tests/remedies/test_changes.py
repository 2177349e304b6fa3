"""Each change does what it says to a program, and leaves the given one as it is."""

import re

import keras
import numpy as np
import pytest

from keras_babysit import remedies
from keras_babysit.errors import NotCompiledError
from keras_babysit.remedies import (
    AddDropout,
    BalanceClasses,
    ClipGradients,
    NormalizeActivations,
    RemovePenalties,
    ScaleLearningRate,
    SetActivation,
    SetFromLogits,
    SetInitializer,
    Shuffle,
    StandardizeInputs,
    StandardizeTargets,
    StopEarly,
    TrainLonger,
)
from tests.remedies.programs import blobs, network, program


def built(change, given):
    assert change.why_not(given) == ""
    return change.apply(given).build(0)


def layer_types(model):
    return [type(one).__name__ for one in model.layers if type(one).__name__ != "InputLayer"]


KINDS = pytest.mark.parametrize("is_functional", [False, True], ids=["sequential", "functional"])


@KINDS
def test_an_activation_is_replaced_in_hidden_layers_only(is_functional):
    model = built(SetActivation(activation="tanh"), program(network(is_functional=is_functional)))
    assert model.get_layer("hidden").activation is keras.activations.tanh
    assert model.get_layer("classes").activation is keras.activations.softmax


@KINDS
def test_initial_weights_are_drawn_anew_and_biases_are_zero(is_functional):
    given = network(
        is_functional=is_functional, kernel_initializer="zeros", bias_initializer="ones"
    )
    hidden = built(SetInitializer(("hidden",)), program(given)).get_layer("hidden")
    kernel, bias = hidden.get_weights()
    assert 0.2 < kernel.std() < 1.5  # He: sqrt(2 / 4)
    assert not bias.any()


@KINDS
@pytest.mark.parametrize("kind", ["BatchNormalization", "LayerNormalization"])
def test_a_normalization_follows_each_hidden_layer(kind, is_functional):
    given = program(network(is_functional=is_functional))
    model = built(NormalizeActivations(kind=kind), given)
    assert layer_types(model) == ["Dense", kind, "Dense"]


def test_layers_of_nested_models_are_changed():
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5, "relu", name="inner")])
    model = keras.Sequential([keras.Input((4,)), inner, keras.layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    new = built(SetActivation(("inner",), "elu"), program(model))
    assert new.layers[0].get_layer("inner").activation is keras.activations.elu
    assert inner.get_layer("inner").activation is keras.activations.relu


def test_dropout_comes_before_the_output_layer():
    assert layer_types(built(AddDropout(0.3), program())) == ["Dense", "Dropout", "Dense"]


def test_penalties_and_weight_decay_are_removed():
    given = network(kernel_regularizer="l2", activity_regularizer="l1")
    given.compile(keras.optimizers.AdamW(weight_decay=0.1), given.loss)
    model = built(RemovePenalties(), program(given))
    hidden = model.get_layer("hidden")
    assert (hidden.kernel_regularizer, hidden.activity_regularizer) == (None, None)
    assert not model.optimizer.weight_decay
    assert "no penalty" in RemovePenalties().why_not(program())


def test_a_learning_rate_and_a_schedule_are_scaled():
    rate = built(ScaleLearningRate(0.1), program(network(rate=0.5))).optimizer.learning_rate
    assert keras.ops.convert_to_numpy(rate) == pytest.approx(0.05)
    given = network()
    decay = keras.optimizers.schedules.ExponentialDecay(0.5, 10, 0.5)
    given.compile(keras.optimizers.SGD(decay), given.loss)
    schedule = built(ScaleLearningRate(0.1), program(given)).optimizer._learning_rate
    assert float(keras.ops.convert_to_numpy(schedule(10))) == pytest.approx(0.025)


def test_gradients_are_clipped_unless_they_are():
    assert built(ClipGradients(2.0), program()).optimizer.global_clipnorm == 2.0
    given = network()
    given.compile(keras.optimizers.SGD(clipvalue=0.5), given.loss)
    assert ClipGradients().why_not(program(given)) == "The optimizer already clips: clipvalue=0.5."


def test_inputs_are_scaled_with_the_numbers_of_the_training_data():
    x, y = blobs(scale=1000.0)
    given = program().changed(x=x, y=y, validation=(2 * x, y, None))
    new = StandardizeInputs().apply(given)
    np.testing.assert_allclose(new.x.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(new.x.std(axis=0), 1, rtol=1e-4)
    expected = (2 * x - x.mean(axis=0)) / x.std(axis=0)
    np.testing.assert_allclose(new.validation[0], expected, rtol=1e-3, atol=1e-3)


def test_targets_are_scaled_and_predictions_are_scaled_back():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, _ = blobs()
    y = 1000 + 50 * x[:, :1]
    new = StandardizeTargets().apply(program(model).changed(y=y))
    assert abs(new.y.mean()) < 1e-4
    scale, offset = new.unscale
    np.testing.assert_allclose(new.y * scale + offset, y, rtol=1e-4)
    assert "expects classes" in StandardizeTargets().why_not(program())


def test_arguments_of_fit_change():
    given = program(shuffle=False, epochs=6)
    assert Shuffle().apply(given).fit["shuffle"] is True
    assert Shuffle().why_not(program()) == "They are shuffled already."
    assert TrainLonger(3).apply(given).epochs == 18
    assert StopEarly(5).apply(given).patience == 5
    assert StopEarly(5).why_not(program(epochs=5)) == "There are only 5 epochs."
    weights = BalanceClasses().apply(given).fit["class_weight"]
    counts = np.bincount(given.y)
    assert weights == pytest.approx({i: counts.max() / n for i, n in enumerate(counts)})


def test_the_loss_is_computed_of_logits():
    model = built(SetFromLogits(True), program())
    assert model.loss.get_config()["from_logits"] is True
    model.compile("sgd", "mse")
    assert SetFromLogits(True).why_not(program(model)) != ""


CHANGES = [
    getattr(remedies, name)
    for name in remedies.__all__
    if isinstance(getattr(remedies, name), type)
    and issubclass(getattr(remedies, name), remedies.Change)
    and name != "Change"
]


@pytest.mark.parametrize("kind", CHANGES, ids=lambda kind: kind.__name__)
def test_each_change_is_one_sentence_and_code_that_compiles(kind):
    arguments = {"ScaleLearningRate": (0.1,), "SetFromLogits": (True,)}
    change = kind(*arguments.get(kind.__name__, ()))
    assert change.text.endswith(".")
    assert change.text[0].isupper()
    is_argument = re.fullmatch(r"\w+=[^\n]+", change.code)
    compile(f"f({change.code})" if is_argument else change.code, "", "exec")
    assert change.remedy.text == change.text
    assert hash(change) == hash(kind(*arguments.get(kind.__name__, ())))


def test_a_subclassed_model_is_refused_with_the_way_out():
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(TypeError, match="Change a subclassed model in its code"):
        program(Own())


def test_a_model_that_is_not_compiled_is_refused():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    with pytest.raises(NotCompiledError, match="must be compiled"):
        program(model)
