"""When to measure: at fixed steps, or as often as a budget of the wall time allows."""

import contextlib
import time

from keras_babysit.history import Overhead

GRACE_SECONDS = 60.0
"""A run shorter than this is charged as if it took this long: at 2 % that is 1.2 seconds in all.
A share of a run of two seconds would buy nothing."""

SHARES = {"probe": 0.4, "score": 0.25, "judge": 0.05, "keep": 0.1, "keep_validation": 0.05}
"""How much of the budget each kind may use: probes at steps, scores of epochs, judging epochs that
brought nothing but their own numbers, and keeping examples of either data, of which a batch of one
costs as much as one of a thousand. The rest is for what is paid once, to build, trace and compile:
it counts for the whole alone, so that a dear start does not keep a kind from going on."""

AT_ONCE = 0.5
"""Share of what a short run is granted to a kind that may be used right at its start, the rest as
it goes on: most is seen in the first steps."""

SPREAD = ("score",)
"""Kinds that tell how a run goes and where it ends: they are spread over it, the first one too."""

SPACING = (1 / 8, 1.0)
"""Probes come at steps 0, 1, 2, ... and then by this share further each time: what happens early
happens fast. The share is the smallest that the budget can keep up to the end of the run."""

LITTLE = 0.05
"""Share of the budget that a last look may take beyond it, whatever was dearer than foretold."""

MAX_SPACING = 500
"""Steps after which the next probe is due however long the run is."""

WARM_UP = 3
"""Steps after which the pace of a run is measured; the first ones hold Keras' own compilation."""

COMPILE_COST = 13
"""Time to trace and optimise a TensorFlow graph of a probe, in uncompiled probes: measured 8 to 13
for dense networks. A compiled probe takes a tenth of an uncompiled one. It must leave as much
again to go on with."""


def later(step):
    """Return the step at which to ask again for what the budget has no room for at `step`."""
    return step + 1 + step // 100


