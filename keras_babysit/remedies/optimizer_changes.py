"""Changes of the optimizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras

from keras_babysit import actions
from keras_babysit.remedies.change import Change
from keras_babysit.remedies.program import Program

PENALTIES = ("weight_decay",)
"""Arguments of optimizers that regularize: their effect shows in whole trainings only."""


@keras.saving.register_keras_serializable("keras_babysit")
class Scaled(keras.optimizers.schedules.LearningRateSchedule):
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
class DecayedToZero(keras.optimizers.schedules.LearningRateSchedule):
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


class _OfOptimizer(Change):
    """A change of how the weights move."""

    @property
    def is_of_optimizer(self) -> bool:
        """True."""
        return True


def _with(program: Program, **arguments: Any) -> Program:
    return program.changed(optimizer={**program.optimizer, **arguments})


@dataclass(frozen=True)
class ScaleLearningRate(actions.ScaleLearningRate, _OfOptimizer):
    """Multiply the learning rate, or all of its schedule.

    Example:
        >>> ScaleLearningRate(0.1).text
        'Multiply the learning rate by 0.1.'
    """

    def apply(self, program: Program) -> Program:
        """Return the program with another learning rate."""
        rate = program.rate
        if callable(rate):
            return _with(program, learning_rate=Scaled(rate, self.factor))
        is_known = self.rate is not None and not self.schedule
        return _with(program, learning_rate=self.rate if is_known else rate * self.factor)


@dataclass(frozen=True)
class KeepLearningRate(actions.KeepLearningRate, _OfOptimizer):
    """Keep the learning rate constant."""

    def apply(self, program: Program) -> Program:
        """Return the program without what changes the learning rate."""
        lowering = (keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)
        kept = tuple(one for one in program.callbacks if not isinstance(one, lowering))
        return _with(program, learning_rate=self.rate).changed(callbacks=kept)


@dataclass(frozen=True)
class ClipGradients(actions.ClipGradients, _OfOptimizer):
    """Clip the norm of the gradient of all weights together."""

    def why_not(self, program: Program) -> str:
        """Clipping of another kind cannot be combined with it."""
        config = program.optimizer_config()
        for name in ("clipnorm", "clipvalue"):
            if config.get(name) is not None:
                return f"The optimizer already clips: {name}={config[name]:g}."
        return ""

    def apply(self, program: Program) -> Program:
        """Return the program with clipping."""
        return _with(program, global_clipnorm=self.norm)


@dataclass(frozen=True)
class SetOptimizerArguments(actions.SetOptimizerArguments, Change):
    """Give the optimizer other arguments."""

    @property
    def is_of_optimizer(self) -> bool:
        """Whether it changes how the weights move, and not a penalty."""
        return not any(name in PENALTIES for name, _ in self.arguments)

    def apply(self, program: Program) -> Program:
        """Return the program with another optimizer."""
        return _with(program, **dict(self.arguments))


@dataclass(frozen=True)
class SetOptimizer(actions.SetOptimizer, _OfOptimizer):
    """Use another optimizer."""

    def apply(self, program: Program) -> Program:
        """Return the program with another optimizer."""
        kind = getattr(keras.optimizers, self.optimizer)
        return program.changed(
            compile={**program.compile, "optimizer": kind}, optimizer={"learning_rate": self.rate}
        )


@dataclass(frozen=True)
class WarmUp(actions.WarmUp, _OfOptimizer):
    """Raise the learning rate from 0 in the first tenth of the steps, and lower it to 0 after."""

    def apply(self, program: Program) -> Program:
        """Return the program with such a schedule."""
        warm = max(1, program.steps // 10)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, max(1, program.steps - warm), warmup_target=self.rate, warmup_steps=warm
        )
        return _with(program, learning_rate=rate)


@dataclass(frozen=True)
class StretchSchedule(actions.StretchSchedule, _OfOptimizer):
    """Let a schedule decay over all steps of the run."""

    def why_not(self, program: Program) -> str:
        """There must be a schedule with steps."""
        has_steps = callable(program.rate) and _steps_of(program.rate.get_config())
        return (
            "" if has_steps else "No schedule of Keras with `decay_steps` sets the learning rate."
        )

    def apply(self, program: Program) -> Program:
        """Return the program with a longer schedule."""
        config = program.rate.get_config()
        steps = max(1, program.steps - int(config.get("warmup_steps") or 0))
        rate = type(program.rate).from_config({**config, _steps_of(config): steps})
        return _with(program, learning_rate=rate)


def _steps_of(config: dict[str, Any]) -> str:
    return next((one for one in ("decay_steps", "first_decay_steps") if one in config), "")


@dataclass(frozen=True)
class ScaleLoss(actions.ScaleLoss, Change):
    """Scale the loss in half precision."""

    def apply(self, program: Program) -> Program:
        """Return the program that scales its loss."""
        return program.changed(compile={**program.compile, "auto_scale_loss": True})
