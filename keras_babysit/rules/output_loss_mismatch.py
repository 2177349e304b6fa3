"""A last layer, a loss and targets that do not fit each other."""

import math
from collections.abc import Iterator

from keras_babysit.actions import CONNECTIONS, DATA, FitTargets, SetFromLogits, SetLoss, SetOutput
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT, SHORT_STEPS, STUCK
from keras_babysit.rules.outputs import Output, outputs
from keras_babysit.rules.rule import rule

ROUNDING = 1e-3
"""How far a value may exceed a bound because of rounding."""

_UNCENTERED = Remedy(
    "Do not center the targets: pass the numbers as they were counted or measured.",
    no_change_because=DATA,
)
_SOFTMAX = Remedy("Use a softmax as the last activation.", change=SetOutput("softmax"))
_SIGMOID = Remedy("Use a sigmoid as the last activation.", change=SetOutput("sigmoid"))
_LOGITS_OR_SIGMOID = (
    Remedy("Set `from_logits=True` in the loss.", change=SetFromLogits(True, "BinaryCrossentropy")),
    Remedy("Or use a sigmoid as the last activation.", change=SetOutput("sigmoid")),
)


@rule(
    title="Output and loss do not match",
    explains=(*BLOWN_UP, *STUCK, *LONG_STEPS, *SHORT_STEPS, *POOR_FIT, "unscaled_targets"),
    needs=("facts/outputs",),
    silent=(
        "on most loss functions of your own",
        "on an output layer of your own, if every measured value fits the loss",
    ),
)
def output_loss_mismatch(history: History) -> list[Finding]:
    """Report outputs that cannot be what their loss or their targets require.

    The loss, and the range of the last activation, decide; names of layers and activations do not
    matter. Correct pairs are silent: softmax with a crossentropy, logits with `from_logits=True`, a
    linear output with a distance, sigmoids for several labels at once.

    A loss of numbers may ask more of them. A logarithmic error or a Poisson loss is not made for
    targets below 0. A percentage error divides by the target, so that those next to 0 decide it.
    The cosine similarity of a single unit has no gradient. A loss of your own is reported where
    it clips what lies outside [0, 1], or divides by a sum of probabilities as a Dice loss does, and
    the output layer does not stay there. A softmax must run over the classes, which are the last
    axis.

    Reads `history.facts.outputs` and `history.facts.data`, known after the first measurement, and
    `"outputs/min"` and `"outputs/max"`. It is silent on other loss functions of your own; and on an
    output layer of your own, if every measured value fits the loss.

    Args:
        history: The history of the run.

    Returns:
        At most one finding per output: an ERROR if the network cannot learn, a WARNING if it costs
        accuracy, a NOTE if it is unusual but works.

    Example:
        >>> from keras_babysit.facts import OutputFacts
        >>> history = History()
        >>> linear = {"low": -float("inf"), "high": float("inf"), "is_distribution": False}
        >>> history.note(outputs=(OutputFacts(form="binary", from_logits=False, **linear),))
        >>> output_loss_mismatch(history)[0].message
        'The loss expects probabilities, but the output layer returns unbounded values (logits).'

    Reference:
        The definitions of the losses. Keras divides the outputs by their sum in a categorical
        crossentropy, so sigmoids work with it. Hyndman and Koehler, "Another look at measures of
        forecast accuracy", 2006, on percentage errors of targets next to 0.
    """
    found = []
    for index, output in enumerate(outputs(history)):
        target = f"outputs[{index}]"
        low = min(history.series("outputs/min", target).values, default=math.nan)
        high = max(history.series("outputs/max", target).values, default=math.nan)
        found += list(_judge(output, low, high))[:1]
    return found


