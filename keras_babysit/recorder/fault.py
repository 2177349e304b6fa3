"""What went bad first, and how to say it."""

from dataclasses import dataclass, field
from typing import Any

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
        batch: Number of the batch in the epoch, counted from 0 as Keras' hooks do.
        example: First bad example of the batch, counted from 0; None where it is not one's own.
        what: What happened to the quantity, as a verb phrase.
        numbers: What else is known, by name.
        remedies: What to do, the likeliest help first.
        evidence: Further numbers for the advice.
    """

    quantity: str
    target: str
    step: int
    epoch: int
    batch: int
    example: int | None
    what: str
    numbers: str = ""
    remedies: tuple[Remedy, ...] = ()
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def message(self):
        """The finding in one sentence."""
        where = f"on batch {self.batch} of epoch {self.epoch + 1}"
        if self.example is not None:
            where += f", example {self.example}"
        return f"{self.what} {where}{': ' if self.numbers else ''}{self.numbers}"

    def findings(self, show, found_by):
        """Return the fault as a finding.

        Args:
            show: The `Remedy` that shows it, None if no bundle was written.
            found_by: Numbers about how it was found.
        """
        remedies = self.remedies if show is None else (show, *self.remedies)
        return Finding(
            rule=RULE,
            severity=Severity.ERROR,
            target=self.target,
            message=self.message,
            evidence={"quantity": self.quantity, "bad_step": self.step} | self.evidence | found_by,
            remedies=remedies,
            reference="Found by training the kept batches again from the last good state",
        )


def unlocated(reason, evidence):
    """Return the advice on a run that went bad where the recorder cannot see."""
    return Finding(
        rule=RULE,
        severity=Severity.ERROR,
        target="",
        message=f"The run is lost, and where it went bad is not known: {reason}",
        evidence=evidence,
    )
