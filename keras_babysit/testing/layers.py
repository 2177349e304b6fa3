"""What every layer must do, as checks.

A check takes a `LayerCase` and fails by assertion.
"""

import dataclasses
import json
import pathlib
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from keras_babysit.testing.parametrize import parametrize


@dataclasses.dataclass(frozen=True)
class LayerCase:
    """One layer in one configuration.

    Args:
        make: Returns a new layer.
        shapes: Shapes of two batches; a size in which they differ is unknown to the model.
        passes_masks: Whether a mask on the inputs reaches the next layer.
        invalid: Arguments that the constructor must refuse with a `ValueError`, each with a pattern
            of its message.
    """

    make: Callable[[], keras.layers.Layer]
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    passes_masks: bool = True
    invalid: tuple[tuple[dict[str, Any], str], ...] = ()

    def batch(self, index: int = 0) -> np.ndarray:
        """Return one of the two batches."""
        return np.random.default_rng(index).normal(1.0, 2.0, self.shapes[index]).astype("float32")

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the inputs with None for what may vary, the batch size included."""
        pairs = zip(*self.shapes, strict=True)
        return tuple(size if size == other else None for size, other in pairs)

    def ready(self) -> keras.layers.Layer:
        """Return a new layer, adapted if it has an `adapt` method."""
        layer = self.make()
        if hasattr(layer, "adapt"):
            layer.adapt(np.concatenate([self.batch()] * 2))
        return layer

    def model(self, layer: keras.layers.Layer | None = None) -> keras.Model:
        """Return a functional model of the layer alone."""
        inputs = keras.Input(self.input_shape[1:])
        return keras.Model(inputs, (layer or self.ready())(inputs))

    def training_model(self) -> keras.Model:
        """Return a model that ends in one number per example, whatever the layer returns."""
        body = self.model()
        axes = tuple(range(1, len(body.output_shape) - 1))
        pool = keras.layers.Lambda(
            lambda x: ops.mean(x, axis=axes) if axes else x, output_shape=(body.output_shape[-1],)
        )
        return keras.Sequential([body, pool, keras.layers.Dense(1)])


def parametrize_checks(cases: Mapping[str, LayerCase]) -> pytest.MarkDecorator:
    """Return a decorator that calls a test with every `case` and every `check`.

    Args:
        cases: Layers by name, one per configuration that matters.

    Example:
        >>> cases = {"Dense": LayerCase(lambda: keras.layers.Dense(3), ((4, 2), (5, 2)))}
        >>> @parametrize_checks(cases)
        ... def test_layers(case, check):
        ...     check(case)
    """
    return parametrize(cases, CHECKS)


def check_config_round_trip(case: LayerCase) -> None:
    """The configuration is JSON, and a layer made from it has the same."""
    layer = case.ready()
    config = layer.get_config()
    json.dumps(config)
    assert type(layer).from_config(config).get_config() == config


def check_refuses_invalid_arguments(case: LayerCase) -> None:
    """Arguments are checked in the constructor."""
    cls = type(case.make())
    for arguments, message in case.invalid:
        with pytest.raises(ValueError, match=message):
            cls(**arguments)


def check_sizes_may_be_unknown(case: LayerCase) -> None:
    """One model takes both shapes, and the symbolic shape agrees with what comes out."""
    model = case.model()
    for index in (0, 1):
        outputs = model(case.batch(index))
        for symbolic, actual in zip(model.output_shape, outputs.shape, strict=True):
            assert symbolic in (None, actual)
        assert tuple(outputs.shape) == model.layers[-1].compute_output_shape(case.shapes[index])


def check_saves_and_loads(case: LayerCase) -> None:
    """A saved and loaded model returns the same."""
    model = case.model()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.keras"
        model.save(path)
        loaded = keras.saving.load_model(path)
    np.testing.assert_array_equal(_outputs(loaded, case), _outputs(model, case))


def check_clones(case: LayerCase) -> None:
    """A clone with the same weights returns the same."""
    model = case.model()
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(_outputs(clone, case), _outputs(model, case))


def check_trains(case: LayerCase, jit_compile: bool) -> None:
    """A training step runs, gives a finite loss and reaches every trainable weight."""
    model = case.training_model()
    model.compile("sgd", "mse", jit_compile=jit_compile)
    before = [w.copy() for w in map(ops.convert_to_numpy, model.trainable_weights)]
    batch = case.batch()
    assert np.isfinite(model.train_on_batch(batch, np.ones((len(batch), 1), "float32")))
    for old, new in zip(before, model.trainable_weights, strict=True):
        assert not np.array_equal(old, ops.convert_to_numpy(new)), new.path


def check_runs_in_half_precision(case: LayerCase, policy: str) -> None:
    """Outputs are in half precision, weights are not, and both are near those of float32."""
    layer = case.make()
    layer = type(layer).from_config({**layer.get_config(), "dtype": policy})
    if hasattr(layer, "adapt"):
        layer.adapt(np.concatenate([case.batch()] * 2))
    outputs = layer(case.batch())
    assert keras.backend.standardize_dtype(outputs.dtype) == layer.compute_dtype
    assert all(w.dtype == "float32" for w in layer.weights)
    full = type(layer).from_config({**layer.get_config(), "dtype": "float32"})
    full.build(case.shapes[0])
    full.set_weights(layer.get_weights())
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.cast(outputs, "float32")),
        ops.convert_to_numpy(full(case.batch())),
        atol=0.1,
        rtol=0.05,
    )


def check_passes_masks(case: LayerCase) -> None:
    """What `Masking` hides is hidden from the layer behind this one too."""
    if not case.passes_masks:
        return
    x = case.batch()
    x[1, ..., :] = 0.0
    masked = keras.layers.Masking()(x)
    seen = ops.convert_to_numpy(_MaskSeen()(case.ready()(masked)))
    np.testing.assert_array_equal(seen, (x != 0).any(axis=-1))


class _MaskSeen(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.supports_masking = True

    def call(self, inputs, mask=None):
        return ops.zeros(inputs.shape[:-1]) if mask is None else mask


def check_exports(case: LayerCase) -> None:
    """A SavedModel takes batches of both shapes and returns the same."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip(
            "Keras exports a SavedModel from JAX and PyTorch only if TensorFlow is installed"
        )
    import tensorflow as tf

    model = case.model()
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False)
        exported = tf.saved_model.load(folder)
        for index in (0, 1):
            expected = ops.convert_to_numpy(model(case.batch(index)))
            np.testing.assert_allclose(
                exported.serve(case.batch(index)), expected, rtol=1e-5, atol=1e-5
            )


CHECKS: dict[str, Callable[[LayerCase], None]] = {
    "config": check_config_round_trip,
    "invalid-arguments": check_refuses_invalid_arguments,
    "unknown-sizes": check_sizes_may_be_unknown,
    "save-and-load": check_saves_and_loads,
    "clone": check_clones,
    "training-step": lambda case: check_trains(case, jit_compile=False),
    "float16": lambda case: check_runs_in_half_precision(case, "mixed_float16"),
    "bfloat16": lambda case: check_runs_in_half_precision(case, "mixed_bfloat16"),
    "mask": check_passes_masks,
    "export": check_exports,
}
if keras.backend.backend() != "torch":
    # On PyTorch jit_compile hands the step to torch.compile, which needs a C++ compiler.
    CHECKS["training-step-xla"] = lambda case: check_trains(case, jit_compile=True)


def _outputs(model: keras.Model, case: LayerCase) -> np.ndarray:
    return ops.convert_to_numpy(model(case.batch()))
