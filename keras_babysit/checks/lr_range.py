"""The result of a learning-rate range test."""

import dataclasses

import numpy as np

WIDTH = 0.15
"""Width of the smoothing in decades: several steps of a sweep of 200 over eight decades. A loss
changes over about a decade."""

SURE = 5.0
"""Standard errors by which the smoothed loss must fall below its start. The lowest of the dozen
independent points of a flat curve lies 2 below on average, the start may lie as much above."""

BELOW_DIVERGENCE = 10.0
"""What the rate at which the loss diverges is divided by (Bengio, arXiv:1206.5533, section 3.1.1:
begin with a large rate and divide by 3 until it does not diverge; two such steps are 9)."""


@dataclasses.dataclass(frozen=True, eq=False)
class LrRange:
    """What a learning-rate range test measured.

    Args:
        learning_rates: Rate of each step, shape `(steps,)`.
        losses: Loss of each step's batch before the step, shape `(steps,)`; the last may be
            infinite or NaN.
        has_diverged: Whether the sweep ended because the loss diverged.
    """

    learning_rates: np.ndarray
    losses: np.ndarray
    has_diverged: bool

    @property
    def smoothed(self):
        """The losses averaged over neighbouring rates, without delay; shape `(steps,)`."""
        logs = np.log10(self.learning_rates)
        finite = np.isfinite(self.losses)
        if not finite.any():
            return np.full_like(self.losses, np.nan)
        weights = np.exp(-0.5 * ((logs[:, None] - logs[None]) / WIDTH) ** 2) * finite
        totals = weights.sum(axis=1)
        values = weights @ np.where(finite, self.losses, 0.0)
        return np.where(totals > 0, values / np.where(totals > 0, totals, 1), np.nan)

    @property
    def divergence(self):
        """Rate at which the loss had left its low for good, None if it did not diverge."""
        if not self.has_diverged:
            return None
        curve = self.smoothed
        if not np.isfinite(curve).any():
            return float(self.learning_rates[-1])
        # Where it rises above the level of the start, after the lowest point.
        low = int(np.nanargmin(curve))
        above = np.flatnonzero(curve[low:] > max(curve[0], curve[low]))
        return float(self.learning_rates[low + above[0] if len(above) else -1])

    @property
    def steepest(self):
        """Rate at which the loss falls fastest per decade, None if it does not fall."""
        curve = self.smoothed
        if not self.falls:
            return None
        low = int(np.nanargmin(curve))
        slopes = np.gradient(curve[: low + 1], np.log10(self.learning_rates[: low + 1]))
        return float(self.learning_rates[int(np.nanargmin(slopes))])

    @property
    def falls(self):
        """Whether the smoothed loss falls by more than the batches vary among each other."""
        curve = self.smoothed
        if not np.isfinite(curve).any() or np.nanargmin(curve) < 2:
            return False
        low = int(np.nanargmin(curve))
        noise = np.nanstd((self.losses - curve)[: low + 1])
        # A Gaussian window averages over 2 sqrt(pi) widths of it, at the edge over half of that.
        spacing = np.log10(self.learning_rates[1] / self.learning_rates[0])
        averaged = max(1.0, np.sqrt(np.pi) * WIDTH / spacing)
        margin = SURE * noise / np.sqrt(averaged)
        return bool(curve[0] - curve[low] > max(margin, 1e-6 * abs(curve[0])))

    @property
    def suggestion(self):
        """The rate to begin with: the lower of `steepest` and a tenth of `divergence`.

        None if the loss neither falls nor diverges: then the range is too low, or the loss does
        not depend on the weights.
        """
        tenth = None if self.divergence is None else self.divergence / BELOW_DIVERGENCE
        known = [rate for rate in (self.steepest, tenth) if rate is not None]
        return min(known, default=None)

    def __str__(self):
        if self.suggestion is None:
            return "The loss neither falls nor diverges in this range of learning rates."
        parts = [f"begin with a learning rate of {self.suggestion:.1g}"]
        if self.steepest is not None:
            parts.append(f"the loss falls fastest at {self.steepest:.1g}")
        if self.divergence is not None:
            parts.append(f"it diverges at {self.divergence:.1g}")
        return "; ".join(parts)

    def plot(self):
        """Draw the loss over the learning rate with the suggestions.

        Returns:
            A `matplotlib.figure.Figure`; save it by `savefig`.

        Raises:
            ImportError: If matplotlib is not installed.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError("Pictures need matplotlib: pip install matplotlib") from error
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(self.learning_rates, self.losses, color="0.8", label="batch")
        axes.plot(self.learning_rates, self.smoothed, color="tab:blue", label="smoothed")
        marks = (
            ("steepest", self.steepest, "tab:orange"),
            ("diverges", self.divergence, "tab:red"),
            ("suggestion", self.suggestion, "tab:green"),
        )
        for name, rate, color in marks:
            if rate is not None:
                style = "-" if name == "suggestion" else "--"
                axes.axvline(rate, color=color, linestyle=style, label=f"{name}: {rate:.1g}")
        axes.set(xscale="log", xlabel="learning rate", ylabel="loss")
        curve = self.smoothed
        if np.isfinite(curve).any():  # a divergence would leave nothing to be seen of the fall
            low, high = np.nanmin(curve), np.nanmax(curve[: len(curve) // 2 + 1])
            room = max(high - low, 1e-9)
            axes.set_ylim(low - 0.2 * room, high + 0.8 * room)
        axes.legend(frameon=False)
        return figure
