"""A training step of any kind, run as it is: what its layers compute, what its optimizers get.

The step may be a `train_step` or any function of a loop. It is run once more on a batch, with taps
on every layer and every optimizer; then everything that it can reach is put back.
"""

import contextlib
from dataclasses import dataclass
from typing import Any

import keras

from keras_babysit.backends import backend, kept_state, to_array
from keras_babysit.backends.untouched import untouched_random_state
from keras_babysit.probes import taps
from keras_babysit.probes.attention import attention_layers, tapped_attention
from keras_babysit.probes.averages import Averages
from keras_babysit.probes.code_noise import CodeNoise
from keras_babysit.probes.embeddings import read_pair, read_triplet
from keras_babysit.probes.fixed_seeds import tapped_seeds
from keras_babysit.probes.image_layers import describe_images
from keras_babysit.probes.module_taps import modules_of
from keras_babysit.probes.optimizer_taps import name_optimizers, rate_of, tapped_optimizer
from keras_babysit.probes.own_penalties import tapped_regularizers
from keras_babysit.probes.probe import pop_rows, read_prediction, read_rows, weight_names
from keras_babysit.probes.readings import Readings, merge_calls, moments, norm, unpack
from keras_babysit.probes.sequence_layers import (
    describe_sequence,
    inside_bidirectional,
    read_mask,
    read_numbers,
)
from keras_babysit.probes.step_losses import losses_in, main_loss
from keras_babysit.probes.units import read_openings, read_output, read_stored
from keras_babysit.shadow import shadowed

MAX_CALLS_APART = 4
"""Calls of one layer in a step that are measured apart; a discriminator is called on real and on
generated examples, and once more for the generator. Later ones count for dead units only."""


@dataclass(frozen=True)
class Seen:
    """What one run of a step showed.

    Args:
        readings: Numbers and vectors per unit, by quantity and target.
        losses: Each loss that the step returned or that a layer added, by its name.
        result: What the step returned. Its tensors are those of the run that was put back.
        rows: The predictions for the first examples, by index of the output, where the step calls
            the model itself.
    """

    readings: dict
    losses: dict
    result: Any
    rows: dict


