"""Why a trial is stopped: rules that find that it will not get anywhere, within tens of steps.

Each is a rule as in `keras_babysit.rules`, a function `History -> list[Advice]`, whose ERRORs stop
a trial. To add one: a function here, its place in `CAUSES`, and, if the ranges are to learn from
it, its name in `edits._beyond.FAMILIES`.
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

STILL = 0.01
"""Share of its norm by which no weight will have moved at the end of the run: a healthy one moves
by a thousandth each step (CS231n), and gets there in ten."""

LEAST_STEPS = 20
"""Steps before which no pace is judged: the first ones may be a warm-up."""


def dead_through(history: History) -> list[Finding]:
    """Stop a trial in which every unit of a layer is dead: nothing before it learns any more."""
    return [finding for finding in dead_units(history) if finding.severity >= Severity.ERROR]


def saturated_through(history: History) -> list[Finding]:
    """Stop a trial in which every unit of a layer sits at an end of its range."""
    found = saturated_units(history, threshold=0.5)
    return [
        replace(finding, severity=Severity.ERROR)
        for finding in found
        if finding.evidence["saturated_fraction"] >= 1
    ]


def no_update(history: History) -> list[Finding]:
    """Stop a trial whose weights move so slowly that they stay where they are.

    Reads `"updates/ratio"`, the length of a step over the norm of the weight. With the median of
    the latest 3 kept up to the last step, the fastest kernel moves by less than 1 % of its norm.

    It stays silent for 20 steps, where the number of steps is not known, and while the learning
    rate rises (a warm-up).

    Args:
        history: What the probes recorded so far.

    Returns:
        One ERROR for the whole model, or nothing.

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
    if not steps or history.step < LEAST_STEPS or _is_warming_up(history):
        return []
    targets = history.targets("updates/ratio")
    kernels = [target for target in targets if target.endswith("kernel")] or targets
    paces = [history.series("updates/ratio", target).tail(3).values for target in kernels]
    if not paces or min(len(values) for values in paces) < 3:
        return []
    pace = max(float(np.median(values)) for values in paces)
    if pace * steps >= STILL:
        return []
    rate = history.last("optimizer/learning_rate")
    return [
        Finding(
            rule="no_update",
            severity=Severity.ERROR,
            target="",
            message=(
                f"The weights move by {pace:.1e} of their norm per step; in {steps} steps that is "
                f"{pace * steps:.1%}."
            ),
            evidence={"update_ratio": pace, "steps": steps, "learning_rate": rate},
            remedies=(Remedy("Raise the learning rate."),),
            reference="CS231n, Babysitting the learning process: update ratio about 1e-3",
        )
    ]


def _is_warming_up(history: History) -> bool:
    rates = history.series("optimizer/learning_rate").values
    return len(rates) > 1 and bool(rates[-1] > rates[-2])


CAUSES = Rules(
    [
        non_finite_inputs,
        non_finite_values,
        loss_explosion,
        dead_through,
        saturated_through,
        no_update,
    ]
)
"""What stops a trial, causes before their effects."""
