"""Weights that move by a large share of their size with each step."""

import numpy as np

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_share
from keras_babysit.rules._learning_rate import HEALTHY_RATIO, set_rate, suggest_lower_rate
from keras_babysit.rules._network import median_ratios
from keras_babysit.rules.effects import BLOWN_UP, POOR_FIT, STUCK
from keras_babysit.rules.rule import rule

WARM = 50
"""Steps before which weights that began at or near 0 still grow: after t equal steps a weight is
t steps long, and the next one moves it by 1 / t."""


@rule(
    title="Weight updates too large",
    explains=(*BLOWN_UP, *STUCK, *POOR_FIT, "dead_pieces"),
    needs=("updates/ratio",),
    silent=("in the first 50 steps",),
)
def update_ratio(history: History, *, ratio: float = 0.1, patience: int = 5) -> list[Finding]:
    """Advise a lower learning rate when the weights move by a tenth of their size in each step.

    Nothing that was learnt survives a few of such steps, even where the loss has fallen.

    Reads `"updates/ratio"`, ‖Δw‖ / ‖w‖ of one real step per weight, unitless; the median over the
    kernels counts. It stays silent in the first 50 steps. For steps that are too short see
    `learning_rate_too_low`.

    Args:
        history: What the probes recorded so far.
        ratio: Update ratio from which steps count as wild, in (0, 1]: 100 times the healthy one.
        patience: Number of latest measured steps that must all reach it, at least 1.

    Returns:
        One WARNING with a rate to try instead, or nothing.

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
    require_share("ratio", ratio)
    require_count("patience", patience)
    steps, ratios = median_ratios(history)
    recent = ratios[steps >= WARM][-patience:]
    if len(recent) < patience or not recent.min() >= ratio:
        return []
    median = float(np.median(recent))
    rate = history.last("optimizer/learning_rate")
    return [
        Finding(
            rule="update_ratio",
            severity=Severity.WARNING,
            target="",
            message=f"Each step moves the weights by {median:.2g} of their size, where "
            f"{HEALTHY_RATIO:g} is healthy.",
            evidence={"update_ratio": median} | ({} if rate is None else {"learning_rate": rate}),
            remedies=(Remedy("Lower the learning rate.", set_rate(suggest_lower_rate(history))),),
            reference="CS231n, Babysitting the learning process: about 1e-3 of the weights",
        )
    ]
