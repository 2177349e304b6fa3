"""What a remedy does: a change of a program, in words, as code to paste, and as an action."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from keras_babysit.findings import Remedy
from keras_babysit.remedies.program import Program


@dataclass(frozen=True)
class Change(ABC):
    """One change of a program.

    A new kind is a frozen dataclass with these methods in a file of this package, and its name in
    `keras_babysit.remedies`.
    """

    @property
    @abstractmethod
    def text(self) -> str:
        """What is done, one sentence."""

    @property
    @abstractmethod
    def code(self) -> str:
        """The same as code to paste, with the names `kb`, `keras`, `np`, `model`, `x`, `y`."""

    def why_not(self, program: Program) -> str:
        """Return why it cannot be applied to a program, as a sentence; empty if it can."""
        return ""

    @abstractmethod
    def apply(self, program: Program) -> Program:
        """Return the changed program."""

    @property
    def is_of_optimizer(self) -> bool:
        """Whether it changes how the weights move, so that its effect depends on the horizon."""
        return False

    @property
    def keeps_weights(self) -> bool:
        """Whether both programs begin with the same weights, where shapes allow it."""
        return True

    @property
    def remedy(self) -> Remedy:
        """The change as a remedy of a finding."""
        return Remedy(self.text, self.code)
