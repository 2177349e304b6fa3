"""A gradient that grows towards the first layers, or from step to step."""

import numpy as np

from keras_babysit.actions import NormalizeActivations
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above, require_count
from keras_babysit.rules._network import LOST_SIGNAL, gradient_sizes, kernels, layer_of, networks
from keras_babysit.rules._progress import training_loss
from keras_babysit.rules._texts import clip_gradient, initialize_layers, number
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT, STUCK
from keras_babysit.rules.rule import rule

PATIENCE_WITH_BATCH_NORM = 8
"""Measurements that must all show it in a network with batch normalization. Its gradients explode
with depth at the start (Yang et al., arXiv:1902.08129), more so with small batches. But the norm of
a kernel before a batch normalization does not change the output, and the first large steps make the
kernel longer and its gradient smaller (Arora, Li and Lyu, arXiv:1812.03981, section 2)."""


@rule(
    title="Exploding gradients",
    explains=(*BLOWN_UP, *STUCK, *LONG_STEPS, *POOR_FIT),
    needs=("gradients/norm",),
    silent=(
        "on networks of fewer than 3 kernels",
        "if the norm of the gradient grows but the loss falls",
        "on gradients that overflow under a loss scale",
    ),
)
def exploding_gradients(
    history: History, *, factor: float = 1 / LOST_SIGNAL, patience: int = 2
) -> list[Finding]:
    """Report a gradient that is a thousand times as large in the first kernel as in the last.

    Or whose norm has grown a thousandfold since the first step, while the loss did not fall. The
    root mean square over the entries of a kernel is compared with that of other kernels at the
    same step, and the norm with that at the first step. An absolute limit would depend on the
    scale of the loss.

    Reads `"gradients/norm"` and the sizes of the kernels. It is silent on networks of fewer than
    three kernels and on gradients that overflow under a loss scale. If the norm grows, it is
    silent while the loss falls. On a network with batch normalization it waits for 8 measurements:
    there, large first gradients usually become smaller by themselves.

    Args:
        history: The history of the run.
        factor: Smallest growth of the gradient, above 1.
        patience: Number of latest measurements that must all show it, at least 1.

    Returns:
        One WARNING about the layer of the first kernel, or about the whole model; empty if the
        gradient is of a healthy size.

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
    has_norms = history.facts.regularization.batch_normalizations
    lasting = max(patience, PATIENCE_WITH_BATCH_NORM) if has_norms else patience
    found = [
        _in_network(history, names, factor, lasting)
        for names in networks(history, kernels(history))
    ]
    by_depth = [one for one in found if one is not None]
    return by_depth or _by_step(history, factor, patience)


def _in_network(history: History, names: list[str], factor: float, patience: int) -> Finding | None:
    profiles = gradient_sizes(history, names, patience)
    if not profiles or len(names) < 3 or not all(p[0] > factor * p[-1] > 0 for p in profiles):
        return None
    latest = profiles[-1]
    target = layer_of(history, names[0])
    last, first = number(latest[-1]), number(latest[0])
    message = (
        f"The gradient grows towards the first layers: from {last} per weight in the last kernel "
        f'to {first} in "{target}".'
    )
    return _finding(history, target, message, float(latest[-1]), float(latest[0]))


def _by_step(history: History, factor: float, patience: int) -> list[Finding]:
    """Return a finding if the norm of the gradient has grown by the factor since the first step."""
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
    message = (
        f"The norm of the gradient grew from {number(first)} at the first step to {number(now)}, "
        "and the loss did not fall."
    )
    return [_finding(history, "", message, first, now)]


def _finding(history: History, target: str, message: str, before: float, after: float) -> Finding:
    return Finding(
        rule="exploding_gradients",
        severity=Severity.WARNING,
        target=target,
        message=message,
        evidence={"before": before, "after": after, "ratio": after / before},
        remedies=(
            clip_gradient(history),
            initialize_layers(history),
            Remedy(
                "Add normalization layers between the hidden layers.",
                change=NormalizeActivations(norm="LayerNormalization"),
            ),
        ),
        reference="Pascanu, Mikolov and Bengio, ICML 2013, section 2",
    )