class Schedule:
    """Decides at which steps to measure and keeps the account of what that took.

    Args:
        every: Number of steps between two probes, or `"auto"` to keep to the budget.
        budget: Share of the wall time, in (0, 1]; ignored if `every` is a number.
        clock: Returns seconds; another one is for tests.

    Raises:
        ValueError: If `every` is neither `"auto"` nor a positive integer, or if `budget` lies
            outside (0, 1].
    """

    def __init__(self, every="auto", budget=0.02, *, clock=time.perf_counter):
        if every != "auto" and (not isinstance(every, int) or isinstance(every, bool) or every < 1):
            raise ValueError(
                f"Argument `every` must be 'auto' or an integer of at least 1. "
                f"Received: every={every!r}"
            )
        if not 0 < budget <= 1:
            raise ValueError(
                f"Argument `budget` must be in (0, 1], a share of the wall time. "
                f"Received: budget={budget}. For no probes at all leave the callback out."
            )
        self.every = every
        self.budget = budget
        self.clock = clock
        self.spent = dict.fromkeys([*SHARES, "other"], 0.0)
        self._firsts = dict.fromkeys(SHARES, 0.0)  # what was paid once of each kind
        self.probes = 0
        self._costs = {kind: [] for kind in SHARES}  # the latest two of each
        self._foreseen = dict.fromkeys(SHARES, 0.0)
        self._again = dict.fromkeys(SHARES, 0.0)  # what of that each later one takes
        self._planned_steps = None
        self._started = None
        self._stopped = None
        self._next = 0
        self._nested = 0.0  # seconds that were charged inside of what is being charged
        self._warm = None  # step and time from which on the pace is that of the run

    def start(self, planned_steps=None):
        """Start the clock of a run of `planned_steps` steps, None if that is not known."""
        self.expect(planned_steps)
        self._started, self._stopped = self.clock(), None

    def expect(self, planned_steps):
        """Note how many steps the run is going to have, as soon as that is known."""
        self._planned_steps = planned_steps

    def stop(self):
        """Stop the clock."""
        self._stopped = self.clock()

    @property
    def overhead(self):
        """What has been spent so far, as an `Overhead`."""
        return Overhead(self._total, self.elapsed, self.probes)

    @property
    def elapsed(self):
        """Seconds since the start of the run."""
        if self._started is None:
            return 0.0
        seconds = (self.clock() if self._stopped is None else self._stopped) - self._started
        return seconds if seconds > 0 else 0.0  # a clock may be set back

    @property
    def next_step(self):
        """The step at which to ask again; before it no probe is due."""
        return self._next if self._warm else min(self._next, WARM_UP)

    def is_due(self, step):
        """Return whether a probe is to be taken before step `step + 1`, with `step` done."""
        if self._warm is None and step >= WARM_UP:
            self._warm = (step, self.elapsed)
        if step < self._next:
            return False
        if step == 0 or self.affords("probe", step):
            return True
        self._next = later(step)
        return False

    def looked(self, step):
        """Note that step `step + 1` was looked at, so that the next look is due later."""
        if self.every == "auto":
            self._next = step + min(max(1, int(step * self._spacing(step))), MAX_SPACING)
        else:
            self._next = (step // self.every + 1) * self.every

    def affords(self, kind, step, *, is_last=False):
        """Return whether the budget has room for one more of a kind, one of `SHARES`.

        Before the end of the run room is left for what is looked at then.
        """
        if self.every != "auto":
            return True
        cost = self._cost(kind)
        whole = self.budget * max(self.elapsed, GRACE_SECONDS)
        ahead = 0.0 if is_last else self._reserve(kind, whole) + self._upkeep(step)
        if self._total + cost + ahead > whole:
            return is_last and self._is_due_at_the_end(kind, cost, whole)
        at_once = 0.0 if kind in SPREAD else AT_ONCE
        paced = GRACE_SECONDS * (at_once + (1 - at_once) * self._progress(step))
        share = SHARES[kind] * self.budget * max(self.elapsed, paced)
        again = cost if self._costs[kind] else self._again[kind]
        return is_last or self._ongoing(kind) + again <= share

    def _is_due_at_the_end(self, kind, cost, whole):
        """Return whether a last look is taken although all is spent: it tells what came of a run.

        A score may take what scores have a right to, the only one of a run what is granted to a
        kind at once, and anything what hardly counts.
        """
        right = SHARES["score"] if self._costs["score"] else AT_ONCE
        has_right = kind == "score" and self._ongoing(kind) + cost <= right * whole
        return has_right or 0 < cost <= LITTLE * whole

    def charge(self, kind, seconds):
        """Put time to the account of a kind: one of `SHARES`, or `"other"`."""
        seconds = seconds if seconds > 0 else 0.0  # a clock may be set back
        self.spent[kind] += seconds
        if kind not in self._costs:
            return
        if not self._costs[kind]:  # it holds what is paid once
            spread = self._again[kind] if kind in SPREAD else 0.0
            self._firsts[kind] += max(0.0, seconds - spread)
        self._costs[kind] = [*self._costs[kind][-1:], seconds]

    @contextlib.contextmanager
    def charging(self, kind):
        """Put the time inside this context to the account of a kind, less what is charged in it."""
        start, around = self.clock(), self._nested
        self._nested = 0.0
        try:
            yield
        finally:
            seconds = self.clock() - start
            self.charge(kind, seconds - self._nested)
            self._nested = around + seconds

    @contextlib.contextmanager
    def leaving_out(self):
        """Leave the time inside this context out of what is being charged: it is not ours."""
        start = self.clock()
        try:
            yield
        finally:
            self._nested += self.clock() - start

    def foresee(self, kind, seconds, *, again):
        """Note what the first of a kind will take, and what each later one."""
        self._foreseen[kind] = seconds
        self._again[kind] = again

    def forget_costs(self):
        """Forget what a probe costs, because from now on it runs another way."""
        self._costs["probe"] = []
        self._foreseen["probe"] = self._again["probe"] = 0.0

    def grants(self, seconds, step):
        """Return whether the budget has room for what is paid once to look closer.

        Before the first step that is all that a short run is granted. Later on as much again must
        be left to go on with.
        """
        if self.every != "auto":
            return True
        whole = self.budget * max(self._expected(step), GRACE_SECONDS)
        if step == 0:
            return self._total + seconds <= whole
        return 2 * seconds <= whole - self._total - self._for_scores(whole)

    def spares(self, seconds):
        """Return whether the budget has so much left as things are."""
        if self.every != "auto":
            return True
        left = self.budget * max(self.elapsed, GRACE_SECONDS) - self._total
        return seconds <= max(0.0, left)

    def is_worth_compiling(self, step):
        """Return whether what is left of the budget pays for a compilation, and something after."""
        if self.every != "auto":
            return True
        cost = self._cost("probe")
        left = self._left(max(self._expected(step), GRACE_SECONDS))
        return cost > 0 and left > 2 * COMPILE_COST * cost

    def _left(self, duration):
        whole = self.budget * duration
        return min(
            SHARES["probe"] * whole - self._ongoing("probe"),
            whole - self._total - self._for_scores(whole),
        )

    def _for_scores(self, whole):
        return max(0.0, SHARES["score"] * whole - self._ongoing("score"))

    def _reserve(self, kind, whole):
        """Return what is to be left for a last probe and, if that is possible at all, a score.

        An end that is not planned may never come: then what is affordable is taken now. Of a probe
        the second one tells what the last will take.
        """
        probe = self._cost("probe") if len(self._costs["probe"]) > 1 else 0.0
        score = self._again["score"] if kind == "score" else self._cost("score")
        is_kept_back = kind != "score" or self._planned_steps is not None
        is_possible = is_kept_back and self._total + score <= whole
        return probe + (score if is_possible else 0.0)

    def _upkeep(self, step):
        """Return what each epoch will go on to take, with nothing looked at, in a short run.

        A longer one earns it as it comes.
        """
        progress = self._progress(step)
        is_short = progress > 0 and self._expected(step) < GRACE_SECONDS
        return self.spent["other"] * (1 / progress - 1) if is_short else 0.0

    def _ongoing(self, kind):
        return self.spent[kind] - self._firsts[kind]

    def _spacing(self, step):
        densest, widest = SPACING
        cost = self._cost("probe")
        if not self._planned_steps or not cost or not step:
            return densest
        affordable = self._left(max(self._expected(step), GRACE_SECONDS)) / cost
        if affordable < 1:
            return widest
        share = (self._planned_steps / step) ** (1 / affordable) - 1
        return min(max(share, densest), widest)

    def _cost(self, kind):
        costs = self._costs[kind]
        if not costs:
            return self._foreseen[kind]
        # The first one may hold a compilation, which says nothing about the next.
        return min(costs) if len(costs) > 1 else self._again[kind]

    @property
    def _total(self):
        return sum(self.spent.values())

    def _progress(self, step):
        return min(1.0, step / self._planned_steps) if self._planned_steps else 1.0

    def _expected(self, step):
        """Return the time that the run will take at its pace so far, as far as that is known."""
        if self._warm is None or self._planned_steps is None or step <= self._warm[0]:
            return self.elapsed
        warm_step, warm_time = self._warm
        pace = (self.elapsed - warm_time) / (step - warm_step)
        return warm_time + pace * (self._planned_steps - warm_step)
