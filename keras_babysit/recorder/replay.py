"""The replay: the kept batches are trained on again until something goes bad."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_babysit.backends import backend
from keras_babysit.backends.protocol import Sandbox, Values
from keras_babysit.recorder.ring import KeptStep
from keras_babysit.recorder.vitals import (
    LossMeter,
    learning_rate_index,
    nonfinite_variables,
    with_fresh_metrics,
    with_learning_rate,
)

if TYPE_CHECKING:
    from keras_babysit.recorder.snapshot import Snapshot

MUCH_WORSE = 1.5
"""Factor of the loss on a batch that it was just trained on from which on a state counts as ruined:
a good step lowers that loss, and noise does not raise it so much."""


@dataclass(frozen=True)
class BadStep:
    """The first step that went bad.

    Args:
        kept: The step, with one batch.
        before: Values of the variables before it.
        after: Values after it.
        loss: Its loss, None where it is not known.
        is_finite: Whether all is finite and only the loss too high.
        exploded_at: Step from which on the loss was too high, None if it never was.
        previous: The step before it, which went well, and the values before that; None if it is
            not known.
    """

    kept: KeptStep
    before: Any
    after: Any
    loss: float | None
    is_finite: bool
    exploded_at: int | None = None
    previous: tuple[KeptStep, Any] | None = None


class Replay:
    """Trains on kept steps again, from a snapshot, on values of its own.

    Args:
        model: The model in `fit`.
        box: An entered `backend.Sandbox`.
        limit: Loss above which a step counts as exploded.
        known: What was never finite, as `nonfinite_variables` returns it.

    Attributes:
        steps: Number of calls that were trained again.
        is_identical: Whether the values met those of a snapshot on the way bit for bit; None if
            there was none to meet.
    """

    def __init__(
        self, model: Any, box: Sandbox, *, limit: float, known: frozenset[Any] = frozenset()
    ) -> None:
        self.model = model
        self.box = box
        self.limit = limit
        self.steps = 0
        self.is_identical: bool | None = None
        self._known = known
        self._losses: dict[int, float | None] = {}  # of each call
        self._logged: float | None = None  # the loss that the latest step returned
        self._meter = LossMeter(model)
        self._rate_index = learning_rate_index(model)

    def first_bad(
        self,
        snapshot: Snapshot,
        kept: list[KeptStep],
        landmark: Snapshot | None = None,
        previous: KeptStep | None = None,
    ) -> BadStep | None:
        """Return the first `BadStep`, None if all went well.

        Values that are not finite come before a loss that is too high. Of that the start of the
        latest row counts, or the highest where all have come back.

        Args:
            snapshot: Where to start.
            kept: The steps from there on.
            landmark: A later snapshot to compare with on the way, or None.
            previous: The kept step before them, None if it is not kept.
        """
        epoch, values = snapshot.epoch, self._start(snapshot.values)
        exploded: BadStep | None = None
        highest: BadStep | None = None
        latest = None if previous is None else (singles([previous])[-1], values)
        for one in kept:
            if landmark is not None and one.call == landmark.call:
                self.is_identical = self.is_like(values, landmark)
            if one.epoch != epoch:
                epoch, values = one.epoch, self._start(with_fresh_metrics(self.model, values))
            before = self._prepare(values, one)
            values = self._train(one)
            self._losses[one.call] = self._loss(before, values)
            bad = self._judge(one, before, values)
            if bad is not None:
                bad = replace(bad, previous=latest)
            latest = (singles([one])[-1], before)
            if bad is None:
                exploded = None
            elif bad.is_finite:
                exploded = exploded or bad
                highest = (
                    bad if highest is None or (bad.loss or 0.0) > (highest.loss or 0.0) else highest
                )
            else:
                bad = self._single(bad)
                return replace(bad, exploded_at=None if exploded is None else exploded.kept.step)
        exploded = exploded or highest
        return None if exploded is None else self._single(exploded)

    def is_like(self, values: Values, snapshot: Snapshot) -> bool:
        """Return whether all but the metrics and the learning rate is what the snapshot holds."""
        count = len(self.model.non_trainable_variables)
        groups = (
            (values[0], snapshot.values[0], None),
            (values[1][:count], snapshot.values[1][:count], None),
            (values[2], snapshot.values[2], self._rate_index),
        )
        return all(
            np.array_equal(
                np.asarray(backend.to_numpy(now)), then, equal_nan=then.dtype.kind == "f"
            )
            for ones, others, left_out in groups
            for index, (now, then) in enumerate(zip(ones, others, strict=True))
            if index != left_out
        )

    def is_good(self, values: Values, kept: KeptStep) -> bool:
        """Return whether these values do on a step about as well as the replay did on its call."""
        before = self._prepare(self._start(values), kept)
        after = self._train(kept)
        loss, then = self._loss(before, after), self._losses.get(kept.call)
        is_worse = bool(loss is not None and then and loss > MUCH_WORSE * then > 0)
        return not is_worse and self._judge(kept, before, after) is None

    def go_on(
        self,
        values: Values,
        epoch: int,
        kept: list[KeptStep],
    ) -> tuple[Values, int]:
        """Train on kept steps as long as that goes well; return the values and how many did.

        Args:
            values: Where to start.
            epoch: Epoch of that.
            kept: The steps, each of one batch.
        """
        values = self._start(values)
        for done, one in enumerate(kept):
            if one.epoch != epoch:
                epoch, values = one.epoch, self._start(with_fresh_metrics(self.model, values))
            before = self._prepare(values, one)
            values = self._train(one)
            if self._judge(one, before, values) is not None:
                return before, done
        return values, len(kept)

    def _start(
        self,
        values: Values,
    ) -> Values:
        self.box.load(values)
        return self.box.values()

    def _prepare(self, values: Values, one: KeptStep) -> Values:
        """Bring learning rate and random state to what they were; return the values then."""
        index = self._rate_index
        if one.rate is not None and index is not None:
            rate = np.asarray(backend.to_numpy(one.rate))
            if not np.array_equal(rate, backend.to_numpy(values[2][index])):
                values = self._start(with_learning_rate(values, index, rate))
        if one.random is not None:
            backend.set_random_state(one.random)
        return values

    def _train(self, one: KeptStep) -> Values:
        self.steps += 1
        self._logged = _loss_in(self.box.step(one.batches))
        return self.box.values()

    def _judge(
        self,
        one: KeptStep,
        before: Values,
        after: Values,
    ) -> BadStep | None:
        """Return the step as a `BadStep` if it is one."""
        loss = self._loss(before, after)
        is_finite = (loss is None or math.isfinite(loss)) and not self._ruined(after)
        if is_finite and (loss is None or loss <= self.limit):
            return None
        return BadStep(one, before, after, loss, is_finite)

    def _loss(
        self,
        before: Values,
        after: Values,
    ) -> float | None:
        """Return the loss of the latest step; one with a step of its own alone knows it."""
        loss = self._meter.mean(self._meter.totals(before), self._meter.totals(after))
        return self._logged if loss is None else loss

    def _ruined(self, values: Values) -> bool:
        """Return whether a weight, a moving average or the optimizer ceased to be finite."""
        return bool(nonfinite_variables(self.model, values) - self._known)

    def _single(self, bad: BadStep) -> BadStep:
        """Return the bad step of a call that made several."""
        batches = bad.kept.batches
        if len(batches) == 1:
            return bad
        values, previous = self._prepare(self._start(bad.before), bad.kept), bad.previous
        for one in singles([bad.kept]):
            before, values = values, self._train(one)
            found = self._judge(one, before, values)
            if found is not None:
                return replace(found, previous=previous)
            previous = (one, before)
        return bad  # one by one they do well


def _loss_in(logs: Any) -> float | None:
    """Return the loss among the logs of a step, None if there is none."""
    loss = logs.get("loss") if isinstance(logs, dict) else None
    return None if loss is None or np.ndim(loss) else float(backend.to_numpy(loss))


def singles(kept: list[KeptStep]) -> list[KeptStep]:
    """Return steps of one batch each in place of calls that made several."""
    return [
        replace(one, step=one.step + i, batch_index=one.batch_index + i, batches=[batch])
        for one in kept
        for i, batch in enumerate(one.batches)
    ]
