"""What a remedy did that was tried in the run: its measured effect, beside a control."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


class Outcome(enum.StrEnum):
    """What a change of the optimizer did in a fork of the run."""

    HELPS = "helps"
    """The loss is lower with it, at both horizons, and for certain at the longer one."""
    HARMS = "harms"
    """The loss is higher with it, in the same way."""
    UNDECIDED = "undecided"
    """The two horizons contradict each other, or the interval holds 0."""
    NOT_TRIED = "not tried"
    """The change could not be tried; `Tried.reason` says why."""


@dataclass(frozen=True, slots=True)
class Tried:
    """The measured effect of a change on the loss, in inference mode and without penalties.

    Args:
        outcome: The `Outcome`.
        change: What was changed, such as `"learning rate 0.003 in place of 0.03"`.
        step: Optimizer steps done where the fork began.
        steps: Steps of the longer fork.
        with_it: Mean loss after that with the change; None if it was not tried.
        without: Mean loss of the control.
        difference: Mean difference, below 0 if the change helps; None if a loss is not finite.
        margin: Half of the 95 % interval of the difference, over replicates and examples.
        agreeing: Replicates whose difference has the sign of the mean.
        replicates: Number of replicates.
        short_difference: The mean difference after a quarter of the steps.
        is_validation: Whether validation examples were scored, else training examples.
        reason: Why it was not tried, as a sentence.

    Example:
        >>> tried = Tried(
        ...     Outcome.HELPS, "learning rate 0.003 in place of 0.03", 16, 100,
        ...     with_it=0.41, without=1.93, difference=-1.52, margin=0.2, agreeing=3, replicates=3,
        ... )
        >>> tried.text  # doctest: +NORMALIZE_WHITESPACE
        'Tried from step 16: learning rate 0.003 in place of 0.03: loss of training examples after
        100 steps 0.41 against 1.93 (-1.52 ± 0.2, 3 of 3).'
    """

    outcome: Outcome
    change: str
    step: int = 0
    steps: int = 0
    with_it: float | None = None
    without: float | None = None
    difference: float | None = None
    margin: float | None = None
    agreeing: int = 0
    replicates: int = 0
    short_difference: float | None = None
    is_validation: bool = False
    reason: str = ""

    @property
    def text(self) -> str:
        """The effect in one sentence."""
        if self.outcome is Outcome.NOT_TRIED:
            return f"Not tried: {self.change}. {self.reason}"
        kind = "validation" if self.is_validation else "training"
        undecided = ", undecided" if self.outcome is Outcome.UNDECIDED else ""
        return (
            f"Tried from step {self.step:,}{undecided}: {self.change}: loss of {kind} examples "
            f"after {self.steps:,} steps {_shown(self.with_it)} against {_shown(self.without)}"
            f"{self._interval()}."
        )

    def _interval(self) -> str:
        if self.difference is None or self.margin is None:
            return ""
        text = f"{self.difference:+.3g} ± {self.margin:.2g}, {self.agreeing} of {self.replicates}"
        short = self.short_difference
        if short is not None and short * self.difference < 0:
            text += f"; {short:+.3g} after {self.steps // 4:,}"
        return f" ({text})"

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self) | {"outcome": self.outcome.value}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Tried:
        """Return it from the JSON object that `to_json` returned."""
        return cls(**{**record, "outcome": Outcome(record["outcome"])})


def _shown(loss: float | None) -> str:
    return "not finite" if loss is None or not math.isfinite(loss) else f"{loss:.3g}"