def _judge(output: Output, low: float, high: float) -> Iterator[Finding]:
    """Yield what does not fit, the worst first; `low` and `high` bound the measured values."""
    if output.is_distribution and output.columns == 1:
        loss = "binary_crossentropy" if output.form == "categorical" else ""
        sigmoid = Remedy(
            "Use a sigmoid for two classes.", change=SetOutput("sigmoid", 1, True, loss)
        )
        linear = Remedy("Use a linear unit for regression.", change=SetOutput("linear", 1, True))
        is_number = output.form == "distance" and output.data.is_binary is not True
        yield _finding(
            output,
            Severity.ERROR,
            "The output is always 1: it is a softmax over a single unit.",
            *((linear, sigmoid) if is_number else (sigmoid, linear)),
        )
    elif output.demands:
        yield from _numbers(output)
    elif output.form == "categorical":
        yield from _categorical(output, low, high)
    elif output.form == "binary":
        yield from _binary(output, low, high)
    elif output.form == "distance":
        yield from _distance(output)


def _numbers(output: Output) -> Iterator[Finding]:
    """Yield the finding on targets that the loss of numbers was not made for."""
    squared = Remedy(
        "Use the mean squared error, with targets of mean 0 and standard deviation 1.",
        change=SetLoss("mean_squared_error"),
    )
    if output.demands == "several":
        if output.columns == 1:
            yield _finding(
                output,
                Severity.ERROR,
                "The loss compares directions, but the output is a single number: the loss is 1 or "
                "-1 and has no gradient.",
                squared,
            )
        return
    low, high = output.data.percentile_1, output.data.percentile_99
    if low is None or high is None or low == high:
        return
    span = f"The targets range from {output.data.low:.4g} to {output.data.high:.4g}"
    if output.demands == "not_negative" and low < -ROUNDING:
        yield _finding(
            output,
            Severity.WARNING,
            f"{span}, but the loss is not made for targets below 0.",
            _UNCENTERED if (output.low or 0) >= 0 and output.is_known else squared,
        )
    elif output.demands == "not_zero" and low <= 0 <= high:
        yield _finding(
            output,
            Severity.WARNING,
            f"{span}. The loss divides each error by its target: those next to 0 outweigh all "
            "others.",
            squared,
        )


def _can_leave_unit_interval(output: Output) -> bool:
    return (
        output.low is not None and output.high is not None and (output.low < 0 or output.high > 1)
    )


def _leaves_unit_interval(output: Output, low: float, high: float) -> bool:
    return _can_leave_unit_interval(output) or low < -ROUNDING or high > 1 + ROUNDING


