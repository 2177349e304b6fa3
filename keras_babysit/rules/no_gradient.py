"""Trainable weights that no gradient reaches."""

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._network import kernels, layer_of, longer_if_shut
from keras_babysit.rules.effects import POOR_FIT, SHORT_STEPS
from keras_babysit.rules.rule import rule


@rule(
    title="No gradient",
    explains=(*SHORT_STEPS, *POOR_FIT),
    needs=("gradients/norm",),
    silent=("biases and embeddings", "layers that are dead altogether"),
)
def no_gradient(history: History, *, patience: int = 2) -> list[Finding]:
    """Advise when a trainable kernel gets a gradient of exactly 0 in every probe, or none trains.

    A part of the network that does not lead to the loss, a `stop_gradient`, an operation without
    a derivative (argmax, rounding), or units that are all shut.

    Reads `"gradients/norm"` and `"activations/gate_max"`. It stays silent on biases, slopes and
    embeddings, which may get none from a batch for good reason; after the first step in which a
    kernel got one; before `patience` probes; and longer where a layer is shut (see `dead_units`).

    Args:
        history: What the probes recorded so far.
        patience: Number of probes in which there must be none, at least 1.

    Returns:
        One ERROR for the whole model if no kernel gets a gradient, or no weight is trainable; else
        one WARNING for each layer that gets none.

    Raises:
        ValueError: If `patience` is below 1.

    Example:
        >>> from keras_babysit.facts import LayerFacts, WeightFacts
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> kernel = WeightFacts(layer="a", size=9, is_kernel=True)
        >>> history.note(layers={"a": LayerFacts(role="hidden")}, weights={"a/kernel": kernel})
        >>> for step in range(3):
        ...     history.append(Measurement(step, 0, "gradients/norm", "a/kernel", 0.0))
        >>> no_gradient(history)[0].severity.name
        'ERROR'

    Reference:
        CS231n, "Backpropagation": a weight without a path to the loss has no gradient.
    """
    require_count("patience", patience)
    if history.facts.parameters and history.facts.weights == {}:
        return [_nothing_trains()]
    patience = longer_if_shut(history, patience)
    names = [name for name in kernels(history) if history.points("gradients/norm", name)]
    silent = [name for name in names if _gets_none(history, name, patience)]
    if names and len(silent) == len(names):
        return [_finding("", "No kernel of the model gets a gradient.", Severity.ERROR)]
    return [
        _finding(
            layer_of(history, name),
            f"{name} is trainable, but got no gradient from any batch that was looked at.",
            Severity.WARNING,
        )
        for name in silent
    ]


def _nothing_trains() -> Finding:
    return Finding(
        rule="no_gradient",
        severity=Severity.ERROR,
        target="",
        message="No weight of the model is trainable: training changes nothing.",
        evidence={"trainable_weights": 0},
        remedies=(Remedy("Let layers train, and compile again.", "model.trainable = True"),),
        reference="CS231n, Transfer learning: which layers to freeze",
    )


def _gets_none(history: History, name: str, patience: int) -> bool:
    norms = history.series("gradients/norm", name).values
    return len(norms) >= patience and not norms.any()


def _finding(target: str, message: str, severity: Severity) -> Finding:
    return Finding(
        rule="no_gradient",
        severity=severity,
        target=target,
        message=message,
        evidence={"gradient_norm": 0.0},
        remedies=(
            Remedy(
                "See where the gradient ends, layer by layer.",
                "keras_babysit.check(model, x, y)",
            ),
            Remedy(
                "Lead the output of that layer to the loss, or freeze it.",
                "layer.trainable = False",
            ),
        ),
        reference="CS231n, Backpropagation: without a path to the loss there is no gradient",
    )
