"""Foreign models: `fit` completes without warnings, and what cannot be measured is named."""

import keras
import pytest

from benchmarks.foreign import tables
from benchmarks.foreign.kinds import CASES
from benchmarks.foreign.watch import watch

BACKEND = keras.backend.backend()
# On JAX each of them compiles for ten seconds or more.
pytestmark = pytest.mark.slow if BACKEND == "jax" else pytest.mark.any_backend

NAMED = {
    # Keras' attention computes softmax and dropout without calling the layers.
    "transformer": ["Layers that are not called: softmax, dropout_2."],
    # The teacher, which is called by the loss.
    "distiller": [
        "Layers that are not called: conv2d_2, leaky_re_lu_1, conv2d_3, flatten_1, dense_1."
    ],
}
"""What is not measured, by model."""


@pytest.fixture
def _first_names():
    """Reset the counters of Keras' layer names."""
    keras.utils.clear_session()


ON_EACH_BACKEND = {"gan", "transformer", "distiller", "multi-output", "u-net"}
"""A step of one's own, layers that are not called, a loss that calls layers, several outputs; and
what PyTorch cannot train."""


@pytest.mark.usefixtures("_first_names")
@pytest.mark.filterwarnings("ignore:The structure of:UserWarning")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.each_backend] * (name in ON_EACH_BACKEND))
        for name in CASES
    ],
)
def test_every_kind_is_measured_or_the_rest_is_named(name, tmp_path):
    if (name, BACKEND) == ("u-net", "torch"):
        pytest.skip("PyTorch cannot train it: grad_input must be contiguous")
    path = tmp_path / "run.jsonl.gz"
    watch(CASES[name], path, epochs=1)
    run = tables.read(path)
    assert run["warnings"] == []
    assert tables.missed(run) == NAMED.get(name, [])
    assert all(words in tables.row(run) for words in NAMED.get(name, []))
    is_whole = "1 of them measured completely" in tables.summary([run])
    assert is_whole == (name not in NAMED)
    assert run["probes"] >= 2
