"""Checks that regularization penalties raise the loss by their own amount."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_babysit.actions import OWN_CODE, ScalePenalties
from keras_babysit.backends import to_array
from keras_babysit.checks._depths import tensors
from keras_babysit.checks._penalties import penalties_off
from keras_babysit.checks._untouched import same_random_numbers
from keras_babysit.checks.case import Case
from keras_babysit.checks.result import CheckResult
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.probes.probe import compute_loss, stateless
from keras_babysit.probes.weight_penalties import weight_penalty
from keras_babysit.typing import Nested

DOMINANT = 10.0
"""Ratio of penalty to data loss above which the penalty dominates. Less than a tenth of the loss
that `fit` shows then comes from the data, so its curve does not show how well they are fitted."""

REFERENCE = "CS231n, sanity checks: increasing the regularization strength should increase the loss"


def penalty(case: Case) -> CheckResult:
    """Report penalties that do not reach the loss, lower it, or dominate the data loss.

    This judges weight and activity regularizers. Losses that layers add with `add_loss` may be the
    objective itself, and negative or large for good reason; for those only the first is checked.
    """
    case.need_loss()
    case.need_time(passes=3)
    on, total, y_pred = _loss(case)
    weights = float(to_array(weight_penalty(case.model)))
    with penalties_off(case.model) as count:
        without, added, _ = _loss(case)
        bare = _loss_of(case, y_pred) if added else without
    if not count and not added:
        return CheckResult("no weight, activity or layer adds a penalty")
    activities = total - added - weights
    if abs(activities) < 1e-6 * max(abs(total), abs(weights)):  # rounding error
        activities = 0.0
    case.record("loss/penalty_on", on)
    case.record("loss/penalty_off", bare)
    parts = {"weights": weights, "activities": activities, "add_loss": added}
    listed = ", ".join(f"{name} {value:.3g}" for name, value in parts.items() if value)
    return CheckResult(
        f"loss {bare:.3g} without penalties, {on:.3g} with ({listed or 'all 0'})",
        [*judge(on, without, weights + activities), *judge_added(without, bare, added)],
    )


def judge(with_it: float, without: float, amount: float) -> list[Finding]:
    """Return the findings for a loss with and without the penalty, and the penalty itself."""
    evidence = {"loss_without": without, "loss_with": with_it, "penalty": amount}
    rise = with_it - without
    smallest = 1e-3 * abs(amount) + 1e-6 * abs(without)  # the resolution of float32
    if not all(map(math.isfinite, evidence.values())):
        return []  # reported by `non_finite_values`
    if amount < 0 or rise < -smallest:
        return [
            _finding(
                Severity.ERROR,
                f"The penalty lowers the loss from {without:.3g} to {with_it:.3g}.",
                evidence,
                Remedy(
                    "Use a positive regularization factor.",
                    "kernel_regularizer=keras.regularizers.L2(1e-4)",
                    no_change_because=OWN_CODE,
                ),
            )
        ]
    if amount > smallest and abs(rise - amount) > 0.5 * amount + smallest:
        return [
            _finding(
                Severity.WARNING,
                f"A penalty of {amount:.3g} changes the loss by {rise:.3g} instead of "
                f"{amount:.3g}.",
                evidence,
                Remedy(
                    "Add the penalties exactly once in your `compute_loss`.",
                    "loss = loss + keras.ops.sum(self.losses)",
                    no_change_because=OWN_CODE,
                ),
            )
        ]
    if without > 0 and amount > DOMINANT * without:
        return [
            _finding(
                Severity.WARNING,
                f"The penalty is {amount:.3g}, {amount / without:.0f} times the data loss of "
                f"{without:.3g}.",
                evidence,
                Remedy(
                    "Lower the regularization factor.",
                    change=ScalePenalties(0.1),
                ),
            )
        ]
    return []


def judge_added(on: float, without: float, amount: float) -> list[Finding]:
    """Return the findings for a loss with and without what layers add with `add_loss`."""
    rise = on - without
    smallest = 1e-3 * abs(amount) + 1e-6 * abs(without)
    if not all(map(math.isfinite, (on, without, amount))) or abs(amount) <= smallest:
        return []
    if abs(rise - amount) <= 0.5 * abs(amount) + smallest:
        return []
    return [
        _finding(
            Severity.WARNING,
            f"Layers add {amount:.3g} with `add_loss`, but the loss changes by {rise:.3g}.",
            {"loss_without": without, "loss_with": on, "added": amount},
            Remedy(
                "Add `self.losses` exactly once in your `compute_loss`.",
                "loss = loss + keras.ops.sum(self.losses)",
                no_change_because=OWN_CODE,
            ),
        )
    ]


def _loss(case: Case) -> tuple[float, float, Nested]:
    """Return the loss as `fit` computes it, the sum of all added losses, and the outputs.

    The pass runs in training mode, with the same random numbers each time.
    """
    x, y, sample_weight = tensors(case.batch)
    same_random_numbers()
    with stateless(case.model, *case.state[:2]):
        y_pred = case.model(x, training=True)
        loss = compute_loss(case.model, x, y, y_pred, sample_weight, training=True)
        added = sum(float(np.sum(to_array(leaf))) for leaf in case.model.losses)
    return float(to_array(loss)), added, y_pred


def _loss_of(case: Case, y_pred: Nested) -> float:
    """Return the loss of given outputs, without the losses that the forward pass added."""
    x, y, sample_weight = tensors(case.batch)
    with stateless(case.model, *case.state[:2]):
        loss = compute_loss(case.model, x, y, y_pred, sample_weight, training=True)
    return float(to_array(loss))


def _finding(
    severity: Severity, message: str, evidence: Mapping[str, Any], remedy: Remedy
) -> Finding:
    return Finding("penalty", severity, "", message, evidence, (remedy,), REFERENCE)
