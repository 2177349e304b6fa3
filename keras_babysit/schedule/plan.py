"""The plan of a run: when it is looked at, how deep, and on how many examples."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from keras_babysit.samples.sample import MAX_EXAMPLES
from keras_babysit.schedule.cost_estimate import CostEstimate, Mode
from keras_babysit.schedule.looks import Ends, Looks, power_of_two

LOOKS = 16
"""Later looks, and looked-at ends of epochs, that a run has at most: with the early ones about 40
in all. More hardly say more, as rules read the latest few."""

MAX_SPACING = 512
"""Steps after which the next look is due however long the run is, where the budget allows that."""

MIN_LOOKS = 6
"""Looks that a run gets wherever the allowance covers them: rules want three in a row, of the start
of a run and of its end."""

LATER_FRACTION = 0.5
"""Fraction of the allowance that the `MIN_LOOKS` looks after the start may take in addition."""

LITTLE = 0.25
"""Fraction of the budget up to which looks do not have to fit into it together with the start."""

SCORE_FRACTION = 0.4
"""Fraction of the budget for scores; probes get the rest."""

MIN_SCORES = 4
"""Scores that are preferred to more examples of each."""

MIN_SCORE_EXAMPLES = 128
"""Examples that a score uses at least: 16 in each of the slices that give its standard error."""

MAX_PROBE_EXAMPLES = 256
"""Most examples of one probe: means over more are hardly sharper."""

SMALL_BATCH = 32
"""A batch of fewer examples says little about a network; a probe then uses the reference sample,
which joins the examples of earlier batches."""

LAST_RESORT = 4
"""A network whose layers the allowance does not cover is looked at early and late, forward only,
if that takes no more than so many allowances."""

BEHAVIOUR_EXAMPLES, BEHAVIOUR_PASSES = 16, 4
"""Size of the comparison of outputs, as `probes.behaviour` makes it."""

HEADROOM_GROWTH, HEADROOM_SPACING = 4, 128
"""The headroom of the learning rate is measured at steps 0, 1, 4, 16, 64, ... and then at multiples
of the spacing: it changes most in the first steps."""

MIN_HEADROOM_STEPS = 64
"""Planned steps from which on the headroom is measured: a shorter run ends before a warning is of
use."""

HEADROOM_FRACTION = 0.25
"""Fraction of the allowance that the headroom may take, of what everything else has left."""

EARLY_HEADROOM = Looks(HEADROOM_SPACING, HEADROOM_GROWTH)
UNCOMPILED, EARLY, EVERY_END = Mode(is_compiled=False), Looks(), Ends()


@dataclass(frozen=True)
class Plan:
    """What is measured when in one run.

    Args:
        mode: How probes are run; None if layers are not measured.
        looks: The steps before which a probe is taken.
        ends: The ends of epochs at which a probe is taken, besides the last.
        step_examples: Most examples of a probe on the batch of a step.
        examples: Most examples of a probe on the reference sample.
        judgements: The ends of epochs at which the rules run although nothing is measured.
        scores: The ends of epochs that are scored besides the last; None for no score at all.
        score_mode: How scores are run.
        score_examples: Most examples of each of the two samples that a score uses.
        has_behaviour: Whether it is measured once what the outputs depend on.
        seconds: Estimated seconds of all of that and of keeping examples; of a run of unknown
            length, of its start.
        headroom: The steps from which on a probe measures the headroom of the learning rate, once
            each; None for none.
        headroom_seconds: Estimated seconds of that, beside `seconds`.
    """

    mode: Mode | None = UNCOMPILED
    looks: Looks = EARLY
    ends: Ends = EVERY_END
    judgements: Ends = EVERY_END
    step_examples: int = MAX_PROBE_EXAMPLES
    examples: int = MAX_PROBE_EXAMPLES
    scores: Ends | None = EVERY_END
    score_mode: Mode = UNCOMPILED
    score_examples: int = MAX_EXAMPLES
    has_behaviour: bool = True
    seconds: float = 0.0
    headroom: Looks | None = EARLY_HEADROOM
    headroom_seconds: float = 0.0


def plan_run(
    estimate: CostEstimate,
    *,
    steps: int | None,
    epochs: int | None,
    budget: float,
    allowance: float,
    headroom: float | None = None,
    most_looks: int | None = None,
    has_scores: bool = True,
    is_long: bool = False,
    is_further: bool = False,
) -> Plan:
    """Return the plan of a run: a pure function of what is fixed.

    Args:
        estimate: The costs of the network.
        steps: Planned steps, None if they are not known.
        epochs: Planned epochs, None if they are not known.
        budget: Seconds that all measurements are to take.
        allowance: Seconds that the start and `MIN_LOOKS` looks may take, at least `budget`.
        headroom: Seconds that the headroom of the learning rate may take, of what the rest leaves
            of the allowance; None for `HEADROOM_FRACTION` of the allowance.
        most_looks: Most probes, those at ends of epochs included; None for what the budget covers.
        has_scores: Whether scores and what the outputs depend on are measured.
        is_long: Whether the training is so long that scores have to fit into the budget; in a
            shorter one the allowance may pay for four.
        is_further: Whether the model was measured in an earlier run. Looks then have to fit into
            the budget also if they are few, unless the start takes more than that.

    Returns:
        The `Plan`. Of the modes that the allowance covers, it has the one that shows most, on as
        many examples as it covers; then the most looks that the budget covers.

    Example:
        >>> estimate = CostEstimate(layers=3, multiply_adds=1e5, compiled_start=0.3)
        >>> plan = plan_run(estimate, steps=320, epochs=10, budget=1.2, allowance=3.0)
        >>> plan.mode, plan.looks, plan.ends
        (Mode(is_compiled=True, takes_gradients=True), Looks(spacing=64, growth=2), Ends(spacing=2))
    """
    length = (steps, epochs)
    per_epoch = (steps or MAX_EXAMPLES) // (epochs or 1)
    keeping = estimate.keeping(min(MAX_EXAMPLES, per_epoch * estimate.batch_size))
    mode, at_step = _choose_mode(estimate, allowance)
    examples = _choose_examples(estimate, mode, at_step, budget)
    is_started = is_further and estimate.start(mode) <= budget
    few = budget if is_started else (1 + LATER_FRACTION) * allowance
    sizes, limits = (at_step, examples), (budget, few)
    looks, ends, spent = _choose_looks(estimate, mode, sizes, length, limits, most_looks)
    judgements = Ends(power_of_two((epochs or 1) / LOOKS))
    if mode is None:
        return Plan(
            mode,
            looks,
            ends,
            judgements,
            at_step,
            examples,
            scores=None,
            has_behaviour=False,
            seconds=keeping + spent,
            headroom=None,
        )
    score_mode, scores, score_examples, cost = mode, None, 0, 0.0
    if has_scores:
        score_mode, scores, score_examples, cost = _choose_scores(
            estimate,
            mode,
            epochs,
            max(SCORE_FRACTION * budget, budget - spent),
            allowance - spent,
            is_long=is_long,
        )
    spent += cost
    behaviour = estimate.behaviour(score_mode, BEHAVIOUR_EXAMPLES, BEHAVIOUR_PASSES)
    limit = budget if is_further else allowance
    has_behaviour = has_scores and spent + behaviour <= limit
    spent += behaviour if has_behaviour else 0.0
    most = HEADROOM_FRACTION * allowance if headroom is None else headroom
    multiples, headroom_cost = _choose_headroom(estimate, mode, steps, min(most, allowance - spent))
    return Plan(
        mode,
        looks,
        ends,
        judgements,
        at_step,
        examples,
        scores,
        score_mode,
        score_examples,
        has_behaviour,
        keeping + spent,
        multiples,
        headroom_cost,
    )


def _most_of_a_step(estimate: CostEstimate) -> int:
    """Return the examples of a probe on the batch of a step, where none have to be spared."""
    return min(MAX_PROBE_EXAMPLES, max(SMALL_BATCH, estimate.batch_size))


def _choose_mode(estimate: CostEstimate, allowance: float) -> tuple[Mode | None, int]:
    """Return the mode that shows most, and the examples of a probe on the batch of a step.

    Fewer examples are preferred to fewer looks, and both to leaving out the gradients. The mode is
    None if not even the cheapest one is covered, on the fewest examples.
    """
    sizes = [_most_of_a_step(estimate)]
    while sizes[-1] >= 2 * SMALL_BATCH:
        sizes.append(sizes[-1] // 2)

    def has_many(mode: Mode, size: int) -> bool:
        later = (MIN_LOOKS - 1) * estimate.probe(mode, size)
        return estimate.start(mode) <= allowance and later <= LATER_FRACTION * allowance

    def cost_of_two(mode: Mode, size: int) -> float:
        return estimate.start(mode) + 2 * estimate.probe(mode, size)

    full = [mode for mode in estimate.modes if mode.takes_gradients]
    for size, mode in itertools.product(sizes, full):
        if has_many(mode, size):
            return mode, size
    for limit, modes in ((allowance, full), (LAST_RESORT * allowance, estimate.modes)):
        for size in sizes:
            cheapest = min(modes, key=lambda mode: cost_of_two(mode, size), default=None)
            if cheapest is not None and cost_of_two(cheapest, size) <= limit:
                return cheapest, size
    return None, sizes[0]


def _choose_examples(estimate: CostEstimate, mode: Mode | None, at_step: int, budget: float) -> int:
    """Return the examples of a probe at the end of an epoch: the most, unless they cost too much.

    They cost too much where `MIN_LOOKS` such probes take more than half of what is for probes.
    """
    probes = MIN_LOOKS * estimate.probe(mode, MAX_PROBE_EXAMPLES)
    is_cheap = 2 * probes <= (1 - SCORE_FRACTION) * budget
    return MAX_PROBE_EXAMPLES if is_cheap else at_step


def _choose_looks(
    estimate: CostEstimate,
    mode: Mode | None,
    sizes: tuple[int, int],
    length: tuple[int | None, int | None],
    limits: tuple[float, float],
    most_looks: int | None,
) -> tuple[Looks, Ends, float]:
    """Return the most looks that the limits allow, and what they cost.

    The limits are the budget, and the seconds that a few looks may take.
    """
    steps, epochs = length
    budget, few = limits
    start = estimate.start(mode)
    at_step, at_end = (estimate.probe(mode, size) for size in sizes)
    if steps is None:
        return _looks_of_unknown(estimate, start, at_step, at_end, few)
    for looks, ends in _candidates(steps, epochs or 1):
        counts = len(looks.steps(steps)), ends.count(epochs or 1)
        cost = counts[0] * at_step + counts[1] * at_end
        if most_looks is not None and sum(counts) > most_looks:
            continue
        is_little = sum(counts) <= MIN_LOOKS + 2 or cost <= LITTLE * budget
        most = few if is_little else (1 - SCORE_FRACTION) * budget
        if start + cost <= most:
            return looks, ends, start + cost
    return Looks(growth=None), Ends(spacing=None), start + at_step + at_end


def _looks_of_unknown(
    estimate: CostEstimate,
    start: float,
    at_step: float,
    at_end: float,
    few: float,
) -> tuple[Looks, Ends, float]:
    """Return the looks of a run whose length is not known, and the cost of the early ones.

    The allowance covers those; the training since the look before pays for each later one.
    """
    spacing = max(MAX_SPACING, power_of_two(at_step / (EARNED * estimate.step)))
    for growth in _powers():
        early = len(Looks(growth=growth).steps(MAX_SPACING))
        cost = start + early * at_step + at_end
        if cost <= few:
            return Looks(spacing, growth), Ends(spacing=1), cost
        if growth >= MAX_SPACING:
            break
    return Looks(growth=None), Ends(spacing=None), start + at_step + at_end


EARNED = 0.01
"""Fraction of the training since the look before that a look of a run of unknown length costs at
most: with scores and ends of epochs, this is about 2 %."""


def _candidates(steps: int, epochs: int) -> Iterator[tuple[Looks, Ends]]:
    """Yield looks of a run from many to few."""
    spacing, ends = (
        min(MAX_SPACING, power_of_two(steps / LOOKS)),
        power_of_two(epochs / LOOKS),
    )
    while spacing < steps or ends < epochs:
        yield Looks(spacing), Ends(ends)
        spacing, ends = 2 * spacing, 2 * ends
    for growth in _powers():
        yield Looks(None, growth), Ends(None)
        if growth >= steps:
            return


def _powers() -> Iterator[int]:
    return (2**exponent for exponent in itertools.count(1))


def _choose_headroom(
    estimate: CostEstimate, mode: Mode, steps: int | None, limit: float
) -> tuple[Looks | None, float]:
    """Return from which steps on the headroom is measured, and what that costs.

    It comes last, so that it displaces nothing. Of a run whose length is not known the early
    measurements are counted; later ones come at powers of `HEADROOM_GROWTH` only.
    """
    if steps is not None and steps < MIN_HEADROOM_STEPS:
        return None, 0.0
    start = estimate.headroom_start(mode)
    each = estimate.headroom(mode, _most_of_a_step(estimate))  # the update is that of all of them
    least = max(HEADROOM_SPACING, power_of_two((steps or 0) / LOOKS))
    spacings = itertools.takewhile(lambda n: n < (steps or 0), _doubling(least))
    for looks in [*(Looks(n, HEADROOM_GROWTH) for n in spacings), Looks(None, HEADROOM_GROWTH)]:
        cost = start + len(looks.steps(steps or MAX_SPACING)) * each
        if cost <= limit:
            return looks, cost
    return None, 0.0


def _doubling(first: int) -> Iterator[int]:
    return (first * 2**exponent for exponent in itertools.count())


def _choose_scores(
    estimate: CostEstimate,
    mode: Mode,
    epochs: int | None,
    budget: float,
    allowance: float,
    *,
    is_long: bool,
) -> tuple[Mode, Ends | None, int, float]:
    """Return how scores are run, when, on how many examples, and what they cost.

    Four scores on fewer examples are preferred to fewer scores, and one at the end to none. The
    allowance may pay for four where the budget does not, unless the run is long.
    """
    epochs = epochs or MIN_SCORES
    sizes = [MAX_EXAMPLES]
    while sizes[-1] >= 2 * MIN_SCORE_EXAMPLES:
        sizes.append(sizes[-1] // 2)
    forward = [Mode(m.is_compiled, False) for m in estimate.modes if m.takes_gradients]
    modes = [m for m in forward if m.is_compiled <= mode.is_compiled or len(forward) == 1]
    spacings = [power_of_two(epochs / LOOKS)]
    while spacings[-1] < epochs:
        spacings.append(2 * spacings[-1])
    ends = [Ends(spacing) for spacing in spacings]
    many = [one for one in ends if one.count(epochs) >= min(MIN_SCORES, epochs)]
    last = [Ends(None)]
    for limit, options in (
        (budget, itertools.product(modes, sizes, many)),
        (0.0 if is_long else allowance, itertools.product(modes, sizes, many[-1:])),
        (budget, itertools.product(modes, sizes, last)),
        (allowance, itertools.product(modes, sizes[-1:], last)),
    ):
        for how, examples, when in options:
            cost = estimate.score_start(how) + when.count(epochs) * estimate.score(how, examples)
            if cost <= limit:
                return how, when, examples, cost
    return modes[0], None, sizes[-1], 0.0
