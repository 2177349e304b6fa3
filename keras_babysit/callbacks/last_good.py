"""The last good weights of a run, to put back when it is lost."""

import numpy as np

from keras_babysit.probes import backend


class LastGood:
    """Keeps one copy of the weights on the host.

    Args:
        model: The model in `fit`.
    """

    def __init__(self, model):
        self._model = model
        self._values = None

    def keep(self, arguments):
        """Keep the weights that `model` has at the start of a step with these arguments."""
        trainable, other, _ = backend.state(self._model, arguments)
        self._values = [np.array(backend.to_numpy(v)) for v in (*trainable, *other)]

    def put_back(self):
        """Give the model the kept weights; leaves it as it is if there are none."""
        model = self._model
        variables = [
            *model.trainable_variables,
            *model.non_trainable_variables,
            *model.metrics_variables,
        ]
        for variable, value in zip(variables, self._values or (), strict=False):
            variable.assign(value)
