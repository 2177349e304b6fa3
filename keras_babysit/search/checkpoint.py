"""The state of a training between two stages, from which another process continues it."""

import os
import pickle
import shutil
import tempfile
import weakref
from dataclasses import dataclass

import keras
import numpy as np

from keras_babysit.backends import to_array

OWNED_BY_FIT = ("_model", "params", "_params", "validation_data")
"""Attributes of a callback that `fit` sets anew."""


@dataclass(frozen=True)
class TrainingState:
    """The state of a training after some epochs.

    Args:
        epochs: Number of epochs so far.
        variables: Values of the model's variables, seeds of layers such as dropout included.
        optimizer: Values of the optimizer's variables.
        callbacks: For each of the user's callbacks, its attributes by name, pickled.
        is_over: Whether a callback has stopped the training.
    """

    epochs: int
    variables: list
    optimizer: list
    callbacks: list
    is_over: bool = False

    def restore(self, model):
        """Assign the state to a model that was built in the same way; False if it does not fit."""
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        pairs = [(model.variables, self.variables), (model.optimizer.variables, self.optimizer)]
        for variables, values in pairs:
            if [tuple(one.shape) for one in variables] != [value.shape for value in values]:
                return False
        for variables, values in pairs:
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        return True


class Capture(keras.callbacks.Callback):
    """Takes the state at the end of an epoch, before callbacks change it at the end of `fit`.

    It must be the last callback.

    Args:
        epoch: Number of the epoch after which the state is taken, counted from 1.
        others: The user's callbacks.
    """

    def __init__(self, epoch, others):
        super().__init__()
        self.state = None
        self._epoch = epoch
        self._others = others

    def on_epoch_end(self, epoch, logs=None):
        """Take the state after the epoch, or where a callback stops the training."""
        is_over = bool(self.model.stop_training)
        if epoch + 1 != self._epoch and not is_over:
            return
        model = self.model
        self.state = TrainingState(
            epoch + 1,
            [np.array(to_array(one)) for one in model.variables],
            [np.array(to_array(one)) for one in model.optimizer.variables],
            [_attributes(one) for one in self._others],
            is_over,
        )


class Restore(keras.callbacks.Callback):
    """Gives callbacks back their attributes, after `on_train_begin` has reset them.

    Args:
        others: The user's callbacks.
        callbacks: See `TrainingState`.
    """

    def __init__(self, others, callbacks):
        super().__init__()
        self._others = others
        self._callbacks = callbacks

    def on_train_begin(self, logs=None):
        """Set the attributes."""
        for one, known in zip(self._others, self._callbacks, strict=True):
            vars(one).update({name: pickle.loads(value) for name, value in known.items()})


class Checkpoints:
    """Training states in a folder, shared by the workers that can reach it.

    A state that is missing or cannot be read costs only time: the trial is then trained from the
    start, with the same result.

    Args:
        folder: The folder; None for a temporary one, which is removed with this object.
    """

    def __init__(self, folder=None):
        if folder is None:
            folder = tempfile.mkdtemp(prefix="search-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._folder = os.fspath(folder)
        os.makedirs(self._folder, exist_ok=True)

    def save(self, key, fold, epochs, state):
        """Store the state of a fold of the trial with this key, after these epochs."""
        path = self._path(key, fold, epochs)
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
            pickle.dump(state, file)
        os.replace(file.name, path)  # nobody reads half of it

    def load(self, key, fold, epochs):
        """Return the state after these epochs; None if there is none."""
        try:
            with open(self._path(key, fold, epochs), "rb") as file:
                return pickle.load(file)
        except Exception:  # missing, torn, or of another version
            return None

    def discard(self, key):
        """Remove the states of a trial."""
        prefix = self._prefix(key)
        for name in os.listdir(self._folder):
            if name.startswith(prefix):
                os.remove(os.path.join(self._folder, name))

    def _path(self, key, fold, epochs):
        return os.path.join(self._folder, f"{self._prefix(key)}fold-{fold}-epoch-{epochs}.pickle")

    def _prefix(self, key):
        return "trial-" + "-".join(map(str, key)) + "-"


def _attributes(callback):
    found = {}
    for name, value in vars(callback).items():
        if name in OWNED_BY_FIT:
            continue
        try:
            found[name] = pickle.dumps(value)
        except Exception:
            continue  # a lock or a file: the callback makes a new one
    return found
