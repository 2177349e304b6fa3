"""Targets of a regression far from where any network begins."""

import math

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above
from keras_babysit.rules._outputs import outputs
from keras_babysit.rules._progress import planned_steps
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT, STUCK
from keras_babysit.rules.rule import rule

FAR = 30.0
"""Distance from which on it takes Adam 30,000 steps of 1e-3 to get there."""

BOUNDED = ("Adam", "AdamW", "Adamax", "Nadam", "Lion", "RMSprop")
"""Optimizers whose steps are about as long as the rate, whatever the gradient."""

THERE = 0.5
"""Deviations of the targets within which the mean of the output is there, and share of them that it
spreads over by then: where it lies adds no more than a quarter of their variance to the error."""

SOON = 0.1
"""Share of the run in which steps of the rate may lead there: what is left is for learning."""


@rule(
    title="Unscaled targets",
    explains=(*BLOWN_UP, *STUCK, *LONG_STEPS, *POOR_FIT),
    needs=("facts/data", "facts/outputs", "outputs/mean"),
    silent=("losses that are no distance", "the steps reach the targets within a tenth of the run"),
)
def unscaled_targets(history: History, *, distance: float = FAR) -> list[Finding]:
    """Advise when the targets of a distance loss are far from what the output begins with.

    Reads the facts of the data (mean and deviation of the targets), `"outputs/mean"` and
    `"outputs/std"`, and `"optimizer/learning_rate"`. It stays silent on other losses, whose targets
    are labels; on networks that begin near their targets: a last bias at the mean, or a rescaling
    at the end; where steps of the rate lead there in a tenth of the run; and once the output is
    there all the same.

    Args:
        history: What the probes recorded so far.
        distance: Root mean square distance of targets from predictions, in sizes of the
            predictions (at least 1), from which on targets count as unscaled. Adam moves a bias
            by at most 1e-3 a step, which makes 30,000 steps to get there; the gradient of a
            squared error is 30 times that of a scaled one, and so must the rate of SGD be less.

    Returns:
        One WARNING for each output, or nothing.

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
        by the rate.
    """
    require_above("distance", distance, 1)
    found = []
    for place, output in enumerate(outputs(history)):
        mean, std = output.data.mean, output.data.std
        at = history.first("outputs/mean", f"outputs[{place}]")
        spread = history.first("outputs/std", f"outputs[{place}]")
        if output.form != "distance" or mean is None or std is None or at is None or spread is None:
            continue
        away = math.hypot(mean - at, std, spread)
        size = max(1.0, math.hypot(at, spread))
        is_far = math.isfinite(away) and away > distance * size
        is_reached = _is_there(history, f"outputs[{place}]", mean, std)
        if is_far and not is_reached and not _is_there_soon(history, away):
            found.append(_finding(output.target, away, mean, std, math.hypot(at, spread)))
    return found


def _is_there(history: History, target: str, mean: float, std: float) -> bool:
    at = history.last("outputs/mean", target, default=math.inf)
    spread = history.last("outputs/std", target, default=0.0)
    return bool(abs(mean - at) < THERE * std < spread)


def _is_there_soon(history: History, away: float) -> bool:
    rate, planned = history.first("optimizer/learning_rate"), planned_steps(history)
    if history.facts.optimizer not in BOUNDED or not rate or planned is None:
        return False
    return bool(away / rate < SOON * planned)


def _finding(target: str, away: float, mean: float, std: float, size: float) -> Finding:
    return Finding(
        rule="unscaled_targets",
        severity=Severity.WARNING,
        target=target,
        message=f"The targets have mean {mean:.3g} and deviation {std:.3g}; the output begins at "
        f"a size of {size:.2g}.",
        evidence={"distance": away, "target_mean": mean, "target_std": std},
        remedies=(
            Remedy(
                "Scale the targets to mean 0 and deviation 1.",
                "y = (y - y.mean()) / y.std()  # and back again: y_pred * std + mean",
            ),
            Remedy(
                "Or let the network do it at its end.",
                "keras.layers.Rescaling(scale=y.std(), offset=y.mean())",
            ),
        ),
        reference="CS231n, Data preprocessing; Kingma and Ba, 2015: a step is bounded by the rate",
    )
