"""Scores the reference sample: how many examples, how many at a time, and beside which baselines.

`Score` is one pass; here is what surrounds it: how many examples it takes, what to do where memory
or a batch size is short, and the comparison with a constant prediction and the nearest neighbours.
"""

import numpy as np

from keras_babysit import baselines
from keras_babysit.backends import backend
from keras_babysit.facts import output_name
from keras_babysit.probes import notices
from keras_babysit.probes.kept import Kept
from keras_babysit.probes.output_rows import rows_of_outputs
from keras_babysit.probes.score import Score
from keras_babysit.samples.sample import MAX_EXAMPLES, SLICES

PROBES_PER_PASS = 4
"""Size of one pass of an uncompiled score, in probes."""


class Scoring:
    """Scores training and validation examples of one run alike.

    Args:
        model: A compiled and built `keras.Model`.
        reference: The `ReferenceSample` of the run.
        choice: The `ExampleChoice` of the run.
        batch_size: The `BatchSize` of the model.
        schedule: The `Schedule` of the run, whose plan says how many examples a score takes.
        estimate: The `CostEstimate` of the network.
        comparison: A `BaselineComparison`.
        notice: Called with a sentence and what it is about when scores are not measured.
        layers: The layers whose gates are read on the way.
        has_loss: Whether the loss is known; without it, only the gates are read.
        step: A `StepScore` that scores; None to score predictions.
        kept: What is `Kept` of earlier runs, and what the graphs are compiled for; None for
            nothing.
        is_compiled: Whether to compile the score.

    Attributes:
        is_off: Whether a score has failed, so that no further one is taken.
    """

    def __init__(
        self,
        model,
        reference,
        choice,
        batch_size,
        schedule,
        estimate,
        *,
        comparison,
        notice,
        layers=(),
        has_loss=True,
        step=None,
        kept=None,
        is_compiled=False,
    ):
        self._model = model
        self._has_loss = has_loss or step is not None
        self._reference = reference
        self._choice = choice
        self._batch_size = batch_size
        self._schedule = schedule
        self._comparison = comparison
        self._notice = notice
        self.is_off = False
        self._kept, self._key = kept or (Kept(), ())
        known = self._kept.recall("score", (*layers, self._key)) if is_compiled else None
        self._score = (
            step or known or Score(model, layers=layers, has_loss=has_loss, is_compiled=is_compiled)
        )
        # A score keeps one layer at a time in memory, and each operation has a fixed cost. Where
        # that is most of it, several times the examples of a probe share it.
        are_shared = not is_compiled and estimate.is_small_pass(choice.max_examples)
        self._probes_per_pass = PROBES_PER_PASS if are_shared else 1

    @property
    def examples(self):
        """Examples of each sample that the next score takes at most."""
        return max(self._schedule.plan.score_examples, SLICES * (self._batch_size.only or 0))

    @property
    def why_too_few(self):
        """The notice on a sample that is too small for a score, None if it is not."""
        kept = self._reference.train.joined_size
        return notices.too_few_to_score(kept) if self._has_loss and 0 < kept < SLICES else None

    def score(self, derived):
        """Return the scores by quantity and target; empty, with a notice, where that fails.

        Args:
            derived: The `DerivedReadings` of the run, which take in the gates of the pass.
        """
        only = self._batch_size.only
        if self.is_off:
            return {}
        if only is not None and only > MAX_EXAMPLES:
            self._notice(notices.batches_too_large_to_score(only), "scores")
            return {}
        try:
            values = self.values(derived)
            if self._score.is_compiled:
                self._kept.keep("score", (*self._score.layers, self._key), self._score)
            return values
        except Exception as error:
            self._kept.forget()
            self.is_off = True
            self._batch_size.unsettle()
            self._notice(notices.score_failed(error), "scores")
            return {}

    def values(self, derived):
        """Return the scores by quantity and target; raises what a score raises."""
        state = backend.state(self._model, None)
        samples = {"train": self._reference.train}
        if self._has_loss:
            samples["validation"] = self._reference.validation
        if (
            all(map(len, samples.values()))
            and len({one.is_weighted for one in samples.values()}) > 1
        ):
            # Class weights apply to the training data alone.
            samples = {target: one.unweighted() for target, one in samples.items()}
        in_the_loss = {"train": self._reference.train, "validation": self._reference.validation}
        values, scored = {}, {}
        for target, sample in samples.items():
            part = sample.subsample(self.examples)
            scores, found, gates = self._run(state, part)
            if sample is not in_the_loss[target]:
                # Baselines are compared as the loss counts: it was to find the rare class.
                weighted = in_the_loss[target].subsample(self.examples)
                found = _weighted(found, weighted, sum(examples for examples, _ in gates))
            scored[target] = found
            if target == "train":
                for examples, readings in gates:
                    derived.add_gates(readings, examples)
                values |= derived.dead_fractions()
            for name, (mean, error) in scores.items():
                values[f"score/{name}", target] = mean
                values[f"score/{name}_stderr", target] = error
        if not self._has_loss:
            return values
        compared, stands_for_all = self._compare(scored)
        if not stands_for_all:
            values = {key: value for key, value in values.items() if key[1] != "validation"}
        return values | compared

    def _compare(self, scored):
        """Compare what was scored with the baselines, each output by itself if there are several.

        Of several, the quantities of one output have its own target: `"train/<output>"`.
        """
        rows = {
            target: None if one is None else rows_of_outputs(self._model, self._score, one)
            for target, one in scored.items()
        }
        count = len(self._score.parts)
        found, stands_for_all = {}, True
        for index in range(count):
            of_output = {
                target: None if rows[target] is None else rows[target][index] for target in rows
            }
            inputs = {t: None if one is None else one.inputs for t, one in scored.items()}
            compared, is_alike = self._comparison.compare(
                of_output["train"],
                of_output["validation"],
                inputs=inputs["train"],
                validation_inputs=inputs["validation"],
                index=index,
            )
            name = "" if count == 1 else f"/{self._comparison.name_of(index)}"
            found |= {(name_, target + name): v for (name_, target), v in compared.items()}
            stands_for_all = stands_for_all and is_alike
        return found, stands_for_all

    def _run(self, state, sample):
        at_a_time = self._probes_per_pass * self._choice.max_examples
        count = self._choice.count_scored(sample, at_a_time)
        try:
            return self._score(state, sample, count, batch_size=self._batch_size.only)
        except Exception as error:
            if self._choice.can_shrink(error):
                if count <= self._choice.max_examples:
                    self._notice(self._choice.shrink(count), "examples")
                self._probes_per_pass = 1
            elif not self._batch_size.settle(count) or self._batch_size.is_too_small:
                raise
            return self._run(state, sample)


