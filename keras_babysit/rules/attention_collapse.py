"""Attention whose heads no longer choose: one position always, or all alike."""

import numpy as np
from numpy.typing import NDArray

from keras_babysit.actions import LOOKS, NEW_CODE, WarmUp
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._network import median_ratios
from keras_babysit.rules._progress import began_trained, has_seen_an_epoch, poor_fit
from keras_babysit.rules._sequences import has_not_learnt
from keras_babysit.rules._texts import number
from keras_babysit.rules.effects import BLOWN_UP, POOR_FIT
from keras_babysit.rules.rule import rule

ONE_POSITION = 0.01
"""Entropy of a head, as a fraction of that of equal weights, below which it looks at one position:
of 100 positions, all but one have about 1 in 20,000 of the weight then."""

ALL_ALIKE = 0.999
"""Entropy of a head, in the same way, above which it weights all positions alike."""

LARGE_LOGIT = 50.0
"""Attention logit above which the softmax has no gradient: the next smaller weight is exp(-50)."""

DIVERGING_LOGIT = 1e4
"""Attention logit from which on training is expected to diverge, after Wortsman et al."""

WHOLE = 1.0
"""Length of all updates so far, as a multiple of the weights, from which on training had the time
to make them others. Initial logits are near 0 where the embeddings are, as Keras draws them."""

FIRST_STEPS = 1
"""Step up to which a measurement is of the initial weights: the first one may be of step 0 or 1."""

MARGIN = 0.1
"""Difference to a baseline that makes a poor fit."""

REFERENCE = (
    "Wortsman et al., arXiv:2309.14322, section 3.1; Zhai et al., arXiv:2303.06296, on the entropy"
)


@rule(
    title="Attention collapsed or uniform",
    explains=(*BLOWN_UP, *POOR_FIT, "vanishing_gradients", "no_gradient"),
    needs=("facts/layers",),
    silent=(
        "if attention is computed by a layer of one's own",
        "if the sequences are so long that one example has two million logits",
        "on equal weights, while the updates so far are shorter than the weights",
        "if the network fits the training data, unless the logits exceed 10,000, or every head "
        "attended to a single position at the start",
    ),
    costs_the_run=True,
)
def attention_collapse(history: History, *, patience: int = 3) -> list[Finding]:
    """Report attention layers whose heads look at one position only, or at all alike.

    Attention weights are the softmax of query times key. If these logits grow, the weights become
    one-hot: the softmax is saturated, its gradient is 0, and the loss may diverge. If they stay at
    0, the layer is a mean over all positions. A single head of either kind is common, and trained
    networks copy with heads that look at one position; all heads of a layer at once, in a network
    that does not fit its training data, are a fault. So are they before the first step of a network
    that was not trained before: no head has learned to copy yet, and none of them can learn.

    Reads `"attention/entropy"`: per head, the entropy of the weights as a fraction of that of equal
    weights, in [0, 1]; `"attention/logit_max"`, the largest absolute logit; and `"loss/start"`
    beside `"loss/constant"`. Of equal weights, it is silent until the updates (`"updates/ratio"`)
    are together as long as the weights: initial weights are often equal. It is silent in the first
    epoch, and if the network fits its training data, unless the logits exceed 10,000 or were as
    large before the first step.

    Args:
        history: The history of the run.
        patience: Number of latest measurements that must all show it, at least 1.

    Returns:
        For each affected layer one WARNING if its logits are large, one NOTE if all positions
        weigh the same; empty if neither is the case.

    Raises:
        ValueError: If `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> for step in range(3):
        ...     history.append(Measurement(step, step, "attention/logit_max", "attention", 3e4))
        >>> print(attention_collapse(history)[0].message)
        The attention logits of "attention" reach 30,000: training is likely to diverge.

    Reference:
        Wortsman et al., "Small-scale proxies for large-scale Transformer training instabilities",
        arXiv:2309.14322, 2023; Zhai et al., "Stabilizing Transformer Training by Preventing
        Attention Entropy Collapse", arXiv:2303.06296, 2023.
    """
    require_count("patience", patience)
    found = []
    is_poor = has_not_learnt(history) or poor_fit(history, MARGIN) is not None
    for target in history.targets("attention/logit_max"):
        logits = history.series("attention/logit_max", target).tail(patience).values
        if len(logits) < patience or not np.isfinite(logits).all():
            continue
        heads = _entropies(history, target, patience)
        if logits.min() >= DIVERGING_LOGIT:
            found.append(_large(target, float(logits[-1]), "training is likely to diverge"))
        elif _was_born_so(history, target) and _are_one_hot(logits, heads):
            end = "every head attended to a single position even before the first step"
            found.append(_large(target, float(logits[-1]), end))
        elif not is_poor or not has_seen_an_epoch(history) or not heads.size:
            continue
        elif _are_one_hot(logits, heads):
            found.append(
                _large(target, float(logits[-1]), "every head attends to a single position")
            )
        elif heads.min() >= ALL_ALIKE and _had_time(history):
            found.append(_alike(target, float(heads.min())))
    return found


