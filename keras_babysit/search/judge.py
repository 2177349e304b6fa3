"""Whether a trained model over- or underfits, measured in inference mode."""

import keras
import numpy as np

from keras_babysit import baselines
from keras_babysit.backends import to_array
from keras_babysit.history import Measurement
from keras_babysit.rules import overfitting, underfitting
from keras_babysit.search.predictions import predictions


def judge(model, sitter, train, validation):
    """Return the names of the rules that find over- or underfitting in inference mode.

    Args:
        model: The trained model.
        sitter: The `Babysitter` that watched its training.
        train: `(x, y, sample_weight)` of training examples.
        validation: The same of the validation part.
    """
    history = sitter.history
    train, validation = (_first(part, baselines.MAX_VOTERS) for part in (train, validation))
    outputs, neighbours = history.facts.outputs, None
    tasks = [_task(model, outputs, *part) for part in (train, validation)]
    if tasks[0] is not None:
        are_tokens = baselines.takes_tokens(model)
        neighbours = baselines.Neighbours(are_tokens=are_tokens).errors(tasks[0], train[0])
    for key, value in baselines.compare_with_baselines(*tasks, neighbours).items():
        history.append(Measurement(history.step, history.epoch, *key, value))
    history.note(has_ended=True)
    return [
        finding.rule
        for rule in (overfitting, underfitting)
        for finding in rule(history, patience=1)
    ]


def _first(part, most):
    return keras.tree.map_structure(lambda leaf: None if leaf is None else leaf[:most], part)


def _task(model, outputs, x, y, sample_weight):
    """Return the `Task` of the model on these examples; None if it cannot be determined."""
    y_pred = _predict(model, x)
    if y_pred is None or y_pred.ndim != 2 or not isinstance(y, np.ndarray):
        return None
    return baselines.read_task(y, y_pred, outputs, sample_weight)


def _predict(model, x):
    """Return the predictions of a model with one output; None if it has several."""
    parts = []
    for outputs in predictions(model, x):
        if not hasattr(outputs, "shape"):
            return None
        parts.append(to_array(outputs))
    return np.concatenate(parts)
