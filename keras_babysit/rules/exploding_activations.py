"""A signal that grows without bound from layer to layer."""

import numpy as np
from numpy.typing import NDArray

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above, require_count
from keras_babysit.rules._network import (
    LOST_SIGNAL,
    Values,
    hidden_layers,
    is_overwritten,
    networks,
)
from keras_babysit.rules._texts import (
    NORMALIZE,
    SCALE_WEIGHTS,
    initialize_layers,
    number,
    relu_layer,
)
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT, STUCK
from keras_babysit.rules.outputs import guess_loss
from keras_babysit.rules.rule import rule

MIN_GROWTH_FOR_LOSS = 10.0
"""Size of the signal in the last hidden layer, as a multiple of that of the inputs, from which on
it is the cause of a first loss that is far too large: healthy layers keep the size."""

MIN_FIRST_LOSS = 10.0
"""First loss that is far too large, as a multiple of the loss of a uniform guess. With outputs of
unit variance it is 1.2 to 1.7 times as large (ln C + 1/2 for C classes). At 10 the network gives
the true one of 10 classes a probability below 1e-10."""


@rule(
    title="Exploding activations",
    explains=(*BLOWN_UP, *STUCK, *LONG_STEPS, *POOR_FIT),
    needs=("activations/std",),
    silent=(
        "if a normalization before the last hidden layer restores the signal",
        "if one of the first steps was so long that it is the cause",
    ),
)
def exploding_activations(
    history: History, *, factor: float = 1 / LOST_SIGNAL, patience: int = 2
) -> list[Finding]:
    """Report activations that grow a thousandfold with depth, or that ruin the first loss.

    The standard deviation of the last hidden layer is compared with that of the first, and with
    the size of the inputs (1 if they are smaller). Ten times that size is enough if a crossentropy
    begins at ten times the loss of a uniform guess: the network is confident of wrong predictions
    before it has seen any data.

    Reads `"activations/std"`, `"updates/ratio"`, `"loss/start"`, `"loss/penalty"` and the facts of
    data and outputs. It is silent if a normalization before the last hidden layer restores the
    signal, and if the signal was healthy until a step that was far too long: then the learning
    rate is the cause.

    Args:
        history: The history of the run.
        factor: Smallest growth, as a ratio of standard deviations, above 1.
        patience: Number of latest measurements that must all show it, at least 1.

    Returns:
        One WARNING per network about its last hidden layer; empty if its activations are of a
        healthy size.

    Raises:
        ValueError: If `factor` is not above 1 or `patience` is below 1.

    Example:
        >>> from keras_babysit.facts import LayerFacts
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.note(layers=dict.fromkeys("ab", LayerFacts(role="hidden")))
        >>> for step in range(2):
        ...     history.append(Measurement(step, 0, "activations/std", "a", 1.0))
        ...     history.append(Measurement(step, 0, "activations/std", "b", 1e5))
        >>> exploding_activations(history)[0].target
        'b'

    Reference:
        He et al., arXiv:1502.01852, section 2.2: the factors of the layers multiply.
    """
    require_above("factor", factor, 1)
    require_count("patience", patience)
    found = [
        _in_network(history, names, factor, patience)
        for names in networks(history, hidden_layers(history, "activations/std"))
    ]
    return [one for one in found if one is not None]


def _in_network(history: History, names: list[str], factor: float, patience: int) -> Finding | None:
    columns = [history.series("activations/std", name).tail(patience).values for name in names]
    if not columns or any(len(column) < patience for column in columns):
        return None
    inputs = history.facts.data.inputs
    given = max([1.0, *(leaf.rms or 0.0 for leaf in inputs)])
    firsts, lasts = columns[0], columns[-1]
    by_a_step = is_overwritten(history) and not _begins_grown(history, names, given, factor)
    has_grown = _has_grown(firsts, lasts, given, factor).all() and not by_a_step
    is_ruinous = (lasts > MIN_GROWTH_FOR_LOSS * given).all() and _begins_far_off(history)
    if not (has_grown or is_ruinous) or not np.isfinite(lasts).all():
        return None
    last = float(lasts[-1])
    first = min(float(firsts[-1]), given) if len(columns) > 1 else given
    return Finding(
        rule="exploding_activations",
        severity=Severity.WARNING,
        target=names[-1],
        message=f"Activations grow with depth: from {number(first)} at the input to a standard "
        "deviation of "
        f'{number(last)} in "{names[-1]}", the last hidden layer.',
        evidence={"first_size": first, "last_std": last, "ratio": last / max(first, 1e-30)},
        remedies=(
            initialize_layers(history),
            Remedy(
                "Use an activation that does not grow faster than its input.",
                change=relu_layer("", history.layer(names[-1])),
            ),
            NORMALIZE,
            SCALE_WEIGHTS,
        ),
        reference="He et al., arXiv:1502.01852, section 2.2: the layers' factors multiply",
    )


def _has_grown(firsts: Values, lasts: Values, given: float, factor: float) -> NDArray[np.bool_]:
    """Return, for each measurement, whether the last size is above `factor` times the first."""
    return (firsts > 0) & (lasts > factor * firsts) | (lasts > factor * given)


def _begins_grown(history: History, names: list[str], given: float, factor: float) -> bool:
    """Return whether the signal was too large in the first measurement."""
    first, last = (np.array([history.first("activations/std", n)]) for n in (names[0], names[-1]))
    return bool(_has_grown(first, last, given, factor).all())


def _begins_far_off(history: History) -> bool:
    """Return whether the loss before the first step was far above that of a uniform guess."""
    start, guess = history.last("loss/start"), guess_loss(history)
    if start is None or guess is None:
        return False
    return bool(start - history.first("loss/penalty", default=0.0) > MIN_FIRST_LOSS * guess)
