"""A gradient that is lost on its way back to the first layers."""

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_share
from keras_babysit.rules._network import LOST, gradient_sizes, kernels, layer_of
from keras_babysit.rules._progress import is_solved
from keras_babysit.rules.effects import POOR_FIT, SHORT_STEPS, STUCK
from keras_babysit.rules.rule import rule

LASTING = 5
"""Latest probes that must all show it, as far as there are so many: what the depth takes away it
takes away at each step, and a gradient that comes and goes is that of single examples."""


@rule(
    title="Vanishing gradients",
    explains=(*STUCK, *SHORT_STEPS, *POOR_FIT),
    needs=("gradients/norm",),
    silent=("networks of fewer than 3 kernels", "embeddings", "the training loss is close to zero"),
)
def vanishing_gradients(
    history: History, *, share: float = LOST, patience: int = 2
) -> list[Finding]:
    """Advise when the gradient of the first kernel is a thousandth of that of a later one.

    Compared is the root mean square gradient of one entry, so that wide layers count as narrow
    ones; and one end of the network with the other, since an absolute limit would depend on the
    scale of the loss.

    Reads `"gradients/norm"` and the sizes of the kernels. It stays silent on networks of fewer
    than three kernels, on embeddings, on the queries and keys of an attention, where the gradient
    is exactly 0 (see `no_gradient`), where the bias beside that kernel gets its share, since then
    it is the inputs that are next to nothing, and where the training loss is: no gradient is wanted
    there. While an attention still looks everywhere alike, as at first, queries and keys get next
    to no gradient of their own; the values get it all.

    Args:
        history: What the probes recorded so far.
        share: Share of the largest gradient below which the first one counts as lost, in (0, 1].
        patience: Number of probes that must show it at least, at least 1.

    Returns:
        One WARNING, about the layer of the first kernel; or nothing.

    Raises:
        ValueError: If `share` lies outside (0, 1] or `patience` is below 1.

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
    require_share("share", share)
    require_count("patience", patience)
    names = [name for name in kernels(history) if not _is_of_scores(history, name)]
    known = min((len(history.points("gradients/norm", name)) for name in names), default=0)
    profiles = gradient_sizes(history, names, max(patience, min(known, LASTING)))
    if len(names) < 3 or not profiles or is_solved(history):
        return []
    if not all(0 < profile[0] < share * profile.max() for profile in profiles):
        return []
    if _comes_back_to_bias(history, layer_of(history, names[0]), share, len(profiles)):
        return []
    latest = profiles[-1]
    return [_finding(layer_of(history, names[0]), float(latest[0]), float(latest.max()))]


def _comes_back_to_bias(history: History, layer: str, share: float, probes: int) -> bool:
    """Return whether the gradient got as far as the bias of a layer in one of the latest probes.

    That of a bias is what comes back, that of a kernel the same times the inputs.
    """
    biases = [name for name in history.targets("gradients/norm") if name.endswith("bias")]
    known = [name for name in biases if name in (history.facts.weights or ())]
    own = [name for name in known if layer_of(history, name) == layer]
    others = [name for name in known if name not in own]
    profiles = gradient_sizes(history, [*own, *others], probes) if own else []
    return any(profile[0] >= share * profile.max() for profile in profiles)


def _is_of_scores(history: History, weight: str) -> bool:
    """Return whether a kernel makes the queries or keys of Keras' attention."""
    target = layer_of(history, weight)
    is_projection = history.layer(target).class_name == "EinsumDense"
    return is_projection and target.split("/")[-1].startswith(("query", "key"))


def _finding(target: str, first: float, largest: float) -> Finding:
    return Finding(
        rule="vanishing_gradients",
        severity=Severity.WARNING,
        target=target,
        message=f"The gradient is lost on its way back: {largest:.2g} for a weight of a later "
        f"layer, {first:.2g} for one of {target}.",
        evidence={"first_gradient": first, "largest_gradient": largest, "ratio": first / largest},
        remedies=(
            Remedy(
                "Use an activation that keeps its slope, initialised for it.",
                'activation="relu", kernel_initializer="he_normal"',
            ),
            Remedy("Normalise in between.", "keras.layers.BatchNormalization()"),
            Remedy("Lead the signal past some layers.", "x = keras.layers.add([x, block(x)])"),
        ),
        reference="Glorot and Bengio, AISTATS 2010, section 4.2",
    )
