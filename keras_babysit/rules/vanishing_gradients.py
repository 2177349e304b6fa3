"""Gradients that vanish on their way back to the first layers."""

from keras_babysit.actions import CONNECTIONS
from keras_babysit.facts import LayerFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._network import LOST_SIGNAL, gradient_sizes, kernels, layer_of, networks
from keras_babysit.rules._progress import is_solved
from keras_babysit.rules._texts import NORMALIZE, relu_layer
from keras_babysit.rules.effects import POOR_FIT, SHORT_STEPS, STUCK
from keras_babysit.rules.rule import rule

LASTING_MEASUREMENTS = 5
"""Number of latest measurements that must all show it, as far as there are that many. Depth reduces
the gradient in every step; a gradient that comes and goes depends on single examples."""


@rule(
    title="Vanishing gradients",
    explains=(*STUCK, *SHORT_STEPS, *POOR_FIT),
    needs=("gradients/norm",),
    silent=(
        "on networks with fewer than 3 kernels",
        "on embeddings",
        "if the training loss is close to zero",
    ),
)
def vanishing_gradients(
    history: History, *, fraction: float = LOST_SIGNAL, patience: int = 2
) -> list[Finding]:
    """Report a gradient of the first kernel below a thousandth of that of a later one.

    The root mean square of the entries is compared, so the width of a layer does not matter. The
    two ends of the network are compared with each other, because an absolute limit would depend on
    the scale of the loss.

    Reads `"gradients/norm"` and the sizes of the kernels. It is silent on networks with fewer than
    3 kernels; on embeddings; on the queries and keys of an attention layer, which get almost no
    gradient while the attention is still uniform; on gradients of exactly 0 (see `no_gradient`); if
    the bias of the first layer does receive a gradient, because then the inputs are close to zero;
    and if the training loss is close to zero, where small gradients are expected.

    Args:
        history: The history of the run.
        fraction: Fraction of the largest gradient below which the first one has vanished, in
            (0, 1].
        patience: Smallest number of measurements that must show it, at least 1.

    Returns:
        One WARNING, about the layer of the first kernel; or nothing.

    Raises:
        ValueError: If `fraction` lies outside (0, 1] or `patience` is below 1.

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
        ...     for name, norm in zip(names, (1e-6, 1e-3, 1.0)):
        ...         history.append(Measurement(step, 0, "gradients/norm", name, norm))
        >>> vanishing_gradients(history)[0].target
        'a'

    Reference:
        Glorot and Bengio, AISTATS 2010, section 4.2; Hochreiter et al., "Gradient flow in
        recurrent nets", 2001.
    """
    require_fraction("fraction", fraction)
    require_count("patience", patience)
    names = [name for name in kernels(history) if not _is_query_or_key(history, name)]
    found = [
        _in_network(history, members, fraction, patience) for members in networks(history, names)
    ]
    return [one for one in found if one is not None]


def _in_network(
    history: History, names: list[str], fraction: float, patience: int
) -> Finding | None:
    known = min((len(history.points("gradients/norm", name)) for name in names), default=0)
    profiles = gradient_sizes(history, names, max(patience, min(known, LASTING_MEASUREMENTS)))
    if len(names) < 3 or not profiles or is_solved(history):
        return None
    if not all(0 < profile[0] < fraction * profile.max() for profile in profiles):
        return None
    target = layer_of(history, names[0])
    if _reaches_bias(history, target, fraction, len(profiles)):
        return None
    first, largest = float(profiles[-1][0]), float(profiles[-1].max())
    return _finding(target, history.layer(target), first, largest, squashes=_squashes(history))


def _squashes(history: History) -> bool:
    """Return whether most hidden layers with an activation squash; it may be a layer of its own."""
    hidden = [one for one in history.facts.layers.values() if one.role == "hidden"]
    kinds = [one.activation_kind for one in hidden if one.activation_kind not in (None, "linear")]
    return 2 * kinds.count("squashing") > len(kinds)


def _reaches_bias(history: History, layer: str, fraction: float, measurements: int) -> bool:
    """Return whether the gradient reached the bias of a layer in one of the latest measurements.

    The gradient of a kernel is that of the bias times the inputs.
    """
    biases = [name for name in history.targets("gradients/norm") if name.endswith("bias")]
    known = [name for name in biases if name in (history.facts.weights or ())]
    own = [name for name in known if layer_of(history, name) == layer]
    others = [name for name in known if name not in own]
    profiles = gradient_sizes(history, [*own, *others], measurements) if own else []
    return any(profile[0] >= fraction * profile.max() for profile in profiles)


def _is_query_or_key(history: History, weight: str) -> bool:
    """Return whether a kernel computes the queries or keys of Keras' attention."""
    target = layer_of(history, weight)
    is_projection = history.layer(target).class_name == "EinsumDense"
    return is_projection and target.split("/")[-1].startswith(("query", "key"))


def _finding(
    target: str, layer: LayerFacts, first: float, largest: float, *, squashes: bool
) -> Finding:
    """Return the finding; normalization keeps the units of a squashing layer where they have slope.

    On towers of sigmoids it led to a better score than ReLU (`make bench-remedies`).
    """
    relu = Remedy(
        'Use ReLU in the hidden layers, initialized with "he_normal".',
        change=relu_layer("", layer),
    )
    return Finding(
        rule="vanishing_gradients",
        severity=Severity.WARNING,
        target=target,
        message=f'The gradients vanish before they reach "{target}": {first:.2g} per weight there, '
        f"but {largest:.2g} in a later layer.",
        evidence={"first_gradient": first, "largest_gradient": largest, "ratio": first / largest},
        remedies=(
            *([NORMALIZE, relu] if squashes else [relu, NORMALIZE]),
            Remedy(
                "Add skip connections around some of the layers.",
                "def residual(block, inputs):\n"
                "    return keras.layers.add([inputs, block(inputs)])",
                no_change_because=CONNECTIONS,
            ),
        ),
        reference="Glorot and Bengio, AISTATS 2010, section 4.2",
    )
