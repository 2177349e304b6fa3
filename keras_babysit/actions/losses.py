"""Actions on the loss."""

from __future__ import annotations

from dataclasses import dataclass

from keras_babysit.actions.action import Action


@dataclass(frozen=True)
class SetFromLogits(Action):
    """Compute the crossentropy of logits, or of probabilities.

    Args:
        from_logits: Whether the outputs are logits.
        loss: Class of the loss, for the code; empty shows the argument alone.
        removes_activation: Whether the last activation is removed, too, as the outputs were
            probabilities.
    """

    from_logits: bool
    loss: str = ""
    removes_activation: bool = False

    @property
    def text(self) -> str:
        """What is done."""
        more = " and remove the last activation" if self.removes_activation else ""
        return f"Set `from_logits={self.from_logits}` in the loss{more}."

    @property
    def code(self) -> str:
        """The loss or the argument to paste."""
        argument = f"from_logits={self.from_logits}"
        return f"keras.losses.{self.loss}({argument})" if self.loss else argument


@dataclass(frozen=True)
class SetLoss(Action):
    """Use another loss.

    Args:
        loss: Its name.
        comment: An alternative; may be empty.
    """

    loss: str
    comment: str = ""

    @property
    def text(self) -> str:
        """What is done."""
        return f'Use the loss "{self.loss}".'

    @property
    def code(self) -> str:
        """The argument to paste."""
        return f'loss="{self.loss}"' + (f"  # {self.comment}" if self.comment else "")


@dataclass(frozen=True)
class SetFocalLoss(Action):
    """Use a focal loss that weights the positives by how rare they are.

    Args:
        alpha: Weight of the positives, in (0, 1).
        from_logits: Whether the outputs are logits.
    """

    alpha: float
    from_logits: bool = False

    @property
    def text(self) -> str:
        """What is done."""
        return f"Use a focal loss in which positives have the weight {self.alpha:.2g}."

    @property
    def code(self) -> str:
        """The code to paste."""
        return (
            "model.compile(model.optimizer, keras.losses.BinaryFocalCrossentropy(\n"
            f"    apply_class_balancing=True, alpha={self.alpha:.2g}"
            f"{', from_logits=True' if self.from_logits else ''}))"
        )


@dataclass(frozen=True)
class NegateLoss(Action):
    """Change the sign of the loss."""

    @property
    def text(self) -> str:
        """What is done."""
        return "Change the sign of the loss."

    @property
    def code(self) -> str:
        """The code to paste."""
        return (
            "model.compile(model.optimizer, lambda y_true, y_pred: -loss(y_true, y_pred))  "
            "# loss: your loss function"
        )


@dataclass(frozen=True)
class AverageLoss(Action):
    """Use the mean of the losses of the examples instead of their sum."""

    @property
    def text(self) -> str:
        """What is done."""
        return "Use the mean of the losses of the examples instead of their sum."

    @property
    def code(self) -> str:
        """The code to paste."""
        return "keras.ops.mean(losses)  # losses: the loss of each example"


@dataclass(frozen=True)
class SetLossWeights(Action):
    """Weight the losses of several outputs.

    Args:
        weights: Pairs of output and weight, times the weights that are there.
    """

    weights: tuple[tuple[str, float], ...]

    @property
    def text(self) -> str:
        """What is done."""
        return "Weight the losses so that their gradients have similar sizes."

    @property
    def code(self) -> str:
        """The code to paste."""
        shown = ", ".join(f'"{name}": {weight:g}' for name, weight in self.weights)
        return (
            f"model.compile(model.optimizer, model.loss, loss_weights={{{shown}}})  "
            "# multiply these by your own weights"
        )