class TappedStep:
    """Runs training steps as they are, with taps, and leaves no trace of them.

    Everything that the step can reach is put back, see `backends.kept_state`, and the random states
    too. Compiled functions inside it (`tf.function`, `jax.jit`, `torch.compile`) are run as they
    are written, or are compiled once more with the taps.

    A layer that is called several times has a target for each of its first four calls: `"d1"`,
    `"d1#2"` and so on. Dead and saturated units are those over all calls, under `"d1"`. The norm of
    a gradient is that of the last time an optimizer got one for the weight in this step.

    Args:
        model: A built `keras.Model`, whose layers are measured.
        optimizers: The optimizers by name; None for those that the step can reach.

    Attributes:
        layers: After the first run, the layer of each target, without further calls of it.
        profiles: After the first run, the kind of activation by target (see `gates.Profile`).
        sequences: After the first run, what `LayerFacts` say of sequences and networks, by target.
        outputs: After the first run, for each output of the model the target that made it and its
            last function, or None. Empty where the step does not call the model itself.
        shapes: After the first run, the shape of each output for one example.
        structure: After the first run, the nested structure of the outputs, with None for each.
        made: After the first run, the targets that made the outputs of the model and its parts.
        applied: After the first run, the names of the weights that each optimizer updates, by its
            name.
        has_optimizer: After the first run, whether the step can reach an optimizer.
        calls_on_expected: After the first run, whether the step calls the model on the inputs that
            it was to `expect`.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, name="d")])
        >>> seen = TappedStep(model)(lambda x: model(x), np.ones((8, 4), "float32"))
        >>> seen.readings["activations/mean", "d"].shape
        ()
    """

    def __init__(self, model, *, optimizers=None):
        self.model = model
        self.layers = {}
        self.profiles = {}
        self.sequences = {}
        self.outputs = []
        self.shapes = []
        self.structure = None
        self.made = set()
        self.applied = {}
        self.has_optimizer = False
        self.calls_on_expected = False
        self._expected = None
        self._given = optimizers
        self._watched = taps.leaves(model)
        self._names = taps.names(self._watched)
        self._modules = [
            one for layer in self._watched for one in modules_of(layer, self._names[id(layer)])
        ]
        self._pairs = inside_bidirectional(model)
        self._attention = attention_layers(model)
        self._attention_names = taps.names(self._attention)
        self._networks = {}  # by their names
        self._penalized = {id(v) for v in model.trainable_variables if v.regularizer is not None}
        self._embeddings = {}  # inputs and outputs of the calls in this run, by name of the network
        self._has_head = False  # whether another layer with weights was called after these
        self._averages = Averages(taps.outermost(model))
        self._noise = CodeNoise()
        self._calls = {}  # how often each was called in this run, by its name
        self._inside = []  # names of the networks that are being called, the outermost first
        self._made_by = {}  # by id of an output: the output itself, and the call that made it
        self._arrived = []
        self._added_in = {}  # by name of a layer that adds a loss: the network it was called in
        self._has_read = set()  # names of the layers whose added losses the step read
        self._penalized_read = set()  # ids of the variables whose weight penalties it read
        self._updated = set()  # ids of the variables that an optimizer was given
        self._sent = 0

    def __call__(self, function, *args, **kwargs):
        """Run `function(*args, **kwargs)` and return what was `Seen`.

        Raises:
            UnkeepableStateError: If the function holds state that cannot be put back.
            Exception: What the function raises; everything is put back as well.
        """
        return self.run(function, *args, **kwargs)

    def expect(self, inputs):
        """Let the next run find out whether the step calls the model on these inputs."""
        self._expected = inputs

    def run(
        self,
        function,
        *args,
        roots=(),
        resets=False,
        scale=1.0,
        rates=None,
        is_again=False,
        **kwargs,
    ):
        """Run a function, as a call of this object does.

        Args:
            function: The step.
            args: Its arguments.
            roots: Further objects that the function reaches, to put back.
            resets: Whether to start from metrics that are reset, so that what the step returns is
                of this batch alone.
            scale: Factor of the loss in mixed precision, that of the gradients.
            rates: Learning rates by the name of the optimizer, where it cannot be asked itself.
            is_again: Whether the step has just been run on these arguments: the gradients that it
                finds are then its own, and not looked at.
            kwargs: Its keyword arguments.
        """
        self._arrived = []
        self._added_in, self._has_read, self._updated = {}, set(), set()
        self._penalized_read = set()
        self._noise = CodeNoise()
        self._calls, self._embeddings, self._has_head = {}, {}, False
        seeds = {}
        args, kwargs = keras.tree.map_structure(backend.own, (args, kwargs))
        with contextlib.ExitStack() as stack:
            stack.enter_context(untouched_random_state())
            stack.enter_context(backend.keep_hidden_state(self.model))
            kept = stack.enter_context(kept_state(function, self.model, *roots, args, kwargs))
            counts = self._counts_left_over(kept.metrics)
            if resets:
                for metric in kept.metrics:
                    metric.reset_state()
            optimizers = self._given or name_optimizers(self.model, kept.optimizers)
            self.has_optimizer = bool(optimizers)
            known = {name: rate_of(one) for name, one in optimizers.items()} | (rates or {})
            stack.enter_context(backend.uncompiled())
            with contextlib.ExitStack() as tapping:
                self._enter_taps(tapping, optimizers)
                tapping.enter_context(tapped_seeds(_sizes(args, kwargs), seeds.__setitem__))
                with self._summing_up({} if is_again else optimizers) as earlier:
                    self._averages.note_start()
                    result = function(*args, **kwargs)
                    followed = self._averages.read(self._updated)
            returned = losses_in(result)
            self._confirm(earlier, optimizers, function, args, kwargs)
        self._made_by.clear()
        self._noise = CodeNoise()
        followed |= self._read_pairs((args, kwargs))
        readings = self._collect(scale) | followed
        for place, seed in seeds.items():
            readings["random/fixed_seed", place] = float(seed)
        for name, value in earlier.items():
            target = name if len(self.applied) > 1 else ""
            readings["gradients/applied_before", target] = float(value)
        if isinstance(result, dict):
            readings |= {("metrics/updates", n): c for n, c in counts.items() if n in result}
        rows = pop_rows(readings)
        losses = returned | {
            target: float(value) for (name, target), value in readings.items() if name == "added"
        }
        apart = [value for (name, _), value in readings.items() if name == "apart"]
        self.calls_on_expected = self.calls_on_expected or (bool(apart) and not any(apart))
        for name in self._left_out():
            if ("added", name) in readings:
                readings["loss/left_out", name] = readings["added", name]
        penalized = [one for one in self._updated if one in self._penalized]
        if penalized:
            unread = [one for one in penalized if one not in self._penalized_read]
            readings["loss/penalties_unread", ""] = len(unread) / len(penalized)
        own = ("added", "apart")
        readings = {key: value for key, value in readings.items() if key[0] not in own}
        self._add_losses(readings, losses)
        self._add_rates(readings, known)
        return Seen(readings, losses, result, rows)

    def _counts_left_over(self, metrics):
        """Return the updates so far of each metric that Keras does not reset, by its name.

        Keras resets those in `model.metrics` at the start of an epoch. On JAX a step cannot update
        others.
        """
        if keras.backend.backend() == "jax":
            return {}
        reset = {id(one) for one in self.model.metrics}
        return {
            one.name: float(to_array(one.count.value))
            for one in metrics
            if id(one) not in reset and isinstance(one, keras.metrics.Mean)
        }

    def _enter_taps(self, stack, optimizers):
        model = self.model
        stack.enter_context(taps.without_remat(model))
        for layer in model._flatten_layers():
            stack.enter_context(shadowed(layer, "add_loss", self._adding(layer)))
            stack.enter_context(shadowed(layer, "_get_own_losses", self._reading(layer)))
        stack.enter_context(tapped_regularizers(model, self._penalized_read.update))
        leaves = {id(layer) for layer in self._watched}
        for layer in [model, *taps.outermost(model)]:
            if id(layer) not in leaves and not isinstance(layer, taps.OPAQUE_LAYERS):
                stack.enter_context(shadowed(layer, "call", self._calling(layer)))
        for layer in self._watched:
            if hasattr(layer, "moving_mean") and layer.trainable:
                stack.enter_context(shadowed(layer, "call", self._storing(layer)))
        stack.enter_context(taps.tapped(self._watched, self._names, self._record))
        for module in self._modules:
            stack.enter_context(module.tapped(self._record))
        attention = tapped_attention(self._attention, self._attention_names, _Outlet(self._send))
        stack.enter_context(attention)
        names = dict(zip(map(id, model.trainable_variables), weight_names(model), strict=True))
        for name, optimizer in optimizers.items():
            receive = self._receiving(name, names)
            stack.enter_context(tapped_optimizer(optimizer, model.trainable_variables, receive))

    @contextlib.contextmanager
    def _summing_up(self, optimizers):
        """Yield what is found by optimizer: whether it gets gradients from before the step."""
        found = {}
        with backend.summed_gradients(self.model.trainable_variables) as contain_earlier:
            if contain_earlier is None:
                yield found
                return

            def receiving(name):
                def receive(pairs):
                    answer = contain_earlier([variable for _, variable in pairs])
                    if answer is not None:
                        found.setdefault(name, answer)

                return receive

            with contextlib.ExitStack() as stack:
                for name, optimizer in optimizers.items():
                    tap = tapped_optimizer(
                        optimizer, self.model.trainable_variables, receiving(name)
                    )
                    stack.enter_context(tap)
                yield found

    def _confirm(self, earlier, optimizers, function, args, kwargs):
        """Run the step once more, to tell a gradient that is summed up from one applied before.

        A step that accumulates gradients on purpose sets them to zero after it has applied them,
        so that the second run does not find what the first one found.
        """
        suspects = {name: one for name, one in optimizers.items() if earlier.get(name)}
        if not suspects:
            return
        with self._summing_up(suspects) as again, contextlib.suppress(Exception):
            function(*args, **kwargs)
        for name in suspects:
            if not again.get(name):
                del earlier[name]

    def _send(self, readings):
        packed, layout = readings.pack(), list(readings.layout)
        if not layout:
            return
        self._sent += 1
        number = self._sent  # callbacks of JAX run in any order
        backend.hand_out(lambda arrived: self._arrived.append((number, layout, arrived)), packed)

    def _record(self, call):
        if isinstance(call.y, keras.KerasTensor):
            return
        target, _, number = call.target.partition("#")
        if self._embeddings and call.layer.weights:
            is_embedding = any(name in self._embeddings for name in self._inside)
            self._has_head = self._has_head or not is_embedding
        if self._inside:  # held until that network is left
            self._made_by[id(call.y)] = (call.y, target, call.function)
        readings = Readings()
        self._noise.see(call, readings)
        if int(number.partition("[")[0] or 1) > MAX_CALLS_APART:
            read_openings(readings, call)
            self._send(readings)
            return
        profile = read_output(readings, call)
        if not number:
            self.layers[target] = call.layer
            self.profiles[target] = profile
            network = self._inside[0] if self._inside else None
            received = describe_sequence(call, self._pairs) | describe_images(call)
            self.sequences[target] = received | {"network": network}
            read_mask(readings, call)
            read_numbers(readings, call)
        self._send(readings)

    def _calling(self, layer):
        """Return what stands in for `call` of the model, or of a network in it."""
        inner = layer.call
        name = "" if layer is self.model else layer.name

        def call(*args, **kwargs):
            if backend.is_recomputing():
                return inner(*args, **kwargs)
            if layer is self.model and self._expected is not None:
                self._compare_inputs(args[0] if args else kwargs)
            self._inside.append(name)
            self._networks.setdefault(name, layer)
            if len(self._inside) == 1:
                self._read_inputs(name, args)
            try:
                outputs = inner(*args, **kwargs)
            finally:
                self._inside.pop()
            self._follow_embeddings(name, args, outputs)
            if not self._inside:
                self._end_network(layer, outputs)
            return outputs

        return call

    def _storing(self, layer):
        """Return what stands in for `call` of a layer that has moving averages.

        They are read at its first call, before that call can change them.
        """
        inner, waiting = layer.call, [self._names[id(layer)]]

        def call(*args, **kwargs):
            if waiting:
                readings = Readings()
                read_stored(readings, layer, waiting.pop())
                self._send(readings)
            return inner(*args, **kwargs)

        return call

    def _read_inputs(self, name, args):
        """Send what a network is called on, to tell inputs that are the same in each step."""
        number = self._calls[name] = self._calls.get(name, 0) + 1
        if number > MAX_CALLS_APART or name == "":
            return
        readings = Readings()
        for index, one in enumerate(keras.tree.flatten(args)):
            if not hasattr(one, "shape") or isinstance(one, keras.KerasTensor) or not one.shape:
                continue
            target = f"{name}[{index}]" + ("" if number == 1 else f"#{number}")
            value = keras.ops.cast(keras.ops.stop_gradient(one), "float32")
            mean, variance = moments(value, [0])
            readings.add("networks/input_mean", target, keras.ops.mean(mean))
            readings.add("networks/input_std", target, keras.ops.std(value))
            spread = keras.ops.sqrt(keras.ops.mean(variance))
            readings.add("networks/input_spread", target, spread)
            size = keras.ops.cast(keras.ops.size(mean), "float32")
            readings.add("networks/input_size", target, size)
        self._send(readings)

    def _follow_embeddings(self, name, args, outputs):
        """Hold what a network is called on and returns, and send what three such calls show."""
        if len(_shape(outputs)) != 2 or not args:
            return  # no embeddings
        calls = self._embeddings.setdefault(name, [])
        calls.append((args[0], outputs))
        if len(calls) == 3 and not self._is_around(name):
            readings = Readings()
            for quantity, value in read_triplet(calls).items():
                readings.add(quantity, name, value)
            self._send(readings)

    def _is_around(self, name):
        """Return whether this is the model, and a network in it was called as often."""
        counts = [len(calls) for one, calls in self._embeddings.items() if one != name]
        return name == "" and len(self._embeddings[name]) in counts

    def _read_pairs(self, arguments):
        """Return what the networks show that were called on two examples at once.

        If the embeddings go on through other weights, their distance has no meaning. On JAX they
        are gone once the step is over.
        """
        held = {} if keras.backend.backend() == "jax" or self._has_head else self._embeddings
        found = {
            (quantity, name): value
            for name, calls in held.items()
            if len(calls) == 2 and not self._is_around(name)
            for quantity, value in read_pair(calls, arguments).items()
        }
        self._embeddings = {}
        return found

    def _compare_inputs(self, inputs):
        """Find out how far the inputs of the model are from those that are expected."""
        found, expected = keras.tree.flatten(inputs), keras.tree.flatten(self._expected)
        self._expected = None
        if [_shape(one) for one in found] != [_shape(one) for one in expected]:
            return
        readings = Readings()
        for one, other in zip(found, expected, strict=True):
            one, other = (keras.ops.cast(value, "float32") for value in (one, other))
            apart = keras.ops.max(keras.ops.abs(keras.ops.stop_gradient(one) - other))
            readings.add("apart", "", apart)
        self._send(readings)

    def _end_network(self, layer, outputs):
        flat = [one for one in keras.tree.flatten(outputs) if hasattr(one, "shape")]
        if any(isinstance(one, keras.KerasTensor) for one in flat):
            return
        ends = [self._made_by.get(id(one), (None, None, None))[1:] for one in flat]
        self.made |= {target for target, _ in ends if target is not None}
        self._made_by.clear()
        if layer is not self.model:
            return
        self.outputs = [None if target is None else (target, how) for target, how in ends]
        self.shapes = [tuple(one.shape[1:]) for one in flat]
        self.structure = keras.tree.map_structure(lambda leaf: None, outputs)
        readings = Readings()
        for index, output in enumerate(flat):
            output = keras.ops.stop_gradient(output)
            read_prediction(readings, f"outputs[{index}]", output)
            read_rows(readings, index, output)
        self._send(readings)

    def _adding(self, layer):
        """Return what stands in for `add_loss` of a layer."""
        inner = layer.add_loss

        def add_loss(loss):
            readings = Readings()
            self._added_in[layer.name] = self._inside[0] if self._inside else None
            self._has_read.discard(layer.name)
            for one in keras.tree.flatten(loss):
                if hasattr(one, "shape") and not isinstance(one, keras.KerasTensor):
                    readings.add("added", layer.name, keras.ops.sum(keras.ops.stop_gradient(one)))
            self._send(readings)
            return inner(loss)

        return add_loss

    def _reading(self, layer):
        """Return what stands in for the method with which Keras gathers what a layer added."""
        inner = layer._get_own_losses

        def get_own_losses():
            self._has_read.add(layer.name)
            return inner()

        return get_own_losses

    def _left_out(self):
        """Return the names of layers in trained networks whose added losses the step never read."""
        left_out = []
        for name, network in self._added_in.items():
            whole = self._networks.get(network, self.model)
            is_trained = any(id(one) in self._updated for one in whole.trainable_variables)
            if is_trained and name not in self._has_read:
                left_out.append(name)
        return left_out

    def _receiving(self, optimizer, names):
        """Return a function that takes in pairs of a gradient and a variable."""

        def receive(pairs):
            readings = Readings()
            seen = self.applied.setdefault(optimizer, [])
            for gradient, variable in pairs:
                name = names.get(id(variable))
                self._updated.add(id(variable))
                if name is None:
                    continue
                if name not in seen:
                    seen.append(name)
                # No gradient at all is a gradient of 0, as in the probe of a plain model.
                size = 0.0 if gradient is None else norm(backend.dense(gradient))
                readings.add("gradients/norm", name, keras.ops.convert_to_tensor(size, "float32"))
                if keras.backend.backend() != "jax":  # there the outputs are gone by now
                    self._noise.read_gradient(gradient, variable, readings)
            self._send(readings)

        return receive

    def _collect(self, scale):
        """Return all readings by quantity and target, each unit's merged over the calls."""
        readings = []
        for _, layout, packed in sorted(self._arrived, key=lambda one: one[0]):
            for key, value in unpack(layout, to_array(packed)).items():
                readings.append((key, value / (scale if key[0] in _SCALED else 1.0)))
        self._arrived = []
        return merge_calls(readings)

    def _add_losses(self, readings, losses):
        for name, value in losses.items():
            readings[f"losses/{name}", ""] = value
        main = main_loss(losses) if len(self.applied) <= 1 else None
        if main is not None:
            readings["loss/batch", ""] = losses[main]

    def _add_rates(self, readings, rates):
        known = {name: rates[name] for name in self.applied if rates.get(name) is not None}
        for name, rate in known.items():
            readings["optimizer/learning_rate", name if len(known) > 1 else ""] = rate


_SCALED = ("gradients/norm",)


def _sizes(args, kwargs):
    """Return the numbers of examples that the arrays among the arguments of a step may have."""
    shapes = map(_shape, keras.tree.flatten((args, kwargs)))
    return {shape[0] for shape in shapes if shape}


def _shape(one):
    return tuple(getattr(one, "shape", ()))


class _Outlet:
    """Takes single readings as `Readings` do, and sends each."""

    def __init__(self, send):
        self._send = send

    def add(self, quantity, target, tensor):
        readings = Readings()
        readings.add(quantity, target, tensor)
        self._send(readings)
