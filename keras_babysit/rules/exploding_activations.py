"""A signal that grows without bound from layer to layer."""

import numpy as np
from numpy.typing import NDArray

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above, require_count
from keras_babysit.rules._network import LOST, Values, hidden_layers, is_shattered
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT, STUCK
from keras_babysit.rules.outputs import guess_loss
from keras_babysit.rules.rule import rule

LARGE = 10.0
"""Size of the signal in the last hidden layer, beside the inputs', from which on it is what makes a
far too large first loss: healthy layers keep the size."""

FAR_OFF = 10.0
"""Multiple of the loss of an even guess. Outputs of unit variance begin at 1.2 to 1.7 of it (ln C +
1/2); at 10 the network holds the right one of 10 classes for less than 1e-10 likely."""


@rule(
    title="Exploding activations",
    explains=(*BLOWN_UP, *STUCK, *LONG_STEPS, *POOR_FIT),
    needs=("activations/std",),
    silent=(
        "a normalization brings the signal back",
        "a step that shattered the weights is the reason",
    ),
)
def exploding_activations(
    history: History, *, factor: float = 1 / LOST, patience: int = 2
) -> list[Finding]:
    """Advise when the hidden layers blow the signal up by a thousand, or ruin the first loss.

    The deviation of the last hidden layer is compared with that of the first, and with the size of
    the inputs, 1 if they are smaller. Ten times that size is enough where a crossentropy began at
    ten times what an even guess has: the network then is sure of wrong answers before it has seen
    anything.

    Reads `"activations/std"`, `"updates/ratio"`, `"loss/start"`, `"loss/penalty"` and the facts of
    data and outputs. It stays silent where a normalisation brings the signal back before the last
    hidden layer, and where the signal was in order until a step shattered the weights: then it is
    the rate.

    Args:
        history: What the probes recorded so far.
        factor: How many times as large the last hidden layer must be, above 1.
        patience: Number of latest probes that must all show it, at least 1.

    Returns:
        One WARNING, about the last hidden layer; or nothing.

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
    names = hidden_layers(history, "activations/std")
    columns = [history.series("activations/std", name).tail(patience).values for name in names]
    if not columns or any(len(column) < patience for column in columns):
        return []
    inputs = history.facts.data.inputs
    given = max([1.0, *(leaf.rms or 0.0 for leaf in inputs)])
    firsts, lasts = columns[0], columns[-1]
    by_a_step = is_shattered(history) and not _begins_grown(history, names, given, factor)
    has_grown = _has_grown(firsts, lasts, given, factor).all() and not by_a_step
    is_ruinous = (lasts > LARGE * given).all() and _begins_far_off(history)
    if not (has_grown or is_ruinous) or not np.isfinite(lasts).all():
        return []
    last = float(lasts[-1])
    first = min(float(firsts[-1]), given) if len(columns) > 1 else given
    return [
        Finding(
            rule="exploding_activations",
            severity=Severity.WARNING,
            target=names[-1],
            message=f"The signal blows up on its way: from a size of {first:.2g} at its start to "
            f"{last:.2g} in the last hidden layer.",
            evidence={"first_size": first, "last_std": last, "ratio": last / max(first, 1e-30)},
            remedies=(
                Remedy(
                    "Scale the weights by what the data do in this model.",
                    "from keras_babysit.initializers import lsuv\nlsuv(model, x[:256])",
                ),
                Remedy(
                    "Use an activation that does not grow faster than its input.",
                    'activation="relu", kernel_initializer="he_normal"',
                ),
                Remedy("Normalise in between.", "keras.layers.BatchNormalization()"),
            ),
            reference="He et al., arXiv:1502.01852, section 2.2: the layers' factors multiply",
        )
    ]


def _has_grown(firsts: Values, lasts: Values, given: float, factor: float) -> NDArray[np.bool_]:
    return (firsts > 0) & (lasts > factor * firsts) | (lasts > factor * given)


def _begins_grown(history: History, names: list[str], given: float, factor: float) -> bool:
    """Return whether the signal was too large at the first probe."""
    first, last = (np.array([history.first("activations/std", n)]) for n in (names[0], names[-1]))
    return bool(_has_grown(first, last, given, factor).all())


def _begins_far_off(history: History) -> bool:
    start, guess = history.last("loss/start"), guess_loss(history)
    if start is None or guess is None:
        return False
    return bool(start - history.first("loss/penalty", default=0.0) > FAR_OFF * guess)
