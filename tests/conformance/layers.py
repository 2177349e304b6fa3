"""What every layer must do, as checks on a table of rows.

A check takes a `Row` and fails by assertion. To hold a layer of your own to the same contract,
write a row for it and run `CHECKS` on it.
"""

import dataclasses
import json
import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from keras_babysit import layers


@dataclasses.dataclass(frozen=True)
class Row:
    """One layer in one configuration.

    Args:
        make: Returns a new layer.
        shapes: Two batches' shapes; sizes in which they differ are unknown to the model.
        passes_masks: Whether a mask on the inputs reaches the next layer.
        invalid: Arguments that the constructor must refuse, with what the error says.
    """

    make: Callable[[], keras.layers.Layer]
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    passes_masks: bool = True
    invalid: tuple[tuple[dict[str, Any], str], ...] = ()

    def batch(self, index: int = 0) -> np.ndarray:
        return np.random.default_rng(index).normal(1.0, 2.0, self.shapes[index]).astype("float32")

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        pairs = zip(*self.shapes, strict=True)
        return tuple(size if size == other else None for size, other in pairs)

    def ready(self) -> keras.layers.Layer:
        """Return a new layer, adapted where it has to be."""
        layer = self.make()
        if hasattr(layer, "adapt"):
            layer.adapt(np.concatenate([self.batch()] * 2))
        return layer

    def model(self, layer: keras.layers.Layer | None = None) -> keras.Model:
        inputs = keras.Input(self.input_shape[1:])
        return keras.Model(inputs, (layer or self.ready())(inputs))


IMAGES = (4, 6, 6, 4), (3, 9, 5, 4)
SEQUENCES = (4, 7, 4), (3, 5, 4)
VECTORS = (6, 4), (3, 4)
FIXED_IMAGES = (4, 3, 2, 2), (5, 3, 2, 2)

ROWS = {
    "ChannelPReLU": Row(
        layers.ChannelPReLU,
        IMAGES,
        invalid=(
            ({"shared": "pixel"}, "`shared` must be one of"),
            ({"axis": 0}, "`axis` must not be the batch axis"),
            ({"bounded": True, "alpha_initializer": 1.7}, r"must be in \[0, 1\]"),
            ({"bounded": True, "alpha_constraint": "non_neg"}, "`alpha_constraint` must be None"),
        ),
    ),
    "ChannelPReLU-per-layer-bounded": Row(
        lambda: layers.ChannelPReLU("layer", bounded=True), SEQUENCES
    ),
    "ChannelPReLU-per-element": Row(lambda: layers.ChannelPReLU("element"), FIXED_IMAGES),
    "ManualBatchNormalization": Row(
        layers.ManualBatchNormalization,
        SEQUENCES,
        invalid=(
            ({"momentum": 1.5}, r"`momentum` must be in \[0, 1\]"),
            ({"epsilon": 0.0}, "`epsilon` must be above 0"),
            ({"renorm": True, "renorm_clipping": {"max": 1.0}}, "may have the keys"),
            ({"renorm": True, "renorm_clipping": {"rmin": 2.0, "rmax": 1.0}}, "rmin <= rmax"),
        ),
    ),
    "ManualBatchNormalization-renorm": Row(
        lambda: layers.ManualBatchNormalization(
            renorm=True, renorm_clipping={"rmin": 0.5, "rmax": 2.0, "dmax": 1.0}
        ),
        VECTORS,
    ),
    "Maxout": Row(
        lambda: layers.Maxout(5, pieces=3, kernel_regularizer="l2"),
        SEQUENCES,
        invalid=(
            ({"units": 0}, "`units` must be at least 1"),
            ({"units": 2, "pieces": 1}, "`pieces` must be at least 2"),
        ),
    ),
    "MaxoutConv1D": Row(
        lambda: layers.MaxoutConv1D(4, 3, pieces=3, padding="causal", dilation_rate=2),
        SEQUENCES,
        passes_masks=False,
        invalid=(
            ({"filters": 2, "kernel_size": 3, "pieces": 0}, "`pieces` must be at least 2"),
            (
                {"filters": 2, "kernel_size": 3, "activation": "softmax"},
                "on each element separately",
            ),
        ),
    ),
    "MaxoutConv2D": Row(
        lambda: layers.MaxoutConv2D(4, 3, padding="same", strides=2, groups=2, activation="tanh"),
        IMAGES,
        passes_masks=False,
        invalid=(({"filters": 2, "kernel_size": 3, "pieces": 1}, "`pieces` must be at least 2"),),
    ),
    "MaxPieces": Row(
        layers.MaxPieces,
        IMAGES,
        invalid=(
            ({"pieces": 1}, "`pieces` must be at least 2"),
            ({"axis": 0}, "`axis` must not be the batch axis"),
        ),
    ),
    "Whitening": Row(
        layers.Whitening,
        FIXED_IMAGES,
        passes_masks=False,
        invalid=(
            ({"mode": "ica"}, "`mode` must be one of"),
            ({"components": 0}, "`components` must be"),
            ({"components": 1.5}, "`components` must be"),
            ({"epsilon": -1e-3}, "`epsilon` must be at least 0"),
            ({"whiten": False}, "`whiten` must be True"),
            ({"ddof": 2}, "`ddof` must be"),
            ({"solver": "svd"}, "`solver` must be one of"),
            ({"solver": "randomized"}, "`components` must be an int"),
        ),
    ),
    "Whitening-pca-share": Row(lambda: layers.Whitening("pca", 0.8), VECTORS, passes_masks=False),
    "ZeroCenter": Row(
        layers.ZeroCenter,
        IMAGES,
        invalid=(({"axis": 0}, "`axis` must not be the batch axis"),),
    ),
    "ZeroCenter-mean-image": Row(lambda: layers.ZeroCenter(axis=None), FIXED_IMAGES),
}


