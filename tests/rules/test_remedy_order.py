"""Which remedy comes first follows from when the damage was done."""

import numpy as np
import pytest

from keras_babysit import rules
from keras_babysit.actions import ScaleLearningRate, SetLayerArguments
from keras_babysit.history import Measurement
from tests.rules.table import TABLE, layer


@pytest.mark.parametrize(
    ("shares", "first"),
    [([0.0, 1.0, 0.0, 1.0], SetLayerArguments), ([0.4, 0.6, 0.5, 0.5], ScaleLearningRate)],
    ids=["before-the-first-step", "later"],
)
def test_pieces_that_were_dead_at_first_are_initialized_and_others_need_shorter_steps(
    shares, first
):
    history = layer("activations/dead_piece_fraction", [0.5] * 4)
    history.append(Measurement(0, 0, "activations/piece_share", "dense", np.array(shares)))
    history.append(Measurement(history.step, 0, "optimizer/learning_rate", "", 0.01))
    (finding,) = rules.dead_pieces(history)
    kinds = [type(remedy.change) for remedy in finding.remedies[:2]]
    assert kinds[0] is first
    assert set(kinds) == {SetLayerArguments, ScaleLearningRate}


def test_an_unbounded_state_gets_an_activation_and_weights_that_keep_its_size():
    rule, made, _ = TABLE["linear-rnn-explodes"]
    (remedy,) = rule(made)[0].remedies
    wanted = {"activation": "tanh", "recurrent_initializer": "orthogonal"}
    assert dict(remedy.change.arguments) == wanted
