"""What every action is: typed arguments, a sentence, and code."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Action(ABC):
    """One change of a program, as data.

    Its fields are numbers, texts, booleans, None, and tuples of these, so that it is the same after
    JSON.
    """

    @property
    @abstractmethod
    def text(self) -> str:
        """What is done, one sentence."""

    @property
    @abstractmethod
    def code(self) -> str:
        """The same as code to paste, with the names `kb`, `keras`, `np`, `model`, `x` and `y`.

        A comment names what else must be replaced; empty if there is no code for it.
        """

    def to_json(self) -> dict[str, Any]:
        """Return the action as a JSON object: its kind and its arguments."""
        return {"kind": type(self).__name__} | {
            one.name: getattr(self, one.name) for one in fields(self)
        }


def as_code(arguments: dict[str, Any] | tuple[tuple[str, Any], ...]) -> str:
    """Return arguments as Python code.

    Example:
        >>> as_code({"activation": "relu", "rate": 1e-3, "bounded": True})
        'activation="relu", rate=0.001, bounded=True'
    """
    return ", ".join(f"{name}={_value(value)}" for name, value in dict(arguments).items())


def _value(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return f"{value:g}" if isinstance(value, float) else repr(value)