def _end(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _severity(output: Output) -> Severity:
    """Return how bad values outside [0, 1] are: a loss of your own may clip them, and learn."""
    return Severity.WARNING if output.is_own else Severity.ERROR


def _not_probabilities(output: Output) -> str:
    is_bounded = output.low is None or math.isfinite(output.low)
    values = "values outside [0, 1]" if is_bounded else "unbounded values (logits)"
    return f"The loss expects probabilities, but the output layer returns {values}."


def _categorical(output: Output, low: float, high: float) -> Iterator[Finding]:
    loss = "SparseCategoricalCrossentropy" if output.is_sparse else "CategoricalCrossentropy"
    logits = Remedy("Set `from_logits=True` in the loss.", change=SetFromLogits(True, loss))
    if output.normalized_axes and output.from_logits is False:
        yield _other_axis(output)
    elif output.from_logits and output.is_distribution:
        yield _finding(
            output,
            Severity.WARNING,
            "The softmax is applied twice: the loss expects logits, but the output is a softmax. "
            "The gradients shrink, and the loss cannot reach 0.",
            Remedy(
                "Set `from_logits=False`, so that the softmax is applied once.",
                change=SetFromLogits(False, loss),
            ),
        )
    elif output.from_logits and output.is_probability:
        most = math.e / (math.e + (output.columns or 2) - 1)
        yield _finding(
            output,
            Severity.WARNING,
            "The loss expects logits, but the output stays between 0 and 1. No class can get a "
            f"probability above {most:.2f}.",
            Remedy("Return logits: remove the last activation.", change=SetOutput("linear")),
        )
    elif output.from_logits is False and _leaves_unit_interval(output, low, high):
        yield _finding(
            output,
            _severity(output),
            _not_probabilities(output),
            _SOFTMAX if output.is_own else logits,
        )
    elif output.from_logits is False and output.is_known and not output.is_distribution:
        # Divided by their sum they can be any distribution: it is unusual, but it trains.
        severity, effect = Severity.NOTE, "The loss divides them by their sum."
        if not output.normalizes:
            severity = Severity.ERROR
            effect = "Returning 1 for every class minimizes the loss, whatever the example."
        yield _finding(
            output,
            severity,
            "The loss expects one distribution over the classes, but the outputs are independent "
            f"probabilities. {effect}",
            _SOFTMAX,
        )


def _other_axis(output: Output) -> Finding:
    axes = output.normalized_axes
    over = f"axis {axes[0]}" if len(axes) == 1 else "axes " + " and ".join(map(str, axes))
    return _finding(
        output,
        Severity.WARNING,
        f"The probabilities sum to 1 over {over} of the output, not over its {output.columns} "
        "classes, which are the last axis.",
        Remedy(
            "Apply the softmax over the last axis.",
            "keras.layers.Softmax(axis=-1)  # behind a last layer without activation",
            no_change_because=CONNECTIONS,
        ),
    )


def _binary(output: Output, low: float, high: float) -> Iterator[Finding]:
    if output.from_logits and output.is_probability:
        yield _finding(
            output,
            Severity.WARNING,
            "The sigmoid is applied twice: the loss expects logits, but the output is a "
            "probability. No prediction can be below 0.5 or above 0.73.",
            Remedy(
                "Set `from_logits=False`, so that the sigmoid is applied once.",
                change=SetFromLogits(False, "BinaryCrossentropy"),
            ),
        )
    elif output.from_logits is False and _leaves_unit_interval(output, low, high):
        yield _finding(
            output,
            _severity(output),
            _not_probabilities(output),
            *([_SIGMOID] if output.is_own else _LOGITS_OR_SIGMOID),
        )
    elif output.is_distribution and (output.data.sum_high or 0) > 1:
        yield _finding(
            output,
            Severity.WARNING,
            "Several labels can be true for one example, but the output probabilities sum to 1. "
            "They cannot all be high.",
            Remedy("Use a sigmoid for each label.", change=SetOutput("sigmoid")),
        )


def _distance(output: Output) -> Iterator[Finding]:
    if (output.columns or 1) > 1 and output.data.columns == 1 and not output.is_own:
        yield _finding(
            output,
            Severity.ERROR,
            f"Each example has {output.columns} outputs but a single target, and the loss compares "
            "every output with it.",
            *_for_one_column(output),
        )
        return
    low, high = output.data.percentile_1, output.data.percentile_99
    if low is None or high is None or output.low is None or output.high is None:
        return
    if low < output.low - ROUNDING or high > output.high + ROUNDING:
        yield _finding(
            output,
            Severity.ERROR,
            f"The range of the output ({output.gives}) does not cover the targets, which range "
            f"from {output.data.low:.4g} to {output.data.high:.4g}.",
            Remedy(
                "Use a linear output layer.",
                change=SetOutput("linear", output.columns or 1, True),
            ),
            Remedy(
                "Or scale the targets to the range of the output.",
                change=FitTargets(_end(output.low), _end(output.high)),
            ),
        )
    elif output.is_distribution and output.data.is_one_hot:
        yield _finding(
            output,
            Severity.NOTE,
            "The loss is a distance between class probabilities. A crossentropy trains faster: its "
            "gradient does not vanish where the network is confident and wrong.",
            Remedy("Use a crossentropy loss.", change=SetLoss("categorical_crossentropy")),
        )


def _for_one_column(output: Output) -> list[Remedy]:
    """Return what fits one column of targets: class numbers are whole, numbers need not be."""
    loss, units = "sparse_categorical_crossentropy", output.columns or 0
    change = SetLoss(loss) if output.is_distribution else SetOutput("softmax", units, True, loss)
    classes = Remedy("Use a crossentropy loss if the targets are class indices.", change=change)
    single = Remedy(
        "Use a single output unit if the targets are continuous.",
        change=SetOutput("linear", 1, True),
    )
    return [single] if output.data.is_whole is False else [classes, single]


def _finding(output: Output, severity: Severity, message: str, *remedies: Remedy) -> Finding:
    return Finding(
        rule="output_loss_mismatch",
        severity=severity,
        target=output.target,
        message=message,
        evidence={"loss": output.wants, "output": output.gives},
        remedies=remedies,
        reference="The definition of the loss, and the range of the output",
    )
