"""Fills in the facts of a run: its model, its layers, its weights and its data."""

import contextlib
from dataclasses import replace

from keras_babysit import baselines
from keras_babysit.probes import facts
from keras_babysit.probes.loss_behaviour import describe_behaviour, rows_of
from keras_babysit.probes.loss_facts import describe_outputs
from keras_babysit.samples import batches
from keras_babysit.samples.batches import to_host
from keras_babysit.samples.comparison import compare
from keras_babysit.samples.data_facts import describe_data
from keras_babysit.samples.sample import MAX_EXAMPLES

ENOUGH_EXAMPLES = 64
"""Examples from which on a first description holds until the first score: the standard deviation of
so many normal values is known to within 1 / sqrt(2 * 64) = 9 %."""

MIN_GROWTH = 1.5
"""Factor by which a sample must have grown for another comparison to say more."""


class Description:
    """Writes into a history what is known of one run, as it becomes known.

    Args:
        model: A compiled `keras.Model`.
        history: The `History` whose facts to fill.
        planned: What `fit` knows of the run: `epochs`, and `steps` of an epoch or None.
        reference: The `ReferenceSample` of the run.
    """

    def __init__(self, model, history, *, planned, reference):
        self._model = model
        self._history = history
        self._planned = planned
        self._reference = reference
        self._compared = (0, 0)  # sizes of the samples that were compared last
        self._without_gradient = set()  # weights whose gradient no measurement reaches

    @property
    def has_run(self):
        """Whether the run is described: that is so from the first measurement on."""
        return self._history.facts.model is not None

    @property
    def batch_size(self):
        """Examples of the first batch that was measured."""
        return self._history.facts.batch_size

    @property
    def outputs(self):
        """The facts of each output, empty while they are not known."""
        return self._history.facts.outputs

    def describe_run(self, batch, weights, size):
        """Describe the run; the reference sample learns how many examples it needs.

        Args:
            batch: The first batch that is measured.
            weights: Names of the trainable variables, in their order.
            size: Examples of a batch of the run.
        """
        steps = self._planned.get("steps")
        examples = steps * size if steps else None
        self._history.note(
            **facts.describe(self._model, self._planned, size),
            weights=facts.describe_weights(self._model, weights, {}),
            examples_per_epoch=examples,
        )
        self.describe_data(batch)
        self._reference.needed = min(MAX_EXAMPLES, examples or MAX_EXAMPLES)

    def describe_network(self, probe, weights):
        """Describe what the first run of a `Probe` showed: layers, their weights, outputs."""
        layers, profiles = probe.layers, probe.profiles
        ends = probe.ends()
        self._history.note(
            layers={
                target: replace(
                    facts.describe_layer(layer, profiles[target], target in ends),
                    **probe.sequences.get(target, {}),
                )
                for target, layer in layers.items()
            },
            weights=self._marked(facts.describe_weights(self._model, weights, layers)),
            outputs=describe_outputs(self._model, probe.outputs, probe.shapes),
            untracked_weights=probe.untracked,
            **_optimizers(probe),
        )

    def describe_loss(self, probe, state, batch, *, is_compiled, kept, key):
        """Describe how the loss behaves on the first examples of the batch that was measured.

        A loss that cannot be evaluated on them is not described. What an earlier run has found out
        is not asked again: it follows from the loss, which stays until the model is compiled anew.

        Args:
            probe: The `Probe`, after its first run.
            state: Values of the variables as `backend.state` returns them.
            batch: The batch that it measured.
            is_compiled: Whether to compile the loss.
            kept: What is `Kept` of the model's earlier runs.
            key: What the probe is compiled for, as `key_of` returns it.
        """
        key = (*key, self.outputs)
        known = kept.recall("loss", key)
        if known is not None:
            self._history.note(**known)
            return
        with contextlib.suppress(Exception):  # a loss and targets of any kind
            rows = rows_of(probe, state, batch, is_compiled=is_compiled)
            if rows is not None:
                reduction, outputs = describe_behaviour(rows, self.outputs)
                found = {"loss_reduction": reduction, "outputs": outputs}
                self._history.note(**found)
                # Targets that are all alike may leave a question open.
                if reduction and all(one.mixes_examples is not None for one in outputs):
                    kept.keep("loss", key, found)

    def note_unknown_gradients(self, names):
        """Note the weights that a real step moved although their measured gradient was 0."""
        self._without_gradient |= set(names)
        self._history.note(weights=self._marked(self._history.facts.weights or {}))

    def _marked(self, weights):
        return {
            name: replace(known, has_unknown_gradient=name in self._without_gradient)
            for name, known in weights.items()
        }

    def describe_data(self, batch=None):
        """Describe a batch, or the reference sample, if it shows more than what is described."""
        train, known = self._reference.train, self._history.facts
        size = len(train) if batch is None else batches.size(batch)
        if size <= (known.data.examples or 0):
            return
        batch = train.batch(MAX_EXAMPLES) if batch is None else to_host(batch)
        batch_size = None if self._reference.is_given else known.batch_size
        self._history.note(data=describe_data(batch, batch_size=batch_size))

    def follow_data(self):
        """Describe the reference sample again once it has doubled, as long as it is small.

        A first batch of few examples does not show how far the targets are apart.
        """
        known = self._history.facts.data.examples or 0
        if known < ENOUGH_EXAMPLES and len(self._reference.train) >= 2 * known:
            self.describe_data()

    def compare_data(self):
        """Describe the validation examples, and compare them with the training examples.

        This is done once, and again if a sample has grown. Examples that the user gave to measure
        on are no training examples, and are not compared.
        """
        train, validation = self._reference.train, self._reference.validation
        sizes = (len(train), len(validation))
        has_grown = any(n >= MIN_GROWTH * m for n, m in zip(sizes, self._compared, strict=True))
        if self._reference.is_given or not all(sizes) or not has_grown:
            return
        self._compared = sizes
        found = self._reference.known_comparison or self._compare(train, validation)
        self._reference.comparison = found
        (described, compared), earlier = found, self._reference.earlier
        if earlier is not None and compared.copies is not None:
            compared = replace(
                compared,
                seen_before=self._reference.count_seen_before(),
                earlier_part=earlier.part,
                earlier_loss=earlier.loss,
            )
        self._history.note(validation=described, comparison=compared)

    def _compare(self, train, validation):
        """Return facts of the validation data, and its comparison with the training data."""
        first, second = (sample.batch(MAX_EXAMPLES) for sample in (train, validation))
        return (
            describe_data(second, batch_size=self._history.facts.batch_size),
            compare(first, second, are_tokens=baselines.takes_tokens(self._model)),
        )

    def note_compilation(self, is_compiled):
        """Note whether the probes are compiled."""
        self._history.note(is_compiled=is_compiled)


def _optimizers(probe):
    """Return which weights each of several optimizers updates; nothing for a single one."""
    applied = getattr(probe, "applied", {})
    if len(applied) < 2:
        return {}
    return {"optimizer_weights": {name: tuple(weights) for name, weights in applied.items()}}
