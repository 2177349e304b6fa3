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

PAIR_MARGIN = 0.15
"""The same for labels of pairs, which may stand for something else than being alike: an effect of
medium size, a difference of half a standard deviation, is a fraction of 0.64."""

PAIRS = "Hadsell et al., Dimensionality Reduction by Learning an Invariant Mapping"

EXCHANGE = Remedy(
    "Check which label the loss takes for an equal pair, and exchange the labels or the two terms: "
    "`distance ** 2` belongs to equal pairs, and `max(margin - distance, 0) ** 2` to different "
    "ones.",
    "y = 1 - y  # or exchange the two terms of the loss",
    no_change_because=OWN_CODE,
)


@rule(
    title="Pairs or triplets are reversed",
    explains=(*POOR_FIT, "collapsed_embeddings"),
    needs=("activations/std",),
    silent=(
        "unless a step of your own calls one network two or three times, or the output is a "
        "distance of two inputs",
        "on pairs in a step of your own, on JAX",
        "on pairs whose embeddings go through further weights",
        "unless the inputs show which of two examples is the alike one",
    ),
)
def reversed_triplets(history: History, *, margin: float = 0.1, patience: int = 4) -> list[Finding]:
    """Report a loss that pulls what is different close and pushes what is alike away.

    An anchor and its positive are alike, and mostly closer to each other than to the negative
    already as inputs. Training makes that clearer. If it turns it round, the two distances are
    exchanged in the loss, or the labels of pairs have the opposite meaning: a contrastive loss may
    take 1 for an equal or for a different pair.

    Reads `"networks/input_pair_order"` and `"networks/pair_order"`: of a network that the step
    calls three times, the fraction of triplets whose first and second entry are closer than first
    and third; and `"networks/input_label_order"` and `"networks/label_order"` of a network that it
    calls twice, how often pairs with the larger label are closer. It is silent if the inputs show
    no order, on triplets if they show the opposite one, as mined ones do, and on pairs if the
    network does not begin with the order of the inputs.

    In `fit`, a network of two inputs whose output is the same for all pairs of an input with itself
    returns a distance or a similarity. `"pairs/equal_closer"` is how often the inputs of a pair are
    closer whose label is the one for which the loss takes that value as right. Far below a half,
    the loss takes the other label for equal pairs than the data do.

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
        Schroff et al., "FaceNet", arXiv:1503.03832, section 3.1: the triplet loss; Hadsell et al.,
        "Dimensionality Reduction by Learning an Invariant Mapping", CVPR 2006, equation 4: the
        contrastive loss.
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
            found.append(_finding(history, name, raw, now))
    return found + _about_pairs(history, margin, patience) + _about_distances(history)


def _about_pairs(history: History, margin: float, patience: int) -> list[Finding]:
    found = []
    for name in history.targets("networks/label_order"):
        orders = history.series("networks/label_order", name).values - 0.5
        inputs = history.series("networks/input_label_order", name).values - 0.5
        if len(orders) <= patience or not len(inputs):
            continue
        raw, now = float(inputs.mean()), float(orders[-patience:].mean())
        side = 1.0 if raw > 0 else -1.0
        if min(side * raw, side * orders[0]) >= PAIR_MARGIN and side * now <= -margin:
            found.append(_pair_finding(history, name, raw + 0.5, now + 0.5))
    return found


def _about_distances(history: History) -> list[Finding]:
    found = []
    for target in history.targets("pairs/equal_closer"):
        order = float(history.last("pairs/equal_closer", target))
        if order > 0.5 - PAIR_MARGIN:
            continue
        found.append(
            Finding(
                rule="reversed_triplets",
                severity=Severity.WARNING,
                target="",
                message="The labels of the pairs are reversed. The loss takes one label for equal "
                "inputs, but pairs of that label have the closer inputs in only "
                f"{percent(order)} of the comparisons.",
                evidence={"order_of_inputs": order},
                remedies=(EXCHANGE,),
                reference=PAIRS,
            )
        )
    return found


def _name(history: History, name: str) -> str:
    return quoted([name or history.facts.model or "model"])


def _pair_finding(history: History, name: str, raw: float, now: float) -> Finding:
    return Finding(
        rule="reversed_triplets",
        severity=Severity.WARNING,
        target=name,
        message=f"The network {_name(history, name)} separates what is alike. Pairs with the "
        f"larger label have closer outputs than other pairs in {percent(now)} of the comparisons, "
        f"but closer inputs in {percent(raw)}.",
        evidence={"order": now, "order_of_inputs": raw},
        remedies=(EXCHANGE,),
        reference=PAIRS,
    )


def _finding(history: History, name: str, raw: float, now: float) -> Finding:
    return Finding(
        rule="reversed_triplets",
        severity=Severity.WARNING,
        target=name,
        message=f"The network {_name(history, name)} separates what is alike: the positive is the "
        f"closer one in {percent(now)} of the triplets. Of the inputs, it is in {percent(raw)}.",
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
