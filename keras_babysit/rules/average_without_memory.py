"""A moving average of weights that is a copy of the latest weights."""

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above, require_count
from keras_babysit.rules._texts import quoted
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule


@rule(
    title="Average of weights is a copy",
    explains=(*POOR_FIT, "collapsed_embeddings", "samples_alike"),
    needs=("updates/ratio",),
    silent=(
        "with the training step of Keras, and on JAX",
        "on an average that is updated outside of the training step",
    ),
)
def average_without_memory(
    history: History, *, lag: float = 0.1, patience: int = 3
) -> list[Finding]:
    """Report a moving average, or target network, that has the trained weights after each step.

    A teacher, a target network or an average for evaluation must change slowly. With the two
    factors of the average exchanged, or a copy in every step, it is the trained network itself.

    Reads `"averages/lag"`, the distance of the average from its network in updates of one step. A
    moving average of decay d stays d / (1 - d) of them behind: 99 for 0.99, and 0.01 for 0.01. Both
    before and after the step it must be that close. It is silent on a copy made now and then.

    Args:
        history: The history of the run.
        lag: Updates below which an average has no memory, above 0. At 0.1 its decay is 0.09.
        patience: Number of latest measurements that must all show it, at least 1.

    Returns:
        One WARNING per network, or nothing.

    Raises:
        ValueError: If `lag` is not above 0 or `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> for step in range(3):
        ...     history.append(Measurement(step, 0, "averages/lag", "teacher", 0.01))
        >>> average_without_memory(history)[0].target
        'teacher'

    Reference:
        Tarvainen and Valpola, "Mean teachers are better role models", arXiv:1703.01780, section 2:
        decays of 0.99 and 0.999; Mnih et al., "Human-level control through deep reinforcement
        learning", Nature 2015: targets that are held for many steps.
    """
    require_above("lag", lag, 0.0)
    require_count("patience", patience)
    found = []
    for name in history.targets("averages/lag"):
        lags = history.series("averages/lag", name).tail(patience).values
        if len(lags) == patience and lags.max() <= lag:
            found.append(_finding(name, float(lags[-1])))
    return found


def _finding(name: str, lag: float) -> Finding:
    return Finding(
        rule="average_without_memory",
        severity=Severity.WARNING,
        target=name,
        message=f"The network {quoted([name])} is a copy of the trained network after each step, "
        "not an average of its weights.",
        evidence={"lag": lag},
        remedies=(
            Remedy(
                "Keep most of the average and add little of the trained weights: "
                "`average.assign(0.99 * average + 0.01 * weight)`.",
                no_change_because=OWN_CODE,
            ),
            Remedy(
                "Or copy the weights only once in some hundred steps.",
                no_change_because=OWN_CODE,
            ),
        ),
        reference="Tarvainen and Valpola, arXiv:1703.01780, section 2",
    )
