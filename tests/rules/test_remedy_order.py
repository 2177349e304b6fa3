"""Which remedy comes first follows from when the damage was done."""

import numpy as np
import pytest

from keras_babysit import rules
from keras_babysit.actions import (
    NormalizeActivations,
    ScaleLearningRate,
    SetActivation,
    SetInitializer,
    SetLayerArguments,
)
from keras_babysit.facts import LayerFacts, Regularization, WeightFacts
from keras_babysit.history import History, Measurement
from tests.rules.table import TABLE, ended_short, layer, poor, tuned


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


@pytest.mark.parametrize("names", [(), ("random_flip",)])
def test_a_poor_fit_of_changed_examples_is_tried_without_the_changes(names):
    made = poor([0.4] * 8, {"constant_error": 0.4}, [0.6] * 8)
    made.note(regularization=Regularization(augmentations=names))
    (finding,) = rules.underfitting(made)
    texts = [remedy.text for remedy in finding.remedies]
    named = [text for text in texts if text.startswith('Train once without "random_flip"')]
    assert named == (texts[:1] if names else [])


def test_an_unbounded_state_gets_an_activation_and_weights_that_keep_its_size():
    rule, made, _ = TABLE["linear-rnn-explodes"]
    (remedy,) = rule(made)[0].remedies
    wanted = {"activation": "tanh", "recurrent_initializer": "orthogonal"}
    assert dict(remedy.change.arguments) == wanted


@pytest.mark.parametrize(
    ("start", "ratio", "kinds"),
    [
        (13.6, 0.0017, [SetInitializer, None]),
        (2.4, 0.0017, [None]),
        (2.4, 0.02, [None, ScaleLearningRate]),
    ],
    ids=["weights-too-large", "short-steps", "long-steps"],
)
def test_a_constant_output_is_traced_to_the_initial_weights_or_to_long_first_steps(
    start, ratio, kinds
):
    # Ten classes: a uniform guess has a loss of 2.3.
    made = tuned(start, [start] * 9)
    for step in range(9):
        made.append(Measurement(step, 0, "updates/ratio", "dense/kernel", ratio))
        made.append(Measurement(step, 0, "outputs/spread", "outputs[0]", 0.0))
        made.append(Measurement(step, 0, "outputs/mean", "outputs[0]", 0.1))
    (finding,) = rules.constant_output(made)
    found = [remedy.change and type(remedy.change) for remedy in finding.remedies]
    assert found == kinds


def test_one_wide_interval_of_the_headroom_does_not_hide_that_far_longer_steps_are_stable():
    made = ended_short(32.0)
    for step, low in ((50, 32.0), (51, 32.0), (52, 0.25)):
        for end, value in (("", 32.0), ("_low", low), ("_high", 32.0)):
            made.append(Measurement(step, step, f"optimizer/headroom{end}", "", value))
    (finding,) = rules.underfitting(made)
    assert isinstance(finding.remedies[0].change, ScaleLearningRate)
    assert finding.remedies[0].change.factor > 1


@pytest.mark.parametrize(
    ("kind", "first"), [("squashing", NormalizeActivations), ("rectifier", SetActivation)]
)
def test_squashing_layers_are_normalized_before_they_are_replaced(kind, first):
    made = History()
    own = {f"{name}_activation": LayerFacts(role="hidden", activation_kind=kind) for name in "abc"}
    dense = {name: LayerFacts(role="hidden", activation_kind="linear") for name in "abc"}
    made.note(layers=dense | own)
    weights = {f"{n}/kernel": WeightFacts(layer=n, size=100, is_kernel=True) for n in "abc"}
    made.note(weights=weights)
    for step in range(3):
        for name, norm in zip(weights, (1e-6, 1e-3, 1.0), strict=True):
            made.append(Measurement(step, 0, "gradients/norm", name, norm))
    (finding,) = rules.vanishing_gradients(made)
    kinds = [type(remedy.change) for remedy in finding.remedies[:2]]
    assert kinds[0] is first
    assert set(kinds) == {NormalizeActivations, SetActivation}
