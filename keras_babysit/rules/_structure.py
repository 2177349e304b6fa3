"""What of a network's structure keeps it from fitting: no fault by itself, so no rule of its own.

Rules that have seen that a network does not fit put these remedies before their own.
"""

import itertools

from keras_babysit.facts import LayerFacts, Role
from keras_babysit.findings import Remedy
from keras_babysit.history import History
from keras_babysit.rules._network import is_mostly_frozen, kernels

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
"""Layers that, without an activation, map lines to lines in inference mode."""

RECTIFIERS = frozenset({"relu", "relu6", "ReLU"})
"""Functions, and a layer, that give nothing below zero."""

NORMALIZERS = frozenset({"softmax", "sigmoid", "Softmax"})
"""What makes probabilities of logits."""

HIDDEN_LAYER = 'keras.layers.Dense(128, activation="relu", kernel_initializer="he_normal")'


def structural_remedies(history: History) -> list[Remedy]:
    """Return what to change in how the network is built, usually nothing."""
    return [
        *_without_nonlinearity(history),
        *_with_hidden_softmax(history),
        *_with_rectified_logits(history),
        *_with_frozen_layers(history),
    ]


def _layers(history: History, role: Role) -> dict[str, LayerFacts]:
    layers = history.facts.layers
    return {target: known for target, known in layers.items() if known.role == role}


def _without_nonlinearity(history: History) -> list[Remedy]:
    hidden = _layers(history, "hidden").values()
    is_linear = all(known.class_name in AFFINE and known.activation is None for known in hidden)
    # What is not a layer, as an `ops.relu` in a `call`, is not among the facts.
    if not history.facts.is_made_of_layers or not is_linear or len(kernels(history)) < 2:
        return []
    return [
        Remedy(
            "Give the hidden layers an activation: without one all layers together are one linear "
            "map, however many there are.",
            HIDDEN_LAYER,
        )
    ]


def _with_hidden_softmax(history: History) -> list[Remedy]:
    found = [
        target
        for target, known in _layers(history, "hidden").items()
        if known.activation == "softmax" and known.parameters
    ]
    if not found:
        return []
    return [
        Remedy(
            f"Take the softmax out of {', '.join(found)}: it makes the units share a sum of 1, so "
            "that hardly anything gets through. It belongs to the output alone.",
            HIDDEN_LAYER,
        )
    ]


def _with_rectified_logits(history: History) -> list[Remedy]:
    ends = [
        (target, known.activation or known.class_name)
        for target, known in _layers(history, "output").items()
    ]
    for (target, function), (_, last) in itertools.pairwise(ends):
        if function in RECTIFIERS and last in NORMALIZERS:
            return [
                Remedy(
                    f"Leave out the {function} of {target}: it cuts the logits off at zero before "
                    f"{last} makes probabilities of them.",
                    "keras.layers.Dense(classes)",
                )
            ]
    return []


def _with_frozen_layers(history: History) -> list[Remedy]:
    if not is_mostly_frozen(history):
        return []
    return [
        Remedy(
            "Let more layers train: what the frozen ones give tells less than the inputs do.",
            "layer.trainable = True  # for some of the last ones, then model.compile(...) again",
        )
    ]
