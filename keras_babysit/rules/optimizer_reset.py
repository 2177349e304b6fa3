"""An optimizer that is reset in every round of a loop, although the weights go on."""

from keras_babysit.actions import ORDER_OF_CALLS
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules.effects import POOR_FIT, SHORT_STEPS
from keras_babysit.rules.rule import rule


@rule(
    title="Optimizer reset in every run",
    explains=(*POOR_FIT, *SHORT_STEPS, "learning_rate_decays_early"),
    needs=("weights/norm",),
    silent=(
        "in the first runs of a model in this process",
        "if the weights or the learning rate were set anew as well",
        "on optimizers that remember nothing, such as SGD at a constant learning rate",
    ),
)
def optimizer_reset(history: History, *, runs: int = 2) -> list[Finding]:
    """Report an optimizer that counts from 0 again in one run after the other.

    `compile` in a loop over epochs makes a new optimizer each time. It forgets its averages of the
    gradients, and its schedule begins again: a warm-up that is longer than a run never ends, and a
    learning rate that should decay never does.

    Reads `history.facts.optimizer_resets`: how many runs in a row, up to this one, began with the
    weights at the end of the run before, and with an optimizer of the same setting that had done
    fewer steps. It is silent if the weights were set anew, as for a new fold; if the learning rate
    is another one, because then the stages are on purpose; and on optimizers that remember nothing.

    Args:
        history: The history of the run.
        runs: Such runs in a row from which on it is reported, at least 1. A single one may be a
            model that is loaded or compiled for a second stage.

    Returns:
        One WARNING for the whole model, or nothing.

    Raises:
        ValueError: If `runs` is below 1.

    Example:
        >>> history = History()
        >>> history.note(optimizer="Adam", optimizer_resets=3)
        >>> print(optimizer_reset(history)[0].message)
        The optimizer was reset before each of the latest 3 runs, although the weights were kept.

    Reference:
        Keras, `Model.compile`: a new optimizer has no state; Kingma and Ba, "Adam", 2015, on the
        averages that it keeps.
    """
    require_count("runs", runs)
    resets = history.facts.optimizer_resets or 0
    if resets < runs:
        return []
    return [
        Finding(
            rule="optimizer_reset",
            severity=Severity.WARNING,
            target="",
            message=f"The optimizer was reset before each of the latest {resets} runs, although "
            "the weights were kept.",
            evidence={"resets": resets},
            remedies=(
                Remedy(
                    "Call `compile` once, before the loop, or train all epochs in one `fit`.",
                    "model.fit(x, y, epochs=10)  # 10: the epochs of all runs together",
                    no_change_because=ORDER_OF_CALLS,
                ),
            ),
            reference="Keras, Model.compile: a new optimizer has no state",
        )
    ]
