"""Regression targets far from the initial outputs of the network."""

import math

from keras_babysit.actions import RescaleOutputs, StandardizeTargets
from keras_babysit.facts import output_name
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above
from keras_babysit.rules._progress import (
    HALF_WAY,
    fraction_done,
    has_learnt_most,
    is_falling,
    is_time,
    planned_steps,
    poor_fit,
)
from keras_babysit.rules._scores import has_beaten_constant
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT, STUCK
from keras_babysit.rules.outputs import outputs
from keras_babysit.rules.rule import rule

FAR_TARGETS = 30.0
"""Distance of the targets that takes Adam 30,000 steps of 1e-3."""

BOUNDED_STEPS = ("Adam", "AdamW", "Adamax", "Nadam", "Lion", "RMSprop")
"""Optimizers whose steps are about as long as the learning rate, whatever the gradient."""

REACHED = 0.5
"""Distance of the mean output from the mean target, in standard deviations of the targets, below
which the outputs have reached the targets; their standard deviation must exceed the same fraction.
The distance then adds at most a quarter of the targets' variance to the error."""

POOR_MARGIN = 0.05
"""Margin of a poor fit, as in `underfitting`."""

REFERENCE = (
    "CS231n, Data preprocessing; Kingma and Ba, 2015: a step is bounded by the learning rate"
)

EARLY = 0.1
"""Fraction of the run in which the steps may reach the targets, so that the rest is left to learn
them."""


@rule(
    title="Unscaled targets",
    explains=(*BLOWN_UP, *STUCK, *LONG_STEPS, *POOR_FIT),
    needs=("facts/data", "facts/outputs", "outputs/mean"),
    silent=(
        "on losses other than a distance, such as the squared error",
        "if the steps can reach the targets within a tenth of the run",
    ),
)
def unscaled_targets(history: History, *, distance: float = FAR_TARGETS) -> list[Finding]:
    """Report regression targets far from the initial outputs, or far narrower than these.

    Targets that vary far less than the initial outputs are lost in the noise of the steps: Adam
    moves each weight by up to the learning rate, and hundreds of them move an output by more than
    the targets differ. That is reported only if the fit of a single output is poor, as in
    `underfitting`.

    Reads `history.facts.data` (mean and standard deviation of the targets), `"outputs/mean"`,
    `"outputs/std"` and `"optimizer/learning_rate"`. It is silent on other losses, whose targets are
    labels; on networks whose outputs start near the targets, by the last bias or a rescaling
    layer; if the steps reach the targets within a tenth of the run, by the learning rate or by how
    fast the outputs approach them; and from the moment on at which the outputs have reached them
    anyway, or the network is better than a constant prediction.

    Args:
        history: The history of the run.
        distance: Root mean square distance of the targets from the initial outputs, relative to
            the root mean square of these outputs or 1, whichever is larger; above 1. Adam moves a
            bias by at most 1e-3 per step, which takes 30,000 steps. The gradient of a squared
            error is 30 times larger, so SGD needs a learning rate that much lower.

    Returns:
        One WARNING per affected output, or nothing. In the first tenth of a run with an optimizer
        whose steps are bounded, as Adam's, and while the outputs approach the targets so fast that
        they reach them in its first half: one NOTE.

    Raises:
        ValueError: If `distance` is not above 1.

    Example:
        >>> from keras_babysit.facts import DataFacts, OutputFacts, TargetFacts
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.note(outputs=(OutputFacts(target="dense", form="distance"),))
        >>> history.note(data=DataFacts(targets=(TargetFacts(mean=250.0, std=80.0),)))
        >>> history.append(Measurement(0, 0, "outputs/mean", "outputs[0]", 0.1))
        >>> history.append(Measurement(0, 0, "outputs/std", "outputs[0]", 0.7))
        >>> unscaled_targets(history)[0].target
        'dense'

    Reference:
        CS231n, "Data preprocessing"; Kingma and Ba, "Adam", 2015, section 2.1: the step is bounded
        by the learning rate.
    """
    require_above("distance", distance, 1)
    found = []
    ends = outputs(history)
    for index, output in enumerate(ends):
        mean, std = output.data.mean, output.data.std
        at = history.first("outputs/mean", f"outputs[{index}]")
        spread = history.first("outputs/std", f"outputs[{index}]")
        if output.form != "distance" or mean is None or std is None or at is None or spread is None:
            continue
        comment = f'y: the targets of "{output.target}"' if len(ends) > 1 else ""
        if len(ends) == 1 and spread > distance * std > 0 and _fits_poorly(history):
            found.append(_narrow(output.target, mean, std, spread))
            continue
        away = math.hypot(mean - at, std, spread)
        size = max(1.0, math.hypot(at, spread))
        is_far = math.isfinite(away) and away > distance * size
        is_reached = _has_reached(history, f"outputs[{index}]", mean, std)
        scored = "train" if len(ends) == 1 else f"train/{output_name(history.facts.outputs, index)}"
        # Whoever explains some of the variance has crossed the distance to the mean.
        is_reached = is_reached or has_beaten_constant(history, scored)
        is_reached = is_reached or (len(ends) == 1 and has_learnt_most(history))
        if (
            is_far
            and not is_reached
            and not _reaches_early(history, f"outputs[{index}]", mean, away)
        ):
            size = math.hypot(at, spread)
            severity = Severity.NOTE if _is_open(history, index, mean) else Severity.WARNING
            found.append(_finding(severity, output.target, away, mean, std, size, comment))
    return found


