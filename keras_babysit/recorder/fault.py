"""What went bad first, and how to say it."""

from dataclasses import dataclass, field
from typing import Any

from keras_babysit.advice import Advice, Remedy, Severity

RULE = "flight_recorder"

QUANTITIES = ("input", "target", "output", "loss", "gradient", "update", "exploded")


@dataclass(frozen=True)
class Fault:
    """The first bad value of a run.

    Args:
        quantity: One of `QUANTITIES`; "exploded" is a loss that is finite and far too high.
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

    def advice(self, bundle, found_by):
        """Return the fault as an advice.

        Args:
            bundle: Folder that holds it, None if none was written.
            found_by: Numbers about how it was found.
        """
        remedies = list(self.remedies)
        if bundle is not None:
            show = Remedy(
                "Look at it: the bundle holds model, batch and a script that shows the value.",
                f"python {bundle}/reproduce.py",
            )
            remedies.insert(0, show)
        return Advice(
            rule=RULE,
            severity=Severity.ERROR,
            target=self.target,
            message=self.message,
            evidence={"quantity": self.quantity, "bad_step": self.step} | self.evidence | found_by,
            remedies=tuple(remedies),
            reference="Found by training the kept batches again from the last good state",
        )


def unlocated(reason, evidence):
    """Return the advice on a run that went bad where the recorder cannot see."""
    return Advice(
        rule=RULE,
        severity=Severity.ERROR,
        target="",
        message=f"The run is lost, and where it went bad is not known: {reason}",
        evidence=evidence,
    )
