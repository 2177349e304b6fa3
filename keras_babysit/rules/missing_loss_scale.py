"""Gradients that vanish in float16 because the loss is not scaled."""

import numpy as np

from keras_babysit.actions import ScaleLoss, SetDtype
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._network import kernels
from keras_babysit.rules._progress import is_solved
from keras_babysit.rules._texts import quoted
from keras_babysit.rules.effects import POOR_FIT, STUCK
from keras_babysit.rules.rule import rule

SMALLEST = 2.0**-24
"""Smallest number above 0 in float16."""

SHOWN = 3
"""Weights that the message names."""


@rule(
    title="Loss scale is missing",
    explains=(*POOR_FIT, *STUCK, "unmoved_weights", "learning_rate_too_low"),
    needs=("gradients/norm",),
    silent=(
        "in float32 and bfloat16",
        "if the loss is scaled",
        "if the training loss is next to nothing",
    ),
)
def missing_loss_scale(history: History, *, patience: int = 3) -> list[Finding]:
    """Report gradients below what float16 holds, in mixed precision without a loss scale.

    Activations and their gradients are in float16 under the policy `mixed_float16`. What is below
    2^-24 becomes 0. `compile` wraps the optimizer in a `LossScaleOptimizer`, which multiplies the
    loss first, unless it is called with `auto_scale_loss=False`, or the step is one of your own.

    Reads `"gradients/norm"` of the kernels, `"optimizer/loss_scale"`, which is measured where it is
    not 1, and the policy of the model. It is silent if the loss is scaled, in other precisions, and
    if the training loss is a hundredth of that of a constant prediction.

    Args:
        history: The history of the run.
        patience: Number of latest measurements that must all show it, at least 1.

    Returns:
        One WARNING for the whole model, or nothing.

    Raises:
        ValueError: If `patience` is below 1.

    Example:
        >>> missing_loss_scale(History())
        []

    Reference:
        Micikevicius et al., "Mixed Precision Training", arXiv:1710.03740, section 3.2.
    """
    require_count("patience", patience)
    is_half = history.facts.dtype_policy == "mixed_float16"
    if not is_half or history.last("optimizer/loss_scale") is not None or is_solved(history):
        return []
    weights = history.facts.weights or {}
    lost = []
    for name in kernels(history):
        norms = history.series("gradients/norm", name).tail(patience).values
        entries = norms / max(1, weights[name].size) ** 0.5
        if len(norms) == patience and np.isfinite(norms).all() and entries.max() < SMALLEST:
            lost.append(name)
    return [_finding(lost)] if lost else []


def _finding(lost: list[str]) -> Finding:
    return Finding(
        rule="missing_loss_scale",
        severity=Severity.WARNING,
        target="",
        message=f"The gradients of {quoted(lost, SHOWN)} are below 2^-24 and underflow "
        "in float16, because the loss is not scaled.",
        evidence={"kernels": len(lost)},
        remedies=(
            Remedy(
                "Scale the loss; `compile` does so by default.",
                change=ScaleLoss(),
            ),
            Remedy(
                "Or use bfloat16, which has the range of float32.",
                change=SetDtype(policy="mixed_bfloat16"),
            ),
        ),
        reference="Micikevicius et al., arXiv:1710.03740, section 3.2",
    )
