"""`LrRange`, the result of a learning-rate range test."""

import dataclasses
import functools
from typing import TYPE_CHECKING

import numpy as np

from keras_babysit.figures import COLOURS, DASHES, new_figure
from keras_babysit.markup import fragment, heading, paragraph, sparkline, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMOOTHING_WIDTH = 0.15
"""Standard deviation of the Gaussian smoothing, in decades. That is several steps of a sweep of 200
over eight decades; the loss changes over about one decade."""

START_WIDTH = 0.5
"""Decades at the beginning of a sweep whose median loss counts as the loss before training."""

SIGNIFICANCE = 4.0
"""Standard errors by which the smoothed loss must fall below its start. One of a dozen independent
points of a flat curve is so far below by chance once in 2,600 sweeps."""

MAX_NOISE = 5.0
"""Standard deviations of the noise between batches that the cap leaves above the start."""

RELAPSE = 0.1
"""Part of its fall within which of the start the loss counts as back at the start. A network whose
units have died has about the loss that it started with, and need not exceed it."""

SETTLED = 0.02
"""Part of its fall within which of its lowest value the loss has stopped falling: the usual bound
of settling times in control engineering."""

LUCK = 1.63
"""Standard errors by which the lowest of a dozen independent points of a flat curve lies below it,
on average (the expected minimum of 12 normal values)."""

SAFETY = 3.0
"""The suggestion is the learning rate at which the fall ends, divided by this (Bengio,
arXiv:1206.5533, section 3.3.1.1: start large and divide by 3 until the loss does not diverge)."""


