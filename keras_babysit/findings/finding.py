"""What a rule reports: a finding, its severity, and remedies."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from keras_babysit import markup
from keras_babysit.actions import Action, action_from_json
from keras_babysit.findings.tried import Tried
from keras_babysit.history import to_jsonable


class Severity(enum.IntEnum):
    """How bad it is; the levels compare with `<`."""

    NOTE = 1
    """Worth knowing."""
    WARNING = 2
    """It costs accuracy or time."""
    ERROR = 3
    """This run will not work."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """One thing to do about a finding.

    Args:
        text: What to do, one sentence.
        code: The same as Python code to paste, with the names `kb`, `keras`, `np`, `model`, `x` and
            `y`; empty if there is no code for it. Where there is a change, it is that of the
            change.
        change: The same as data, which `kb.try_remedies` carries out; None if nothing can.
        no_change_because: Why there is no change, as a sentence.

    Raises:
        ValueError: If there is a change and code that is not its own.

    Example:
        >>> from keras_babysit.actions import ScaleLearningRate
        >>> Remedy("Lower the learning rate.", change=ScaleLearningRate(0.1, rate=3e-4)).code
        'model.optimizer.learning_rate = 0.0003'
    """

    text: str
    code: str = ""
    change: Action | None = None
    no_change_because: str = ""

    def __post_init__(self) -> None:
        if self.change is None:
            return
        if self.code not in ("", self.change.code) or self.no_change_because:
            raise ValueError(
                "The code of a remedy must be that of its change. "
                f"Received: code={self.code!r}, change={self.change!r}"
            )
        object.__setattr__(self, "code", self.change.code)

    def to_json(self) -> dict[str, Any]:
        """Return the remedy as a JSON object."""
        return {
            "text": self.text,
            "code": self.code,
            "change": None if self.change is None else to_jsonable(self.change.to_json()),
            "no_change_because": self.no_change_because,
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Remedy:
        """Return the remedy from the JSON object that `to_json` returned.

        Records of an older version have no change; of another one the change may not be known.
        """
        given = record.get("change")
        change = action_from_json(given) if given else None
        if change is not None and change.code == record["code"]:
            return cls(record["text"], change=change)
        return cls(record["text"], record["code"], None, record.get("no_change_because", ""))


@dataclass(frozen=True, slots=True, repr=False)
class Finding:
    """One finding: what is wrong, where and since when, the evidence, and what to do.

    Args:
        rule: Name of the rule that found it, which is the name of the condition.
        severity: The severity.
        target: Path of the layer or weight that it is about, `""` for the whole model.
        message: What is wrong, with numbers: how much of what is in which state.
        evidence: The numbers that show it, by name.
        remedies: What to do, the one most likely to help first.
        reference: Source of the threshold.
        step: Optimizer step at which it opened. The journal sets it.
        epoch: Epoch at which it opened. The journal sets it.
        resolved_step: Step at which it no longer held; None while it holds.
        cause: Name of the rule whose finding explains this one; empty for a root cause.
        measured_step: Step of the measurement that shows it; None if several do.
        needs_cause: Whether it is only an effect, so that the data that caused it are searched for
            before it is reported.
        tried: What its remedy did in a fork of the run; None if none was tried.

    Example:
        >>> finding = Finding("dead_units", Severity.WARNING, "dense", "80 of 100 units are dead")
        >>> finding.key
        ('dead_units', 'dense')
    """

    rule: str
    severity: Severity
    target: str
    message: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    remedies: tuple[Remedy, ...] = ()
    reference: str = ""
    step: int = 0
    epoch: int = 0
    resolved_step: int | None = None
    cause: str = ""
    measured_step: int | None = None
    needs_cause: bool = False
    tried: Tried | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The rule and the target, which identify the finding over time."""
        return (self.rule, self.target)

    @property
    def is_open(self) -> bool:
        """Whether it still holds."""
        return self.resolved_step is None

    def __repr__(self) -> str:
        where = f' in "{self.target}"' if self.target else ""
        since = f"since step {self.step:,}"
        when = since if self.is_open else f"resolved at step {self.resolved_step:,}"
        return f"{self.severity.name} {self.rule}{where} {when}: {self.message}"

    def _repr_html_(self) -> str:
        where = f" in {self.target}" if self.target else ""
        when = f"since step {self.step:,}"
        if not self.is_open:
            when = f"resolved at step {self.resolved_step:,}"
        numbers = " · ".join(f"{key} {_short(value)}" for key, value in self.evidence.items())
        return markup.fragment(
            markup.heading(f"{self.rule}{where}", self.severity.name.lower(), when),
            markup.paragraph(self.message),
            "" if self.tried is None else markup.paragraph(self.tried.text),
            markup.paragraph(numbers, is_mute=True) if numbers else "",
            *(markup.paragraph(one.text) + markup.code(one.code) for one in self.remedies),
            markup.paragraph(self.reference, is_mute=True) if self.reference else "",
        )

    def to_json(self) -> dict[str, Any]:
        """Return the finding as a JSON object."""
        return {
            "type": "finding",
            "rule": self.rule,
            "severity": self.severity.name,
            "target": self.target,
            "message": self.message,
            "evidence": to_jsonable(self.evidence),
            "remedies": [remedy.to_json() for remedy in self.remedies],
            "reference": self.reference,
            "step": self.step,
            "epoch": self.epoch,
            "resolved_step": self.resolved_step,
            "cause": self.cause,
            "measured_step": self.measured_step,
            "needs_cause": self.needs_cause,
            "tried": None if self.tried is None else self.tried.to_json(),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Finding:
        """Return the finding from the JSON object that `to_json` returned."""
        return cls(
            rule=record["rule"],
            severity=Severity[record["severity"]],
            target=record["target"],
            message=record["message"],
            evidence=dict(record["evidence"]),
            remedies=tuple(Remedy.from_json(remedy) for remedy in record["remedies"]),
            reference=record["reference"],
            step=record["step"],
            epoch=record["epoch"],
            resolved_step=record["resolved_step"],
            cause=record.get("cause", ""),
            measured_step=record.get("measured_step"),
            needs_cause=record.get("needs_cause", False),
            tried=Tried.from_json(record["tried"]) if record.get("tried") else None,
        )


def _short(value: Any) -> str:
    """Return a number with three digits; anything else as text of bounded length."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)[:60]
