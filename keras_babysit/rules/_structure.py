"""Properties of a network's structure that can keep it from fitting.

They are no fault by themselves, so they have no rule of their own. Rules that found a poor fit put
these remedies before their own.
"""

import itertools
from typing import Any

from keras_babysit.actions import SetActivation, SetLayerArguments, UnfreezeLayers
from keras_babysit.facts import LayerFacts, Role
from keras_babysit.findings import Remedy
from keras_babysit.history import History
from keras_babysit.rules._network import is_mostly_frozen, kernels
from keras_babysit.rules._texts import quoted
from keras_babysit.rules.outputs import outputs

AFFINE = frozenset(
    {
        *("Dense", "EinsumDense", "Embedding", "BatchNormalization", "Normalization", "Rescaling"),
        *(f"{kind}{n}D" for n in (1, 2, 3) for kind in ("Conv", "AveragePooling", "ZeroPadding")),
        *(f"Conv{n}DTranspose" for n in (1, 2, 3)),
        *(f"GlobalAveragePooling{n}D" for n in (1, 2, 3)),
        *("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"),
        *("Flatten", "Reshape", "Permute", "Dropout", "SpatialDropout1D", "SpatialDropout2D"),
        *("GaussianNoise", "Add", "Average", "Concatenate", "Activation"),
    }
)
"""Layers that are affine in inference mode if they have no activation."""

MIN_CLASSES_PER_UNIT = 3
"""Classes per unit of the narrowest hidden layer from which on it is a bottleneck: one unit puts
all classes in a row, and of three only the first and the last are at an end of it."""

RECTIFIERS = frozenset({"relu", "relu6", "ReLU"})
"""Activations whose output is never below zero."""

NORMALIZERS = frozenset({"softmax", "sigmoid", "Softmax"})
"""Activations that turn logits into probabilities."""


def structural_remedies(history: History) -> list[Remedy]:
    """Return remedies for the structure of the network; usually there is none."""
    return [
        *_without_nonlinearity(history),
        *with_hidden_softmax(history),
        *_with_bottleneck(history),
        *_with_rectified_logits(history),
        *_with_frozen_layers(history),
    ]


def _layers(history: History, role: Role) -> dict[str, LayerFacts]:
    layers = history.facts.layers
    return {target: known for target, known in layers.items() if known.role == role}


def _without_nonlinearity(history: History) -> list[Remedy]:
    """Return the remedy for several layers that together are linear, or nothing."""
    hidden = _layers(history, "hidden").values()
    is_linear = all(known.class_name in AFFINE and known.activation is None for known in hidden)
    # Functions that are not layers, such as an `ops.relu` in a `call`, are not among the facts.
    if not history.facts.is_made_of_layers or not is_linear or len(kernels(history)) < 2:
        return []
    return [
        Remedy(
            "Give the hidden layers an activation. Without one, all layers together are a single "
            "linear layer.",
            change=SetActivation((), "relu", "he_normal", "Dense", 128),
        )
    ]


def hidden_softmaxes(history: History) -> list[str]:
    """Return the paths of the hidden layers with weights that end in a softmax."""
    return [
        target
        for target, known in _layers(history, "hidden").items()
        if known.activation == "softmax" and known.parameters
    ]


def with_hidden_softmax(history: History) -> list[Remedy]:
    """Return the remedy for hidden layers that end in a softmax, or nothing."""
    found = hidden_softmaxes(history)
    if not found:
        return []
    return [
        Remedy(
            f"Replace the softmax in {quoted(found)} with a ReLU: use a softmax in the output "
            "layer only.",
            change=SetActivation(tuple(found), "relu", "he_normal", "Dense", 128),
        )
    ]


def _with_bottleneck(history: History) -> list[Remedy]:
    """Return the remedy for a hidden layer of far fewer units than there are classes, or nothing.

    All logits are functions of these few numbers (Yang et al., arXiv:1711.03953: the rank of the
    logits is bounded by the width before them).
    """
    ends = outputs(history)
    classes = ends[0].columns if len(ends) == 1 and ends[0].form == "categorical" else None
    narrow = [
        (known.units, target)
        for target, known in _layers(history, "hidden").items()
        if known.class_name == "Dense" and known.units and known.parameters
    ]
    if not classes or not narrow or MIN_CLASSES_PER_UNIT * min(narrow)[0] > classes:
        return []
    units, target = min(narrow)
    activation = history.facts.layers[target].activation
    arguments: tuple[tuple[str, Any], ...] = (("units", 4 * classes),)
    if activation:
        arguments += (("activation", activation),)
    return [
        Remedy(
            f'Give "{target}" more units: all {classes} classes have to be told apart by '
            f"{units} number{'s' if units > 1 else ''}.",
            change=SetLayerArguments((target,), "Dense", arguments),
        )
    ]


def _with_rectified_logits(history: History) -> list[Remedy]:
    ends = [
        (target, known.activation or known.class_name, known.units or 10)
        for target, known in _layers(history, "output").items()
    ]
    for (target, function, units), (_, last, _) in itertools.pairwise(ends):
        if function in RECTIFIERS and last in NORMALIZERS:
            return [
                Remedy(
                    f'Remove the {function} from "{target}": it sets negative logits to 0 before '
                    f"the {last}.",
                    change=SetActivation((target,), "linear", class_name="Dense", units=units),
                )
            ]
    return []


def _with_frozen_layers(history: History) -> list[Remedy]:
    if not is_mostly_frozen(history):
        return []
    return [
        Remedy(
            "Unfreeze more layers: the frozen ones lose information that the inputs hold.",
            change=UnfreezeLayers(last=4),
        )
    ]
