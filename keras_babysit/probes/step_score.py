"""Scores of a model that trains on something only its own steps know: its `test_step`, as it is."""

import keras

from keras_babysit.backends import backend, kept_state
from keras_babysit.backends.untouched import untouched_random_state
from keras_babysit.baselines import mean_and_error
from keras_babysit.probes.keras_step import as_tensors, pack
from keras_babysit.probes.step_losses import main_loss, numbers_in
from keras_babysit.samples.sample import SLICES


def has_test_step(model):
    """Return whether a model says how well it does, although it is not compiled with a loss.

    That is so with a `test_step` of its own, and with a `compute_loss` of its own, which Keras'
    `test_step` calls.
    """
    kind = type(model)
    is_plain = kind.test_step is keras.Model.test_step
    return not is_plain or kind.compute_loss is not keras.Model.compute_loss


class StepScore:
    """Scores a model by its `test_step`, on slices of a sample.

    It has the interface of `Score`: neither predictions nor gates are read. All that the step can
    reach is put back, see `backends.kept_state`, and the random state too.

    Args:
        model: A compiled and built `keras.Model`.

    Attributes:
        form: The number of entries of a batch as the data come, None if that is no tuple.
        is_compiled: False: on JAX alone the step is compiled.
        parts: Empty: no predictions are read.
        layers: Empty: no layers are read.
    """

    is_compiled = False
    parts = ()
    layers = ()

    def __init__(self, model):
        self.form = None
        self.model = model
        self._graph = None

    def __call__(self, state, sample, max_examples, batch_size=None):
        """Return the scores by name, as pairs of a mean and its standard error.

        Args:
            state: Values of the variables as `backend.state` returns them.
            sample: A `Sample`.
            max_examples: Maximum number of examples that are scored at a time.
            batch_size: The only batch size that the model accepts, None if it accepts any.

        Returns:
            The scores, empty for fewer than `SLICES` examples; None and an empty list in place of
            predictions and gates. The loss that the step minimizes is `"loss"`, if it is clear
            which one that is.
        """
        slices = {}
        length = min(len(sample) // SLICES, max_examples)
        if batch_size is not None:
            length = batch_size if length >= batch_size else 0
        for batch in sample.slices(length) if length else ():
            for name, value in self._run(state, batch).items():
                slices.setdefault(name, []).append(value)
        return {name: mean_and_error(values) for name, values in slices.items()}, None, []

    def _run(self, state, batch):
        """Return what the step returns of one batch, as floats, with metrics of that batch only."""
        model = self.model
        data = as_tensors(pack(batch, self.form))
        with (
            untouched_random_state(),
            backend.keep_hidden_state(model),
            kept_state(model.test_step, model) as kept,
        ):
            for metric in kept.metrics:
                metric.reset_state()
            if keras.backend.backend() == "jax":
                found = numbers_in(self._stateless(state, data))
            else:
                if keras.backend.backend() == "torch":
                    model.eval()  # as Keras calls it before each step
                with backend.without_gradients():
                    found = numbers_in(model.test_step(data))
        main = main_loss({name: value for name, value in found.items() if "loss" in name.lower()})
        if main is not None and main != "loss":
            found["loss"] = found[main]
        return found

    def _stateless(self, state, data):
        model = self.model
        trainable, other, _ = state
        count = len(model.non_trainable_variables)
        reset = [value for one in model.metrics for value in one.stateless_reset_state()]
        values = (list(trainable), list(other[:count]), reset)
        if self._graph is None:
            self._graph = backend.compile(lambda three, data: model.test_step(three, data)[0])
        return self._graph(values, data)
