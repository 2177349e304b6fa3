"""A trial of a search with KerasTuner, which copies the callbacks of a search for each trial.

KerasTuner is imported when it trains; the extra `bench` provides it.
"""

import tempfile
from typing import Any

import keras


def train(model: keras.Model, x: Any, y: Any, options: dict[str, Any]) -> None:
    """Train a model as the only trial of a search.

    Args:
        model: The compiled model.
        x: The inputs.
        y: The targets.
        options: What else `fit` is called with.
    """
    import keras_tuner

    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.RandomSearch(
            lambda hp: model,
            objective=keras_tuner.Objective("loss", "min"),
            max_trials=1,
            directory=folder,
        )
        tuner.search(x, y, **options)
