"""Each change does what it says to a program, and leaves the given one as it is."""

import json
import re

import keras
import numpy as np
import pytest

from keras_babysit import actions
from keras_babysit.errors import NotCompiledError
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.remedies import (
    KINDS,
    AddHiddenLayer,
    AppendLayer,
    AverageLoss,
    BalanceClasses,
    BinaryTargets,
    ClipGradients,
    FitTargets,
    MaskPadding,
    NegateLoss,
    NormalizeActivations,
    RemoveConstantFeatures,
    RemoveFeature,
    RemoveNonFinite,
    RenumberClasses,
    RescaleOutputs,
    ScaleLearningRate,
    ScalePenalties,
    ScaleWeights,
    SetActivation,
    SetCallback,
    SetDropout,
    SetFromLogits,
    SetInitializer,
    SetLayerArguments,
    SetOptimizer,
    SetOutput,
    Shuffle,
    StandardizeInputs,
    StandardizeTargets,
    StretchSchedule,
    TrainLonger,
    UnfreezeLayers,
    WarmUp,
    change_of,
    changes_for,
)
from tests.remedies.programs import blobs, network, program


def built(change, given):
    assert change.why_not(given) == ""
    return change.apply(given).build(0)


def layer_types(model):
    return [type(one).__name__ for one in model.layers if type(one).__name__ != "InputLayer"]


BOTH = pytest.mark.parametrize("is_functional", [False, True], ids=["sequential", "functional"])


@BOTH
def test_an_activation_is_replaced_in_hidden_layers_only(is_functional):
    model = built(SetActivation(activation="tanh"), program(network(is_functional=is_functional)))
    assert model.get_layer("hidden").activation is keras.activations.tanh
    assert model.get_layer("classes").activation is keras.activations.softmax


@BOTH
def test_initial_weights_are_drawn_anew_and_biases_are_zero(is_functional):
    given = network(
        is_functional=is_functional, kernel_initializer="zeros", bias_initializer="ones"
    )
    hidden = built(SetInitializer(("hidden",)), program(given)).get_layer("hidden")
    kernel, bias = hidden.get_weights()
    assert 0.2 < kernel.std() < 1.5  # He: sqrt(2 / 4)
    assert not bias.any()


@BOTH
def test_biases_alone_begin_with_zeros(is_functional):
    given = network(is_functional=is_functional, kernel_initializer="ones", bias_initializer="ones")
    change = SetInitializer(("hidden",), "")
    kernel, bias = built(change, program(given)).get_layer("hidden").get_weights()
    assert (kernel == 1).all()
    assert not bias.any()
    assert change.text == 'Initialize the biases of "hidden" with zeros.'
    assert "kernel" not in change.code


@BOTH
@pytest.mark.parametrize("norm", ["BatchNormalization", "LayerNormalization"])
def test_a_normalization_follows_each_hidden_layer(norm, is_functional):
    given = program(network(is_functional=is_functional))
    model = built(NormalizeActivations(norm=norm), given)
    assert layer_types(model) == ["Dense", norm, "Dense"]


