"""Dropout that leaves next to nothing."""

from keras_babysit.actions import SetDropout
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_fraction
from keras_babysit.rules._texts import percent
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule


@rule(
    title="Dropout rate too high",
    explains=(*POOR_FIT, "dead_units", "validation_better_than_train", "not_zero_centered"),
    needs=("facts/layers",),
    silent=("unless the network has learned next to nothing, where it is a note",),
    severity=Severity.NOTE,
    costs_the_run=True,
    is_immediate=True,
)
def dropout_too_high(history: History, *, rate: float = 0.85) -> list[Finding]:
    """Report a dropout rate at which most of the signal is lost.

    `Dropout(0.95)` removes 95 % of the units. Other frameworks, and the first version of
    TensorFlow, take the fraction to keep instead, so that a rate is easily the wrong way round.

    Reads the dropout rates among `history.facts.regularization`; it is silent below `rate`. A rate
    alone is no fault: wide layers of sparse inputs bear it. It becomes a warning if the network has
    learned next to nothing in half of the run and nothing else explains that.

    Args:
        history: The history of the run.
        rate: Rate from which on it is reported, in (0, 1]. Srivastava et al. keep 50 to 80 % of the
            hidden units, and find that keeping less than 40 % harms.

    Returns:
        One NOTE for the whole model, or nothing.

    Raises:
        ValueError: If `rate` lies outside (0, 1].

    Example:
        >>> from keras_babysit.facts import Regularization
        >>> history = History()
        >>> history.note(regularization=Regularization(dropout=(0.1, 0.95)))
        >>> print(dropout_too_high(history)[0].message)
        Dropout removes 95 % of the units in each step.

    Reference:
        Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
        JMLR 15, 2014, section 7.3 and figure 9.
    """
    require_fraction("rate", rate)
    highest = max(history.facts.regularization.dropout, default=0.0)
    if highest < rate:
        return []
    right = max(0.1, round(1 - highest, 2))
    return [
        Finding(
            rule="dropout_too_high",
            severity=Severity.NOTE,
            target="",
            message=f"Dropout removes {percent(highest)} of the units in each step.",
            evidence={"rate": highest},
            remedies=(
                Remedy(
                    "Set the rate to the fraction of units to drop, not the fraction to keep.",
                    change=SetDropout(right),
                ),
            ),
            reference="Srivastava et al., JMLR 15, 2014, section 7.3",
        )
    ]
