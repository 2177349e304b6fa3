"""The samples of a model's latest run, used again in its next one while the data are the same."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import keras
import numpy as np

from keras_babysit.facts import ComparisonFacts, DataFacts
from keras_babysit.samples import batches
from keras_babysit.samples.batches import to_host
from keras_babysit.samples.sample import MAX_REFERENCE_BYTES, Sample
from keras_babysit.typing import Batch

MAX_CARRIED_BYTES = MAX_REFERENCE_BYTES // 4
"""Memory up to which samples outlive their run. Batches of larger examples take longer to train on,
so that to keep them anew costs a smaller fraction."""

MIN_EXPECTED = 10
"""Known examples to expect among those seen, if the data are the same, before that is decided."""

Z_MISSING = 3.0
"""Standard errors below that number from which on the data count as others: once in 700 times by
chance, and then they are kept anew."""


@dataclasses.dataclass
class Carried:
    """The samples of one run, and what took long to find out about them.

    Args:
        train: Its `Sample` of training examples.
        validation: Its `Sample` of validation examples.
        steps: Steps of an epoch.
        part: Fraction of the training examples that the sample has, in (0, 1].
        validation_batches: Number of batches of the validation data, 0 without any.
        validation_seen: Index of the next validation batch after the latest kept one.
        comparison: Facts of the validation data, and its comparison with the training data; None
            without one.
        neighbours: The nearest neighbours of the baselines, by output.
        checked: Runs whose validation data were checked, which look at different batches.
    """

    train: Sample
    validation: Sample
    steps: int
    part: float
    validation_batches: int
    validation_seen: int
    comparison: tuple[DataFacts, ComparisonFacts] | None
    neighbours: dict[Any, Any]
    checked: int = 0

    @property
    def is_small(self) -> bool:
        """Whether it takes little enough memory to outlive its run."""
        return self.train.n_bytes + self.validation.n_bytes <= MAX_CARRIED_BYTES


class SameData:
    """Decides whether a run has the data of the run before it, from the batches that it sees.

    Training examples are looked for among the known ones: with a sample of half of them, every
    second one must be there. If they come in the same order as before, whole batches are known or
    are not: then those at the steps whose batches were kept must be. Of the validation data, whose
    order stays the same, the first batch and another one, in each run a different one, must be
    equal to those that were kept, and there must be as many batches. Inputs, targets and weights
    all count.

    Args:
        carried: What is `Carried` from the run before.

    Attributes:
        carried: The same.
        is_refuted: Whether something differs.
        has_validation: Whether the validation data are the same, as far as was checked.

    Example:
        >>> batch, kept = (np.arange(64.0).reshape(32, 2), np.arange(32), None), Sample()
        >>> kept.add(0, batch)
        >>> same, other = (SameData(Carried(kept, Sample(), 1, 1.0, 0, 0, None, {})) for _ in "12")
        >>> same.note_train(batch)
        >>> other.note_train((batch[0] + 0.1, *batch[1:]))
        >>> same.has_train, other.has_train
        (True, False)
    """

    def __init__(self, carried: Carried) -> None:
        self.carried = carried
        self.is_refuted = False
        self.has_validation = False
        self._known = {key for one in carried.train.batches() for key in _keys(one)}
        self._kept = set(carried.train.positions())
        self._seen = self._found = 0
        self._is_in_order: bool | None = None  # None until a batch at the step of a kept one came
        self._positions = self._choose_positions()
        self._checked: set[int] = set()

    def _choose_positions(self) -> set[int]:
        """Return which batches of the validation data are compared: the first and another one."""
        kept = sorted(self.carried.validation.positions())
        if not kept:
            return set()
        others = kept[1:]
        self.carried.checked += 1
        return {kept[0], *others[self.carried.checked % max(1, len(others)) :][:1]}

    @property
    def has_train(self) -> bool:
        """Whether the training data are the same, as far as they were seen."""
        return not self.is_refuted and self._expected >= MIN_EXPECTED

    @property
    def _expected(self) -> float:
        return self._seen * self.carried.part

    def note_train(self, batch: Batch, step: int | None = None) -> None:
        """Look for the examples of a training batch among the known ones.

        Args:
            batch: A batch `(x, y, sample_weight)`.
            step: Steps of the run before it; None if that is not known.
        """
        keys = _keys(batch)
        found = sum(key in self._known for key in keys)
        self._seen += len(keys)
        self._found += found
        if step in self._kept:
            self._is_in_order = self._is_in_order is not False and found == len(keys)
        error = math.sqrt(self._expected * max(0.0, 1 - self.carried.part))
        is_missing = self._found < self._expected - Z_MISSING * error
        if self._expected >= MIN_EXPECTED and is_missing and not self._is_in_order:
            self.is_refuted = True

    def checks_validation(self, index: int) -> bool:
        """Return whether to compare the validation batch at an index."""
        return index in self._positions - self._checked

    @property
    def is_open(self) -> bool:
        """Whether it is not yet known if the validation data are the same."""
        return bool(self._positions) and not self.is_refuted and not self.has_validation

    def note_validation(self, index: int, batch: Batch) -> None:
        """Compare a batch of the validation data with the one that was kept."""
        kept = self.carried.validation.at(index)
        self._checked.add(index)
        self.is_refuted |= not _are_equal(kept, batches.keep(to_host(batch), batches.size(kept)))

    def end_validation(self, count: int) -> None:
        """Note that a pass over the validation data, of so many batches, is over."""
        if self.is_open and count:
            is_whole = self._positions <= self._checked
            self.has_validation = is_whole and count == self.carried.validation_batches
            self.is_refuted = not self.has_validation


def _keys(batch: Batch) -> list[int]:
    """Return a key of each whole example of a batch: its inputs, targets and weights."""
    return batches.keys((to_host(batch), None, None))


def _are_equal(one: Batch, other: Batch) -> bool:
    first, second = (keras.tree.flatten(tree) for tree in (one, other))
    return len(first) == len(second) and all(map(_is_same, first, second))


def _is_same(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
