"""Actions on the optimizer and its learning rate."""

from __future__ import annotations

from dataclasses import dataclass

from keras_babysit.actions.action import Action, as_code

OPTIMIZER_CONFIG = "config = model.optimizer.get_config()\n"
COMPILE_AGAIN = "model.compile(type(model.optimizer).from_config(config), model.loss)"
"""Code around a change of the arguments of an optimizer: it is made anew."""

STARTING_SCHEDULES = (
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "PolynomialDecay",
)
"""The schedules of Keras that start at `initial_learning_rate`."""


@dataclass(frozen=True)
class ScaleLearningRate(Action):
    """Multiply the learning rate, or all of its schedule.

    Args:
        factor: The factor, above 0.
        rate: The learning rate that results; None if it is not known. The code sets it.
        schedule: Class of the schedule that sets the learning rate; empty if it is constant.

    Example:
        >>> ScaleLearningRate(0.1, rate=3e-4).code
        'model.optimizer.learning_rate = 0.0003'
    """

    factor: float
    rate: float | None = None
    schedule: str = ""

    @property
    def text(self) -> str:
        """What is done."""
        if self.rate is not None and not self.schedule:
            return f"{'Lower' if self.factor < 1 else 'Raise'} the learning rate to {self.rate:g}."
        return f"Multiply the learning rate by {self.factor:g}."

    @property
    def code(self) -> str:
        """The code to paste; empty for a schedule that keeps its values elsewhere.

        An optimizer that holds a schedule refuses a number: then the code scales the schedule.
        """
        if not self.schedule:
            now = f"{self.factor:g} * float(model.optimizer.learning_rate)"
            value = now if self.rate is None else f"{self.rate:g}"
            return f"model.optimizer.learning_rate = {value}"
        if self.schedule == "PiecewiseConstantDecay":
            scale = f'rate["values"] = [{self.factor:g} * value for value in rate["values"]]'
        elif self.schedule in STARTING_SCHEDULES:
            names = '("initial_learning_rate", "warmup_target")'
            scale = f"rate.update({{k: {self.factor:g} * rate[k] for k in {names} if rate.get(k)}})"
        else:
            return ""
        return f'{OPTIMIZER_CONFIG}rate = config["learning_rate"]["config"]\n{scale}\n' + (
            COMPILE_AGAIN
        )


@dataclass(frozen=True)
class ClipGradients(Action):
    """Clip the norm of the gradient of all weights together.

    Args:
        norm: Largest norm, above 0.
        optimizer: Class of the optimizer; empty to make the code without it.
        rate: The learning rate of the run; None if it is not known.
    """

    norm: float = 1.0
    optimizer: str = ""
    rate: float | None = None

    @property
    def text(self) -> str:
        """What is done."""
        return f"Clip the norm of the gradient to {self.norm:g}."

    @property
    def code(self) -> str:
        """The code to paste."""
        if self.optimizer:
            first = "" if self.rate is None else f"{self.rate:g}, "
            clip = f"{first}global_clipnorm={float(self.norm)!r}"
            return f"model.compile(keras.optimizers.{self.optimizer}({clip}), model.loss)"
        norm = float(self.norm)
        return f'{OPTIMIZER_CONFIG}config["global_clipnorm"] = {norm!r}\n{COMPILE_AGAIN}'


@dataclass(frozen=True)
class SetOptimizerArguments(Action):
    """Give the optimizer other arguments.

    Args:
        arguments: Pairs of name and value.
        optimizer: Class of the optimizer; empty to make the code without it.
        rate: The learning rate of the run; None if it is not known.
    """

    arguments: tuple[tuple[str, float], ...]
    optimizer: str = ""
    rate: float | None = None

    @property
    def text(self) -> str:
        """What is done."""
        return f"Set `{as_code(self.arguments)}` in the optimizer."

    @property
    def code(self) -> str:
        """The code to paste."""
        if self.optimizer:
            first = "" if self.rate is None else f"{self.rate:g}, "
            inner = f"{first}{as_code(self.arguments)}"
            return f"model.compile(keras.optimizers.{self.optimizer}({inner}), model.loss)"
        lines = "".join(f'config["{name}"] = {value:g}\n' for name, value in self.arguments)
        return f"{OPTIMIZER_CONFIG}{lines}{COMPILE_AGAIN}"


@dataclass(frozen=True)
class SetOptimizer(Action):
    """Use another optimizer.

    Args:
        optimizer: Its class.
        rate: Its learning rate, above 0.
    """

    optimizer: str = "Adam"
    rate: float = 1e-3

    @property
    def text(self) -> str:
        """What is done."""
        return f"Use the optimizer {self.optimizer} with a learning rate of {self.rate:g}."

    @property
    def code(self) -> str:
        """The code to paste."""
        return f"model.compile(keras.optimizers.{self.optimizer}({self.rate:g}), model.loss)"


@dataclass(frozen=True)
class WarmUp(Action):
    """Raise the learning rate from 0 in the first tenth of the steps, and lower it to 0 after.

    Args:
        rate: The highest learning rate, above 0.
        optimizer: Class of the optimizer.
    """

    rate: float
    optimizer: str = "AdamW"

    @property
    def text(self) -> str:
        """What is done."""
        return f"Raise the learning rate from 0 to {self.rate:g} in the first tenth of the steps."

    @property
    def code(self) -> str:
        """The code to paste, for 10,000 steps."""
        return (
            "rate = keras.optimizers.schedules.CosineDecay(\n"
            f"    0.0, 9_000, warmup_target={self.rate:g}, warmup_steps=1_000\n"
            ")  # of 10,000 steps\n"
            f"model.compile(keras.optimizers.{self.optimizer}(rate), model.loss)"
        )


@dataclass(frozen=True)
class StretchSchedule(Action):
    """Let a schedule decay over all steps of the run.

    Args:
        steps: Steps of the run; 0 if they are not known.
        schedule: Class of the schedule.
    """

    steps: int = 0
    schedule: str = "CosineDecay"

    @property
    def text(self) -> str:
        """What is done."""
        return "Let the schedule decay over all steps of the run."

    @property
    def code(self) -> str:
        """The argument to paste; empty if the steps are not known."""
        if not self.steps:
            return ""
        return f"decay_steps = {self.steps}  # of {self.schedule}; then compile the model again"


@dataclass(frozen=True)
class KeepLearningRate(Action):
    """Keep the learning rate constant, without a schedule or a callback that changes it.

    Args:
        rate: The learning rate, above 0.
    """

    rate: float

    @property
    def text(self) -> str:
        """What is done."""
        return f"Keep the learning rate at {self.rate:g}."

    @property
    def code(self) -> str:
        """The code to paste, for an optimizer without a schedule."""
        return f"model.optimizer.learning_rate = {self.rate:g}  # without a schedule"


@dataclass(frozen=True)
class ScaleLoss(Action):
    """Scale the loss, so that small gradients do not become 0 in half precision."""

    @property
    def text(self) -> str:
        """What is done."""
        return "Scale the loss, as `compile` does by default."

    @property
    def code(self) -> str:
        """The code to paste."""
        return (
            "model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-3)), "
            "model.loss)"
        )
