"""Causes: rules that stop a trial within tens of steps because it cannot succeed.

A cause is a rule like those in `keras_babysit.rules`, a function `History -> list[Finding]`. Its
findings of severity ERROR stop the trial. To add one, write a function here and add it to `CAUSES`.
If ranges should learn from it, add its name to `edits._boundary.CAUSE_FAMILIES`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules import (
    Rules,
    dead_units,
    loss_explosion,
    non_finite_inputs,
    non_finite_values,
    saturated_units,
)
from keras_babysit.rules.loss_explosion import CERTAIN, explosion_limit

MIN_TOTAL_UPDATE = 0.01
"""Fraction of its norm by which a weight must move in the whole run. A healthy weight moves by
0.001 of its norm per step (CS231n), so ten steps are enough."""

SATURATED, PATIENCE = "activations/saturated_fraction", 3
"""What must be 1 for a layer to be saturated, and in how many of the latest measurements."""

MIN_STEPS_TO_STOP = 20
"""Smallest number of steps before the updates are judged, because of learning-rate warm-up."""


def dead_through(history: History) -> list[Finding]:
    """Stop a trial in which all units of a layer are dead: no gradient reaches earlier layers."""
    return [finding for finding in dead_units(history) if finding.severity >= Severity.ERROR]


def saturated_through(history: History) -> list[Finding]:
    """Stop a trial in which all units of a layer are saturated."""
    found = saturated_units(history, threshold=0.5, patience=PATIENCE)
    return [
        replace(finding, severity=Severity.ERROR)
        for finding in found
        if history.series(SATURATED, finding.target).tail(PATIENCE).values.min() >= 1
    ]


def no_update(history: History) -> list[Finding]:
    """Stop a trial whose weights hardly move.

    Reads `"updates/ratio"`, the norm of an update divided by the norm of the weight. The median of
    3 consecutive ratios of a kernel, those where it is largest, times the number of steps of the
    run, estimates how far it moves. (The latest ones alone are small in a training that has
    converged.) The rule reports a model in which every kernel moves by less than 1 % of its norm.

    It is silent in the first 20 steps, if the number of steps is unknown, and while the learning
    rate increases (warm-up).

    Args:
        history: What the probes recorded so far.

    Returns:
        One ERROR for the whole model; empty if a kernel moves far enough.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.note(epochs=5, steps_per_epoch=40)
        >>> for step in (10, 20, 30):
        ...     history.append(Measurement(step, 0, "updates/ratio", "dense/kernel", 1e-6))
        >>> no_update(history)[0].rule
        'no_update'

    Reference:
        CS231n, "Babysitting the learning process": update to weight ratio about 1e-3.
    """
    steps = (history.facts.epochs or 0) * (history.facts.steps_per_epoch or 0)
    if not steps or history.step < MIN_STEPS_TO_STOP or _is_warming_up(history):
        return []
    targets = history.targets("updates/ratio")
    kernels = [target for target in targets if history.facts.is_kernel(target)] or targets
    ratios = [history.series("updates/ratio", target).values for target in kernels]
    if not ratios or min(len(values) for values in ratios) < 3:
        return []
    windows = [np.lib.stride_tricks.sliding_window_view(values, 3) for values in ratios]
    ratio = max(float(np.median(window, axis=1).max()) for window in windows)
    if ratio * steps >= MIN_TOTAL_UPDATE:
        return []
    rate = history.last("optimizer/learning_rate")
    return [
        Finding(
            rule="no_update",
            severity=Severity.ERROR,
            target="",
            message=(
                f"The weights hardly move: each update changes them by {ratio:.1e} of their norm, "
                f"which is {ratio * steps:.1%} in {steps} steps."
            ),
            evidence={"update_ratio": ratio, "steps": steps, "learning_rate": rate},
            remedies=(Remedy("Raise the learning rate."),),
            reference="CS231n, Babysitting the learning process: update ratio about 1e-3",
        )
    ]


def exploded_at_end(history: History, loss: float) -> Finding | None:
    """Return the finding for a short training that ended in an explosion; None if it did not.

    `loss_explosion` wants several measured batches or epochs in a row, of which a training of some
    steps has too few. Here two means are far above its limit: that of the last epoch, and that of
    the held-out examples after the last step. Of a network that overfits only the second one is.

    Args:
        history: The history of the training.
        loss: The loss on the held-out examples, without weight penalties.
    """
    limit, start = explosion_limit(history), history.last("loss/start")
    lowest = min(loss, history.last("logs/loss", default=0.0))
    if limit is None or not lowest > CERTAIN * limit:
        return None
    return Finding(
        rule="loss_explosion",
        severity=Severity.ERROR,
        target="",
        message=(
            f"The loss is {loss:.4g} after the training, {loss / start:.3g} times its value before "
            f"the first step ({start:.4g})."
        ),
        evidence={"loss_start": start, "loss": loss},
        remedies=(Remedy("Lower the learning rate."),),
        step=history.step,
        reference="CS231n: stop when the cost exceeds 3 times its start",
    )


def _is_warming_up(history: History) -> bool:
    rates = history.series("optimizer/learning_rate").values
    return len(rates) > 1 and bool(rates[-1] > rates[-2])


_AT_ANY_TIME = [
    non_finite_inputs,
    non_finite_values,
    loss_explosion,
    dead_through,
    saturated_through,
]

CAUSES = Rules([*_AT_ANY_TIME, no_update])
"""All causes. Root causes come before their symptoms."""

LATER_CAUSES = Rules(_AT_ANY_TIME)
"""The causes in a training that is continued: by then it may have converged, and hardly move."""

UNRECOVERABLE = ("non_finite_inputs", "non_finite_values", "non_finite_score", "impossible_score")
"""Causes after which no training recovers: a weight or an input that is not finite stays so, and no
further training makes a score say anything that did not for such a reason (see `validity`). A
trial among the best so far is stopped by these only. BTTackler, arXiv:2602.23630."""
