"""`LrRange`, the result of a learning-rate range test."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from keras_babysit.figures import COLOURS, DASHES, new_figure
from keras_babysit.markup import fragment, heading, paragraph, sparkline, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMOOTHING_WIDTH = 0.15
"""Standard deviation of the Gaussian smoothing, in decades. That is several steps of a sweep of 200
over eight decades; the loss changes over about one decade."""

SIGNIFICANCE = 5.0
"""Standard errors by which the smoothed loss must fall below its initial value. The lowest of a
dozen independent points of a flat curve is 2 below on average; the first may be 2 above."""

DIVERGENCE_FACTOR = 10.0
"""The suggestion is at most the diverging learning rate divided by this (Bengio, arXiv:1206.5533,
section 3.1.1: start large and divide by 3 until it does not diverge; two such steps are 9)."""


@dataclasses.dataclass(frozen=True, eq=False)
class LrRange:
    """The result of a learning-rate range test.

    Args:
        learning_rates: Learning rate of each step, shape `(steps,)`.
        losses: Loss of each batch before its step, shape `(steps,)`; the last may be infinite or
            NaN.
        has_diverged: Whether the sweep stopped because the loss diverged.
    """

    learning_rates: np.ndarray
    losses: np.ndarray
    has_diverged: bool

    @property
    def smoothed(self) -> np.ndarray:
        """The losses, averaged over neighbouring learning rates; shape `(steps,)`."""
        logs = np.log10(self.learning_rates)
        finite = np.isfinite(self.losses)
        if not finite.any():
            return np.full_like(self.losses, np.nan)
        weights = np.exp(-0.5 * ((logs[:, None] - logs[None]) / SMOOTHING_WIDTH) ** 2) * finite
        totals = weights.sum(axis=1)
        values = weights @ np.where(finite, self.losses, 0.0)
        return np.where(totals > 0, values / np.where(totals > 0, totals, 1), np.nan)

    @property
    def divergence(self) -> float | None:
        """Learning rate at which the loss has risen for good; None if it did not diverge."""
        if not self.has_diverged:
            return None
        curve = self.smoothed
        if not np.isfinite(curve).any():
            return float(self.learning_rates[-1])
        # The first rate after the minimum at which the loss exceeds its initial value.
        low = int(np.nanargmin(curve))
        above = np.flatnonzero(curve[low:] > max(curve[0], curve[low]))
        return float(self.learning_rates[low + above[0] if len(above) else -1])

    @property
    def steepest(self) -> float | None:
        """Learning rate at which the loss falls fastest per decade; None if it does not fall."""
        curve = self.smoothed
        if not self.falls:
            return None
        low = int(np.nanargmin(curve))
        slopes = np.gradient(curve[: low + 1], np.log10(self.learning_rates[: low + 1]))
        return float(self.learning_rates[int(np.nanargmin(slopes))])

    @property
    def falls(self) -> bool:
        """Whether the smoothed loss falls by more than the noise between batches."""
        curve = self.smoothed
        if not np.isfinite(curve).any() or np.nanargmin(curve) < 2:
            return False
        low = int(np.nanargmin(curve))
        noise = np.nanstd((self.losses - curve)[: low + 1])
        # A Gaussian window averages over 2 sqrt(pi) standard deviations, at the edge over half.
        spacing = np.log10(self.learning_rates[1] / self.learning_rates[0])
        averaged = max(1.0, np.sqrt(np.pi) * SMOOTHING_WIDTH / spacing)
        margin = SIGNIFICANCE * noise / np.sqrt(averaged)
        return bool(curve[0] - curve[low] > max(margin, 1e-6 * abs(curve[0])))

    @property
    def suggestion(self) -> float | None:
        """The suggested learning rate: the lower of `steepest` and a tenth of `divergence`.

        None if the loss neither falls nor diverges. Then the range is too low, or the loss does
        not depend on the weights.
        """
        tenth = None if self.divergence is None else self.divergence / DIVERGENCE_FACTOR
        known = [rate for rate in (self.steepest, tenth) if rate is not None]
        return min(known, default=None)

    def __str__(self) -> str:
        if self.suggestion is None:
            return "The loss neither falls nor diverges in this range of learning rates."
        parts = [f"suggested learning rate: {self.suggestion:.2g}"]
        if self.steepest is not None:
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
            ("diverges", self.divergence),
            ("suggestion", self.suggestion),
        )
        for number, (name, rate) in enumerate(marks, 1):
            if rate is not None:
                label = f"{name}: {rate:.2g}"
                style = {"color": COLOURS[number], "linestyle": DASHES[number]}
                axes.axvline(rate, label=label, **style)
        axes.set(xscale="log", xlabel="learning rate", ylabel="loss")
        curve = self.smoothed
        if np.isfinite(curve).any():  # clip the divergence so that the fall stays visible
            low, high = np.nanmin(curve), np.nanmax(curve[: len(curve) // 2 + 1])
            height = max(high - low, 1e-9)
            axes.set_ylim(low - 0.2 * height, high + 0.8 * height)
        axes.legend(frameon=False)
        return figure
