"""Foreign models: `fit` completes without warnings, and what cannot be measured is named."""

import keras
import pytest

from benchmarks.foreign import tables
from benchmarks.foreign.kinds import CASES
from benchmarks.foreign.watch import watch
from keras_babysit.probes.notices import means_not_updated, no_test_step

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
    # Their steps return a loss and do not update the mean that Keras logs in its place.
    **{name: [means_not_updated(["loss"])] for name in ("triplets", "flow", "graph-attention")},
}
"""What is not measured, by model."""

WITHOUT_SCORES = (
    *("gan", "vae-own-step", "other-metrics", "wgan-gp", "vq-vae", "diffusion", "simclr"),
    *("distiller-own-step", "supervised-contrastive", "triplets", "flow", "graph-attention"),
)
"""Models with a `train_step` of their own, and no `test_step`."""


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
    if name.startswith("keras-hub"):
        pytest.importorskip("keras_hub")
    if name.startswith("keras-tuner"):
        pytest.importorskip("six", reason="KerasTuner imports it without requiring it")
        pytest.importorskip("keras_tuner")
    path = tmp_path / "run.jsonl.gz"
    watch(CASES[name], path, epochs=1)
    run = tables.read(path)
    assert run["warnings"] == []
    expected = NAMED.get(name, []) + [no_test_step()] * (name in WITHOUT_SCORES)
    assert sorted(tables.missed(run)) == sorted(expected)
    assert all(words in tables.row(run) for words in expected)
    is_whole = "1 of them measured completely" in tables.summary([tables.row(run)])
    assert is_whole == (not expected)
    assert run["probes"] >= 2


def test_rows_of_models_without_a_recording_stay_on_the_page(tmp_path):
    rows = ["| gan | 0.0 | 14 of 14 | - | none | 1 of 2 |"]
    rows += ["| vq-vae | 0.0 | 2 of 5 | Layers. | dead_units (WARNING, 1) | 1 of 2 |"]
    warning = "- vq-vae, step 4: WARNING dead_units(dense): 60 % of the units are dead."
    before = "# Foreign models\n\n## torch\n\n" + "\n".join([tables.TABLE, *rows, "", warning])
    page = tables.page(tmp_path, before)
    assert all(line in page for line in [*rows, warning])
    assert "2 models: 2 trained, 1 of them measured completely, 1 without a warning." in page
    folder = tmp_path / "torch"
    folder.mkdir()
    failure = tables.failure_of(folder / "gan.jsonl.gz")
    failure.write_text('{"name": "gan", "failed": "no memory"}')
    page = tables.page(tmp_path, page)
    assert "| gan | - | - | failed: no memory | - | - |" in page
    assert rows[0] not in page
    assert rows[1] in page
