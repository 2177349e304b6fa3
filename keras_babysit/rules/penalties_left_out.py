"""Weight penalties that a training step of one's own does not add to its loss."""

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules.rule import rule


@rule(
    title="Weight penalties without effect",
    explains=("overfitting",),
    needs=("facts/layers",),
    silent=(
        "with the training step of Keras",
        "if the code of the training step cannot be read",
        "if the step reads `losses` or calls `compute_loss`",
    ),
    is_immediate=True,
)
def penalties_left_out(history: History) -> list[Finding]:
    """Report a training step of your own that ignores the penalties of the layers.

    `kernel_regularizer` and `add_loss` put their values in `model.losses`. Keras' own training step
    adds them to the loss; a `train_step` that computes a loss by itself must do so too, or the
    penalties have no effect.

    Reads whether the code of `train_step`, and of the methods and functions that it calls, names
    `losses` or `compute_loss`, which adds them. It is silent if no weight has a penalty.

    Args:
        history: The history of the run.

    Returns:
        One WARNING for the whole model, or nothing.

    Example:
        >>> history = History()
        >>> history.note(leaves_out_penalties=True)
        >>> print(penalties_left_out(history)[0].message)
        The training step never reads `self.losses`: the weight penalties have no effect.

    Reference:
        Keras, "Customizing what happens in fit()": add `self.losses`, or call `compute_loss`.
    """
    if not history.facts.leaves_out_penalties:
        return []
    return [
        Finding(
            rule="penalties_left_out",
            severity=Severity.WARNING,
            target="",
            message="The training step never reads `self.losses`: the weight penalties have no "
            "effect.",
            evidence={"penalized_weights": history.facts.regularization.penalized_weights},
            remedies=(
                Remedy(
                    "Add the penalties to the loss in `train_step`, or compute it with "
                    "`self.compute_loss`, which adds them.",
                    "penalty = sum(self.losses)  # in train_step, where self is the model: add it",
                    no_change_because=OWN_CODE,
                ),
            ),
            reference="Keras, Customizing what happens in fit()",
        )
    ]
