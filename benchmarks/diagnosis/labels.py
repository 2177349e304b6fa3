"""Which rules count as finding a fault.

A label of the published corpus is a word for a symptom or a cause. These tables list the rules for
each; other rules do not count, however close. Seeded faults list their rules in `faults.py`.
"""

from collections.abc import Mapping
from typing import Any

from benchmarks.diagnosis.program import Label

SYMPTOMS: dict[str, tuple[str, ...]] = {
    "constant_output": ("constant_output",),
    "dead_relu": ("dead_units",),
    # Gradients explode with depth if the signal does, and vice versa: one condition.
    "exploding_gradient": ("exploding_gradients", "exploding_activations"),
    "loss_activation_mismatch": ("output_loss_mismatch",),
    "loss_explosion_nan": ("loss_explosion", "non_finite_values"),
    # A learning rate that is too high shows by its effects; `loss_explosion` names it as cause.
    "lr_too_high": ("learning_rate_too_high", "loss_explosion"),
    "lr_too_low": ("learning_rate_too_low",),
    "not_learning": (
        "loss_not_decreasing",
        "learning_rate_too_low",
        "plateau",
        "underfitting",
        "constant_output",
    ),
    "oscillating_loss": ("oscillating_loss", "learning_rate_too_high"),
    "over_regularised": ("regularization_dominates",),
    "overfitting": ("overfitting",),
    "saturated_activation": ("saturated_units",),
    # `underfitting` suggests longer training if the loss still falls. A plateau is not slowness.
    "slow_convergence": ("learning_rate_too_low", "underfitting"),
    "too_few_epochs": ("learning_rate_too_low", "underfitting"),
    "underfitting": ("underfitting",),
    "unnormalised_input": ("unscaled_inputs",),
    "unnormalised_target": ("unscaled_targets",),
    "vanishing_gradient": ("vanishing_gradients", "collapsed_activations"),
    "wrong_last_activation": ("output_loss_mismatch",),
}
"""Rules by symptom."""

CAUSES: dict[str, tuple[str, ...]] = {
    # Too broad for a rule: the symptoms say what is wrong with an activation.
    "activation": (),
    "batch_size": ("oscillating_loss",),
    "data": (),
    "epochs": ("underfitting",),
    # A bad initialization affects the size of the signal by depth, or the symmetry.
    "initialisation": ("collapsed_activations", "exploding_activations", "symmetric_units"),
    "layers": (),
    "loss": ("output_loss_mismatch",),
    "lr": ("learning_rate_too_low",),
    "preprocessing": ("unscaled_inputs", "unscaled_targets"),
    "regularisation": ("regularization_dominates",),
}
"""Rules by root cause."""

HIGH_RATE_SYMPTOMS = {"lr_too_high", "loss_explosion_nan", "oscillating_loss"}

NOTES = {"not_zero_centered"}
"""Rules whose findings are notes; only for these a note counts as found."""


def label_of_case(case: Mapping[str, Any]) -> Label:
    """Return the label of a case of the corpus."""
    symptoms, causes = case["symptoms"], case["causes"]
    names = {rule for word in symptoms for rule in SYMPTOMS[word]}
    for cause in causes:
        is_high = cause == "lr" and HIGH_RATE_SYMPTOMS & set(symptoms)
        names |= set(("learning_rate_too_high",) if is_high else CAUSES[cause])
    return Label(
        names=frozenset(names),
        is_scored=case["scored"],
        words=tuple(symptoms),
        note=f"{case['trust']} trust, {case['checked']}. {case['notes']}".strip(),
    )
