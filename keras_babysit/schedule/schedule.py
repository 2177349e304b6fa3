"""When to measure: at fixed steps, or as often as a budget of the wall time allows."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Literal

from keras_babysit.history import Overhead

GRACE_SECONDS = 60.0
"""A shorter run gets the budget of one that takes this long: at 2 % that is 1.2 seconds in all.
A fraction of a run of two seconds would pay for nothing."""

FRACTIONS = {"probe": 0.4, "score": 0.25, "judge": 0.05, "keep": 0.1, "keep_validation": 0.05}
"""Fraction of the budget that each kind may use: probes at steps; scores of epochs; running the
rules after epochs that measured nothing else; and keeping examples of the training and the
validation data, of which a batch of one costs as much as a batch of a thousand. The rest is for
one-off costs, to build, trace and compile. Those count for the total only, so that an expensive
start does not stop a kind."""

START_FRACTION = 0.5
"""Fraction of the allowance of a kind that a short run may use right at its start, the rest as it
goes on: most happens in the first steps."""

PACED = ("score",)
"""Kinds that show how a run goes and where it ends: all of their cost is spread over the run, that
of the first one too."""

SPACING = (1 / 8, 1.0)
"""Probes come at steps 0, 1, 2, ... and then each further away by this fraction of the step: what
happens early happens fast. It is the smallest fraction that the budget allows until the end."""

LAST_OVERDRAFT = 0.05
"""Fraction of the budget that the last measurement may exceed it by, if others cost more than
estimated."""

MAX_SPACING = 500
"""Steps after which the next probe is due however long the run is."""

WARM_UP = 3
"""Steps after which the pace of a run is measured; the first ones include Keras' compilation."""

COMPILE_COST = 13
"""Time to trace and optimise a TensorFlow graph of a probe, in uncompiled probes: measured 8 to 13
for dense networks. A compiled probe takes a tenth of an uncompiled one. As much again must be left
for the probes after it."""


def retry_step(step: int) -> int:
    """Return the step at which to ask again for what the budget does not allow at `step`."""
    return step + 1 + step // 100


