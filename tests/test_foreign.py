"""Models of others: `fit` ends, nothing is warned of, and what cannot be watched is named."""

import keras
import pytest

from benchmarks.foreign import tables
from benchmarks.foreign.kinds import CASES
from benchmarks.foreign.watch import watch

BACKEND = keras.backend.backend()
# On JAX each of them compiles for ten seconds and more.
pytestmark = [pytest.mark.slow] if BACKEND == "jax" else []

WITHOUT_CALL = (
    "Loss, gradients, layers and outputs not measured: the probe raised NotImplementedError."
)
NAMED = {
    "gan": [WITHOUT_CALL],
    "vae-own-step": [WITHOUT_CALL],
    # Keras' attention computes the softmax and its dropout by itself.
    "transformer": ["Not watched, since `call` does not come to them: softmax, dropout_2."],
    # The teacher, which the loss asks.
    "distiller": [
        "Not watched, since `call` does not come to them: conv2d_2, leaky_re_lu_1, conv2d_3, "
        "flatten_1, dense_1."
    ],
}
"""What the table says of each kind beside the layers, loss and gradients that are watched."""


@pytest.fixture
def _first_names():
    """Let Keras count the names of layers from the start."""
    keras.utils.clear_session()


@pytest.mark.usefixtures("_first_names")
@pytest.mark.filterwarnings("ignore:The structure of:UserWarning")
@pytest.mark.parametrize("name", CASES)
def test_every_kind_is_watched_or_what_is_not_is_named(name, tmp_path):
    if (name, BACKEND) == ("u-net", "torch"):
        pytest.skip("PyTorch cannot train it: grad_input must be contiguous")
    path = tmp_path / "run.jsonl.gz"
    watch(CASES[name], path, epochs=1)
    run = tables.read(path)
    assert run["warnings"] == []
    assert tables.missed(run) == NAMED.get(name, [])
    assert all(told in tables.row(run) for told in NAMED.get(name, []))
    is_whole = "1 of them watched entirely" in tables.summary([run])
    assert is_whole == (name not in NAMED)
    assert run["probes"] >= 2
