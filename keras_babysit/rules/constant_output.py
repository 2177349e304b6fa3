"""A network whose output does not depend on its input."""

from keras_babysit.actions import LOOKS, ScaleLearningRate, SetOutput
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._learning_rate import FIRST_RATIO
from keras_babysit.rules._network import WARM_UP_STEPS, longer_if_shut, median_ratios
from keras_babysit.rules._progress import constant_loss, is_current, is_falling, is_time
from keras_babysit.rules._scores import beats_constant
from keras_babysit.rules._texts import initialize_layers, percent
from keras_babysit.rules.outputs import outputs
from keras_babysit.rules.rule import rule

EQUAL_OUTPUTS = 1e-5
"""Standard deviation over the examples, as a fraction of the size, up to which outputs are equal:
the rounding of float32 in a hundred operations."""

FIRST_STEPS = 5
"""Steps in which a network whose last layer begins with zeros may still give a constant output."""

MIN_SPREAD = 0.05
"""Standard deviation of the predicted numbers, as a fraction of that of the targets, below which
they are nearly constant."""

MAX_TRUE_FRACTION = 0.9
"""Fraction of the most frequent class above which predicting it always is left to
`class_imbalance`."""

FAR_ABOVE = 3.0
"""Loss before the first step, in multiples of that of a constant prediction, above which the first
weights are too large: a network that knows nothing begins at about that loss (CS231n, "Babysitting
the learning process", which calls 3 times the first loss an explosion)."""


