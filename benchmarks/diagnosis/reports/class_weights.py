"""Reports: class weights that change nothing, or too much."""

from typing import Any

import keras
import numpy as np

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training, report

KIND = "class weights"


def rare_class(rng: np.random.Generator, n: int, count: int) -> parts.Data:
    """Return two classes that overlap, one of which has 4 % of the examples."""
    y = (rng.random(n) < 0.04)[:, None].astype(float)
    x = rng.normal(size=(n, 12))
    x[:, :5] += 0.65 * y
    return parts.cut(x, y, count)


def classifier(rate: float = 1e-3) -> keras.Model:
    """Return a compiled classifier that reports its recall."""
    model = parts.mlp(12, 16, last=1, activation="sigmoid")
    metrics = ["accuracy", keras.metrics.Recall(name="recall")]
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=metrics)
    return model


@report("https://github.com/tensorflow/tensorflow/issues/98283", KIND)
def class_weights_of_unknown_keys(repaired: bool, rng: np.random.Generator) -> Training:
    """The keys of the class weights are texts, match no class and are passed over in silence."""
    data = rare_class(rng, 4500, 2500)
    weights: dict[Any, float] = {0: 1.0, 1: 24.0}
    if not repaired:
        weights = {str(key): value for key, value in weights.items()}
    model = classifier()
    fit = parts.arguments(data, epochs=10, batch_size=64, class_weight=weights)
    return Training(model, fit, parts.balanced(model, data.x_val, data.y_val))


@report("https://github.com/keras-team/keras/issues/1875", KIND)
def class_weights_all_equal(repaired: bool, rng: np.random.Generator) -> Training:
    """The formula of the class weights returns the same number for both classes."""
    data = rare_class(rng, 4500, 2500)
    weights = {0: 1.0, 1: 24.0} if repaired else {0: 34.0, 1: 34.0}
    model = classifier()
    fit = parts.arguments(data, epochs=10, batch_size=64, class_weight=weights)
    return Training(model, fit, parts.balanced(model, data.x_val, data.y_val))


@report("https://github.com/abdubakr77/dental-xray-ai/issues/20", KIND)
def weights_on_top_of_oversampling(repaired: bool, rng: np.random.Generator) -> Training:
    """Rare examples are duplicated until classes are even, and weighted for their rarity too."""
    data = rare_class(rng, 4500, 2500)
    rare = np.flatnonzero(data.y[:, 0] > 0.5)
    more = rng.choice(rare, len(data.y) - 2 * len(rare))
    order = rng.permutation(np.concatenate([np.arange(len(data.y)), more]))
    data = data._replace(x=data.x[order], y=data.y[order])
    weights = None if repaired else {0: 1.0, 1: 24.0}
    model = classifier()
    fit = parts.arguments(data, epochs=4, batch_size=64, class_weight=weights)
    return Training(model, fit, parts.balanced(model, data.x_val, data.y_val))