def _had_time(history: History) -> bool:
    """Return whether all updates together are as long as the weights; true if not known."""
    ratios = median_ratios(history)[1]
    return not len(ratios) or float(np.median(ratios)) * history.step >= WHOLE


def _are_one_hot(logits: NDArray[np.float64], heads: NDArray[np.float64]) -> bool:
    return bool(heads.size and logits.min() >= LARGE_LOGIT and heads.max() <= ONE_POSITION)


def _was_born_so(history: History, target: str) -> bool:
    """Return whether all heads looked at one position before anything was learned."""
    if began_trained(history) or history.last("loss/start") is None:
        return False
    if history.last("loss/constant") is None:
        return False  # it is not known whether the network was trained before
    logits = history.series("attention/logit_max", target)
    first = history.points("attention/entropy", target)[:1]
    heads = [np.atleast_1d(np.asarray(point.value, np.float64)) for point in first]
    if not heads or not len(logits.steps) or logits.steps[0] > FIRST_STEPS:
        return False
    return _are_one_hot(logits.values[:1], heads[0])


def _entropies(history: History, target: str, patience: int) -> NDArray[np.float64]:
    """Return the latest entropies, one row per measurement; empty if there are too few."""
    points = [point.value for point in history.points("attention/entropy", target)][-patience:]
    rows = [np.atleast_1d(np.asarray(value, np.float64)) for value in points]
    if len(rows) < patience or len({row.shape for row in rows}) > 1:
        return np.zeros(0)
    heads: NDArray[np.float64] = np.stack(rows)
    return heads if np.isfinite(heads).all() else np.zeros(0)


def _large(target: str, logit: float, what: str) -> Finding:
    return Finding(
        rule="attention_collapse",
        severity=Severity.WARNING,
        target=target,
        message=f'The attention logits of "{target}" reach {number(logit)}: {what}.',
        evidence={"logit_max": logit},
        remedies=(
            Remedy(
                "Lower the learning rate, and use a warm-up.",
                change=WarmUp(3e-4),
            ),
            Remedy(
                "Normalize queries and keys before their product (QK-norm), in a custom layer.",
                no_change_because=NEW_CODE,
            ),
        ),
        reference=REFERENCE,
    )


def _alike(target: str, entropy: float) -> Finding:
    return Finding(
        rule="attention_collapse",
        severity=Severity.NOTE,
        target=target,
        message=f'Every head of "{target}" attends equally to all positions: the layer only '
        "averages them.",
        evidence={"entropy": entropy},
        remedies=(
            Remedy(
                "Check the inputs of the layer: nearly equal queries or keys give equal attention "
                "weights.",
                "kb.check(model, x, y)",
                no_change_because=LOOKS,
            ),
        ),
        reference=REFERENCE,
    )
