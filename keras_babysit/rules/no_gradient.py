"""Trainable weights that receive no gradient."""

from keras_babysit.actions import CONNECTIONS, LOOKS, UnfreezeLayers
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._network import (
    enough_examples,
    is_without_gradient,
    kernels,
    layer_of,
    longer_if_shut,
)
from keras_babysit.rules.effects import POOR_FIT, SHORT_STEPS
from keras_babysit.rules.rule import rule


@rule(
    title="No gradient",
    explains=(*SHORT_STEPS, *POOR_FIT),
    needs=("gradients/norm",),
    silent=(
        "on biases and embeddings",
        "on layers whose units are all dead",
        "on weights that a step moves all the same",
    ),
)
def no_gradient(history: History, *, patience: int = 2) -> list[Finding]:
    """Report trainable kernels whose gradient is exactly 0, and models without trainable weights.

    The usual causes are a part of the network that is not connected to the loss, a
    `stop_gradient`, an operation without a derivative (argmax, rounding), or dead units.

    Reads `"gradients/norm"` and `"activations/gate_max"`. It is silent on biases, slopes and
    embeddings, which a batch may leave without a gradient for good reason; on kernels that received
    a gradient at least once; on those that a real step moves all the same, which a measurement
    cannot differentiate (recomputed layers, modules of PyTorch); and before `patience` measurements
    of 32 examples or more in all. If all units of a layer are inactive, it waits longer, because
    `dead_units` may be the cause; but not beyond the end of the run if no kernel receives any.

    Args:
        history: The history of the run.
        patience: Number of measurements that are needed, all without a gradient, at least 1.

    Returns:
        One ERROR for the whole model if no kernel receives a gradient or no weight is trainable;
        otherwise one WARNING per layer that receives none.

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
    if history.facts.has_ended and is_without_gradient(history, patience):
        return [_about_all()]  # there is nothing left to wait for
    patience = longer_if_shut(history, patience)
    weights = history.facts.weights or {}
    names = [
        name
        for name in kernels(history)
        if history.points("gradients/norm", name) and not weights[name].has_unknown_gradient
    ]
    without = [name for name in names if _has_none(history, name, patience)]
    if names and len(without) == len(names):
        return [_about_all()]
    return [
        _finding(
            layer_of(history, name),
            f'The trainable weight "{name}" received no gradient in any measurement.',
            Severity.WARNING,
        )
        for name in without
    ]


def _about_all() -> Finding:
    return _finding("", "No kernel of the model receives a gradient.", Severity.ERROR)


def _nothing_trains() -> Finding:
    return Finding(
        rule="no_gradient",
        severity=Severity.ERROR,
        target="",
        message="No weight of the model is trainable, so training changes nothing.",
        evidence={"trainable_weights": 0},
        remedies=(
            Remedy(
                "Make layers trainable, and compile the model again.",
                change=UnfreezeLayers(),
            ),
        ),
        reference="CS231n, Transfer learning: which layers to freeze",
    )


def _has_none(history: History, name: str, patience: int) -> bool:
    norms = history.series("gradients/norm", name).values
    return len(norms) >= patience and enough_examples(history, len(norms)) and not norms.any()


def _finding(target: str, message: str, severity: Severity) -> Finding:
    return Finding(
        rule="no_gradient",
        severity=severity,
        target=target,
        message=message,
        evidence={"gradient_norm": 0.0},
        remedies=(
            Remedy(
                "Find the layer at which the gradient stops.",
                "kb.check(model, x, y)",
                no_change_because=LOOKS,
            ),
            _connect(target),
        ),
        reference="CS231n, Backpropagation: without a path to the loss there is no gradient",
    )


def _connect(target: str) -> Remedy:
    if not target:
        return Remedy(
            "Use only differentiable operations between the layers and the loss.",
            no_change_because=CONNECTIONS,
        )
    text = f'Connect the output of "{target}" to the loss, or freeze the layer.'
    if "/" in target:  # a path: the layer is inside another one
        return Remedy(text, no_change_because=CONNECTIONS)
    code = f'model.get_layer("{target}").trainable = False  # then call model.compile again'
    return Remedy(text, code, no_change_because=CONNECTIONS)
