"""The outputs of a model as rules see them: their range, and what their losses expect."""

import math
from dataclasses import dataclass, field, fields

from keras_babysit.facts import OutputFacts, TargetFacts
from keras_babysit.history import History


@dataclass(frozen=True, slots=True, kw_only=True)
class Output(OutputFacts):
    """One output of the model, its loss and its targets.

    Args:
        data: Facts of its targets.
    """

    data: TargetFacts = field(default_factory=TargetFacts)

    @property
    def is_known(self) -> bool:
        """Whether its range is known."""
        return self.low is not None and self.high is not None

    @property
    def is_probability(self) -> bool:
        """Whether it lies in [0, 1] whatever the weights are."""
        return self.low == 0 and self.high == 1

    @property
    def wants(self) -> str:
        """What its loss expects, in words."""
        if self.form not in ("categorical", "binary"):
            return "numbers" if self.form == "distance" else "unknown"
        form = "class numbers" if self.is_sparse else self.form
        return form + {True: " logits", False: " probabilities", None: ""}[self.from_logits]

    @property
    def gives(self) -> str:
        """Its range, in words."""
        if self.low is None or self.high is None:
            return "unknown"
        if self.is_distribution:
            return "probabilities that sum to 1"
        if math.isinf(self.low):
            return "any number" if math.isinf(self.high) else f"up to {self.high:g}"
        is_open = math.isinf(self.high)
        return f"{self.low:g} and above" if is_open else f"[{self.low:g}, {self.high:g}]"


def outputs(history: History) -> list[Output]:
    """Return the outputs of the model; empty before the first measurement."""
    ends, targets = history.facts.outputs, history.facts.data.targets
    data = targets if len(targets) == len(ends) else [TargetFacts()] * len(ends)
    return [_output(end, of) for end, of in zip(ends, data, strict=True)]


def guess_loss(history: History) -> float | None:
    """Return the crossentropy of a uniform guess, which gives all classes the same probability.

    ln C for one of C classes, ln 2 for binary labels; None if the loss is not one crossentropy.
    """
    found = outputs(history)
    is_weighted = history.facts.data.is_weighted
    if len(found) != 1 or is_weighted or found[0].form not in ("binary", "categorical"):
        return None
    columns = found[0].columns or 0
    if found[0].form == "binary":
        return math.log(2)
    return math.log(columns) if columns > 1 else None


def _output(facts: OutputFacts, data: TargetFacts) -> Output:
    return Output(**{one.name: getattr(facts, one.name) for one in fields(facts)}, data=data)
