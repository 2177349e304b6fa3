"""Weights that change by a large fraction of their norm in each step."""

import numpy as np

from keras_babysit.findings import Finding, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._learning_rate import suggest_lower_rate
from keras_babysit.rules._network import median_ratios
from keras_babysit.rules._texts import change_rate, update_size
from keras_babysit.rules.effects import BLOWN_UP, POOR_FIT, STUCK
from keras_babysit.rules.rule import rule

FIRST_JUDGED_STEP = 50
"""Step before which weights that started near 0 still grow: after t equal steps a weight is t steps
long, and the next step changes it by 1 / t."""


@rule(
    title="Weight updates too large",
    explains=(*BLOWN_UP, *STUCK, *POOR_FIT, "dead_pieces"),
    needs=("updates/ratio",),
    silent=("in the first 50 steps",),
)
def update_ratio(history: History, *, ratio: float = 0.1, patience: int = 5) -> list[Finding]:
    """Report steps that change the weights by a tenth of their norm or more.

    A few such steps overwrite everything the network has learned, even if the loss has fallen.

    Reads `"updates/ratio"`, ‖Δw‖ / ‖w‖ of one training step per weight; the median over the kernels
    counts. It is silent in the first 50 steps. For steps that are too small see
    `learning_rate_too_low`.

    Args:
        history: The history of the run.
        ratio: Update ratio from which on steps are too large, in (0, 1]: 100 times the healthy
            ratio.
        patience: Number of latest measured steps that must all reach it, at least 1.

    Returns:
        One WARNING with a learning rate to try, or nothing.

    Raises:
        ValueError: If `ratio` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> for step in range(50, 100, 10):
        ...     history.append(Measurement(step, 0, "updates/ratio", "dense/kernel", 0.5))
        >>> update_ratio(history)[0].evidence["update_ratio"]
        0.5

    Reference:
        CS231n, "Babysitting the learning process": updates of about 1e-3 of the weights.
    """
    require_fraction("ratio", ratio)
    require_count("patience", patience)
    steps, ratios = median_ratios(history)
    recent = ratios[steps >= FIRST_JUDGED_STEP][-patience:]
    if len(recent) < patience or not recent.min() >= ratio:
        return []
    median = float(np.median(recent))
    rate = history.last("optimizer/learning_rate")
    return [
        Finding(
            rule="update_ratio",
            severity=Severity.WARNING,
            target="",
            message=f"{update_size(median).capitalize()}.",
            evidence={"update_ratio": median} | ({} if rate is None else {"learning_rate": rate}),
            remedies=(change_rate(history, "Lower", suggest_lower_rate(history)),),
            reference="CS231n, Babysitting the learning process: about 1e-3 of the weights",
        )
    ]