def check_config_round_trip(row: Row) -> None:
    layer = row.ready()
    config = layer.get_config()
    json.dumps(config)
    assert type(layer).from_config(config).get_config() == config


def check_refuses_invalid_arguments(row: Row) -> None:
    cls = type(row.make())
    for arguments, message in row.invalid:
        with pytest.raises(ValueError, match=message):
            cls(**arguments)


def check_sizes_may_be_unknown(row: Row) -> None:
    """One model takes both shapes, and the symbolic shape agrees with what comes out."""
    model = row.model()
    for index in (0, 1):
        outputs = model(row.batch(index))
        for symbolic, actual in zip(model.output_shape, outputs.shape, strict=True):
            assert symbolic in (None, actual)
        assert tuple(outputs.shape) == model.layers[-1].compute_output_shape(row.shapes[index])


def check_saves_and_loads(row: Row) -> None:
    model = row.model()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.keras"
        model.save(path)
        loaded = keras.saving.load_model(path)
    np.testing.assert_array_equal(_outputs(loaded, row), _outputs(model, row))


def check_clones(row: Row) -> None:
    model = row.model()
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(_outputs(clone, row), _outputs(model, row))


def training_model(row: Row) -> keras.Model:
    """Return a model that ends in one number per example, whatever the layer returns."""
    body = row.model()
    axes = tuple(range(1, len(body.output_shape) - 1))
    pool = keras.layers.Lambda(
        lambda x: ops.mean(x, axis=axes) if axes else x, output_shape=(body.output_shape[-1],)
    )
    return keras.Sequential([body, pool, keras.layers.Dense(1)])


def check_trains(row: Row, jit_compile: bool) -> None:
    """A training step runs, gives a finite loss and reaches every trainable weight."""
    model = training_model(row)
    model.compile("sgd", "mse", jit_compile=jit_compile)
    before = [w.copy() for w in map(ops.convert_to_numpy, model.trainable_weights)]
    batch = row.batch()
    assert np.isfinite(model.train_on_batch(batch, np.ones((len(batch), 1), "float32")))
    for old, new in zip(before, model.trainable_weights, strict=True):
        assert not np.array_equal(old, ops.convert_to_numpy(new)), new.path


def check_runs_in_half_precision(row: Row, policy: str) -> None:
    layer = row.make()
    layer = type(layer).from_config({**layer.get_config(), "dtype": policy})
    if hasattr(layer, "adapt"):
        layer.adapt(np.concatenate([row.batch()] * 2))
    outputs = layer(row.batch())
    assert keras.backend.standardize_dtype(outputs.dtype) == layer.compute_dtype
    assert all(w.dtype == "float32" for w in layer.weights)
    full = type(layer).from_config({**layer.get_config(), "dtype": "float32"})
    full.build(row.shapes[0])
    full.set_weights(layer.get_weights())
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.cast(outputs, "float32")),
        ops.convert_to_numpy(full(row.batch())),
        atol=0.1,
        rtol=0.05,
    )


def check_passes_masks(row: Row) -> None:
    """What `Masking` hides is hidden to the layer behind this one too."""
    if not row.passes_masks:
        return
    x = row.batch()
    x[1, ..., :] = 0.0
    masked = keras.layers.Masking()(x)
    seen = ops.convert_to_numpy(_MaskSeen()(row.ready()(masked)))
    np.testing.assert_array_equal(seen, (x != 0).any(axis=-1))


class _MaskSeen(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.supports_masking = True

    def call(self, inputs, mask=None):
        return ops.zeros(inputs.shape[:-1]) if mask is None else mask


def check_exports(row: Row) -> None:
    if keras.backend.backend() != "tensorflow":
        pytest.skip("Keras exports a SavedModel from JAX and PyTorch only with TensorFlow there")
    import tensorflow as tf

    model = row.model()
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False)
        exported = tf.saved_model.load(folder)
        for index in (0, 1):
            expected = ops.convert_to_numpy(model(row.batch(index)))
            np.testing.assert_allclose(
                exported.serve(row.batch(index)), expected, rtol=1e-5, atol=1e-5
            )


CHECKS = {
    "config": check_config_round_trip,
    "invalid-arguments": check_refuses_invalid_arguments,
    "unknown-sizes": check_sizes_may_be_unknown,
    "save-and-load": check_saves_and_loads,
    "clone": check_clones,
    "training-step": lambda row: check_trains(row, jit_compile=False),
    "float16": lambda row: check_runs_in_half_precision(row, "mixed_float16"),
    "bfloat16": lambda row: check_runs_in_half_precision(row, "mixed_bfloat16"),
    "mask": check_passes_masks,
    "export": check_exports,
}
if keras.backend.backend() != "torch":
    # On PyTorch jit_compile hands the step to torch.compile, which needs a C++ compiler.
    CHECKS["training-step-xla"] = lambda row: check_trains(row, jit_compile=True)


def _outputs(model: keras.Model, row: Row) -> np.ndarray:
    return ops.convert_to_numpy(model(row.batch()))