def test_layers_of_nested_models_are_changed():
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5, "relu", name="inner")])
    model = keras.Sequential([keras.Input((4,)), inner, keras.layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    new = built(SetActivation(("inner",), "elu"), program(model))
    assert new.layers[0].get_layer("inner").activation is keras.activations.elu
    assert inner.get_layer("inner").activation is keras.activations.relu


def test_dropout_comes_before_the_output_layer():
    assert layer_types(built(SetDropout(0.3), program())) == ["Dense", "Dropout", "Dense"]


def test_penalties_and_weight_decay_are_removed():
    given = network(kernel_regularizer="l2", activity_regularizer="l1")
    given.compile(keras.optimizers.AdamW(weight_decay=0.1), given.loss)
    model = built(ScalePenalties(0.0), program(given))
    hidden = model.get_layer("hidden")
    assert (hidden.kernel_regularizer, hidden.activity_regularizer) == (None, None)
    assert not model.optimizer.weight_decay
    assert "no penalty" in ScalePenalties(0.0).why_not(program())


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
    stop = SetCallback("EarlyStopping", "val_loss", (("patience", 5),))
    (stopper,) = stop.apply(stop.apply(given)).callbacks  # it takes the place of its kind
    assert (stopper.patience, stopper.monitor) == (5, "val_loss")
    assert stop.why_not(program(epochs=5)) == "There are only 5 epochs."
    weights = BalanceClasses().apply(given).fit["class_weight"]
    counts = np.bincount(given.y)
    assert weights == pytest.approx({i: counts.max() / n for i, n in enumerate(counts)})


def test_the_loss_is_computed_of_logits():
    model = built(SetFromLogits(True), program())
    assert model.loss.get_config()["from_logits"] is True
    model.compile("sgd", "mse")
    assert SetFromLogits(True).why_not(program(model)) != ""


def test_penalties_are_multiplied():
    hidden = built(ScalePenalties(0.1), program(network(kernel_regularizer="l2"))).layers[0]
    assert float(hidden.kernel_regularizer.l2) == pytest.approx(0.001)


def test_normalization_goes_in_front_of_the_activation():
    change = NormalizeActivations(("hidden",), before="relu")
    model = built(change, program())
    assert layer_types(model) == ["Dense", "BatchNormalization", "Activation", "Dense"]
    assert model.layers[0].activation is keras.activations.linear


def test_the_output_layer_is_changed_and_layers_are_added_around_it():
    model = built(SetOutput("sigmoid", 2), program())
    assert model.layers[-1].activation is keras.activations.sigmoid
    assert model.output_shape == (None, 2)
    assert built(AddHiddenLayer(7), program()).layers[1].units == 7
    assert layer_types(built(AppendLayer("UnitNormalization"), program()))[-1] == (
        "UnitNormalization"
    )


def numbers(y, **fit):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    x, _ = blobs()
    return program(model, **fit).changed(x=x, y=y, validation=(x, y, None))


def test_outputs_are_brought_to_the_scale_of_the_targets():
    x, _ = blobs()
    y = 1000 + 50 * x[:, :1]
    rescaling = built(RescaleOutputs(), numbers(y)).layers[-1]
    assert (rescaling.scale, rescaling.offset) == pytest.approx((y.std(), y.mean()), rel=1e-4)
    fitted = FitTargets(-1.0, 1.0).apply(numbers(y))
    assert (fitted.y.min(), fitted.y.max()) == pytest.approx((-1, 1), abs=1e-4)
    scale, offset = fitted.unscale
    np.testing.assert_allclose(fitted.y * scale + offset, y, rtol=1e-4)


def test_classes_are_numbered_from_0_with_a_unit_for_each():
    x, y = blobs()
    given = program().changed(y=y + 5, validation=(x, y + 5, None))
    new = RenumberClasses().apply(given)
    np.testing.assert_array_equal(new.y, y)
    np.testing.assert_array_equal(new.validation[1], y)
    assert new.build(0).output_shape == (None, 3)
    signs = BinaryTargets().apply(given.changed(y=np.where(y > 0, 1, -1)))
    assert set(np.unique(signs.y)) == {0.0, 1.0}


def test_columns_and_examples_are_removed():
    x, y = blobs()
    x[:, 1] = 3.0
    x[0, 0] = np.nan
    given = program().changed(x=x, y=y, validation=(x, y, None))
    assert built(RemoveFeature(1), given).input_shape == (None, 3)
    kept = RemoveNonFinite().apply(given)
    assert len(kept.x) == len(kept.y) == len(kept.validation[0]) == len(x) - 1
    assert built(RemoveConstantFeatures(), kept).input_shape == (None, 3)
    functional = kept.changed(model=network(is_functional=True))
    assert built(RemoveConstantFeatures(), functional).input_shape == (None, 3)


def test_a_loss_of_ones_own_is_negated_and_averaged():
    def summed(y_true, y_pred):
        return keras.ops.sum(keras.ops.square(y_true - y_pred))

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", summed)
    y_true, y_pred = np.zeros((4, 1), "float32"), np.ones((4, 1), "float32")

    def loss(change):
        made = built(change, program(model)).loss
        return float(keras.ops.convert_to_numpy(made(y_true, y_pred)))

    assert loss(NegateLoss()) == -4.0
    assert loss(AverageLoss()) == 1.0


def test_schedules_rise_and_last_as_long_as_the_run():
    given = program(epochs=10, batch_size=20)  # 100 steps
    warm = built(WarmUp(0.1), given).optimizer._learning_rate
    rates = [float(keras.ops.convert_to_numpy(warm(step))) for step in (0, 5, 10, 100)]
    assert rates == pytest.approx([0.0, 0.05, 0.1, 0.0], abs=1e-6)
    short = network()
    short.compile(keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 5)), short.loss)
    given = given.changed(model=short)
    assert StretchSchedule(100).apply(given).rate.decay_steps == 100
    assert StretchSchedule(100).why_not(program()) != ""
    assert type(built(SetOptimizer("Adam", 0.01), given).optimizer).__name__ == "Adam"


