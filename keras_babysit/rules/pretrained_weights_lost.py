"""Fine-tuning that destroys what the network had learned."""

import numpy as np

from keras_babysit.actions import WEIGHTS
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above, require_count
from keras_babysit.rules._learning_rate import one_digit
from keras_babysit.rules._progress import training_loss
from keras_babysit.rules._texts import OPTIMIZERS, number
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT, STUCK
from keras_babysit.rules.outputs import guess_loss
from keras_babysit.rules.rule import rule

LEARNED = 0.5
"""First loss, as a fraction of that of a uniform guess, below which the network had learned its
task before this run."""

MIN_JUMP = 0.2
"""Smallest jump of the loss, as a fraction of the loss of a uniform guess: a fifth of all that is
to be learned. Multiples of a loss near 0 mean nothing."""

FIRST_STEPS = 20
"""Steps that count as the beginning, at least; otherwise the first epoch."""

LOWER = 100
"""Factor by which a lower learning rate is suggested: Adam's 1e-3 becomes the 1e-5 of Keras' guide
to fine-tuning."""


@rule(
    title="Pretrained weights lost",
    explains=(*BLOWN_UP, *LONG_STEPS, *STUCK, *POOR_FIT),
    needs=("loss/start", "loss/batch"),
    silent=("on a network that had not learned its task before", "once the loss is back"),
)
def pretrained_weights_lost(
    history: History, *, factor: float = 3.0, patience: int = 3
) -> list[Finding]:
    """Report a trained network whose loss jumps in the first steps of another training.

    A second `fit`, or fine-tuning after the layers were made trainable, begins at a small loss. A
    learning rate for fresh weights is too high for trained ones: the first steps overwrite what
    they hold, and the loss has to fall again from far above.

    Reads `"loss/start"`, `"loss/batch"`, `"logs/loss"` and the facts of the outputs, which give the
    loss of a uniform guess. It is silent unless the first loss is below half of that; on jumps that
    are small compared with it; and as soon as the training loss is back below its first value.

    Args:
        history: The history of the run.
        factor: Smallest ratio of the loss in the first epoch to the first loss, above 1; that of
            `loss_explosion`.
        patience: Smallest number of measured losses in that time, of which the median counts, at
            least 1.

    Returns:
        One WARNING for the whole model, or nothing.

    Raises:
        ValueError: If `factor` is not above 1 or `patience` is below 1.

    Example:
        >>> pretrained_weights_lost(History())
        []

    Reference:
        Keras, "Transfer learning and fine-tuning": a very low learning rate at this stage.
    """
    require_above("factor", factor, 1)
    require_count("patience", patience)
    start, guess = history.last("loss/start"), guess_loss(history)
    if start is None or guess is None or not 0 < start < LEARNED * guess:
        return []
    losses = history.series("loss/batch")
    until = max(FIRST_STEPS, history.facts.steps_per_epoch or 0)
    early = losses.values[(losses.steps > 0) & (losses.steps <= until)]
    current = training_loss(history)
    if len(early) < patience or current is None or not current > start:
        return []
    jumped = float(np.median(early))
    if not jumped > max(factor * start, start + MIN_JUMP * guess):
        return []
    return [_finding(history, start, jumped, current)]


def _finding(history: History, start: float, jumped: float, current: float) -> Finding:
    rate, optimizer = history.last("optimizer/learning_rate"), history.facts.optimizer
    lower = one_digit(rate / LOWER) if rate else None
    name = optimizer if optimizer in OPTIMIZERS else "Adam"
    return Finding(
        rule="pretrained_weights_lost",
        severity=Severity.WARNING,
        target="",
        message=f"The first steps raised the loss of this trained network from {number(start)} to "
        f"{number(jumped)}: they overwrite the pretrained weights.",
        evidence={"loss_start": start, "loss_early": jumped, "loss": current}
        | ({"learning_rate": rate} if rate else {}),
        remedies=(
            Remedy(
                "Start again from the trained weights, with a learning rate"
                + (f" of {lower:g}." if lower else " that is 100 times lower."),
                f"model.compile(keras.optimizers.{name}({lower:g}), model.loss)" if lower else "",
                no_change_because=WEIGHTS,
            ),
        ),
        reference="Keras, Transfer learning and fine-tuning: a very low learning rate",
    )
