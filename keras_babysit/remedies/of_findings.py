"""Which changes are the remedies of a finding.

One function per rule, in the order in which they are tried. A rule whose remedies only people can
carry out, such as correcting labels, is not listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from keras_babysit.findings import Finding, Severity
from keras_babysit.remedies.change import Change
from keras_babysit.remedies.data_changes import Shuffle, StandardizeInputs, StandardizeTargets
from keras_babysit.remedies.fit_changes import BalanceClasses, SetFromLogits, StopEarly, TrainLonger
from keras_babysit.remedies.layer_changes import (
    AddDropout,
    NormalizeActivations,
    RemovePenalties,
    SetActivation,
    SetInitializer,
)
from keras_babysit.remedies.optimizer_changes import ClipGradients, ScaleLearningRate

Changes = tuple[Change, ...]

LOWER: Changes = (ScaleLearningRate(0.1), ScaleLearningRate(0.01), ClipGradients(1.0))
HIGHER: Changes = tuple(ScaleLearningRate(factor) for factor in (10.0, 100.0, 1000.0))
SIGNAL: Changes = (NormalizeActivations(), SetInitializer(), SetActivation())


def _of_layer(finding: Finding) -> tuple[str, ...]:
    return (finding.target,) if finding.target else ()


def _dead_units(finding: Finding) -> Changes:
    layers = _of_layer(finding)
    return (
        SetInitializer(layers),
        ScaleLearningRate(0.1),
        SetActivation(layers, "leaky_relu"),
        NormalizeActivations(),
    )


def _saturated_units(finding: Finding) -> Changes:
    layers = _of_layer(finding)
    return (
        SetInitializer(layers, "glorot_uniform"),
        NormalizeActivations(layers),
        SetActivation(layers, "relu"),
        StandardizeInputs(),
    )


def _always(*changes: Change) -> Callable[[Finding], Changes]:
    return lambda finding: changes


REMEDIES: dict[str, Callable[[Finding], Changes]] = {
    "unscaled_inputs": _always(StandardizeInputs()),
    "unscaled_targets": _always(StandardizeTargets()),
    "unshuffled_data": _always(Shuffle()),
    "output_loss_mismatch": _always(SetFromLogits(False), SetFromLogits(True)),
    "symmetric_units": _always(SetInitializer()),
    "dead_units": _dead_units,
    "saturated_units": _saturated_units,
    "learning_rate_too_high": _always(*LOWER),
    "learning_rate_too_low": _always(*HIGHER),
    "loss_explosion": _always(*LOWER, StandardizeInputs(), StandardizeTargets()),
    "non_finite_values": _always(*LOWER, StandardizeInputs()),
    "oscillating_loss": _always(*LOWER),
    "exploding_gradients": _always(ClipGradients(1.0), ScaleLearningRate(0.1)),
    "vanishing_gradients": _always(*SIGNAL, *HIGHER),
    "collapsed_activations": _always(*SIGNAL),
    "exploding_activations": _always(*SIGNAL, ScaleLearningRate(0.1)),
    "update_ratio": _always(*HIGHER, ScaleLearningRate(0.1)),
    "plateau": _always(*HIGHER, ScaleLearningRate(0.1), *SIGNAL),
    "loss_not_decreasing": _always(*HIGHER, ScaleLearningRate(0.1), *SIGNAL, StandardizeInputs()),
    "constant_output": _always(ScaleLearningRate(0.1), *SIGNAL, StandardizeInputs()),
    "regularization_dominates": _always(RemovePenalties()),
    "class_imbalance": _always(BalanceClasses()),
    "overfitting": _always(StopEarly(), AddDropout(0.5)),
    "underfitting": _always(TrainLonger(3), *HIGHER, RemovePenalties()),
}
"""Functions `finding -> changes` by rule."""


def changes_for(findings: Iterable[Finding]) -> list[Change]:
    """Return what can be tried about these findings, each once, the worst root cause first.

    Args:
        findings: Findings of a run. Notes, and findings that another one explains, come last.
    """
    ordered = sorted(findings, key=lambda one: (bool(one.cause), one.severity == Severity.NOTE))
    found: dict[Change, None] = {}
    for finding in ordered:
        for change in REMEDIES.get(finding.rule, lambda finding: ())(finding):
            found.setdefault(change)
    return list(found)
