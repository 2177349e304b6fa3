"""Changes of the optimizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras

from keras_babysit.remedies.change import Change
from keras_babysit.remedies.program import Program

Schedule = keras.optimizers.schedules.LearningRateSchedule


@keras.saving.register_keras_serializable("keras_babysit")
class Scaled(Schedule):  # type: ignore[misc]
    """A learning rate or schedule times a factor."""

    def __init__(self, rate: Any, factor: float) -> None:
        self.rate = rate
        self.factor = factor

    def __call__(self, step: Any) -> Any:
        """Return the learning rate at a step."""
        rate = self.rate(step) if callable(self.rate) else self.rate
        return rate * self.factor

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {"rate": self.rate, "factor": self.factor}


@keras.saving.register_keras_serializable("keras_babysit")
class DecayedToZero(Schedule):  # type: ignore[misc]
    """A learning rate or schedule times a factor that falls linearly to 0.

    Args:
        rate: A number or a schedule.
        steps: The step at which it is 0.
    """

    def __init__(self, rate: Any, steps: int) -> None:
        self.rate = rate
        self.steps = steps

    def __call__(self, step: Any) -> Any:
        """Return the learning rate at a step."""
        step = keras.ops.cast(step, "float32")
        rate = self.rate(step) if callable(self.rate) else self.rate
        return rate * keras.ops.maximum(0.0, 1.0 - step / self.steps)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {"rate": self.rate, "steps": self.steps}


def read_rate(program: Program) -> Any:
    """Return the learning rate of a program: a number, or a schedule."""
    rate = program.optimizer_config()["learning_rate"]
    if isinstance(rate, dict):
        return keras.optimizers.schedules.deserialize(rate)
    return rate


@dataclass(frozen=True)
class ScaleLearningRate(Change):
    """Multiply the learning rate, or all of its schedule.

    Args:
        factor: The factor, above 0.

    Example:
        >>> ScaleLearningRate(0.1).text
        'Multiply the learning rate by 0.1.'
    """

    factor: float

    @property
    def text(self) -> str:
        """What is done."""
        return f"Multiply the learning rate by {self.factor:g}."

    @property
    def code(self) -> str:
        """The code to paste; for a schedule the factor belongs to its arguments."""
        return (
            f"model.optimizer.learning_rate = {self.factor:g} * "
            "float(model.optimizer.learning_rate)"
        )

    @property
    def is_of_optimizer(self) -> bool:
        """True."""
        return True

    def apply(self, program: Program) -> Program:
        """Return the program with another learning rate."""
        rate = read_rate(program)
        new = Scaled(rate, self.factor) if callable(rate) else rate * self.factor
        return program.changed(optimizer={**program.optimizer, "learning_rate": new})


@dataclass(frozen=True)
class ClipGradients(Change):
    """Clip the norm of the gradient of all weights together.

    Args:
        norm: Largest norm, above 0.
    """

    norm: float = 1.0

    @property
    def text(self) -> str:
        """What is done."""
        return f"Clip the norm of the gradient to {self.norm:g}."

    @property
    def code(self) -> str:
        """The code to paste."""
        return (
            "config = model.optimizer.get_config()\n"
            f'config["global_clipnorm"] = {self.norm:g}\n'
            "model.compile(type(model.optimizer).from_config(config), model.loss)"
        )

    @property
    def is_of_optimizer(self) -> bool:
        """True."""
        return True

    def why_not(self, program: Program) -> str:
        """Clipping of another kind cannot be combined with it."""
        config = program.optimizer_config()
        for name in ("clipnorm", "clipvalue"):
            if config.get(name) is not None:
                return f"The optimizer already clips: {name}={config[name]:g}."
        return ""

    def apply(self, program: Program) -> Program:
        """Return the program with clipping."""
        return program.changed(optimizer={**program.optimizer, "global_clipnorm": self.norm})
