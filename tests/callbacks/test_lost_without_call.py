"""A model without a `call` whose weights become NaN: it is reported at the next look."""

import keras
import numpy as np
import pytest

import keras_babysit as kb
from tests.callbacks.test_never_off import WithoutCall, arrays


class Poison(keras.callbacks.Callback):
    """Lets the learning rate become infinite for one step, so that the weights are lost."""

    def on_train_batch_begin(self, batch, logs=None):
        self.model.optimizer.learning_rate = np.inf if batch == 10 else 0.01


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="it reads the rate once per epoch")
def test_lost_weights_are_reported_at_the_next_look():
    model = WithoutCall()
    model.head.build((None, 4))
    model.built = True
    model.compile("sgd")
    sitter = kb.Babysitter(every=4, verbose=0)
    model.fit(**arrays(64 * 16), verbose=0, callbacks=[Poison(), sitter])
    (finding,) = [one for one in sitter.findings if one.rule == "non_finite_values"]
    assert finding.step == 12
    assert finding.evidence["seen_at_step"] == 12
