"""Penalties that a training step of one's own does not add to its loss."""

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._texts import quoted
from keras_babysit.rules.rule import rule

_ADD = Remedy(
    "Add the penalties to the loss in `train_step`, or compute it with `self.compute_loss`, which "
    "adds them.",
    "penalty = sum(self.losses)  # in train_step, where self is the model: add it",
    no_change_because=OWN_CODE,
)


@rule(
    title="Penalties without effect",
    explains=("overfitting",),
    needs=("facts/layers",),
    silent=(
        "with the training step of Keras",
        "if the step reads `losses`, calls `compute_loss` or computes the penalties itself",
        "on networks that the step does not train",
    ),
    is_immediate=True,
)
def penalties_left_out(history: History) -> list[Finding]:
    """Report a training step of your own that ignores the penalties of the layers.

    `kernel_regularizer` and `add_loss` put their values in `model.losses`. Keras' own training step
    adds them to the loss; a `train_step` that computes a loss by itself must do so too, or the
    penalties have no effect.

    Reads `"loss/penalties_unread"`, whether a measured step computed the penalties; before the
    first one, whether the code of `train_step`, and of what it calls, names `losses` or
    `compute_loss`, which adds them; and `"loss/left_out"`, what layers added with `add_loss`, such
    as the divergence of a variational autoencoder, and the step never read. It is silent without
    penalties, and on layers of networks that the step does not train.

    Args:
        history: The history of the run.

    Returns:
        One WARNING for all layers that add a loss, else one for weight penalties, or nothing.

    Example:
        >>> history = History()
        >>> history.note(leaves_out_penalties=True)
        >>> print(penalties_left_out(history)[0].message)
        The training step never reads `self.losses`: the weight penalties have no effect.

    Reference:
        Keras, "Customizing what happens in fit()": add `self.losses`, or call `compute_loss`.
    """
    layers = [one for one in history.targets("loss/left_out") if _is_left_out(history, one)]
    if layers:
        return [_about_added(history, layers)]
    if not _leaves_out_all(history):
        return []
    return [
        Finding(
            rule="penalties_left_out",
            severity=Severity.WARNING,
            target="",
            message="The training step never reads `self.losses`: the weight penalties have no "
            "effect.",
            evidence={"penalized_weights": history.facts.regularization.penalized_weights},
            remedies=(_ADD,),
            reference="Keras, Customizing what happens in fit()",
        )
    ]


def _leaves_out_all(history: History) -> bool:
    """Return whether no weight penalty is read, as far as is known."""
    unread = history.series("loss/penalties_unread").values
    if len(unread):
        return bool((unread == 1).all())
    return bool(history.facts.leaves_out_penalties)


def _is_left_out(history: History, layer: str) -> bool:
    return bool(history.series("loss/left_out", layer).values.any())


def _about_added(history: History, layers: list[str]) -> Finding:
    return Finding(
        rule="penalties_left_out",
        severity=Severity.WARNING,
        target=layers[0],
        message=f"The loss that {quoted(layers[:3])} adds with `add_loss` has no effect: the "
        "training step never reads `self.losses`.",
        evidence={
            "layers": layers[:10],
            "added": float(history.last("loss/left_out", layers[0])),
        },
        remedies=(_ADD,),
        reference="Keras, Customizing what happens in fit()",
    )
