"""A gradient that grows on its way back to the first layers, or from step to step."""

import numpy as np

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above, require_count
from keras_babysit.rules._network import LOST, gradient_sizes, kernels, layer_of
from keras_babysit.rules._progress import training_loss
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT, STUCK
from keras_babysit.rules.rule import rule

FADING = 8
"""Probes that it must last in a network with batch norms. Their gradients explode with depth at the
start (Yang et al., arXiv:1902.08129), the more the smaller the batch; but the length of a kernel
before a batch norm does not matter, and the first large steps make it long and its gradient short
(Arora, Li and Lyu, arXiv:1812.03981, section 2)."""


@rule(
    title="Exploding gradients",
    explains=(*BLOWN_UP, *STUCK, *LONG_STEPS, *POOR_FIT),
    needs=("gradients/norm",),
    silent=(
        "networks of fewer than 3 kernels",
        "the loss falls",
        "gradients that overflow under a loss scale",
    ),
)
def exploding_gradients(
    history: History, *, factor: float = 1 / LOST, patience: int = 2
) -> list[Finding]:
    """Advise when the gradient of the first kernel is a thousand times that of a later one.

    Or when all of it has become a thousand times as long as at the first step, while the loss did
    not fall. Compared is the root mean square gradient of one entry, with others of the same step
    or with itself at the start; an absolute limit would depend on the scale of the loss.

    Reads `"gradients/norm"` and the sizes of the kernels. It stays silent on networks of fewer
    than three kernels, on gradients that overflow under a loss scale, where the loss falls, and in
    the first probes of a network with batch norms, where it mostly fades by itself.

    Args:
        history: What the probes recorded so far.
        factor: How many times as large the gradient must be, above 1.
        patience: Number of latest probes that must all show it, at least 1.

    Returns:
        One WARNING, about the layer of the first kernel or the whole model; or nothing.

    Raises:
        ValueError: If `factor` is not above 1 or `patience` is below 1.

    Example:
        >>> from keras_babysit.facts import LayerFacts, WeightFacts
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> names = ("a/kernel", "b/kernel", "c/kernel")
        >>> history.note(layers={name[0]: LayerFacts(role="hidden") for name in names})
        >>> history.note(
        ...     weights={n: WeightFacts(layer=n[0], size=100, is_kernel=True) for n in names}
        ... )
        >>> for step in range(3):
        ...     for name, norm in zip(names, (1e4, 10.0, 1.0)):
        ...         history.append(Measurement(step, 0, "gradients/norm", name, norm))
        >>> exploding_gradients(history)[0].target
        'a'

    Reference:
        Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks",
        ICML 2013, section 2.
    """
    require_above("factor", factor, 1)
    require_count("patience", patience)
    names = kernels(history)
    has_norms = history.facts.regularization.batch_normalizations
    profiles = gradient_sizes(history, names, max(patience, FADING) if has_norms else patience)
    if profiles and len(names) > 2 and all(p[0] > factor * p[-1] > 0 for p in profiles):
        latest = profiles[-1]
        target = layer_of(history, names[0])
        message = (
            f"The gradient grows on its way back: {latest[-1]:.2g} for a weight of the last "
            f"layer, {latest[0]:.2g} for one of {target}."
        )
        return [_finding(target, message, float(latest[-1]), float(latest[0]))]
    return _by_step(history, factor, patience)


def _by_step(history: History, factor: float, patience: int) -> list[Finding]:
    """Return advice if the whole gradient has grown by the factor since the first step."""
    series = [history.series("gradients/norm", n).values for n in history.targets("gradients/norm")]
    points = min((len(values) for values in series), default=0)
    start, loss = history.last("loss/start"), training_loss(history)
    if points <= patience or start is None or loss is None or loss < start:
        return []
    norms = np.sqrt(sum(values[-points:] ** 2 for values in series))
    first = float(norms[0])
    recent = norms[-patience:]
    if not (first > 0 and np.isfinite(recent).all() and recent.min() > factor * first):
        return []
    now = float(recent[-1])
    message = f"The gradient was {first:.2g} long at the first step and is {now:.2g} now."
    return [_finding("", message, first, now)]


def _finding(target: str, message: str, before: float, after: float) -> Finding:
    return Finding(
        rule="exploding_gradients",
        severity=Severity.WARNING,
        target=target,
        message=message,
        evidence={"before": before, "after": after, "ratio": after / before},
        remedies=(
            Remedy("Clip the gradient.", "keras.optimizers.Adam(global_clipnorm=1.0)"),
            Remedy(
                "Scale the weights by what the data do in this model.",
                "from keras_babysit.initializers import lsuv\nlsuv(model, x[:256])",
            ),
            Remedy("Normalise in between.", "keras.layers.LayerNormalization()"),
        ),
        reference="Pascanu, Mikolov and Bengio, ICML 2013, section 2",
    )