class Schedule:
    """Decides at which steps to measure and keeps account of what that cost.

    Args:
        every: Number of steps between two probes, or `"auto"` to keep to the budget.
        budget: Fraction of the wall time, in (0, 1]; ignored if `every` is a number.
        clock: Returns seconds; tests pass their own.

    Raises:
        ValueError: If `every` is neither `"auto"` nor a positive integer, or if `budget` lies
            outside (0, 1].
    """

    def __init__(
        self,
        every: int | Literal["auto"] = "auto",
        budget: float = 0.02,
        *,
        clock: Callable[[], float] = time.perf_counter,
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
        self.spent = dict.fromkeys([*FRACTIONS, "other"], 0.0)
        self._firsts = dict.fromkeys(FRACTIONS, 0.0)  # one-off costs of each kind
        self.probes = 0
        self._costs: dict[str, list[float]] = {kind: [] for kind in FRACTIONS}  # the latest two
        self._estimated = dict.fromkeys(FRACTIONS, 0.0)
        self._again = dict.fromkeys(FRACTIONS, 0.0)  # estimate for each later one
        self._planned_steps: int | None = None
        self._started: float | None = None
        self._stopped: float | None = None
        self._next = 0
        self._nested = 0.0  # seconds charged inside the current `charging` block
        self._warm: tuple[int, float] | None = (
            None  # step and time from which on the pace is measured
        )

    def start(self, planned_steps: int | None = None) -> None:
        """Start the clock of a run of `planned_steps` steps, None if the number is not known."""
        self.expect(planned_steps)
        self._started, self._stopped = self.clock(), None

    def expect(self, planned_steps: int | None) -> None:
        """Set how many steps the run is going to have, once that is known."""
        self._planned_steps = planned_steps

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
    def next_step(self) -> int:
        """The step at which to ask again; no probe is due before it."""
        return self._next if self._warm else min(self._next, WARM_UP)

    def is_due(self, step: int) -> bool:
        """Return whether a probe is to be taken once `step` steps are done."""
        if self._warm is None and step >= WARM_UP:
            self._warm = (step, self.elapsed)
        if step < self._next:
            return False
        if step == 0 or self.affords("probe", step):
            return True
        self._next = retry_step(step)
        return False

    def note_probe(self, step: int) -> None:
        """Record that a probe was taken once `step` steps were done, and plan the next."""
        if self.every == "auto":
            self._next = step + min(max(1, int(step * self._spacing(step))), MAX_SPACING)
        else:
            self._next = (step // self.every + 1) * self.every

    def affords(self, kind: str, step: int, *, is_last: bool = False) -> bool:
        """Return whether the budget allows one more of a kind, one of `FRACTIONS`.

        Before the end of the run, what is measured there is reserved.
        """
        if self.every != "auto":
            return True
        cost = self._cost(kind)
        whole = self.budget * max(self.elapsed, GRACE_SECONDS)
        ahead = 0.0 if is_last else self._reserve(kind, whole) + self._upkeep(step)
        if self._total + cost + ahead > whole:
            return is_last and self._is_due_at_the_end(kind, cost, whole)
        start = 0.0 if kind in PACED else START_FRACTION
        paced = GRACE_SECONDS * (start + (1 - start) * self._progress(step))
        allowed = FRACTIONS[kind] * self.budget * max(self.elapsed, paced)
        again = cost if self._costs[kind] else self._again[kind]
        return is_last or self._ongoing(kind) + again <= allowed

    def _is_due_at_the_end(self, kind: str, cost: float, whole: float) -> bool:
        """Return whether a last measurement is taken although the budget is spent.

        It shows how the run ended. Scores may use their fraction of the budget, the only score of
        a run `START_FRACTION` of it, and any kind a small overdraft.
        """
        fraction = FRACTIONS["score"] if self._costs["score"] else START_FRACTION
        is_allowed = kind == "score" and self._ongoing(kind) + cost <= fraction * whole
        return is_allowed or 0 < cost <= LAST_OVERDRAFT * whole

    def charge(self, kind: str, seconds: float) -> None:
        """Charge seconds to a kind: one of `FRACTIONS`, or `"other"`."""
        seconds = seconds if seconds > 0 else 0.0  # a clock may be set back
        self.spent[kind] += seconds
        if kind not in self._costs:
            return
        if not self._costs[kind]:  # it includes the one-off costs
            paced = self._again[kind] if kind in PACED else 0.0
            self._firsts[kind] += max(0.0, seconds - paced)
        self._costs[kind] = [*self._costs[kind][-1:], seconds]

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

    def estimate(self, kind: str, seconds: float, *, again: float) -> None:
        """Set the estimated cost of the first of a kind, and of each later one, in seconds."""
        self._estimated[kind] = seconds
        self._again[kind] = again

    def forget_costs(self) -> None:
        """Forget what a probe costs, because it runs in another way from now on."""
        self._costs["probe"] = []
        self._estimated["probe"] = self._again["probe"] = 0.0

    def allows_once(self, seconds: float, step: int) -> bool:
        """Return whether the budget allows a one-off cost, to measure more closely from now on.

        Before the first step it may take all of the budget of a short run. Later on as much again
        must be left.
        """
        if self.every != "auto":
            return True
        whole = self.budget * max(self._expected(step), GRACE_SECONDS)
        if step == 0:
            return self._total + seconds <= whole
        return 2 * seconds <= whole - self._total - self._for_scores(whole)

    def has_left(self, seconds: float) -> bool:
        """Return whether so much of the budget is left at this moment."""
        if self.every != "auto":
            return True
        left = self.budget * max(self.elapsed, GRACE_SECONDS) - self._total
        return seconds <= max(0.0, left)

    def is_worth_compiling(self, step: int) -> bool:
        """Return whether the rest of the budget pays for a compilation and as much after it."""
        if self.every != "auto":
            return True
        cost = self._cost("probe")
        left = self._left(max(self._expected(step), GRACE_SECONDS))
        return cost > 0 and left > 2 * COMPILE_COST * cost

    def _left(self, duration: float) -> float:
        whole = self.budget * duration
        return min(
            FRACTIONS["probe"] * whole - self._ongoing("probe"),
            whole - self._total - self._for_scores(whole),
        )

    def _for_scores(self, whole: float) -> float:
        return max(0.0, FRACTIONS["score"] * whole - self._ongoing("score"))

    def _reserve(self, kind: str, whole: float) -> float:
        """Return what is reserved for the last probe and, if there can be one, the last score.

        If the end is not planned, nothing is reserved for a score. The cost of the last probe is
        known from the second one on.
        """
        probe = self._cost("probe") if len(self._costs["probe"]) > 1 else 0.0
        score = self._again["score"] if kind == "score" else self._cost("score")
        is_kept_back = kind != "score" or self._planned_steps is not None
        is_possible = is_kept_back and self._total + score <= whole
        return probe + (score if is_possible else 0.0)

    def _upkeep(self, step: int) -> float:
        """Return what the rest of a short run costs even if nothing more is measured.

        A longer run gets the budget for it as it goes on.
        """
        progress = self._progress(step)
        is_short = progress > 0 and self._expected(step) < GRACE_SECONDS
        return self.spent["other"] * (1 / progress - 1) if is_short else 0.0

    def _ongoing(self, kind: str) -> float:
        return self.spent[kind] - self._firsts[kind]

    def _spacing(self, step: int) -> float:
        densest, widest = SPACING
        cost = self._cost("probe")
        if not self._planned_steps or not cost or not step:
            return densest
        affordable = self._left(max(self._expected(step), GRACE_SECONDS)) / cost
        if affordable < 1:
            return widest
        fraction: float = (self._planned_steps / step) ** (1 / affordable) - 1
        return min(max(fraction, densest), widest)

    def _cost(self, kind: str) -> float:
        costs = self._costs[kind]
        if not costs:
            return self._estimated[kind]
        # The first one may include a compilation, which says nothing about the next.
        return min(costs) if len(costs) > 1 else self._again[kind]

    @property
    def _total(self) -> float:
        return sum(self.spent.values())

    def _progress(self, step: int) -> float:
        return min(1.0, step / self._planned_steps) if self._planned_steps else 1.0

    def _expected(self, step: int) -> float:
        """Return the expected seconds of the whole run at its pace so far; else those elapsed."""
        if self._warm is None or self._planned_steps is None or step <= self._warm[0]:
            return self.elapsed
        warm_step, warm_time = self._warm
        pace = (self.elapsed - warm_time) / (step - warm_step)
        return warm_time + pace * (self._planned_steps - warm_step)
