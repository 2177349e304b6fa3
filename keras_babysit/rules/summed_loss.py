"""A loss that is the sum over the examples of a batch."""

from keras_babysit.actions import AverageLoss
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._learning_rate import one_digit
from keras_babysit.rules._network import WARM_UP_STEPS, began_tiny, median_ratios
from keras_babysit.rules._texts import change_rate
from keras_babysit.rules.dead_units import dead_units
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT, STUCK
from keras_babysit.rules.exploding_activations import exploding_activations
from keras_babysit.rules.exploding_gradients import exploding_gradients
from keras_babysit.rules.learning_rate_too_high import LONG_FIRST_STEP, learning_rate_too_high
from keras_babysit.rules.loss_explosion import loss_explosion
from keras_babysit.rules.rule import ask, rule

PROPORTIONAL = ("SGD",)
"""Optimizers whose steps are proportional to the gradient. Others divide it by its own size, so
that a factor of the loss does not change their steps."""


@rule(
    title="Loss summed over the batch",
    explains=(*BLOWN_UP, *LONG_STEPS, *STUCK, *POOR_FIT, "dead_pieces"),
    needs=("facts/loss_reduction",),
    silent=("on optimizers other than SGD, unless there is a weight penalty",),
    severity=Severity.NOTE,
)
def summed_loss(history: History, *, ratio: float = LONG_FIRST_STEP) -> list[Finding]:
    """Report a loss that is the sum over the examples of a batch, not their mean.

    Its gradient grows with the batch size, and with SGD each step does. A learning rate that fits
    the mean is too high by the number of examples. With an optimizer that divides the gradient by
    its size only a weight penalty changes its meaning.

    Reads the facts of the run (reduction of the loss, batch size, optimizer, penalties) and
    `"updates/ratio"`; and asks `learning_rate_too_high`, `loss_explosion`, `exploding_activations`,
    `exploding_gradients` and `dead_units` whether steps are too long. It is silent if the loss is a
    mean, if that is not known, and on other optimizers than SGD without a weight penalty.

    Args:
        history: The history of the run.
        ratio: Update ratio of one of the first ten steps, ‖Δw‖ / ‖w‖, above which it is long enough
            to cause what these rules find, above 0.

    Returns:
        One NOTE; a WARNING if the steps are too long.

    Example:
        >>> history = History()
        >>> history.note(loss_reduction="sum", batch_size=128, optimizer="SGD")
        >>> summed_loss(history)[0].severity.name
        'NOTE'

    Reference:
        Goyal et al., "Accurate, Large Minibatch SGD", arXiv:1706.02677, section 2.1: the gradient
        of a mean, and a learning rate proportional to the batch size for that of a sum.
    """
    facts = history.facts
    examples = facts.batch_size or 0
    if facts.loss_reduction != "sum" or examples < 2:
        return []
    if facts.optimizer in PROPORTIONAL:
        return [_about_steps(history, examples, is_long=_has_long_steps(history, ratio))]
    return [_about_penalty(examples)] if facts.regularization.penalized_weights else []


def _has_long_steps(history: History, ratio: float) -> bool:
    """Return whether a rule finds what follows from steps that are too long."""
    if ask(learning_rate_too_high, history) or ask(loss_explosion, history):
        return True
    steps, ratios = median_ratios(history)
    first = ratios[steps < WARM_UP_STEPS].max(initial=0.0)
    if not first > ratio or began_tiny(history):
        return False
    effects = (exploding_activations, exploding_gradients, dead_units)
    found = [one for effect in effects for one in ask(effect, history)]
    return any(one.severity >= Severity.WARNING for one in found)


def _about_steps(history: History, examples: int, *, is_long: bool) -> Finding:
    rate = history.last("optimizer/learning_rate")
    lower = one_digit(rate / examples) if rate else None
    end = (
        "The steps are too large."
        if is_long
        else "A learning rate that suits the mean is too high by the same factor."
    )
    remedies = [_mean(), change_rate(history, "Lower", lower, "a summed loss has larger gradients")]
    return _finding(
        Severity.WARNING if is_long else Severity.NOTE,
        f"The loss is the sum over the {examples:,} examples of a batch, not their mean. "
        f"The gradient is {examples:,} times as large. {end}",
        examples,
        remedies if is_long else remedies[:1],
    )


def _about_penalty(examples: int) -> Finding:
    return _finding(
        Severity.NOTE,
        f"The loss is the sum over the {examples:,} examples of a batch, not their mean. "
        f"The weight penalty counts {examples:,} times less in comparison.",
        examples,
        [_mean()],
    )


def _mean() -> Remedy:
    return Remedy(
        "Return one loss per example, or their mean, instead of the sum. In a Keras loss, set "
        '`reduction="sum_over_batch_size"`.',
        change=AverageLoss(),
    )


def _finding(severity: Severity, message: str, examples: int, remedies: list[Remedy]) -> Finding:
    return Finding(
        rule="summed_loss",
        severity=severity,
        target="",
        message=message,
        evidence={"examples": examples},
        remedies=tuple(remedies),
        reference="Goyal et al., arXiv:1706.02677, section 2.1",
    )