@rule(
    title="Constant output",
    explains=("loss_not_decreasing", "plateau", "underfitting"),
    needs=("outputs/spread",),
    silent=(
        "in the first 5 steps",
        "if all examples are the same",
        "if most targets belong to one class",
        "if the predictions are better than a constant one",
    ),
)
def constant_output(
    history: History, *, fraction: float = 0.99, patience: int = 3
) -> list[Finding]:
    """Report a network whose output does not depend on its input.

    Either the outputs are equal in each of the latest measurements; no gradient changes that. Or
    after three quarters of the run the network predicts one class, or nearly one number, although
    the targets differ.

    Reads `"outputs/spread"` (standard deviation of an output over the examples, as the mean over
    its columns), `"outputs/mean"`, `"predictions/largest_share"`,
    `"predictions/targets_largest_share"`, `"predictions/spread"` and
    `"reference/constant_advantage"`. It is silent in the first 5 steps; if all examples are the
    same, as where one example is overfitted to check a network; and if most targets belong to one
    class (see `class_imbalance`). Unless the outputs are equal, it is also silent in the first
    three quarters of a run, and if the predictions are significantly better than a constant one.

    Args:
        history: The history of the run.
        fraction: Fraction of the predictions from which on their most frequent class counts as the
            only one, in (0, 1].
        patience: Number of latest measurements that must all show it, at least 1.

    Returns:
        One ERROR for each output whose values are equal; else one WARNING if the predictions are;
        empty if neither is the case.

    Raises:
        ValueError: If `fraction` lies outside (0, 1] or `patience` is below 1.

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
    require_fraction("fraction", fraction)
    require_count("patience", patience)
    found = []
    names = [output.target for output in outputs(history)]
    if history.facts.data.different_examples == 1:
        return []  # equal inputs have equal outputs
    for index, target in enumerate(history.targets("outputs/spread")):
        if _is_equal(history, target, longer_if_shut(history, patience)):
            name = names[index] if index < len(names) else ""
            value = float(history.last("outputs/mean", target))
            found.append(_about_equal(history, name, value))
    name = names[0] if len(names) == 1 else ""
    return found or _about_predictions(history, name, fraction, patience)


def _is_equal(history: History, target: str, patience: int) -> bool:
    spreads = history.series("outputs/spread", target).tail(patience)
    sizes = history.series("outputs/std", target).tail(patience).values
    means = history.series("outputs/mean", target).tail(patience).values
    if len(spreads) < patience or not len(means) or spreads.steps[0] < FIRST_STEPS:
        return False
    size = abs(means).max(initial=0.0) + sizes.max(initial=0.0)
    return bool(spreads.values.max() <= EQUAL_OUTPUTS * size)


def _about_equal(history: History, target: str, value: float) -> Finding:
    return _finding(
        history,
        Severity.ERROR,
        target,
        f"{_of(target)} is the same for every example: {value:.3g} on average{_why(history)}.",
        {"output_mean": value},
    )


def _why(history: History) -> str:
    return "; it is a softmax over a single unit" if _is_softmax_of_one(history) else ""


def _is_softmax_of_one(history: History) -> bool:
    """Return whether the last layer is a softmax over one unit, which is 1 whatever goes in."""
    ends = [one for one in history.facts.layers.values() if one.role == "output"]
    units = [one.units for one in ends if one.units]
    return bool(ends) and ends[-1].activation == "softmax" and units[-1:] == [1]


def _of(target: str) -> str:
    return f'The output of "{target}"' if target else "The output"


def _about_predictions(
    history: History, target: str, fraction: float, patience: int
) -> list[Finding]:
    if not is_current(history) or not is_time(history, is_falling=is_falling(history)):
        return []
    if beats_constant(history, "train"):  # where little can be predicted, predictions vary little
        return []
    predicted = history.series("predictions/largest_share", "train").tail(patience).values
    true = history.last("predictions/targets_largest_share", "train", default=1.0)
    is_one_class = len(predicted) == patience and predicted.min() >= fraction
    if is_one_class and true < MAX_TRUE_FRACTION:
        return [
            _finding(
                history,
                Severity.WARNING,
                target,
                f"The network predicts one class for {percent(predicted[-1])} of the training "
                f"examples, but at most {percent(true)} belong to one class.",
                {
                    "largest_predicted_fraction": float(predicted[-1]),
                    "largest_fraction": float(true),
                },
            )
        ]
    spreads = history.series("predictions/spread", "train").tail(patience).values
    if len(spreads) == patience and spreads.max() < MIN_SPREAD:
        return [
            _finding(
                history,
                Severity.WARNING,
                target,
                "The predictions are nearly constant: their standard deviation is "
                f"{percent(spreads[-1], 1)} of that of the targets.",
                {"spread": float(spreads[-1])},
            )
        ]
    return []


def _finding(
    history: History, severity: Severity, target: str, message: str, evidence: dict[str, float]
) -> Finding:
    return Finding(
        rule="constant_output",
        severity=severity,
        target=target,
        message=message,
        evidence=evidence,
        remedies=tuple(_remedies(history)),
        reference="CS231n, Babysitting the learning process: sanity checks",
    )


def _remedies(history: History) -> list[Remedy]:
    """Return what to do: about the initial weights or the learning rate where these may be why."""
    checks = Remedy(
        "Run the checks: they find the layer where the signal or the gradient is lost.",
        "kb.check(model, x, y)",
        no_change_because=LOOKS,
    )
    lower = Remedy(
        "Lower the learning rate if units are dead or saturated.",
        change=ScaleLearningRate(0.1),
    )
    start, constant = history.last("loss/start"), constant_loss(history)
    began_far_off = start is not None and constant is not None and start > FAR_ABOVE * constant
    steps, ratios = median_ratios(history)
    first = ratios[steps < WARM_UP_STEPS]
    were_short = len(first) > 0 and float(first.max()) < FIRST_RATIO
    sigmoid = Remedy(
        "Use a sigmoid for two classes: a softmax over one unit is always 1.",
        change=SetOutput("sigmoid", 1, True),
    )
    return [
        *([sigmoid] if _is_softmax_of_one(history) else []),
        *([initialize_layers(history)] if began_far_off else []),
        checks,
        *([] if were_short else [lower]),
    ]