def test_padding_is_masked():
    layers = [keras.layers.Embedding(5, 2), keras.layers.LSTM(2), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((4,), dtype="int32"), *layers])
    model.compile("sgd", "mse")
    assert built(MaskPadding(is_tokens=True), program(model)).layers[0].mask_zero


def test_frozen_layers_keep_their_weights_and_can_be_trained():
    frozen = network()
    frozen.layers[0].trainable = False
    new = program(frozen).build(0)
    np.testing.assert_array_equal(new.layers[0].kernel, frozen.layers[0].kernel)
    assert not new.layers[0].trainable
    thawed = built(UnfreezeLayers(), program(frozen))
    assert thawed.layers[0].trainable
    np.testing.assert_array_equal(thawed.layers[0].kernel, frozen.layers[0].kernel)


def test_initial_weights_are_scaled_before_the_training():
    given = network(kernel_initializer=keras.initializers.RandomNormal(stddev=1e-4))
    new = ScaleWeights().apply(program(given, epochs=1))
    model = new.build(0)
    new.train(model, 0)
    assert np.std(keras.ops.convert_to_numpy(model.layers[0].kernel)) > 0.01


def test_weights_whose_signal_is_healthy_are_scaled_where_a_finding_asks_for_it():
    new = ScaleWeights().apply(program(network(), epochs=1))
    model = new.build(0)
    before = keras.ops.convert_to_numpy(model.layers[0].kernel).copy()
    for prepare in new.prepare:
        prepare(model, new)
    assert not np.allclose(keras.ops.convert_to_numpy(model.layers[0].kernel), before)
    assert "force=True" in ScaleWeights().code


def test_each_action_has_its_change():
    assert set(KINDS) == set(actions.ACTIONS)


NEEDED = {
    "AppendLayer": ("UnitNormalization",),
    "KeepLearningRate": (0.1,),
    "RemoveFeature": (1,),
    "ReplaceLayers": ("BatchNormalization", "LayerNormalization"),
    "ScaleInputs": (0.5,),
    "ScaleLearningRate": (0.1,),
    "SetCallback": ("EarlyStopping", "val_loss", (("patience", 3),)),
    "SetFocalLoss": (0.9,),
    "SetFromLogits": (True,),
    "SetLayerArguments": ((), "Conv1D", (("padding", "causal"),), "8, 3"),
    "SetLoss": ("mse",),
    "SetLossWeights": ((("age", 0.1),),),
    "SetOptimizerArguments": ((("epsilon", 1e-3),),),
    "UnmaskPadding": ("Embedding",),
    "WarmUp": (0.1,),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.__name__)
def test_each_change_is_one_sentence_and_code_that_compiles(kind):
    change = kind(*NEEDED.get(kind.__name__, ()))
    assert change.text.endswith(".")
    assert change.text[0].isupper()
    is_argument = re.fullmatch(r"\w+=[^\n]+", change.code)
    compile(f"f({change.code.split('  #')[0]})" if is_argument else change.code, "", "exec")
    assert change.remedy.text == change.text
    action = actions.action_from_json(json.loads(json.dumps(change.to_json())))
    assert change_of(action) == change
    assert hash(change) == hash(change_of(action))


def test_a_change_of_initial_weights_does_not_keep_them():
    anew = SetLayerArguments(class_name="Dense", arguments=(("bias_initializer", "zeros"),))
    assert not anew.keeps_weights
    assert SetLayerArguments(class_name="Dense", arguments=(("use_bias", False),)).keeps_weights


