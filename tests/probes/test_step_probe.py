"""Programs with a training step of their own are measured inside, and train as without."""

import keras
import numpy as np
import pytest

import keras_babysit as kb
from benchmarks.foreign.kinds import CASES
from keras_babysit.backends import to_array
from keras_babysit.findings import Severity

# Keras says so of arrays in double precision on JAX, with and without us.
pytestmark = pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")
PROGRAMS = {
    "gan": {"d_loss", "g_loss"},
    "wgan-gp": {"d_loss", "g_loss"},
    "vae-own-step": {"loss", "reconstruction_loss", "kl_loss"},
    "vq-vae": {"loss", "reconstruction_loss", "vqvae_loss"},
    "diffusion": {"noise_loss"},
    "distiller-own-step": {"loss", "student_loss", "distillation_loss"},
    "simclr": {"contrastive_loss"},
    "supervised-contrastive": {"contrastive_loss"},
    "triplets": {"loss"},
    "flow": {"loss"},
    "graph-attention": {"loss"},
    "other-metrics": set(),
}
"""The losses that each returns."""


def train(name, *callbacks):
    """Return the model and the losses of every epoch."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    case = CASES[name]
    model = case.make()
    case.compile(model)
    x, y = case.data()
    options = {"batch_size": 8, "epochs": 2, "verbose": 0, "callbacks": list(callbacks)}
    return model, model.fit(x, y, **options).history


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_is_measured_inside_and_trains_as_without(name):
    sitter = kb.Babysitter(every=2, verbose=0)
    watched, history = train(name, sitter)
    alone, expected = train(name)
    for one, other in zip(watched.variables, alone.variables, strict=True):
        np.testing.assert_array_equal(to_array(one.value), to_array(other.value), err_msg=one.path)
    assert history == expected
    found = sitter.history
    assert found.facts.broke_off is None
    assert [one.message for one in sitter.findings if one.severity > Severity.NOTE] == []
    notices = [one for one in sitter.findings if one.rule == "not_watched"]
    # It has no test step, and some return a loss without updating the mean that Keras logs.
    assert {one.target for one in notices} <= {"scores", "logs"}
    trained = {one.path for one in watched.trainable_variables}
    assert len(found.targets("gradients/norm")) == len(trained)
    assert all(found.last("gradients/norm", n) >= 0 for n in found.targets("gradients/norm"))
    layers = found.facts.layers.items()
    computing = [t for t, known in layers if known.parameters and "[" not in t]
    assert computing
    assert set(computing) <= set(found.targets("activations/std"))
    assert {q.partition("/")[2] for q in found.quantities() if q.startswith("losses/")} == PROGRAMS[
        name
    ]
