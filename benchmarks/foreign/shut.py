"""Tests whether units that are inactive for the few examples of a model are inactive for many."""

import keras
import numpy as np

from benchmarks.foreign.foreign_model import ForeignModel
from benchmarks.foreign.watch import prepare, train

COARSE, MORE = 4, 500


def smooth(x: np.ndarray) -> np.ndarray:
    """Return smooth random images of the size of `x`, with the same range per channel."""
    low, high = x.min(axis=(0, 1, 2)), x.max(axis=(0, 1, 2))
    shape = (MORE, COARSE, COARSE, x.shape[-1])
    coarse = np.random.default_rng(1).uniform(low, high, shape)
    fine = keras.ops.image.resize(coarse, x.shape[1:3], "bilinear")
    return np.array(keras.ops.convert_to_numpy(fine)).astype("float32")


def shut(case: ForeignModel) -> str:
    """Return a table of the fraction of ReLU units per layer that no example activates.

    Args:
        case: A functional model that takes images. It is trained first.
    """
    model = prepare(case)
    train(model, case, [], epochs=1)
    rectifiers = [
        layer
        for layer in model.layers
        if getattr(getattr(layer, "activation", None), "__name__", "") == "relu"
    ]
    outputs = keras.Model(model.input, [layer.output for layer in rectifiers])
    own = case.data()[0]
    fractions = [_fractions(outputs, x) for x in (own, smooth(own))]
    lines = [f"| {case.name} | its {len(own)} examples | {MORE} smooth images |", "|---|---|---|"]
    for layer, few, many in zip(rectifiers, *fractions, strict=True):
        lines.append(f"| {layer.name} | {few:.0%} | {many:.0%} |")
    return "\n".join(lines)


def _fractions(outputs: keras.Model, x: np.ndarray) -> list[float]:
    found = outputs.predict(x, batch_size=20, verbose=0)
    parts = found if isinstance(found, list) else [found]
    return [float(np.mean(part.reshape(-1, part.shape[-1]).max(axis=0) <= 0)) for part in parts]
