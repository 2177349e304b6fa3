"""Triplets whose anchor and positive are the same example."""

from keras_babysit.actions import DATA
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._texts import percent, quoted
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule


@rule(
    title="Anchor and positive are the same",
    explains=(*POOR_FIT, "collapsed_embeddings"),
    needs=("activations/std",),
    silent=(
        "with the training step of Keras",
        "unless a step calls one network three times",
        "if dropout or noise in the network makes two embeddings of one example differ",
    ),
)
def anchor_is_positive(
    history: History, *, fraction: float = 0.5, patience: int = 2
) -> list[Finding]:
    """Report triplets whose positive is the anchor itself.

    Two equal examples have equal embeddings whatever the weights are. Such a triplet only pushes
    the negative away, and the network does not learn what examples of one class have in common.

    Reads `"networks/equal_pairs"`: of a network that the step calls three times, the fraction of
    triplets whose first two inputs are equal, and their outputs too. It is silent where dropout
    makes two embeddings of one example differ.

    Args:
        history: The history of the run.
        fraction: Fraction of the triplets from which on it is reported, in (0, 1]. With half of
            them each batch has half of its positives left.
        patience: Number of latest measurements that must all show it, at least 1.

    Returns:
        One WARNING per network, or nothing.

    Raises:
        ValueError: If `fraction` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> for step in range(2):
        ...     history.append(Measurement(step, 0, "networks/equal_pairs", "embedding", 1.0))
        >>> print(anchor_is_positive(history)[0].message)
        Anchor and positive are the same example in 100 % of the triplets that "embedding" is called
        on.

    Reference:
        Schroff et al., "FaceNet", arXiv:1503.03832, section 3.1: the positive is another image of
        the same person.
    """
    require_fraction("fraction", fraction)
    require_count("patience", patience)
    found = []
    for name in history.targets("networks/equal_pairs"):
        latest = history.series("networks/equal_pairs", name).tail(patience).values
        if len(latest) == patience and latest.min() >= fraction:
            found.append(_finding(history, name, float(latest[-1])))
    return found


def _finding(history: History, name: str, now: float) -> Finding:
    network = quoted([name or history.facts.model or "model"])
    return Finding(
        rule="anchor_is_positive",
        severity=Severity.WARNING,
        target=name,
        message=f"Anchor and positive are the same example in {percent(now)} of the triplets that "
        f"{network} is called on.",
        evidence={"fraction": now},
        remedies=(
            Remedy(
                "Draw as the positive another example of the same class, or another augmentation "
                "of the same example.",
                no_change_because=DATA,
            ),
        ),
        reference="Schroff et al., FaceNet, arXiv:1503.03832, section 3.1",
    )
