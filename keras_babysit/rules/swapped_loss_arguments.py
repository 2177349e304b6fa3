"""A crossentropy that takes the prediction for the truth."""

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT, STUCK
from keras_babysit.rules.outputs import outputs
from keras_babysit.rules.rule import rule


@rule(
    title="Loss arguments are swapped",
    explains=(*BLOWN_UP, *LONG_STEPS, *STUCK, *POOR_FIT, "oscillating_loss"),
    needs=("facts/outputs",),
    silent=(
        "on the losses of Keras, which `compile` calls in the right order",
        "unless targets and outputs have one shape and lie in [0, 1]",
    ),
)
def swapped_loss_arguments(history: History) -> list[Finding]:
    """Report a loss of your own that passes the prediction as `y_true`, and the truth as `y_pred`.

    A crossentropy is not symmetric. Exchanged, it is linear in the prediction: with labels between
    0 and 1 it is least at 0 or 1 and not at the label, and with labels of 0 and 1 it is 16 times
    the absolute difference.

    Reads the facts of the outputs, which come from evaluating the loss on the first batch: at four
    sets of predictions its values are those of Keras' crossentropy with exchanged arguments. It is
    silent on other losses, and unless targets and outputs have one shape and lie in [0, 1].

    Args:
        history: The history of the run.

    Returns:
        One WARNING per output, or nothing.

    Example:
        >>> from keras_babysit.facts import OutputFacts
        >>> history = History()
        >>> history.note(outputs=(OutputFacts(target="dense", is_swapped=True),))
        >>> swapped_loss_arguments(history)[0].target
        'dense'

    Reference:
        Keras, losses: the signature is `loss(y_true, y_pred)`.
    """
    return [
        Finding(
            rule="swapped_loss_arguments",
            severity=Severity.WARNING,
            target=output.target,
            message="The loss calls a crossentropy with swapped arguments: the predictions as "
            "`y_true` and the targets as `y_pred`.",
            evidence={"is_swapped": True},
            remedies=(
                Remedy(
                    "Pass the targets first, then the predictions.",
                    "loss = keras.losses.binary_crossentropy(y, model(x))  # in your loss: "
                    "(y_true, y_pred)",
                    no_change_because=OWN_CODE,
                ),
            ),
            reference="Keras, losses: loss(y_true, y_pred)",
        )
        for output in outputs(history)
        if output.is_swapped
    ]
