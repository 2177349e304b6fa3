"""Actions on how `fit` is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras_babysit.actions.action import Action, as_code


@dataclass(frozen=True)
class TrainLonger(Action):
    """Train for more epochs.

    Args:
        factor: How many times as many.
        epochs: The epochs that result; 0 if they are not known.
    """

    factor: int = 3
    epochs: int = 0

    @property
    def text(self) -> str:
        """What is done."""
        return f"Train for {self.factor} times as many epochs."

    @property
    def code(self) -> str:
        """The code to paste; empty if the epochs are not known."""
        return f"model.fit(x, y, epochs={self.epochs})" if self.epochs else ""


@dataclass(frozen=True)
class ScaleBatchSize(Action):
    """Use batches of another size.

    Args:
        factor: How many times as many examples, at least 2.
        size: The size in place of the factor; 0 for the factor.
        epochs: Epochs of the run, for the code; 0 to leave them out.
    """

    factor: int = 4
    size: int = 0
    epochs: int = 0

    @property
    def text(self) -> str:
        """What is done."""
        if self.size:
            return f"Use batches of {self.size} examples."
        return f"Use batches of {self.factor} times as many examples."

    @property
    def code(self) -> str:
        """The code to paste."""
        if self.size:
            epochs = f", epochs={self.epochs}" if self.epochs else ""
            return f"model.fit(x, y, batch_size={self.size}{epochs})"
        return (
            f"model.fit(x, y, batch_size={32 * self.factor})  # {self.factor} times your batch size"
        )


@dataclass(frozen=True)
class BalanceClasses(Action):
    """Weight the classes by how rare they are.

    Args:
        labels: Code of the class numbers.
        is_numbered: Whether the classes are numbered from 0 without a gap.
    """

    labels: str = "y"
    is_numbered: bool = True

    @property
    def text(self) -> str:
        """What is done."""
        return "Weight the classes by how rare they are."

    @property
    def code(self) -> str:
        """The code to paste."""
        if self.is_numbered:
            return (
                f"_, counts = np.unique({self.labels}, return_counts=True)\n"
                "model.fit(x, y, class_weight=dict(enumerate(counts.max() / counts)))"
            )
        return (
            f"classes, counts = np.unique({self.labels}, return_counts=True)\n"
            "weights = {int(c): counts.max() / n for c, n in zip(classes, counts)}\n"
            "model.fit(x, y, class_weight=weights)"
        )


@dataclass(frozen=True)
class SetCallback(Action):
    """Use a callback of Keras, in place of one of the same class.

    Args:
        class_name: `"EarlyStopping"` or `"ReduceLROnPlateau"`, or another class of Keras.
        monitor: What it monitors.
        arguments: Further arguments, as pairs of name and value.
        is_by_name: Whether the code names the argument `monitor`.
        has_code: Whether there is code.
    """

    class_name: str
    monitor: str
    arguments: tuple[tuple[str, Any], ...] = ()
    is_by_name: bool = False
    has_code: bool = True

    @property
    def text(self) -> str:
        """What is done."""
        return f"Use {self.class_name} with {as_code(self.arguments)}."

    @property
    def code(self) -> str:
        """The callback to paste."""
        if not self.has_code:
            return ""
        first = f'monitor="{self.monitor}"' if self.is_by_name else f'"{self.monitor}"'
        shown = as_code(self.arguments)
        inner = ", ".join(one for one in (first, shown) if one)
        return f"keras.callbacks.{self.class_name}({inner})"
