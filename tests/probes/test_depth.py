import keras
import pytest

from keras_babysit.backends import backend
from keras_babysit.errors import DepthTransitionError
from keras_babysit.probes.depth import SCOPES, Depth, Layers, Reach
from tests.probes.parts import network

TRANSITIONS = {
    "starts-uncompiled": (Depth(), ["start"], Reach.UNCOMPILED),
    "starts-compiled": (Depth(starts_compiled=True), ["start"], Reach.COMPILED),
    "compiles-from-its-start-on": (Depth(), ["compile", "start"], Reach.COMPILED),
    "compiles-later": (Depth(Reach.UNCOMPILED), ["compile"], Reach.COMPILED),
    "falls-back-where-it-is": (Depth(Reach.COMPILED), ["fall_back"], Reach.COMPILED),
}


@pytest.mark.parametrize("name", TRANSITIONS)
def test_a_transition_leads_to_its_state(name):
    depth, transitions, reach = TRANSITIONS[name]
    for transition in transitions:
        getattr(depth, transition)()
    assert depth.reach is reach


REFUSED = {
    "starts-twice": (Depth(Reach.UNCOMPILED), "start"),
    "compiles-twice": (Depth(Reach.COMPILED), "compile"),
    "compiles-what-no-graph-can-hold": (Depth(Reach.UNCOMPILED, can_compile=False), "compile"),
    "falls-back-from-the-last": (Depth(fallbacks=len(SCOPES) - 1), "fall_back"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_transition_that_the_state_does_not_allow_is_refused(name):
    depth, transition = REFUSED[name]
    before = repr(depth)
    with pytest.raises(DepthTransitionError, match="Received: Depth"):
        getattr(depth, transition)()
    assert repr(depth) == before


@pytest.mark.parametrize("fallbacks", range(len(SCOPES)))
@pytest.mark.parametrize("reach", Reach)
def test_every_state_can_be_constructed_and_printed(reach, fallbacks):
    depth = Depth(reach, fallbacks=fallbacks)
    again = eval(repr(depth), {"Depth": Depth, "Reach": Reach})
    assert repr(again) == repr(depth)
    assert str(depth).startswith(reach.value)
    assert ("without: " in str(depth)) == (fallbacks > 0)
    assert depth.measures_layers == (reach is not Reach.NOT_MEASURED)


def test_fallbacks_lead_from_the_whole_to_data_and_weights_alone():
    depth, scopes = Depth(), []
    while depth.can_fall_back:
        scopes.append(depth.scope)
        depth.fall_back()
    scopes.append(depth.scope)
    assert scopes == list(SCOPES)
    assert scopes[0].layers is Layers.INNERMOST
    assert scopes[0].has_loss
    assert not scopes[0].missing
    assert all(scope.missing for scope in scopes[1:])
    assert (scopes[-1].layers, scopes[-1].has_loss, scopes[-1].has_call) == (
        Layers.NONE,
        False,
        False,
    )


def test_with_a_number_of_steps_layers_are_measured_from_the_first_step_on():
    depth = Depth.at_start(network(), is_budgeted=False)
    assert depth.measures_layers
    assert depth.is_compiled == backend.CAN_COMPILE


def test_with_a_budget_layers_wait_until_it_allows_them():
    depth = Depth.at_start(network(), is_budgeted=True)
    assert depth.reach is Reach.NOT_MEASURED
    # JAX compiles each operation by itself if not all of them at once.
    assert depth.is_compiled == (keras.backend.backend() == "jax")


def test_a_model_that_runs_eagerly_is_compiled_on_jax_alone():
    model = network()
    model.run_eagerly = True
    depth = Depth.at_start(model, is_budgeted=False)
    assert depth.can_compile == depth.is_compiled == (keras.backend.backend() == "jax")
