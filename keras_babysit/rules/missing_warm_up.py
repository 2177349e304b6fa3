"""Attention that is trained at the full learning rate from the first step on."""

from keras_babysit.actions import CONNECTIONS, WarmUp
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_fraction
from keras_babysit.rules._headroom import grows, growth, in_evidence
from keras_babysit.rules._learning_rate import one_digit
from keras_babysit.rules._network import WARM_UP_STEPS, median_ratios
from keras_babysit.rules._progress import HALF_WAY, fraction_done, poor_fit
from keras_babysit.rules._sequences import explains_little, has_not_learnt
from keras_babysit.rules._texts import ADAPTIVE, number, percent
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule

RISES = 2.0
"""Factor by which the learning rate rises after the first step from which on it warms up."""

MARGIN = 0.05
"""Difference to a baseline that makes a poor fit, as in `underfitting`."""


@rule(
    title="Warm-up is missing",
    explains=(*POOR_FIT, "attention_collapse"),
    needs=("updates/ratio",),
    silent=(
        "in the first half of a run",
        "without attention layers of Keras",
        "if the network fits the training data",
        "if the learning rate rises",
    ),
    costs_the_run=True,
)
def missing_warm_up(history: History, *, ratio: float = 0.02) -> list[Finding]:
    """Report a transformer whose first steps were long, without a warm-up, and that fits poorly.

    The first steps of Adam move every weight by the learning rate, because its averages know a
    single gradient each. In a transformer these steps are the ones that harm: the normalization
    after each block makes the gradients of the last layers large at the start, and attention that
    they have made one-sided recovers slowly. A learning rate that rises from 0 avoids them.

    Reads `"updates/ratio"` of the first steps, `"attention/logit_max"`, which only attention has,
    `"optimizer/learning_rate"`, the schedule, `"optimizer/headroom"` of the first steps, and the
    error on the training data beside the baselines. It is silent in the first half of a run;
    without `MultiHeadAttention` or `GroupQueryAttention`; on optimizers whose steps follow the
    gradient, such as SGD; if the learning rate doubles after the first step or more; and if the
    network explains half of the targets or more, and is no worse than the nearest neighbours.

    Args:
        history: The history of the run.
        ratio: Median update ratio of one of the first steps from which on it was long, in (0, 1].
            The default is 20 times the healthy 1e-3. With Glorot's weights, Adam at 1e-3 is there
            from a width of about 400 on, and transformers of that width need a warm-up.

    Returns:
        One WARNING for the whole model if the error is as large as that of a constant prediction,
        or larger than that of the nearest neighbours; one NOTE if half of it is left; or nothing.

    Raises:
        ValueError: If `ratio` lies outside (0, 1].

    Example:
        >>> missing_warm_up(History())
        []

    Reference:
        Xiong et al., "On Layer Normalization in the Transformer Architecture", arXiv:2002.04745;
        Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", arXiv:1908.03265.
    """
    require_fraction("ratio", ratio)
    facts = history.facts
    if (
        not history.targets("attention/logit_max")
        or facts.optimizer not in ADAPTIVE
        or _warms_up(history)
    ):
        return []
    steps, ratios = median_ratios(history)
    first = ratios[steps < WARM_UP_STEPS]
    longest = float(first.max(initial=0.0))
    if longest < ratio or not fraction_done(history) >= HALF_WAY:
        return []
    is_poor = poor_fit(history, MARGIN) is not None or has_not_learnt(history)
    if not is_poor and not explains_little(history):
        return []  # the rest of the error may be noise, but not half of it as a rule
    return [_finding(history, Severity.WARNING if is_poor else Severity.NOTE, longest)]


def _warms_up(history: History) -> bool:
    """Return whether the learning rate rises, by its schedule or by a callback."""
    rates = history.series("optimizer/learning_rate").values
    planned = history.facts.schedule.planned
    rises = len(rates) > 0 and float(rates.max()) >= RISES * float(rates[0])
    return rises or bool(planned and max(planned) >= RISES * planned[0])


def _finding(history: History, severity: Severity, longest: float) -> Finding:
    rate = history.first("optimizer/learning_rate")
    target = one_digit(rate) if rate else 1e-3
    at = f" at a learning rate of {number(rate)}" if rate else ""
    grown = growth(history)
    return Finding(
        rule="missing_warm_up",
        severity=severity,
        target="",
        message=f"One of the first steps changed the weights by {percent(longest, 1)} of their "
        f"norm{at}, without a warm-up. Transformers that start with large steps learn worse."
        + ("" if grown is None else f" {grows(*grown)}"),
        evidence={"first_update_ratio": longest} | in_evidence(None if grown is None else grown[0]),
        remedies=(
            Remedy(
                "Raise the learning rate from 0 in the first tenth of the steps.",
                change=WarmUp(target),
            ),
            Remedy(
                "Or normalize the input of each block instead of its output (pre-norm).",
                no_change_because=CONNECTIONS,
            ),
        ),
        reference="Xiong et al., arXiv:2002.04745",
    )
