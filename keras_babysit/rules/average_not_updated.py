"""A moving average of weights that is never updated."""

import numpy as np

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._progress import HALF_WAY, fraction_done
from keras_babysit.rules._texts import quoted
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule


@rule(
    title="Average of weights is not updated",
    explains=(*POOR_FIT, "overfitting"),
    needs=("updates/ratio",),
    silent=(
        "with the training step of Keras, and on JAX",
        "in the first half of a run, and if its length is not known",
        "unless a network starts as a copy of another one that was not trained before",
        "on an average that does not belong to the model",
    ),
)
def average_not_updated(history: History, *, patience: int = 3) -> list[Finding]:
    """Report a copy of the trained network that keeps the weights from before training.

    A moving average of the weights, the teacher of a mean teacher and the target network of
    Q-learning start as copies and must follow. If their update is missing, or its result is not
    assigned, they keep random weights, and what they are used for is noise.

    Reads `"averages/untrained_copy"` and `"averages/norm"` of networks that no optimizer updates.
    It is silent if the norm has ever changed, and on copies of a pretrained network, such as the
    reference of a fine-tuning, and on a target with random weights of its own.

    Args:
        history: The history of the run.
        patience: Number of measurements that are needed, at least 1.

    Returns:
        One WARNING per network, or nothing.

    Raises:
        ValueError: If `patience` is below 1.

    Example:
        >>> average_not_updated(History())
        []

    Reference:
        Tarvainen and Valpola, "Mean teachers are better role models", arXiv:1703.01780, section 2;
        Mnih et al., "Human-level control through deep reinforcement learning", Nature 2015,
        algorithm 1: the target network is reset to the trained one.
    """
    require_count("patience", patience)
    if not fraction_done(history) >= HALF_WAY:  # NaN if the length of the run is not known
        return []
    return [
        _finding(name)
        for name in history.targets("averages/norm")
        if _is_left(history, name, patience)
    ]


def _is_left(history: History, name: str, patience: int) -> bool:
    norms = history.series("averages/norm", name).values
    copies = history.series("averages/untrained_copy", name).values
    return len(norms) >= patience and bool(copies[0] == 1) and np.unique(norms).size == 1


def _finding(name: str) -> Finding:
    return Finding(
        rule="average_not_updated",
        severity=Severity.WARNING,
        target=name,
        message=f"The network {quoted([name])} started as a copy of the trained network and has "
        "never been updated: it still has its random initial weights.",
        evidence={"network": name},
        remedies=(
            Remedy(
                f"Update the weights of {quoted([name])} after each step, and assign the result: "
                "`average.assign(0.99 * average + 0.01 * weight)`.",
                no_change_because=OWN_CODE,
            ),
        ),
        reference="Tarvainen and Valpola, arXiv:1703.01780, section 2",
    )
