"""The probe of a model with a training step of its own: that step itself, run with taps.

It offers what `Probe` offers. Activations, gradients and losses are those of the step; batch and
weights are read on the host.
"""

import keras

from keras_babysit.errors import NothingSeenError
from keras_babysit.probes import host_probe, taps
from keras_babysit.probes.facts import output_layers
from keras_babysit.probes.keras_step import KerasStep
from keras_babysit.probes.loss_facts import has_plain_loss
from keras_babysit.probes.probe import weight_names
from keras_babysit.probes.tapped_step import TappedStep


class StepProbe:
    """Measures activations, losses, gradients and weights in a training step of the user's.

    Args:
        model: A compiled and built `keras.Model`.
        step: How to run the step: an object whose `run(tapped, state, batch, scale=...)` returns
            what was `Seen`; None for `model.train_step`.

    Attributes:
        has_run: Whether it has run once without an error.
        has_loss: Whether `model(x)` and `model.compute_loss` are what is trained, for a score.
        rows: After the latest run, the predictions for the first examples, by index of the output;
            none if the step does not call the model itself.
        losses: After the latest run, each loss that the step returned or that a layer added.
        untracked: Empty: which weights a step reads besides those of the model is not known.
    """

    def __init__(self, model, *, step=None):
        self.model = model
        self.step = step or KerasStep(model)
        self.has_loss = has_plain_loss(model) and type(model).call is not keras.Model.call
        self.has_call = True
        self.has_run = False
        self.rows = {}
        self.losses = {}
        self.untracked = ()
        self.watched = taps.leaves(model)
        self._tapped = TappedStep(model)
        self._weights = weight_names(model)

    def __call__(self, state, batch, *, loss_scale=1.0, takes_gradients=True):
        """Return the readings by quantity and target, as numpy arrays; arguments as of `Probe`.

        Raises:
            NothingSeenError: If the step calls no layer of the model.
            Exception: What the step raises.
        """
        del takes_gradients  # a step takes them in any case
        if not self.has_run:
            self._tapped.expect(batch[0])
        seen = self.step.run(self._tapped, state, batch, scale=loss_scale)
        if not self.layers:
            raise NothingSeenError(f"The step must call a layer. Received: {self.model.name!r}")
        self.rows, self.losses = seen.rows, seen.losses
        self.has_run = True
        return host_probe.read_on_host(self._weights, state, batch) | seen.readings

    @property
    def calls_on_batch(self):
        """After the first run, whether the step calls the model on the inputs of the batch."""
        return self._tapped.calls_on_expected

    @property
    def has_optimizer(self):
        """After the first run, whether the step can reach an optimizer."""
        return self._tapped.has_optimizer

    @property
    def layers(self):
        """After the first run, the layer of each target."""
        return self._tapped.layers

    @property
    def profiles(self):
        """After the first run, the kind of activation by target (see `gates.Profile`)."""
        return self._tapped.profiles

    @property
    def sequences(self):
        """After the first run, what `LayerFacts` say of sequences and networks, by target."""
        return self._tapped.sequences

    @property
    def outputs(self):
        """As of `Probe`; empty if the step does not call the model itself."""
        return self._tapped.outputs

    @property
    def shapes(self):
        """As of `Probe`; empty if the step does not call the model itself."""
        return self._tapped.shapes

    @property
    def structure(self):
        """As of `Probe`; None if the step does not call the model itself."""
        return self._tapped.structure

    @property
    def applied(self):
        """After the first run, the names of the weights that each optimizer updates."""
        return self._tapped.applied

    def ends(self):
        """Return the targets that make up the outputs of each network that the step calls."""
        networks = {}
        for target, layer in self.layers.items():
            name = self.sequences[target]["network"]
            networks.setdefault(name, {})[target] = layer
        ends = set()
        for members in networks.values():
            made = [(target, None) for target in members if target in self._tapped.made]
            last = next((t for t in reversed(members) if members[t].weights), None)
            ends |= output_layers(members, made or [(last, None)] if last else [])
        return ends
