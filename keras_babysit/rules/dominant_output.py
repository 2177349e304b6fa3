"""One output of several whose loss drowns another one."""

from typing import NamedTuple

import numpy as np

from keras_babysit.actions import SetLossWeights, StandardizeTargets
from keras_babysit.facts import output_name
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above, require_count
from keras_babysit.rules._learning_rate import one_digit
from keras_babysit.rules._network import layer_of
from keras_babysit.rules._progress import HALF_WAY, fraction_done, is_current
from keras_babysit.rules._scores import advantages, beats_constant, has_beaten_constant
from keras_babysit.rules._texts import number
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule


class Head(NamedTuple):
    """One output: its name, and the norm of the gradient of its last layer."""

    name: str
    gradient: float


@rule(
    title="One output dominates the loss",
    explains=(*POOR_FIT, "unscaled_targets"),
    needs=("gradients/norm", "facts/outputs"),
    silent=(
        "in the first half of a run",
        "if every output is better than a constant prediction",
        "if the errors of the outputs are not known",
    ),
)
def dominant_output(history: History, *, ratio: float = 10.0, patience: int = 5) -> list[Finding]:
    """Report an output that is not learned because another one dominates the loss.

    The layers that outputs share follow the sum of their gradients. If the loss of one output is on
    a larger scale, such as the squared error of an age beside a crossentropy, they serve that one
    alone.

    Reads `"gradients/norm"` of the last kernel of each output, which shows how much gradient the
    output sends back; and `"score/error"`, `"reference/constant_advantage"` and
    `"predictions/auc"` of targets `"train/<output>"`. It is silent for a single output, in the
    first half of a run, if the output with the small gradient is or was better than a constant
    prediction, because a gradient is small once its output is learned, and if its error is not
    known.

    Args:
        history: The history of the run.
        ratio: How many times the gradient of one output must be that of the other, above 1. At 10
            the other one has a tenth of a say in the layers that they share.
        patience: Number of latest measurements whose median counts, at least 1.

    Returns:
        One WARNING for each output that is not learned.

    Raises:
        ValueError: If `ratio` is not above 1 or `patience` is below 1.

    Example:
        >>> dominant_output(History())
        []

    Reference:
        Chen et al., "GradNorm: Gradient Normalization for Adaptive Loss Balancing", ICML 2018,
        arXiv:1711.02257: gradients of several losses on one scale.
    """
    require_above("ratio", ratio, 1)
    require_count("patience", patience)
    heads = _heads(history, patience)
    if len(heads) < 2 or fraction_done(history) < HALF_WAY or not is_current(history):
        return []
    largest = max(heads, key=lambda head: head.gradient)
    return [
        _finding(history, heads, largest, head)
        for head in heads
        if 0 < ratio * head.gradient < largest.gradient and _is_not_learned(history, head.name)
    ]


def _heads(history: History, patience: int) -> list[Head]:
    """Return the outputs whose last kernel and its gradient are known."""
    found, facts = [], history.facts
    kernels = [name for name, known in (facts.weights or {}).items() if known.is_kernel]
    for index, output in enumerate(facts.outputs):
        own = [name for name in kernels if layer_of(history, name) == output.target]
        norms = history.series("gradients/norm", own[0] if own else "").tail(patience).values
        if len(norms) and np.isfinite(norms).all():
            found.append(Head(output_name(facts.outputs, index), float(np.median(norms))))
    return found


def _is_not_learned(history: History, name: str) -> bool:
    """Return whether an output is known to be, and to have been, no better than a constant."""
    target = f"train/{name}"
    if not advantages(history, target):
        return False
    return not beats_constant(history, target) and not has_beaten_constant(history, target)


def _finding(history: History, heads: list[Head], largest: Head, head: Head) -> Finding:
    times = largest.gradient / head.gradient
    losses = {one.name: history.last(f"logs/{one.name}_loss") for one in (largest, head)}
    known = all(loss is not None for loss in losses.values())
    sizes = (
        f" Their losses are {number(losses[largest.name])} and {number(losses[head.name])}."
        if known
        else ""
    )
    weights = {one.name: one_digit(min(1.0, head.gradient / one.gradient)) for one in heads}
    return Finding(
        rule="dominant_output",
        severity=Severity.WARNING,
        target=head.name,
        message=f'The output "{head.name}" is no better than a constant prediction: the gradient '
        f'of "{largest.name}" is {number(times)} times as large.{sizes}',
        evidence={"gradient_ratio": times},
        remedies=(
            Remedy(
                "Weight the losses so that their gradients have similar sizes.",
                change=SetLossWeights(tuple(weights.items())),
            ),
            Remedy(
                f'Scale the targets of "{largest.name}" to standard deviation 1.',
                change=StandardizeTargets(of=f'y["{largest.name}"]'),
            ),
        ),
        reference="Chen et al., GradNorm, arXiv:1711.02257",
    )
