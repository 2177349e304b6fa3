"""The measured headroom of the learning rate: what the network bears."""

import math
from typing import NamedTuple

from keras_babysit.history import History
from keras_babysit.rules._network import WARM_UP_STEPS

OVERSHOOTS = 0.5
"""Headroom below which a step is too long for good. A step of gradient descent on a quadratic loss
lowers it up to 2 / curvature, which is a headroom of 1; above that the loss may rise and the
network still find a flatter place, up to about 4 / curvature, which is 1/2 (Lewkowycz et al.,
arXiv:2003.02218)."""

BEST = 0.1
"""Fraction of the headroom that is suggested. One step lowers a quadratic loss most at half of it;
but the loss of the batch that the step was made for bears several times more than that of other
examples, by as much as its gradient is noise (McCandlish et al., arXiv:1812.06162, section 2.2). A
tenth of the learning rate at which the loss turns is also what range tests take (Smith,
arXiv:1506.01186; fastai)."""

BEST_OF_GRADIENT = 1 / 3
"""The same where the step is the gradient, with or without momentum: it becomes shorter as the loss
falls, and with the noise of a batch. A third of the learning rate from which on the loss does not
fall is the usual rule (Bengio, arXiv:1206.5533, section 3.3.1.1), and is left where the curvature
grows during training. The steps of Adam have one length whatever the gradient."""

GRADIENT_STEPS = ("SGD",)
"""Optimizers whose step is the gradient."""

BEYOND = 32.0
"""The largest headroom that is measured; it stands for this or more."""

GROWS = 4.0
"""Factor by which the headroom grows in the first steps where a warm-up is of use: fourfold is two
of the multiples at which it is measured."""

EARLY = 100
"""Steps in which it has grown by then: the range of short warm-ups."""


class Headroom(NamedTuple):
    """One measurement: multiples of the update, the 95 % interval, and the learning rate then.

    `rate` is None where it is not known. `built_up` is how much of its full length the update had,
    see `built_up`.
    """

    step: int
    value: float
    low: float
    high: float
    rate: float | None
    built_up: float = 1.0

    @property
    def bears(self) -> float:
        """The multiple of the learning rate at which the update of full length is borne."""
        return self.value * self.built_up

    @property
    def borne(self) -> float | None:
        """The highest learning rate that the network bore."""
        return None if self.rate is None else self.rate * self.bears


def built_up(history: History, step: int) -> float:
    """Return how much of its full length the update of momentum has at a step, in (0, 1].

    A velocity that keeps the part β of its value per step adds up to 1 / (1 - β) gradients where
    these stay alike, and to (1 - β^n) / (1 - β) in the n-th step: a first step with momentum 0.9 is
    a tenth of what follows. Nesterov's is one gradient ahead. Where gradients change their sign,
    along directions in which steps overshoot, nothing adds up: there a heavy ball bears up to
    2 (1 + β) / curvature, more than steps without momentum.

    Reference:
        Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; Goh, "Why
        Momentum Really Works", Distill, 2017.
    """
    settings = history.facts.optimizer_settings
    momentum = settings.momentum or 0.0
    if not 0 < momentum < 1:
        return 1.0
    steps = step + (history.facts.optimizer_steps_before or 0)
    updates = steps // (settings.accumulates or 1) + 1 + settings.nesterov
    return float(1 - momentum**updates)


def headrooms(history: History) -> list[Headroom]:
    """Return the measurements of the headroom, oldest first."""
    values = history.series("optimizer/headroom")
    ends = [history.series(f"optimizer/headroom_{end}") for end in ("low", "high")]
    rates = history.series("optimizer/learning_rate")
    known = [dict(zip(one.steps.tolist(), one.values.tolist(), strict=True)) for one in ends]
    found = []
    for step, value in zip(values.steps.tolist(), values.values.tolist(), strict=True):
        before = rates.values[rates.steps <= step]
        rate = float(before[-1]) if len(before) else None
        low, high = (one.get(step, value) for one in known)
        if not all(0 < one < math.inf for one in (value, low, high)):
            continue
        found.append(Headroom(step, value, low, high, rate, built_up(history, step)))
    return found


def overshoot(history: History) -> Headroom | None:
    """Return the latest measurement if it is below `OVERSHOOTS` for certain, else None."""
    latest = headrooms(history)[-1:]
    return latest[0] if latest and latest[0].high < OVERSHOOTS else None


def rate_at_start(history: History) -> float | None:
    """Return the learning rate that suits the first steps; None if it was not measured.

    The least headroom in the first steps counts: the update of momentum grows over these. Of a
    headroom that was not measured to its end half is not known, so that there is no rate then.
    """
    first = [one for one in headrooms(history) if one.step < 2 * WARM_UP_STEPS]
    rates = [one.borne for one in first if one.value < BEYOND and one.borne is not None]
    least = min(rates, default=0.0)
    best = BEST_OF_GRADIENT if history.facts.optimizer in GRADIENT_STEPS else BEST
    return best * least if least > 0 and math.isfinite(least) else None


def growth(history: History) -> tuple[Headroom, Headroom] | None:
    """Return the first measurement and a later early one, if the headroom grew in between.

    It grew if what the network bears is `GROWS` times as much and the intervals are apart.
    """
    early = [one for one in headrooms(history) if one.step < EARLY]
    if len(early) < 2:
        return None
    first, largest = early[0], max(early[1:], key=lambda one: one.value)
    has_grown = largest.value >= GROWS * first.value and largest.low > first.high
    return (first, largest) if has_grown else None


def compared(reading: Headroom, when: str = "now") -> str:
    """Return how the learning rate compares with the highest stable one, as a sentence.

    Args:
        reading: A measurement.
        when: When that was, such as `"now"`.

    Example:
        >>> compared(Headroom(0, 20.0, 12.5, 32.0, 1e-3))
        'The learning rate is 5 % of the highest stable one now (95 % interval: 3.1 to 8).'
        >>> compared(Headroom(0, 32.0, 32.0, 32.0, 1e-3))
        'The learning rate is at most 3.1 % of the highest stable one now.'
    """
    if reading.value >= BEYOND:
        return (
            f"The learning rate is at most {100 / BEYOND:.2g} % of the highest stable one {when}."
        )
    unit, scale = (" times", 1) if reading.value < 1 else (" % of", 100)
    ends = (reading.value, reading.high, reading.low)
    value, low, high = (f"{scale / one:.2g}" for one in ends)
    return (
        f"The learning rate is {value}{unit} the highest stable one {when} "
        f"(95 % interval: {low} to {high})."
    )


def in_evidence(reading: Headroom | None) -> dict[str, float]:
    """Return a measurement as evidence, empty without one."""
    if reading is None:
        return {}
    return {
        "headroom": reading.value,
        "headroom_low": reading.low,
        "headroom_high": reading.high,
    }


def grows(first: Headroom, later: Headroom) -> str:
    """Return by how much the headroom grew, as a sentence.

    Example:
        >>> grows(Headroom(0, 0.5, 0.3, 0.8, 0.01), Headroom(16, 6.0, 4.0, 9.0, 0.01))
        'The highest stable learning rate is 12 times as high at step 16 as at step 0.'
    """
    times = f"{later.value / first.value:.2g}"
    return (
        f"The highest stable learning rate is {times} times as high at step {later.step:,} as at "
        f"step {first.step:,}."
    )
