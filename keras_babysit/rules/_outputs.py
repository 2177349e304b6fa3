"""The outputs of a model as rules read them: what each can give, and what its loss wants."""

import math
from dataclasses import dataclass
from typing import Any

from keras_babysit.history import History


@dataclass(frozen=True)
class Output:
    """One output of the model, its loss and its targets.

    Args:
        target: Name of the layer that made it.
        form: What its loss is: `"categorical"`, `"binary"`, `"distance"` or `"other"`.
        from_logits: Whether the loss wants logits; None where that makes no sense.
        is_sparse: Whether a categorical loss wants class numbers.
        columns: Size of its last axis, None if not known.
        low: Least value that it can give whatever the weights, None if not known.
        high: Largest value that it can give, None if not known.
        is_distribution: Whether its rows are shares that sum to 1, None if not known.
        normalizes: Whether a categorical loss divides shares by their sum, as Keras' do.
        data: Facts of its targets.
    """

    target: str
    form: str
    from_logits: bool | None
    is_sparse: bool
    columns: int | None
    low: float | None
    high: float | None
    is_distribution: bool | None
    normalizes: bool
    data: dict[str, Any]

    @property
    def is_known(self) -> bool:
        """Whether it is known what it can give."""
        return self.low is not None and self.high is not None

    @property
    def is_probability(self) -> bool:
        """Whether it stays within 0 and 1 whatever the weights."""
        return self.low == 0 and self.high == 1

    @property
    def wants(self) -> str:
        """What its loss wants, in words."""
        if self.form not in ("categorical", "binary"):
            return "numbers" if self.form == "distance" else "unknown"
        form = "class numbers" if self.is_sparse else self.form
        return form + {True: " logits", False: " probabilities", None: ""}[self.from_logits]

    @property
    def gives(self) -> str:
        """What it can give, in words."""
        if self.low is None or self.high is None:
            return "unknown"
        if self.is_distribution:
            return "shares that sum to 1"
        if math.isinf(self.low):
            return "any number" if math.isinf(self.high) else f"up to {self.high:g}"
        is_open = math.isinf(self.high)
        return f"{self.low:g} and above" if is_open else f"[{self.low:g}, {self.high:g}]"


def outputs(history: History) -> list[Output]:
    """Return the outputs of the model; empty before the first probe."""
    targets = history.facts.get("data", {}).get("targets", [])
    facts = history.facts.get("outputs", [])
    data = targets if len(targets) == len(facts) else [{}] * len(facts)
    return [_output(fact, of) for fact, of in zip(facts, data, strict=True)]


def guess_loss(history: History) -> float | None:
    """Return the crossentropy of a guess that holds all classes equally likely.

    ln C for one of C classes, ln 2 for yes or no; None where that is not the whole loss.
    """
    found = outputs(history)
    is_weighted = history.facts.get("data", {}).get("is_weighted")
    if len(found) != 1 or is_weighted or found[0].form not in ("binary", "categorical"):
        return None
    columns = found[0].columns or 0
    if found[0].form == "binary":
        return math.log(2)
    return math.log(columns) if columns > 1 else None


def _output(fact: dict[str, Any], data: dict[str, Any]) -> Output:
    return Output(
        target=fact.get("target") or "",
        form=fact.get("form", "other"),
        from_logits=fact.get("from_logits"),
        is_sparse=bool(fact.get("is_sparse")),
        columns=fact.get("columns"),
        low=_number(fact.get("low")),
        high=_number(fact.get("high")),
        is_distribution=fact.get("is_distribution"),
        normalizes=fact.get("normalizes", True),
        data=data,
    )


def _number(value: Any) -> float | None:
    """Return a number that JSON may have made a string of, infinity for instance."""
    return None if value is None or math.isnan(float(value)) else float(value)