@dataclasses.dataclass(frozen=True, eq=False)
class LrRange:
    """The result of a learning-rate range test.

    What it computes rests on `smoothed`, in which a loss above the start counts as slightly above
    it, however high it is: a single huge loss says nothing of the learning rates below it.

    Args:
        learning_rates: Learning rate of each step, shape `(steps,)`.
        losses: Loss of each batch before its step, shape `(steps,)`; the last may be infinite or
            NaN. Of several sweeps, their median.
        sweeps: The result of each sweep, if there were several.

    Example:
        >>> rates = np.logspace(-6, 1, 141)
        >>> found = LrRange(rates, 1 / (1 + np.exp(6 * (np.log10(rates) + 3))))
        >>> print(found)
        suggested learning rate: 0.0019; the loss falls fastest at 0.001
    """

    learning_rates: np.ndarray
    losses: np.ndarray
    sweeps: tuple["LrRange", ...] = ()

    @functools.cached_property
    def start(self) -> float:
        """The loss before training, the median at the lowest learning rates; NaN if not finite."""
        logs = np.log10(self.learning_rates)
        first = self.losses[: max(3, int(np.count_nonzero(logs - logs[0] <= START_WIDTH)))]
        finite = first[np.isfinite(first)]
        return float(np.median(finite)) if finite.size else float("nan")

    @functools.cached_property
    def smoothed(self) -> np.ndarray:
        """The capped losses, averaged over neighbouring learning rates; shape `(steps,)`.

        The cap lies as far above the start as the lowest loss below it. A loss that is not finite
        counts as the cap.
        """
        if not np.isfinite(self.start):
            return np.full(len(self.losses), np.nan)
        return np.asarray(self._weights @ self._capped / self._weights.sum(axis=1))

    @functools.cached_property
    def _weights(self) -> np.ndarray:
        logs = np.log10(self.learning_rates)
        return np.asarray(np.exp(-0.5 * ((logs[:, None] - logs[None]) / SMOOTHING_WIDTH) ** 2))

    @functools.cached_property
    def _capped(self) -> np.ndarray:
        losses = np.where(np.isnan(self.losses), np.inf, self.losses)
        logs = np.log10(self.learning_rates)
        near = np.abs(logs[:, None] - logs[None]) <= SMOOTHING_WIDTH
        medians = [float(np.median(losses[row])) for row in near]
        cap = self.start + max(self.start - min(medians), MAX_NOISE * self._noise)
        return np.minimum(losses, cap)

    @functools.cached_property
    def _noise(self) -> float:
        """Standard deviation of the loss between batches, from the steps to the next one."""
        steps = np.abs(np.diff(self.losses[np.isfinite(self.losses)]))
        # The median absolute difference of two normal values is 0.6745 sqrt(2) deviations.
        return float(np.median(steps) / (0.6745 * np.sqrt(2.0))) if len(steps) else 0.0

    @functools.cached_property
    def _low(self) -> int:
        """Index of the lowest smoothed loss."""
        return int(np.argmin(self.smoothed))

    @functools.cached_property
    def _error(self) -> float:
        """Standard error of the difference of the smoothed loss and its start."""
        # A Gaussian window averages over 2 sqrt(pi) standard deviations, at the edge over half. The
        # variance of a median is pi / 2 times that of the mean.
        averaged = max(1.0, float(np.sqrt(np.pi) * SMOOTHING_WIDTH / self._spacing))
        first = max(3.0, START_WIDTH / self._spacing)
        return self._noise * float(np.sqrt(1 / averaged + np.pi / 2 / first))

    @property
    def _margin(self) -> float:
        """Difference of the smoothed loss and its start that the noise of batches does not make."""
        return max(SIGNIFICANCE * self._error, 1e-6 * abs(self.start))

    @property
    def _spacing(self) -> float:
        """Decades between two steps."""
        first, second = self.learning_rates[:2]
        return float(np.log10(second / first))

    @property
    def falls(self) -> bool:
        """Whether the smoothed loss falls by more than the noise between batches."""
        if not np.isfinite(self.start) or self._low < 2:
            return False
        return bool(self.start - self.smoothed[self._low] > self._margin)

    @property
    def divergence(self) -> float | None:
        """Learning rate from which on the loss is back at its start or above it, for good.

        Where the loss never falls, it is the one from which on the loss is above its start by more
        than noise. None if the sweep ends below that, or if no loss is finite: that is not due to
        the learning rate.
        """
        if not np.isfinite(self.start):
            return None
        if len(self.losses) < 3:
            return None if np.isfinite(self.losses).all() else float(self.learning_rates[-1])
        fall = self.start - self.smoothed[self._low]
        level = self.start - RELAPSE * fall if self.falls else self.start + self._margin
        below = np.flatnonzero(self.smoothed <= level)
        first = int(below[-1]) + 1 if len(below) else 0
        is_lost = not np.isfinite(self.losses[-1])
        if not is_lost and len(self.losses) - first < 2 * SMOOTHING_WIDTH / self._spacing:
            return None
        return float(self.learning_rates[min(first, len(self.losses) - 1)])

    @property
    def has_diverged(self) -> bool:
        """Whether the sweep ends with a loss that is back at its start, above it or not finite."""
        return self.divergence is not None or not np.isfinite(self.losses[-1])

    @property
    def _descent(self) -> slice:
        """The steps of the fall: from where it has begun for good to the lowest loss."""
        curve = self.smoothed
        level = self.start - RELAPSE * (self.start - curve[self._low])
        above = np.flatnonzero(curve[: self._low] >= level)
        return slice(int(above[-1]) if len(above) else 0, self._low + 1)

    @property
    def steepest(self) -> float | None:
        """Learning rate at which the loss falls fastest per decade; None if it does not fall."""
        if not self.falls:
            return None
        rates, curve = self.learning_rates[self._descent], self.smoothed[self._descent]
        if len(curve) < 3:
            return float(rates[0])
        return float(rates[int(np.argmin(np.gradient(curve, np.log10(rates))))])

    @property
    def valley(self) -> float | None:
        """Learning rate in the middle of the longest fall; None if the loss does not fall.

        As fastai's `valley`: the longest decreasing subsequence of the smoothed losses is found,
        and the learning rate taken that lies half of its length before its end.
        """
        if not self.falls:
            return None
        last, length = longest_fall(self.smoothed)
        return float(self.learning_rates[last - length // 2])

    @property
    def maximum(self) -> float | None:
        """Learning rate at which the fall ends, e.g. for the upper end of a one-cycle schedule.

        There, all but 2 % of the fall are done; where batches are noisy, all but what noise makes
        of a flat curve, but at least nine tenths. It is too high for a constant learning rate. None
        if the loss does not fall.
        """
        if not self.falls:
            return None
        curve = self.smoothed
        fall = self.start - curve[self._low]
        rest = min(max(SETTLED * fall, LUCK * self._error), RELAPSE * fall)
        level = curve[self._low] + rest
        return float(self.learning_rates[int(np.argmax(curve <= level))])

    @property
    def suggestion(self) -> float | None:
        """The suggested constant learning rate: a third of `maximum`; None without a fall.

        The end of the fall hardly depends on the noise between batches. Where the fall is steepest
        does, and so does the middle of the fall, which is too low in a short training.
        """
        if self.maximum is None:
            return None
        return min(self.maximum, self.divergence or np.inf) / SAFETY

    @property
    def interval(self) -> tuple[float, float] | None:
        """Lowest and highest suggestion of the sweeps; None unless two or more have one."""
        known = [one.suggestion for one in self.sweeps]
        found = [rate for rate in known if rate is not None]
        return (min(found), max(found)) if len(found) > 1 else None

    def __str__(self) -> str:
        parts = []
        if not np.isfinite(self.start):
            parts.append("no suggestion: the loss is not finite before the first step")
        elif self.suggestion is None:
            parts.append("no suggestion: the loss does not fall in this range of learning rates")
        else:
            parts.append(f"suggested learning rate: {self.suggestion:.2g}")
            if self.interval is not None:
                low, high = self.interval
                parts[-1] += f" ({low:.2g} to {high:.2g} in {len(self.sweeps)} sweeps)"
            parts.append(f"the loss falls fastest at {self.steepest:.2g}")
        if self.divergence is not None:
            parts.append(f"it diverges at {self.divergence:.2g}")
        return "; ".join(parts)

    def __repr__(self) -> str:
        return f"LrRange({self})"

    def _repr_html_(self) -> str:
        known = [
            ("suggested", self.suggestion),
            ("the loss falls fastest at", self.steepest),
            ("the fall ends at", self.maximum),
            ("it diverges at", self.divergence),
        ]
        rows = [(words, f"{rate:.2g}") for words, rate in known if rate is not None]
        finite = [float(value) for value in self.smoothed if np.isfinite(value)]
        line = sparkline(finite, "loss over the learning rate, smoothed")
        return fragment(
            heading("Learning-rate range test", "well" if rows else "warning"),
            table(("learning rate", ""), rows) if rows else paragraph(str(self)),
            line,
            paragraph("Call `.plot()` for the whole picture.", is_mute=True),
        )

    def plot(self) -> "Figure":
        """Plot the loss against the learning rate, with the suggestion.

        Returns:
            A `matplotlib.figure.Figure`, which displays itself in a notebook; `show()` opens it
            from a script, `save(path)` writes it.

        Raises:
            ImportError: If matplotlib is not installed.
        """
        figure = new_figure(6.4, 4.0)
        axes = figure.add_subplot()
        axes.plot(self.learning_rates, self.losses, color="0.75", label="loss of each batch")
        axes.plot(self.learning_rates, self.smoothed, color=COLOURS[0], label="smoothed")
        marks = (
            ("falls fastest", self.steepest),
            ("valley", self.valley),
            ("fall ends", self.maximum),
            ("diverges", self.divergence),
            ("suggestion", self.suggestion),
        )
        for number, (name, rate) in enumerate(marks, 1):
            if rate is not None:
                label = f"{name}: {rate:.2g}"
                style = {"color": COLOURS[number], "linestyle": DASHES[number % len(DASHES)]}
                axes.axvline(rate, label=label, **style)
        axes.set(xscale="log", xlabel="learning rate", ylabel="loss")
        curve = self.smoothed
        if np.isfinite(curve).any():  # clip the divergence so that the fall stays visible
            low, high = float(np.min(curve)), float(np.max(curve[: len(curve) // 2 + 1]))
            height = max(high - low, 1e-9)
            axes.set_ylim(low - 0.2 * height, high + 0.8 * height)
        axes.legend(frameon=False)
        return figure


def longest_fall(curve: np.ndarray) -> tuple[int, int]:
    """Return where the longest decreasing subsequence of a curve ends, and its length.

    Example:
        >>> longest_fall(np.array([3.0, 5.0, 4.0, 4.5, 2.0, 1.0, 6.0]))
        (5, 4)
    """
    lengths = np.ones(len(curve), int)
    for index in range(1, len(curve)):
        higher = lengths[:index][curve[:index] > curve[index]]
        lengths[index] = higher.max(initial=0) + 1
    last = int(np.argmax(lengths))
    return last, int(lengths[last])


def median_of(sweeps: "list[LrRange]") -> LrRange:
    """Return several sweeps over the same learning rates as one, of their median losses.

    A sweep that stopped early counts as infinite from there on.
    """
    if len(sweeps) == 1:
        return sweeps[0]
    longest = max(sweeps, key=lambda one: len(one.losses))
    losses = np.full((len(sweeps), len(longest.losses)), np.inf)
    for row, sweep in zip(losses, sweeps, strict=True):
        row[: len(sweep.losses)] = np.where(np.isnan(sweep.losses), np.inf, sweep.losses)
    return LrRange(longest.learning_rates, np.median(losses, axis=0), tuple(sweeps))
