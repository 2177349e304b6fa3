"""A generator or decoder whose outputs are all the same."""

import numpy as np

from keras_babysit.actions import LOOKS, OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._texts import number, quoted
from keras_babysit.rules.rule import rule

ADVERSARIAL = (
    Remedy(
        "Add the standard deviation over the batch to the inputs of the discriminator, so that it "
        "can detect equal samples.",
        no_change_because=OWN_CODE,
    ),
    Remedy(
        "Train the discriminator for more steps than the generator, or lower the learning rate of "
        "the generator.",
        no_change_because=OWN_CODE,
    ),
    Remedy("Check that the generator receives new noise in every step.", no_change_because=LOOKS),
)

AUTOENCODING = (
    Remedy(
        "Compute both terms of the loss as means, or both as sums, over examples and pixels: a sum "
        "outweighs a mean.",
        no_change_because=OWN_CODE,
    ),
    Remedy(
        "Raise the weight of the KL divergence from 0 to 1 in the first third of the training.",
        no_change_because=OWN_CODE,
    ),
)


@rule(
    title="Collapse to one sample",
    explains=("discriminator_won",),
    needs=("activations/spread",),
    silent=(
        "unless a training step of one's own calls several networks",
        "in the first 10 steps",
    ),
)
def samples_alike(history: History, *, fraction: float = 0.1, patience: int = 3) -> list[Finding]:
    """Report a network inside a training step that makes about the same output for every example.

    A generator that has found one sample which the discriminator accepts makes nothing else (mode
    collapse). The losses do not tell: they may look as balanced as in a healthy run. A decoder
    makes one output for all examples if its code tells it nothing (posterior collapse).

    Reads `"activations/spread"` of the last layer of each network that the training step calls,
    which is the standard deviation over the examples, and compares it with that at the start and
    with `"inputs/spread"`, that of the data. It is silent on networks with a single output
    unit, because a discriminator that answers one half is in balance, and in the first 10 steps.

    Args:
        history: The history of the run.
        fraction: Fraction of the spread of the data, and of that at the start, below which the
            samples are alike, in (0, 1]. A tenth is 1 % of the variance.
        patience: Number of latest measurements that must all show it, at least 1.

    Returns:
        One WARNING per network, or nothing.

    Raises:
        ValueError: If `fraction` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> samples_alike(History())
        []

    Reference:
        Salimans et al., "Improved techniques for training GANs", arXiv:1606.03498, section 3.2;
        Bowman et al., "Generating sentences from a continuous space", arXiv:1511.06349, section 3.
    """
    require_fraction("fraction", fraction)
    require_count("patience", patience)
    found = []
    data = _spread_of_data(history)
    is_opposed = _has_critic(history)
    for network, layer in _ends(history).items():
        spreads = history.series("activations/spread", layer).values
        if len(spreads) <= patience or history.step < 10 or not np.isfinite(spreads).all():
            continue
        limit = fraction * min(float(spreads[0]), data if data is not None else float("inf"))
        if (spreads[-patience:] < limit).all():
            found.append(_finding(network, float(spreads[-1]), float(spreads[0]), data, is_opposed))
    return found


def _ends(history: History) -> dict[str, str]:
    """Return the last layer of each network that is called beside others, by its name."""
    ends = _last_layers(history)
    if len(ends) < 2:
        return {}
    return {network: path for network, (path, units) in ends.items() if units != 1}


def _has_critic(history: History) -> bool:
    """Return whether a network answers with one number per example, as a discriminator does."""
    return any(units == 1 for _, units in _last_layers(history).values())


def _last_layers(history: History) -> dict[str, tuple[str, int | None]]:
    ends = {}
    for path, facts in history.facts.layers.items():
        if facts.network is not None and "#" not in path:
            ends[facts.network] = (path, facts.units)
    return ends


def _spread_of_data(history: History) -> float | None:
    targets = history.targets("inputs/spread")
    spreads = [history.last("inputs/spread", target) for target in targets]
    return max((float(one) for one in spreads if one is not None), default=None)


def _finding(
    network: str, now: float, start: float, data: float | None, is_opposed: bool
) -> Finding:
    beside = "" if data is None else f" (data: {number(data)})"
    return Finding(
        rule="samples_alike",
        severity=Severity.WARNING,
        target=network,
        message=f"The network {quoted([network])} has collapsed to nearly one output: its standard "
        f"deviation over the examples fell from {number(start)} to {number(now)}{beside}.",
        evidence={"spread": now, "spread_start": start, "spread_data": data},
        remedies=ADVERSARIAL if is_opposed else AUTOENCODING,
        reference="Salimans et al., arXiv:1606.03498, section 3.2"
        if is_opposed
        else "Bowman et al., arXiv:1511.06349, section 3",
    )