def _weighted(scored, sample, examples):
    """Return what was scored with the weights of a sample of the same examples, where it has any.

    Args:
        scored: What was `Scored`, None where nothing was; without examples of weight 0.
        sample: The `Sample` with the weights of the loss.
        examples: Number of its first examples that were scored.
    """
    weights = None if scored is None else sample.batch(examples)[2]
    if not isinstance(weights, np.ndarray) or weights.size != len(weights):
        return scored
    weights = weights[weights.reshape(-1) != 0]
    return scored._replace(weights=weights) if len(weights) == len(scored.predictions) else scored


class BaselineComparison:
    """Compares the scored predictions of one run with what needs no network.

    Args:
        reference: The `ReferenceSample` of the run.
        outputs: Returns the `OutputFacts` of each output, empty while they are not known.
        are_tokens: Whether the inputs are numbers of words, whose size means nothing.
    """

    def __init__(self, reference, *, outputs, are_tokens):
        self._reference = reference
        self._outputs = outputs
        self._are_tokens = are_tokens

    def name_of(self, index):
        """Return the name of an output among several: the path of the layer that makes it."""
        return output_name(self._outputs(), index)

    def compare(self, train, validation, *, inputs=None, validation_inputs=None, index=0):
        """Compare what was scored of one output, on the two samples.

        Args:
            train: The training rows as `OutputRows`, None where there are none.
            validation: The validation rows, in the same way.
            inputs: The inputs of the training examples.
            validation_inputs: Those of the validation examples.
            index: Index of the output.

        Returns:
            Errors of the network and of the baselines by quantity and target; and whether the
            validation examples stand for all of the validation data. The first ones of sorted data
            do not: then their scores mean nothing, and they are left out here.
        """
        tasks = [self._read_task(rows, index) for rows in (train, validation)]
        stands_for_all = (
            any(task is None for task in tasks)
            or self._reference.is_whole_validation
            or baselines.is_representative(*tasks)
        )
        if not stands_for_all:
            tasks[1] = None
        neighbours = None
        if tasks[0] is not None and tasks[0].groups is None and inputs is not None:
            known = self._reference.neighbours.setdefault(
                (index, tasks[0].kind, self._are_tokens),
                baselines.Neighbours(are_tokens=self._are_tokens),
            )
            neighbours = known.errors(tasks[0], inputs)
        found = baselines.compare_with_baselines(*tasks, neighbours)
        return found | self._beside_last_value(tasks, (inputs, validation_inputs)), stands_for_all

    def _beside_last_value(self, tasks, inputs):
        """Return the errors of repeating the last value of the input, where that is possible."""
        outputs = self._outputs()
        if len(outputs) > 1 or any(one.distance == "squared_logarithmic" for one in outputs):
            return {}  # with logarithms, the targets of a task are no values of the series
        found, series = {}, None
        parts = zip(("train", "validation"), tasks, inputs, strict=True)
        for target, task, windows in parts:
            if task is None or task.groups is not None or windows is None:
                continue
            if target == "validation" and series is None:
                continue
            errors, series = baselines.last_value_errors(task, windows, series)
            if errors is not None:
                compared = baselines.compare_with_last_value(task, errors)
                found |= {(name, target): value for name, value in compared.items()}
        return found

    def _read_task(self, rows, index):
        if rows is None:
            return None
        outputs = self._outputs()[index : index + 1]
        return baselines.read_task(
            rows.targets, rows.predictions, outputs, rows.weights, groups=rows.groups
        )
