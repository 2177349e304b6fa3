"""Updates that are lost to the rounding of half precision."""

import numpy as np

from keras_babysit.actions import SetDtype
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._network import kernels
from keras_babysit.rules._texts import percent
from keras_babysit.rules.effects import POOR_FIT, SHORT_STEPS
from keras_babysit.rules.rule import rule


@rule(
    title="Updates lost to rounding",
    explains=(*SHORT_STEPS, *POOR_FIT, "unmoved_weights"),
    needs=("updates/ratio",),
    silent=("on weights in float32", "on kernels without a gradient"),
)
def lost_updates(history: History, *, fraction: float = 0.9, patience: int = 3) -> list[Finding]:
    """Report weights in half precision that are too coarse for the steps that are taken.

    bfloat16 has 8 significant bits and float16 has 11: an update below 1/512 or 1/4096 of an entry
    is rounded away. Then most entries never change, whatever the gradient. Mixed precision keeps
    the weights in float32 and computes in half precision, at almost the same speed.

    Reads `"updates/unchanged_fraction"`, which is measured in half precision only, and
    `"gradients/norm"`. The median over the kernels counts. It is silent on kernels without a
    gradient, whose entries rightly stay as they are, and while gradients are accumulated. Inputs
    that are often 0 leave a part of the first kernel unchanged; nine tenths of most kernels are
    more than that.

    Args:
        history: The history of the run.
        fraction: Fraction of the entries that must not change, in (0, 1].
        patience: Number of latest measured steps that must all show it, at least 1.

    Returns:
        One WARNING for the whole model, or nothing.

    Raises:
        ValueError: If `fraction` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> lost_updates(History())
        []

    Reference:
        Micikevicius et al., "Mixed precision training", arXiv:1710.03740, section 3.1: keep a
        master copy of the weights in float32.
    """
    require_fraction("fraction", fraction)
    require_count("patience", patience)
    quantity = "updates/unchanged_fraction"
    names = [
        name
        for name in kernels(history)
        if len(history.series(quantity, name)) >= patience
        and 0 < history.last("gradients/norm", name, default=0.0) < np.inf
    ]
    is_still = history.facts.optimizer_settings.accumulates is not None
    if not names or is_still or history.last("optimizer/learning_rate", default=1.0) == 0:
        return []
    columns = [history.series(quantity, name).tail(patience).values for name in names]
    lost = np.median(np.array(columns), axis=0)
    if not (lost >= fraction).all():
        return []
    policy = history.facts.dtype_policy or "half precision"
    mixed = "mixed_float16" if policy == "float16" else "mixed_bfloat16"
    return [
        Finding(
            rule="lost_updates",
            severity=Severity.WARNING,
            target="",
            message=f"A step leaves {percent(float(lost[-1]))} of the weight entries "
            f"unchanged: their updates are too small for the precision of {policy}.",
            evidence={"unchanged_fraction": float(lost[-1]), "kernels": len(names)},
            remedies=(
                Remedy(
                    "Keep the weights in float32: set a mixed policy before you build the model.",
                    change=SetDtype(policy=mixed),
                ),
            ),
            reference="Micikevicius et al., arXiv:1710.03740, section 3.1: float32 weights",
        )
    ]
