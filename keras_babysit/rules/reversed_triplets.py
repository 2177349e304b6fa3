"""Embeddings that are trained to be far from what they belong to."""

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._texts import percent, quoted
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule

MIN_MARGIN = 0.1
"""Distance of the fraction from a half from which on inputs show which of two examples is alike: in
100 triplets its standard error is 0.05."""


@rule(
    title="Triplets are reversed",
    explains=(*POOR_FIT, "collapsed_embeddings"),
    needs=("activations/std",),
    silent=(
        "with the training step of Keras",
        "unless a step calls one network three times",
        "unless the inputs show which of two examples is the alike one",
    ),
)
def reversed_triplets(history: History, *, margin: float = 0.1, patience: int = 4) -> list[Finding]:
    """Report a triplet loss that pulls the negative close and pushes the positive away.

    An anchor and its positive are alike, and mostly closer to each other than to the negative
    already as inputs. Training makes that clearer. If it turns it round, the two distances are
    exchanged in the loss.

    Reads `"networks/input_pair_order"` and `"networks/pair_order"`: of a network that the step
    calls three times, the fraction of triplets whose first and second entry are closer than first
    and third. It is silent if the inputs show no such order, or the opposite one, as those of mined
    triplets.

    Args:
        history: The history of the run.
        margin: Distance of the fraction from a half, on the other side, from which on the order has
            been reversed, in (0, 0.5].
        patience: Number of latest measurements whose mean must show it, at least 1.

    Returns:
        One WARNING per network, or nothing.

    Raises:
        ValueError: If `margin` lies outside (0, 0.5] or `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> for step, order in enumerate([0.8, 0.2, 0.1, 0.1, 0.0]):
        ...     history.append(Measurement(step, 0, "networks/pair_order", "embedding", order))
        ...     history.append(Measurement(step, 0, "networks/input_pair_order", "embedding", 0.8))
        >>> reversed_triplets(history)[0].target
        'embedding'

    Reference:
        Schroff et al., "FaceNet", arXiv:1503.03832, section 3.1: the triplet loss.
    """
    require_fraction("margin", 2 * margin)
    require_count("patience", patience)
    found = []
    for name in history.targets("networks/pair_order"):
        orders = history.series("networks/pair_order", name).values
        inputs = history.series("networks/input_pair_order", name).values
        if len(orders) <= patience or not len(inputs):
            continue
        raw, now = float(inputs.mean()), float(orders[-patience:].mean())
        if raw >= 0.5 + MIN_MARGIN and now <= 0.5 - margin:
            found.append(_finding(name, raw, now))
    return found


def _finding(name: str, raw: float, now: float) -> Finding:
    return Finding(
        rule="reversed_triplets",
        severity=Severity.WARNING,
        target=name,
        message=f"The network {quoted([name])} separates what is alike: the positive is the closer "
        f"one in {percent(now)} of the triplets. Of the inputs, it is in {percent(raw)}.",
        evidence={"order": now, "order_of_inputs": raw},
        remedies=(
            Remedy(
                "Exchange the two distances: the loss must grow with that of the positive, as in "
                "`max(d_positive - d_negative + margin, 0)`.",
                no_change_because=OWN_CODE,
            ),
        ),
        reference="Schroff et al., FaceNet, arXiv:1503.03832, section 3.1",
    )
