"""An epsilon that does not fit the precision of the optimizer."""

import math

from keras_babysit.actions import SetDtype, SetOptimizerArguments
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._texts import number
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT, STUCK
from keras_babysit.rules.rule import rule

SMALLEST_ROOT = 2.0**-12
"""Square root of the smallest number above 0 in float16, 2^-24."""

TOO_LONG = 1_000
"""Factor by which steps of vanished squares are too long from which on a run hardly survives."""

VANISHES_BELOW = (2.0**-25 / 1e-3) ** 0.5
"""Gradient whose square vanishes in float16 with the usual `beta_2` of 0.999: 0.0055."""

BY_SQUARES = ("Adam", "AdamW", "Lamb", "Nadam", "RMSprop")
"""Optimizers that divide by the root of a mean of squared gradients."""


@rule(
    title="Epsilon too small for float16",
    explains=(*BLOWN_UP, *LONG_STEPS, *STUCK, *POOR_FIT, "unmoved_weights"),
    needs=("weights/norm",),
    silent=("in float32, bfloat16 and mixed precision",),
)
def epsilon_too_small(history: History) -> list[Finding]:
    """Report an adaptive optimizer in float16 whose `epsilon` cannot hold its denominator above 0.

    Adam divides by the root of a mean of squared gradients, plus `epsilon`. In float16 a square
    below 2^-24 becomes 0: with the default `beta_2` that is the case for every gradient below about
    0.008. Then the step is divided by `epsilon` alone. Unless that is as large as the smallest root
    that float16 holds, 2^-12, steps are thousands of times too long.

    Reads the facts of the optimizer, the policy and the weights, of which layers may have policies
    of their own. It is silent unless weights themselves are in float16: mixed precision keeps
    them, and the optimizer, in float32.

    Args:
        history: The history of the run.

    Returns:
        One WARNING for the whole model if a step can be a thousand times the learning rate; one
        NOTE above that, up to 2^-12; or nothing.

    Example:
        >>> from keras_babysit.facts import OptimizerFacts
        >>> history = History()
        >>> history.note(dtype_policy="float16", optimizer="Adam")
        >>> history.note(optimizer_settings=OptimizerFacts(epsilon=1e-7))
        >>> epsilon_too_small(history)[0].evidence["epsilon"]
        1e-07

    Reference:
        IEEE 754, binary16; Keras, `keras.config.set_epsilon`, on float16.
    """
    facts = history.facts
    epsilon = facts.optimizer_settings.epsilon
    is_half = facts.dtype_policy == "float16" or any(
        known.dtype == "float16" for known in (facts.weights or {}).values()
    )
    if (
        not is_half
        or facts.optimizer not in BY_SQUARES
        or epsilon is None
        or not epsilon < SMALLEST_ROOT
    ):
        return []
    times = VANISHES_BELOW / epsilon if epsilon > 0 else math.inf
    is_hopeless = times >= TOO_LONG
    effect = "Its steps are far too large." if is_hopeless else "Some of its steps are too large."
    return [
        Finding(
            rule="epsilon_too_small",
            severity=Severity.WARNING if is_hopeless else Severity.NOTE,
            target="",
            message=f"The epsilon of {facts.optimizer}, {number(epsilon)}, is too small for "
            f"float16, where the squares of most gradients underflow to 0. {effect}",
            evidence={"epsilon": epsilon, "smallest_root": SMALLEST_ROOT},
            remedies=(
                Remedy(
                    "Keep weights and optimizer in float32: set a mixed policy before you build "
                    "the model.",
                    change=SetDtype(),
                ),
                Remedy(
                    "Or set `epsilon=1e-3`.",
                    change=SetOptimizerArguments((("epsilon", 1e-3),), facts.optimizer or ""),
                ),
            ),
            reference="IEEE 754, binary16: the smallest number above 0 is 2^-24",
        )
    ]