def _fits_poorly(history: History) -> bool:
    still_falls = is_falling(history)
    return is_time(history, is_falling=still_falls) and poor_fit(history, POOR_MARGIN) is not None


def _narrow(target: str, mean: float, std: float, spread: float) -> Finding:
    return Finding(
        rule="unscaled_targets",
        severity=Severity.WARNING,
        target=target,
        message=f"The targets are not scaled: they vary by {std:.2g} around {mean:.3g} (standard "
        f"deviation), the initial outputs by {spread:.2g}.",
        evidence={"target_mean": mean, "target_std": std, "output_std": spread},
        remedies=_remedies(),
        reference=REFERENCE,
    )


def _has_reached(history: History, target: str, mean: float, std: float) -> bool:
    """Return whether the outputs were ever at the targets: then the distance was no obstacle."""
    means = history.series("outputs/mean", target).values
    spreads = history.series("outputs/std", target).values
    pairs = zip(means.tolist(), spreads.tolist(), strict=False)
    return any(abs(mean - at) < REACHED * std < spread for at, spread in pairs)


def _reaches_early(history: History, target: str, mean: float, away: float) -> bool:
    """Return whether bounded steps reach the targets early, or may: the first ones show how fast.

    A bias moves by the learning rate, and all weights before it move the output, too.
    """
    rate, planned = history.first("optimizer/learning_rate"), planned_steps(history)
    if history.facts.optimizer not in BOUNDED_STEPS or not rate or planned is None:
        return False
    if away / rate < EARLY * planned:
        return True
    means = history.series("outputs/mean", target)
    if len(means) < 2:
        return False
    start, now = float(means.values[0]), float(means.values[-1])
    gone, steps = (now - start) / (mean - start) if mean != start else 0.0, int(means.steps[-1])
    # Beyond the targets it is no approach but an overshoot.
    return 0 < gone <= 1 and steps / gone < EARLY * planned


def _is_open(history: History, index: int, mean: float) -> bool:
    """Return whether bounded steps may still reach the targets in the first half of the run.

    A tenth of the run is waited for. Then it is estimated from the way so far: as the last weights
    and what goes into them both grow by about the same in each step, their product grows with the
    square of the number of steps.
    """
    means, planned = history.series("outputs/mean", f"outputs[{index}]"), planned_steps(history)
    if history.facts.optimizer not in BOUNDED_STEPS or planned is None or not len(means):
        return False
    start, now, steps = float(means.values[0]), float(means.values[-1]), int(means.steps[-1])
    gone = (now - start) / (mean - start) if mean != start else 1.0
    if gone > 1:  # an overshoot
        return False
    if fraction_done(history) < EARLY:
        return True
    return gone > 0 and steps / gone**0.5 < HALF_WAY * planned and fraction_done(history) < HALF_WAY


def _finding(
    severity: Severity,
    target: str,
    away: float,
    mean: float,
    std: float,
    size: float,
    comment: str,
) -> Finding:
    return Finding(
        rule="unscaled_targets",
        severity=severity,
        target=target,
        message=f"The targets are not scaled: their mean is {mean:.3g} and their standard "
        f"deviation {std:.3g}. The root mean square of the initial outputs is {size:.2g}.",
        evidence={"distance": away, "target_mean": mean, "target_std": std},
        remedies=_remedies(comment),
        reference=REFERENCE,
    )


def _remedies(comment: str = "") -> tuple[Remedy, ...]:
    return (
        Remedy(
            "Scale the targets to mean 0 and standard deviation 1.",
            change=StandardizeTargets(comment),
        ),
        Remedy(
            "Or rescale the outputs in the last layer of the model.",
            change=RescaleOutputs(comment),
        ),
    )
