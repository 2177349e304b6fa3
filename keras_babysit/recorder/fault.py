"""What went bad first, and how to say it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_babysit.findings import Finding, Remedy, Severity

RULE = "flight_recorder"


@dataclass(frozen=True)
class Fault:
    """The first bad value of a run.

    Args:
        quantity: "input", "target", "output", "loss", "gradient", "update", or "exploded" for a
            loss that is finite and far too high.
        target: The layer, weight or input that it was found in; empty for the loss.
        step: Optimizer steps done before the one that was bad.
        epoch: Epoch, counted from 0.
        batch: Index of the batch in the epoch, counted from 0 as Keras' hooks do.
        example: First bad example of the batch, counted from 0; None where no example is bad by
            itself.
        what: What happened to the quantity: the start of a sentence, with its verb.
        although: What is not bad beside it, a clause.
        numbers: What else is known, by name.
        remedies: What to do, the likeliest help first.
        evidence: Further numbers for the finding.

    Example:
        >>> fault = Fault("input", "inputs[0]", 6, 0, 6, 4, "`inputs[0]` is not finite")
        >>> fault.message
        '`inputs[0]` is not finite in batch 6 of epoch 1, example 4.'
    """

    quantity: str
    target: str
    step: int
    epoch: int
    batch: int
    example: int | None
    what: str
    although: str = ""
    numbers: str = ""
    remedies: tuple[Remedy, ...] = ()
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """The finding in one sentence."""
        text = f"{self.what} in batch {self.batch} of epoch {self.epoch + 1}"
        if self.example is not None:
            text += f", example {self.example}"
        if self.although:
            text += f", although {self.although}"
        return f"{text}: {self.numbers}." if self.numbers else f"{text}."

    def finding(self, show: Remedy | None, found_by: Mapping[str, Any]) -> Finding:
        """Return the fault as a finding.

        Args:
            show: The `Remedy` that reproduces it, None if no bundle was written.
            found_by: Numbers about how it was found.
        """
        remedies = self.remedies if show is None else (show, *self.remedies)
        return Finding(
            rule=RULE,
            severity=Severity.ERROR,
            target=self.target,
            message=self.message,
            evidence={"quantity": self.quantity, "bad_step": self.step}
            | self.evidence
            | dict(found_by),
            remedies=remedies,
            reference="Found by replaying the kept batches from the last good state",
        )


def unlocated(reason: str, evidence: Mapping[str, Any]) -> Finding:
    """Return the finding on a run that diverged where the recorder cannot see.

    Args:
        reason: Why it was not located, a sentence.
        evidence: Numbers.
    """
    return Finding(
        rule=RULE,
        severity=Severity.ERROR,
        target="",
        message=f"Training diverged; the first bad step could not be located. {reason}",
        evidence=dict(evidence),
    )


def short(value: Any) -> str:
    """Return a number in three digits.

    Example:
        >>> short(81000.0), short(0.5), short(4.8e29), short(float("inf"))
        ('8.1e4', '0.5', '4.8e29', 'inf')
    """
    text = f"{value:.3g}"
    if np.isfinite(value) and 1e4 <= abs(value) < 1e6:
        text = f"{value:.2e}"
    if "e" not in text:
        return text
    digits, power = text.split("e")
    return f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits}e{int(power)}"
