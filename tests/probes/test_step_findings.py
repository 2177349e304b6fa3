"""What is wrong inside a training step of the user's is named as in a plain model."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_babysit as kb
from benchmarks.foreign import own_programs
from benchmarks.foreign.kinds import embedding, gan, pictures, points, vae_with_own_step
from keras_babysit.findings import Severity

# Keras says so of arrays in double precision on JAX, with and without us.
pytestmark = pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")


def found(model, x, optimizer="adam", epochs=4, **options):
    """Return the findings above a note of a run that measures every second step."""
    keras.utils.set_random_seed(0)
    model.compile(optimizer, **options) if optimizer else model.compile(**options)
    sitter = kb.Babysitter(every=2, verbose=0)
    model.fit(x, batch_size=8, epochs=epochs, verbose=0, callbacks=[sitter])
    assert sitter.history.facts.broke_off is None
    named = [one for one in sitter.findings if one.severity > Severity.NOTE]
    return {one.rule: one for one in reversed(named)}


def test_dead_units_of_one_network_are_named():
    model = vae_with_own_step()
    conv = model.encoder.layers[1]
    conv.bias.assign(-100 * np.ones(conv.bias.shape))
    assert found(model, pictures())["dead_units"].target == conv.name


def test_a_generator_that_explodes_is_named():
    model = gan()
    for layer in model.generator.layers[:-1]:
        for weight in layer.weights[:1]:
            weight.assign(100 * weight)
    one = found(model, pictures(), None, learning_rate=1e-3)["exploding_activations"]
    assert one.target in [layer.name for layer in model.generator.layers]


def test_an_output_that_is_always_saturated_does_not_make_the_hidden_layers_so():
    assert found(gan(), pictures(), None, learning_rate=1e-3) == {}


class Undefined(own_programs.Triplets):
    """Triplets whose loss takes the square root of a negative number."""

    def own_loss(self, x, y):
        loss = ops.mean(ops.sqrt(self(x)[0] - 1e6))
        return loss, {"loss": loss}


def test_values_that_are_not_finite_are_an_error():
    x = pictures()
    one = found(Undefined(embedding()), (x, x, x))["non_finite_values"]
    assert one.severity is Severity.ERROR


class LogOfZero(own_programs.Flow):
    """A flow that reports a part of its loss that is not finite, and does not train on it."""

    def own_loss(self, x, y):
        loss, logs = super().own_loss(x, y)
        return loss, logs | {"entropy_loss": ops.log(0 * ops.stop_gradient(loss))}


def test_a_part_of_the_loss_that_is_not_finite_is_an_error():
    assert found(LogOfZero(), points()[0])["non_finite_values"].severity is Severity.ERROR


@pytest.mark.parametrize("rate", [1e-3, 30.0])
def test_a_learning_rate_that_is_far_too_high_is_named(rate):
    rules = set(found(own_programs.Flow(), points()[0], keras.optimizers.SGD(rate), epochs=8))
    named = {"learning_rate_too_high", "loss_explosion", "non_finite_values"}
    assert bool(rules & named) == (rate > 1)
