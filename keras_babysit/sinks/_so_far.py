"""What a sink has received of a run so far, for those that write a verdict before the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from keras_babysit.findings import Event, Finding, Verdict, verdict_of
from keras_babysit.history import History, Measurement
from keras_babysit.sinks.few_scalars import FewScalars


class SoFar:
    """The findings and the few scalars of a run.

    Args:
        history: The history of the run.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self._findings: dict[tuple[str, str, int], Finding] = {}
        self._few = FewScalars()

    def take(self, events: Sequence[Event]) -> None:
        """Take in what changed."""
        for event in events:
            finding = event.finding
            self._findings[*finding.key, finding.step] = finding

    @property
    def findings(self) -> list[Finding]:
        """Every finding of the run, in its latest state."""
        return list(self._findings.values())

    @property
    def verdict(self) -> Verdict:
        """The verdict on the run so far."""
        return verdict_of(self.findings, self.history)

    def numbers(
        self, measurements: Sequence[Measurement]
    ) -> Iterator[tuple[int, dict[str, float]]]:
        """Yield each step with its few numbers by name, e.g. `"babysit/validation/accuracy"`."""
        by_step: dict[int, list[Measurement]] = {}
        for one in measurements:
            by_step.setdefault(int(one.step), []).append(one)
        for step, probe in by_step.items():
            few = self._few.of(probe)
            numbers = {series(one.run, one.quantity, one.part): one.value for one in few}
            if numbers:
                yield step, numbers


def series(side: str, quantity: str, part: str) -> str:
    """Return the name of a series in a tracker.

    Trackers draw series of one prefix side by side, so training and validation come before the
    metric. The groups of quantities that Keras and we measure alike are left out.

    Example:
        >>> series("validation", "logs/accuracy", ""), series("", "loss/batch", "")
        ('babysit/validation/accuracy', 'babysit/loss/batch')
        >>> series("train", "score/accuracy", "")
        'babysit/train/inference/accuracy'
    """
    if quantity.startswith("logs/"):
        quantity = quantity.removeprefix("logs/")
    elif quantity.startswith("score/"):
        # Measured by us in inference mode on both sets, unlike what Keras logs while it trains.
        quantity = "inference/" + quantity.removeprefix("score/")
    return "/".join(filter(None, ("babysit", side, quantity, part)))
