"""A last layer, a loss and targets that do not belong together."""

import math
from collections.abc import Iterator

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._outputs import Output, outputs
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT, SHORT_STEPS, STUCK
from keras_babysit.rules.rule import rule

ROUNDING = 1e-3
"""How far beyond its bounds a target may lie: rounding."""


@rule(
    title="Output and loss do not match",
    explains=(*BLOWN_UP, *STUCK, *LONG_STEPS, *SHORT_STEPS, *POOR_FIT, "unscaled_targets"),
    needs=("facts/outputs",),
    silent=(
        "the loss is a function of your own",
        "a layer of your own makes the output and every value seen fits",
    ),
)
def output_loss_mismatch(history: History) -> list[Finding]:
    """Advise where the last layer cannot give what its loss or its targets ask for.

    Told by the function that the output ends in, evaluated far out, and by the loss: names play
    no part. Correct pairs are silent: softmax with a crossentropy, logits with
    `from_logits=True`, linear with a distance, sigmoids for several labels at once.

    Reads the facts of outputs and data, known after the first probe, and `"outputs/min"` and
    `"outputs/max"`. It stays silent where the loss is one of the user's own, or where a layer of
    the user's own makes the output and all values that were seen fit.

    Args:
        history: What the probes recorded so far.

    Returns:
        At most one finding for each output: an ERROR where nothing can be learnt, a WARNING where
        it costs accuracy, a NOTE where it is odd but works.

    Example:
        >>> from keras_babysit.facts import OutputFacts
        >>> history = History()
        >>> linear = {"low": -float("inf"), "high": float("inf"), "is_distribution": False}
        >>> history.note(outputs=(OutputFacts(form="binary", from_logits=False, **linear),))
        >>> output_loss_mismatch(history)[0].severity.name
        'ERROR'

    Reference:
        The definition of the losses; Keras normalises the rows of a categorical crossentropy, so
        that sigmoids work with it.
    """
    found = []
    for place, output in enumerate(outputs(history)):
        seen = f"outputs[{place}]"
        low = min(history.series("outputs/min", seen).values, default=math.nan)
        high = max(history.series("outputs/max", seen).values, default=math.nan)
        found += list(_judge(output, low, high))[:1]
    return found


def _judge(output: Output, low: float, high: float) -> Iterator[Finding]:
    """Yield what does not fit, the worst first; `low` and `high` are the values that were seen."""
    if output.is_distribution and output.columns == 1:
        yield _finding(
            output,
            Severity.ERROR,
            "The one output unit is always 1, whatever the weights: a softmax over one unit.",
            Remedy("Use a sigmoid for two classes.", 'keras.layers.Dense(1, activation="sigmoid")'),
            Remedy("Use a linear unit for a number.", "keras.layers.Dense(1)"),
        )
    elif output.form == "categorical":
        yield from _categorical(output, low, high)
    elif output.form == "binary":
        yield from _binary(output, low, high)
    elif output.form == "distance":
        yield from _distance(output)


def _leaves_unit_interval(output: Output, low: float, high: float) -> bool:
    can = output.low is not None and output.high is not None and (output.low < 0 or output.high > 1)
    return can or low < -ROUNDING or high > 1 + ROUNDING


