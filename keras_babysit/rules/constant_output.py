"""A network that answers the same whatever it is asked."""

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_share
from keras_babysit.rules._network import longer_if_shut
from keras_babysit.rules._progress import is_current, is_falling, is_time
from keras_babysit.rules._scores import beats_constant
from keras_babysit.rules.outputs import outputs
from keras_babysit.rules.rule import rule

SAME = 1e-5
"""Deviation over the examples, as a share of the size, below which outputs are equal: rounding of
float32, once for each of a hundred operations."""

WARM = 5
"""Steps before which a network that begins with zeros in its last layer may still leave them."""

STUCK = 0.05
"""Deviation of the predicted numbers, in deviations of the targets, below which they are one."""


@rule(
    title="Constant output",
    explains=("loss_not_decreasing", "plateau", "underfitting"),
    needs=("outputs/spread",),
    silent=(
        "in the first 5 steps",
        "most targets are of one class",
        "predictions beat a constant one",
    ),
)
def constant_output(history: History, *, share: float = 0.99, patience: int = 3) -> list[Finding]:
    """Advise when the output does not depend on the input.

    Either exactly, in each of the latest probes: no gradient leads out of that. Or by three
    quarters of the run: it predicts one class, or one number, although the targets differ.

    Reads `"outputs/spread"` (deviation of an output over the examples, mean over its columns),
    `"outputs/mean"`, `"predictions/largest_share"`, `"predictions/targets_largest_share"`,
    `"predictions/spread"` and `"reference/constant_advantage"`. It stays silent in the first 5
    steps and where most targets are of one class anyway (see `class_imbalance`); and, unless
    outputs are equal, in three quarters of a run and where answers surely beat a constant one.

    Args:
        history: What the probes recorded so far.
        share: Share of one predicted class from which on it is the only one, in (0, 1].
        patience: Number of latest measurements that must all show it, at least 1.

    Returns:
        One ERROR if outputs are equal, one WARNING if predictions are, or nothing.

    Raises:
        ValueError: If `share` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> for step in range(6, 10):
        ...     history.append(Measurement(step, 0, "outputs/spread", "outputs[0]", 0.0))
        ...     history.append(Measurement(step, 0, "outputs/mean", "outputs[0]", 1.0))
        >>> constant_output(history)[0].severity.name
        'ERROR'

    Reference:
        CS231n, "Babysitting the learning process", sanity checks.
    """
    require_share("share", share)
    require_count("patience", patience)
    found = []
    names = [output.target for output in outputs(history)]
    for place, target in enumerate(history.targets("outputs/spread")):
        if _is_equal(history, target, longer_if_shut(history, patience)):
            name = names[place] if place < len(names) else ""
            value = float(history.last("outputs/mean", target))
            found.append(_about_equal(name, value))
    name = names[0] if len(names) == 1 else ""
    return found or _about_predictions(history, name, share, patience)


def _is_equal(history: History, target: str, patience: int) -> bool:
    spreads = history.series("outputs/spread", target).tail(patience)
    sizes = history.series("outputs/std", target).tail(patience).values
    means = history.series("outputs/mean", target).tail(patience).values
    is_one = (history.facts.batch_size or 2) < 2 and not len(spreads)
    if len(spreads) < patience or spreads.steps[0] < WARM or is_one:
        return False
    size = abs(means).max() + (sizes.max() if len(sizes) else 0.0)
    return bool(spreads.values.max() <= SAME * size)


def _about_equal(target: str, value: float) -> Finding:
    return _finding(
        Severity.ERROR,
        target,
        f"The output is the same for every example, {value:.3g} on average.",
        {"output_mean": value},
    )


def _about_predictions(history: History, target: str, share: float, patience: int) -> list[Finding]:
    if not is_current(history) or not is_time(history, is_falling=is_falling(history)):
        return []
    if beats_constant(history, "train"):  # what little can be told makes for little difference
        return []
    shares = history.series("predictions/largest_share", "train").tail(patience).values
    truth = history.last("predictions/targets_largest_share", "train", default=1.0)
    if len(shares) == patience and shares.min() >= share and truth < 0.9:
        return [
            _finding(
                Severity.WARNING,
                target,
                f"The network answers one class for {shares[-1]:.0%} of the training examples; "
                f"{truth:.0%} are of the commonest class.",
                {"largest_predicted_share": float(shares[-1]), "largest_share": float(truth)},
            )
        ]
    spreads = history.series("predictions/spread", "train").tail(patience).values
    if len(spreads) == patience and spreads.max() < STUCK:
        return [
            _finding(
                Severity.WARNING,
                target,
                f"The predicted numbers differ by {spreads[-1]:.1%} of what the targets do.",
                {"spread": float(spreads[-1])},
            )
        ]
    return []


def _finding(severity: Severity, target: str, message: str, evidence: dict[str, float]) -> Finding:
    return Finding(
        rule="constant_output",
        severity=severity,
        target=target,
        message=message,
        evidence=evidence,
        remedies=(
            Remedy(
                "See what keeps the signal or the gradient from getting through.",
                "keras_babysit.check(model, x, y)",
            ),
            Remedy("Lower the learning rate if units died or saturated."),
        ),
        reference="CS231n, Babysitting the learning process: sanity checks",
    )
