"""When to measure in one run, and what measuring really cost."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

from keras_babysit.history import Overhead
from keras_babysit.schedule.account import Account
from keras_babysit.schedule.cost_estimate import FAST_MACHINE, CostEstimate
from keras_babysit.schedule.plan import HEADROOM_FRACTION, Plan, plan_run

SHORT_RUN_SECONDS = 60.0
"""A shorter run gets the budget of one that takes this long: at 2 % that is 1.2 seconds."""

ALLOWANCE_SECONDS = 150.0
"""The start of the measurements and the first few looks may take the budget of a run of this
length: at 2 % that is 3 seconds, once for each model."""

NEXT_RUN_SECONDS, NEXT_RUN_FRACTION = 5.0, 1 / 16
"""A further run of a model has this fraction of what is left of the allowance as its budget. Once
that is spent it has the budget of a run of this length, so that ten of them are measured alike."""

GUARD, LONG_GUARD = 20.0, 5.0
"""Measuring ends if it really took more than so many times the allowance, and more than so many
times `budget` of the whole run, at its pace so far: at 2 % more than 60 seconds and 10 %. On a busy
machine everything takes longer, training as well; only an estimate that is far off comes to that.
"""

KINDS = ("probe", "score", "judge", "keep", "keep_validation", "other")
"""What measured time is charged to."""

LEAST_LOOKS = 2
"""Looks that each run gets however short it is: before its first step, and at its end."""

HORIZON = 2**62
"""A step that no run reaches."""


class Schedule:
    """Decides at which steps to measure, and keeps account of what that cost.

    Decisions follow from the step, the planned steps and the `CostEstimate`, not from the clock.
    The clock serves for `overhead`, and for `is_cut_short` as a guard.

    A loop asks `is_due(step)` before each step, and calls `note_probe(step)` after it measured.

    Args:
        every: Number of steps between two probes, or `"auto"` to follow the plan.
        budget: Fraction of the training that the measurements are to take, in (0, 1]; ignored if
            `every` is a number.
        clock: Returns seconds; tests pass their own.
        account: The `Account` of the model; None for one of its own.

    Attributes:
        plan: The `Plan` of the run: when to measure, how deep, and on how many examples.
        probes: Number of probes that were taken.
        spent: Seconds that were charged, by kind.
        cut_short_at: The step at which the guard ended the measurements; None if it did not.

    Raises:
        ValueError: If `every` is neither `"auto"` nor a positive integer, or if `budget` lies
            outside (0, 1].

    Example:
        >>> schedule = Schedule()
        >>> schedule.start(planned_steps=100)
        >>> for step in range(100):
        ...     if schedule.is_due(step):
        ...         print(step, end=" ")
        ...         schedule.note_probe(step)
        0 1 2 4 8 16 32 64
    """

    def __init__(
        self,
        every: int | Literal["auto"] = "auto",
        budget: float = 0.02,
        *,
        clock: Callable[[], float] = time.perf_counter,
        account: Account | None = None,
    ) -> None:
        if every != "auto" and (not isinstance(every, int) or isinstance(every, bool) or every < 1):
            raise ValueError(
                f"Argument `every` must be 'auto' or an integer of at least 1. "
                f"Received: every={every!r}"
            )
        if not 0 < budget <= 1:
            raise ValueError(
                f"Argument `budget` must be in (0, 1], a fraction of the wall time. "
                f"Received: budget={budget}. To measure nothing, leave the callback out."
            )
        self.every = every
        self.budget = budget
        self.clock = clock
        self.account = account or Account()
        self.spent = dict.fromkeys(KINDS, 0.0)
        self.probes = 0
        self.plan = Plan()
        self.cut_short_at: int | None = None
        self._estimate: CostEstimate | None = None
        self._steps: int | None = None
        self._epochs: int | None = None
        self._started: float | None = None
        self._stopped: float | None = None
        self._next: float = 0
        self._next_headroom: float = 0
        self._updates_every, self._done_before, self._per_call = 1, 0, 1
        self._shift = 0  # of the looks, in steps
        self._done = 0  # steps, as far as they were asked about
        self._nested = 0.0  # seconds charged inside the current `charging` block

    # --- the plan ----------------------------------------------------------------------------

    def start(self, planned_steps: int | None = None) -> None:
        """Start the clock of a run of `planned_steps` steps, None if the number is not known."""
        self.expect(planned_steps)
        self._started, self._stopped = self.clock(), None

    def expect(self, planned_steps: int | None, planned_epochs: int | None = None) -> None:
        """Set how many steps and epochs the run is going to have, once that is known."""
        if (planned_steps, planned_epochs) != (self._steps, self._epochs):
            self._steps, self._epochs = planned_steps, planned_epochs
            self._make_plan()

    def know(self, estimate: CostEstimate) -> None:
        """Set what measuring the network costs, once the network is known."""
        self._estimate = replace(estimate, has_backward=not self.account.is_watched_only)
        self._make_plan()

    def _make_plan(self) -> None:
        if self._estimate is None or self.every != "auto":
            return
        self.plan = plan_run(
            self._estimate,
            steps=self._steps,
            epochs=self._epochs,
            budget=self._run_budget,
            allowance=self.allowance,
            headroom=HEADROOM_FRACTION * self._whole_allowance - self.account.headroom,
            most_looks=self._most_looks,
            has_scores=not self.account.is_watched_only,
            is_long=self._training * FAST_MACHINE >= SHORT_RUN_SECONDS,
            is_further=self.account.spent > 0,
        )
        if self._next:
            self._next = self._after(self._done)

    @property
    def _most_looks(self) -> int | None:
        density = self.account.looks_per_step
        if density is None or self._steps is None:
            return None
        return max(LEAST_LOOKS, int(density * self._steps))

    @property
    def takes_gradients(self) -> bool:
        """Whether probes take gradients, where there is a loss."""
        return self.plan.mode is None or self.plan.mode.takes_gradients

    @property
    def allowance(self) -> float:
        """Estimated seconds that this run may take: of the model's allowance, what is left."""
        least = self.budget * max(NEXT_RUN_SECONDS, self._training)
        return max(self._whole_allowance - self.account.spent, least)

    @property
    def _whole_allowance(self) -> float:
        least = self.account.share * ALLOWANCE_SECONDS
        return self.budget * max(least, self.account.trained + self._training)

    @property
    def _run_budget(self) -> float:
        """Estimated seconds that the measurements of this run are to take."""
        whole = min(self.allowance, self.budget * max(SHORT_RUN_SECONDS, self._training))
        if not self.account.spent:
            return whole
        least = self.budget * max(NEXT_RUN_SECONDS, self._training)
        return min(whole, max(least, NEXT_RUN_FRACTION * self.allowance))

    @property
    def step_seconds(self) -> float:
        """Estimated seconds of a training step on a nominal machine; 0 if that is not known."""
        return 0.0 if self._estimate is None else self._estimate.step * FAST_MACHINE

    @property
    def _training(self) -> float:
        """Estimated seconds of the training of this run, as far as it is known."""
        if self._estimate is None or self._steps is None:
            return 0.0
        return self._steps * self._estimate.step

    def align(self, every: int, done: int = 0, *, per_call: int = 1) -> None:
        """Let looks fall on steps that change the weights, where gradients are accumulated.

        Args:
            every: Steps from one change of the weights to the next.
            done: Steps that the optimizer did before this run.
            per_call: Steps of one call of the train function, which is looked at as a whole.
        """
        self._updates_every, self._done_before, self._per_call = every, done, per_call

    def shift(self) -> None:
        """Let all further looks of the plan come one step later.

        A step of the user's may call its optimizer now and then, to accumulate gradients. Looks
        that are shifted as long as they meet no such call meet one before long.
        """
        self._shift += 1

    def has_update(self, step: int, steps: int = 1) -> bool:
        """Return whether the weights change in one of `steps` steps from `step` on."""
        return self._to_update(step) < steps

    def _to_update(self, step: int) -> int:
        """Return the steps from `step` to the next one that changes the weights."""
        return -(self._done_before + step + 1) % self._updates_every

    def settle(self) -> None:
        """Charge this run to the account of the model, at its end."""
        if self._estimate is not None:
            self.account.trained += self._done * self._estimate.step
            self.account.spent += self.plan.seconds
            self.account.headroom += self.plan.headroom_seconds

    # --- when to measure ---------------------------------------------------------------------

    @property
    def next_step(self) -> float:
        """The step at which a probe is due; none is due before it."""
        return self._next

    def is_due(self, step: int) -> bool:
        """Return whether a probe is to be taken once `step` steps are done."""
        self._done = max(self._done, step)
        if step < self._next:
            return False
        if step and self.is_cut_short:
            self._next = HORIZON
            return False
        return True

    def note_probe(self, step: int) -> None:
        """Record that a probe was taken once `step` steps were done, and plan the next."""
        self._done = max(self._done, step)
        self._next = self._after(step)

    def is_headroom_due(self, step: int) -> bool:
        """Return whether a probe at `step` is to measure the headroom of the learning rate too."""
        return self.plan.headroom is not None and step >= self._next_headroom

    def note_headroom(self, step: int) -> None:
        """Record that the headroom was measured at a step, and plan the next."""
        if self.plan.headroom is not None:
            self._next_headroom = self.plan.headroom.after(step)

    def is_end_due(self, kind: str, epoch: int, *, is_last: bool = False) -> bool:
        """Return whether to measure at the end of an epoch.

        Args:
            kind: `"probe"`, `"score"`, or `"judge"` for running the rules alone.
            epoch: The number of epochs that are over in this run.
            is_last: Whether the run ends with it.
        """
        if kind == "score" and self.account.is_watched_only:
            return False
        if self.every != "auto":
            return True
        if self.is_cut_short:
            return False
        plan = self.plan
        ends = {"probe": plan.ends, "score": plan.scores, "judge": plan.judgements}[kind]
        return ends is not None and (is_last or epoch in ends)

    def _after(self, step: int) -> float:
        if self.every == "auto":
            found = self.plan.looks.after(step) + self._shift
        else:
            found = (step // self.every + 1) * self.every
            if self.every < self._updates_every:
                return found
        if found == math.inf:
            return found
        return found + max(0, self._to_update(int(found)) - self._per_call + 1)

    # --- what it cost ------------------------------------------------------------------------

    def stop(self) -> None:
        """Stop the clock."""
        self._stopped = self.clock()

    @property
    def overhead(self) -> Overhead:
        """What monitoring has cost so far, as an `Overhead`."""
        return Overhead(self._total, self.elapsed, self.probes)

    @property
    def elapsed(self) -> float:
        """Seconds since the start of the run."""
        if self._started is None:
            return 0.0
        seconds = (self.clock() if self._stopped is None else self._stopped) - self._started
        return seconds if seconds > 0 else 0.0  # a clock may be set back

    @property
    def _whole_seconds(self) -> float:
        """Seconds of the whole run at the pace of the training so far.

        The start is the larger part of the cost: beside what has passed until then, it would seem
        too much on a machine where everything takes many times as long.
        """
        elapsed = self.elapsed
        if not self._done or self._steps is None:
            return elapsed
        return max(elapsed, (elapsed - self._total) * self._steps / self._done)

    @property
    def is_cut_short(self) -> bool:
        """Whether measuring has really taken so long that it ends, for the rest of the run."""
        if self.every != "auto" or self.cut_short_at is not None:
            return self.cut_short_at is not None
        most = max(GUARD * ALLOWANCE_SECONDS, LONG_GUARD * self._whole_seconds)
        if self._total > self.budget * most:
            self.cut_short_at = self._done
        return self.cut_short_at is not None

    def charge(self, kind: str, seconds: float) -> None:
        """Charge seconds to one of `KINDS`."""
        self.spent[kind] += seconds if seconds > 0 else 0.0  # a clock may be set back

    @contextlib.contextmanager
    def charging(self, kind: str) -> Iterator[None]:
        """Charge the time inside this context to a kind, minus what is charged inside it."""
        start, around = self.clock(), self._nested
        self._nested = 0.0
        try:
            yield
        finally:
            seconds = self.clock() - start
            self.charge(kind, seconds - self._nested)
            self._nested = around + seconds

    @contextlib.contextmanager
    def leaving_out(self) -> Iterator[None]:
        """Do not charge the time inside this context: it is no cost of monitoring."""
        start = self.clock()
        try:
            yield
        finally:
            self._nested += self.clock() - start

    @property
    def _total(self) -> float:
        return sum(self.spent.values())