def _categorical(output: Output, low: float, high: float) -> Iterator[Finding]:
    loss = "SparseCategoricalCrossentropy" if output.is_sparse else "CategoricalCrossentropy"
    if output.from_logits and output.is_distribution:
        yield _finding(
            output,
            Severity.WARNING,
            "The loss applies a softmax to an output that already is one: gradients shrink, and "
            "the loss cannot fall below that of a margin of 1.",
            Remedy("Apply it once.", f"keras.losses.{loss}(from_logits=False)"),
        )
    elif output.from_logits and output.is_probability:
        most = math.e / (math.e + (output.columns or 2) - 1)
        yield _finding(
            output,
            Severity.WARNING,
            f"The loss applies a softmax to logits, but the output stays within 0 and 1: no class "
            f"gets a share above {most:.2f}.",
            Remedy("Leave the logits as they are: a linear output.", "activation=None"),
        )
    elif output.from_logits is False and _leaves_unit_interval(output, low, high):
        yield _finding(
            output,
            Severity.ERROR,
            "The loss takes the logarithm of shares, but the output is no shares.",
            Remedy("Say that they are logits.", f"keras.losses.{loss}(from_logits=True)"),
        )
    elif output.from_logits is False and output.is_known and not output.is_distribution:
        # Shares of their sum can be any distribution: it is odd, and it trains.
        severity, more = Severity.NOTE, "the loss divides them by their sum."
        if not output.normalizes:
            severity, more = Severity.ERROR, "all of them at 1 is the best answer to every example."
        yield _finding(
            output,
            severity,
            f"The loss is for one class of many, but the output holds independent shares: {more}",
            Remedy("Use a softmax.", 'activation="softmax"'),
        )


def _binary(output: Output, low: float, high: float) -> Iterator[Finding]:
    if output.from_logits and output.is_probability:
        yield _finding(
            output,
            Severity.WARNING,
            "The loss applies a sigmoid to an output that already is one: no prediction gets "
            "below 0.5 or above 0.73.",
            Remedy("Apply it once.", "keras.losses.BinaryCrossentropy(from_logits=False)"),
        )
    elif output.from_logits is False and _leaves_unit_interval(output, low, high):
        yield _finding(
            output,
            Severity.ERROR,
            "The loss takes the logarithm of probabilities, but the output leaves [0, 1].",
            Remedy(
                "Say that they are logits.", "keras.losses.BinaryCrossentropy(from_logits=True)"
            ),
            Remedy("Or end in a sigmoid.", 'activation="sigmoid"'),
        )
    elif output.is_distribution and (output.data.sum_high or 0) > 1:
        yield _finding(
            output,
            Severity.WARNING,
            "The output holds shares that sum to 1, but several labels hold at once: their "
            "probabilities cannot all be high.",
            Remedy("Use a sigmoid for each label.", 'activation="sigmoid"'),
        )


def _distance(output: Output) -> Iterator[Finding]:
    if (output.columns or 1) > 1 and output.data.columns == 1:
        yield _finding(
            output,
            Severity.ERROR,
            f"Each of the {output.columns} outputs is compared with the one number of the target.",
            Remedy(
                "For class numbers use a crossentropy.", 'loss="sparse_categorical_crossentropy"'
            ),
            Remedy("For one number use one output.", "keras.layers.Dense(1)"),
        )
        return
    low, high = output.data.percentile_1, output.data.percentile_99
    if low is None or high is None or output.low is None or output.high is None:
        return
    if low < output.low - ROUNDING or high > output.high + ROUNDING:
        yield _finding(
            output,
            Severity.ERROR,
            f"The output gives {output.gives}, but the targets run from "
            f"{output.data.low:.4g} to {output.data.high:.4g}.",
            Remedy("Use a linear output.", f"keras.layers.Dense({output.columns or 1})"),
            Remedy("Or bring the targets into its range."),
        )
    elif output.is_distribution and output.data.is_one_hot:
        yield _finding(
            output,
            Severity.NOTE,
            "A distance between shares of classes: a crossentropy learns faster, since it does "
            "not go flat where the network is wrong and sure.",
            Remedy("Use a crossentropy.", 'loss="categorical_crossentropy"'),
        )


def _finding(output: Output, severity: Severity, message: str, *remedies: Remedy) -> Finding:
    return Finding(
        rule="output_loss_mismatch",
        severity=severity,
        target=output.target,
        message=message,
        evidence={"loss": output.wants, "output": output.gives},
        remedies=remedies,
        reference="the definition of the loss, and what the output can give",
    )
