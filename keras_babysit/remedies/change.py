"""What a remedy does: a change of a program, in words, as code to paste, and as an action."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from keras_babysit.actions import Action
from keras_babysit.findings import Remedy
from keras_babysit.remedies.program import Program


@dataclass(frozen=True)
class Change(Action):
    """One change of a program: an action that can be carried out.

    A new kind is an `Action` in `keras_babysit.actions`, and here a frozen dataclass of the same
    name on that action and on this class, with `apply`.
    """

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
        return Remedy(self.text, change=self)