def with_activation_layers():
    """Return a program whose hidden layers are followed by layers for their activation."""
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, name="first"),
            keras.layers.Activation("sigmoid", name="first_activation"),
            keras.layers.Dense(8, "tanh", name="second"),
            keras.layers.Dense(3, name="classes"),
            keras.layers.Softmax(name="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    return program(model)


@pytest.mark.parametrize("layers", [(), ("first", "second"), ("first_activation", "second")])
def test_the_activation_of_a_layer_may_be_a_layer_behind_it(layers):
    given = with_activation_layers()
    model = built(SetActivation(layers, "relu", "he_normal"), given)
    found = {one.name: one for one in model.layers}
    assert found["first_activation"].activation is keras.activations.relu
    assert found["second"].activation is keras.activations.relu
    assert found["first"].activation is keras.activations.linear
    assert isinstance(found["softmax"], keras.layers.Softmax)
    for name, kind in (("first", "HeNormal"), ("second", "HeNormal"), ("classes", "GlorotUniform")):
        assert type(found[name].kernel_initializer).__name__ == kind


def test_a_normalization_goes_around_the_layer_of_the_activation():
    given = with_activation_layers()
    before = built(NormalizeActivations((), "LayerNormalization", before="sigmoid"), given)
    kinds = ["Dense", "LayerNormalization", "Activation"]
    assert layer_types(before) == [*kinds, *kinds, "Dense", "Softmax"]
    behind = built(NormalizeActivations((), "BatchNormalization"), given)
    assert layer_types(behind)[:3] == ["Dense", "Activation", "BatchNormalization"]


def test_what_findings_advise_for_a_layer_each_is_one_change_of_all_of_them():
    def finding(rule, layer, units, text):
        change = actions.SetInitializer((layer,), text, class_name="Dense", units=units)
        remedy = Remedy("Change it.", change=change)
        return Finding(rule, Severity.WARNING, layer, "It is so.", remedies=(remedy,))

    found = changes_for(
        [
            finding("dead_units", "a", 8, "he_normal"),
            finding("dead_units", "b", 16, "he_normal"),
            finding("dead_units", "c", 8, "zeros"),
            finding("saturated_units", "a", 8, "he_normal"),
        ]
    )
    assert [one.layers for one in found] == [("a", "b"), ("c",), ("a",)]


def test_what_two_rules_advise_in_other_code_alone_is_tried_once():
    def finding(rule, units):
        change = actions.SetActivation(("a",), "relu", "he_normal", "Dense", units)
        remedies = (Remedy("Change it.", change=change),)
        return Finding(rule, Severity.WARNING, "a", "It is so.", remedies=remedies)

    found = changes_for([finding("vanishing_gradients", 8), finding("saturated_units", 0)])
    assert [one.units for one in found] == [8]


@BOTH
def test_functions_of_ones_own_in_layers_are_kept(is_functional):
    def ones(shape, dtype=None):
        return keras.ops.ones(shape, dtype)

    def twice(x):
        return 2 * x

    own = {"kernel_initializer": ones, "activation": twice}
    given = program(network(is_functional=is_functional, **own))
    hidden = built(SetDropout(0.5), given).get_layer("hidden")
    assert hidden.activation is twice
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(hidden.kernel), 1.0)
    changed = built(SetActivation(("hidden",), "tanh"), given).get_layer("hidden")
    assert changed.activation is keras.activations.tanh


def test_a_subclassed_model_is_refused_with_the_way_out():
    class Own(keras.Model):
        def get_config(self):
            raise NotImplementedError

        def call(self, inputs):
            return inputs

    with pytest.raises(TypeError, match="Add `get_config`"):
        program(Own())


def test_a_model_that_is_not_compiled_is_refused():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    with pytest.raises(NotCompiledError, match="must be compiled"):
        program(model)


def test_a_lambda_of_a_function_that_keras_cannot_find_is_kept():
    layers = [keras.layers.Lambda(lambda x: 2 * x), keras.layers.Dense(3, "softmax")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile("sgd", "sparse_categorical_crossentropy")
    new = program(model).build(0)
    assert new.layers[0].function is layers[0].function
    assert new.layers[0] is not layers[0]
