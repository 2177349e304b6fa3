"""Inputs that a frozen network was not trained on."""

import numpy as np

from keras_babysit.actions import DATA, ScaleInputs
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above, require_count
from keras_babysit.rules._texts import number, quoted
from keras_babysit.rules.effects import BLOWN_UP, POOR_FIT, STUCK
from keras_babysit.rules.rule import rule

IMAGE_RANGE = 255.0
"""Largest value of a pixel; the usual factor between two ways to scale images."""


@rule(
    title="Inputs do not fit the frozen layers",
    explains=(*BLOWN_UP, *STUCK, *POOR_FIT, "overfitting", "unscaled_inputs"),
    needs=("activations/std",),
    silent=(
        "on a network without frozen batch normalization",
        "if the averages were never trained",
    ),
)
def frozen_norm_mismatch(
    history: History, *, factor: float = 10.0, patience: int = 2
) -> list[Finding]:
    """Report a frozen batch normalization that receives values on another scale than in training.

    A frozen layer normalizes with the averages of the data that it was trained on. What arrives at
    the first one must have about their mean and variance. If it is ten times larger or smaller, the
    inputs are prepared in another way than they were then: divided by 255 twice, or not at all.
    Between the usual ways to scale images ([0, 255], [0, 1], [-1, 1]) lies a factor of 127 or more,
    while data sets that are prepared alike rarely differ by more than 3.

    Reads `"normalization/frozen_variance"`, about 1 if the inputs fit, and of the same layer
    `"normalization/frozen_shift"` and `"normalization/averages_moved"`. It is silent if the
    averages are the initial ones: then it was never trained (see `untrained_frozen_layers`).

    Args:
        history: The history of the run.
        factor: Smallest ratio of the two scales, above 1; the variance is its square.
        patience: Number of latest measurements that must all show it, at least 1.

    Returns:
        One WARNING about the first frozen layer, or nothing.

    Raises:
        ValueError: If `factor` is not above 1 or `patience` is below 1.

    Example:
        >>> frozen_norm_mismatch(History())
        []

    Reference:
        Keras Applications: each network has a `preprocess_input` of its own.
    """
    require_above("factor", factor, 1)
    require_count("patience", patience)
    names = history.targets("normalization/frozen_variance")
    if not names or not history.last("normalization/averages_moved", names[0], default=0.0) > 0:
        return []
    name = names[0]
    variances = history.series("normalization/frozen_variance", name).tail(patience).values
    shifts = history.series("normalization/frozen_shift", name).tail(patience).values
    if len(variances) < patience or not np.isfinite(variances).all() or (variances < 0).any():
        return []
    scale = float(np.sqrt(variances[-1]))
    is_large = (variances > factor**2).all() or (len(shifts) and (shifts > factor).all())
    if not is_large and not (variances < factor**-2).all():
        return []
    how = f"{number(scale, 3)} times as large as" if scale > 1 / factor else "far smaller than"
    if scale > 0 and not is_large:
        how = f"{number(1 / scale, 3)} times smaller than"
    elif is_large and not (variances > factor**2).all():
        how = f"{number(float(shifts[-1]))} standard deviations away from"
    return [
        Finding(
            rule="frozen_norm_mismatch",
            severity=Severity.WARNING,
            target=name,
            message=f"The input of the frozen layer {quoted([name])} is {how} in its training. "
            "The data seems to be preprocessed differently than for the pretrained network.",
            evidence={"scale": scale, "shift": float(shifts[-1]) if len(shifts) else 0.0},
            remedies=(_prepare(scale),),
            reference="Keras Applications: `preprocess_input` of each network",
        )
    ]


def _prepare(scale: float) -> Remedy:
    """Return the remedy, which undoes or adds a division by 255 if that is the difference."""
    text = (
        "Use the `preprocess_input` of the pretrained network: many networks scale "
        "[0, 255] themselves."
    )
    for factor in (1 / IMAGE_RANGE, IMAGE_RANGE):
        if 0.5 * factor < scale < 2 * factor:
            return Remedy(text, change=ScaleInputs(1 / factor))
    return Remedy(text, no_change_because=DATA)
