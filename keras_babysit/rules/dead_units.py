"""Units that no example activates."""

import numpy as np

from keras_babysit.actions import SetInitializer
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._learning_rate import suggest_lower_rate
from keras_babysit.rules._network import is_shut, is_without_gradient, kernels, layer_of
from keras_babysit.rules._progress import (
    LEARNED_BY_LOSS,
    began_trained,
    has_learnt_most,
    is_falling,
    is_solved,
    is_time,
    poor_fit,
)
from keras_babysit.rules._texts import change_rate, layer_shape, percent, relu_layer
from keras_babysit.rules._wilson import wilson_lower_bound
from keras_babysit.rules.effects import POOR_FIT, SHORT_STEPS, STUCK
from keras_babysit.rules.rule import rule

NOTE_FROM = 0.2
"""Rate of dead units from which on there is a note: 10-20 % is common and trains well (CS231n,
"Activation functions")."""

POOR_FROM = 0.05
"""Smallest difference to a baseline that counts as a poor fit; that of `underfitting`."""

MIN_DIFFERENT_EXAMPLES = 10
"""A healthy unit is inactive for half of the examples, and for all of ten once in a thousand."""

FEWEST_LOOKS = 2
"""Measurements that are enough at the end of a run if no unit of a layer was active in any: one of
its start and one of its end. More cannot follow."""


@rule(
    title="Dead units",
    explains=(*STUCK, *SHORT_STEPS, *POOR_FIT),
    needs=("activations/std",),
    silent=(
        "on activations with a slope on both sides",
        "until enough different examples were seen",
    ),
)
def dead_units(history: History, *, threshold: float = 0.4, patience: int = 3) -> list[Finding]:
    """Report layers whose units are inactive for every example.

    A ReLU unit whose input is negative for every example receives no gradient and does not
    recover. The usual cause is a learning rate that is too high, or a bias far below zero. This is
    not sparsity: a healthy ReLU unit is inactive for about half of the examples.

    Reads `"activations/dead_fraction"`: per layer, the fraction of the units that were inactive
    for all recent examples, in [0, 1]. At least 1,024 examples count, or all of a smaller data set.

    A layer of which no unit is active passes no gradient on and does not recover by itself. In a
    short run `"activations/dead_fraction"` may be known only once, or never. Then such a layer is
    reported if no unit was active in the latest `patience` measurements of
    `"activations/gate_max"` and that fraction is 1. It is reported as well if none was active in
    any measurement of the run, and no kernel of the network received a gradient in any
    (`"gradients/norm"`): no step changes such a network, so more measurements would show the same.

    It is silent on activations with a slope on both sides (leaky ReLU), on squashing ones (see
    `saturated_units`), and until enough examples were seen. If fewer than 10 of these differ, it is
    silent unless all units are dead. If the training loss is almost 0, it is a note: the remaining
    units are enough. So it is if the network has removed more than half of the error of a constant
    prediction, and in a network that was trained before and whose units were dead before the first
    step: what these know they learned without the dead units. Both hold unless the fit is poor, the
    loss no longer falls and three quarters of the run are over.

    Args:
        history: The history of the run.
        threshold: Rate of dead units from which on a layer costs accuracy, in (0, 1]. The 95 %
            interval of the rate must lie above it, so that small layers need a larger fraction.
        patience: Number of latest measurements, at different steps, that must all reach
            `threshold`, at least 1. At the end of a run two are enough if no unit was active in
            any.

    Returns:
        One finding per affected layer, in the order of the layers: an ERROR if all units are dead,
        a WARNING from `threshold` on, a NOTE from 20 % on. Empty if there is none.

    Raises:
        ValueError: If `threshold` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> from keras_babysit.facts import LayerFacts
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> relu = LayerFacts(activation_kind="rectifier", role="hidden")
        >>> history.note(layers={"dense": relu})
        >>> for step in range(3):
        ...     history.append(Measurement(step, 0, "activations/dead_fraction", "dense", 0.6))
        >>> dead_units(history)[0].target
        'dense'

    Reference:
        Lu et al., "Dying ReLU and Initialization", arXiv:1903.06733, 2019.
    """
    require_fraction("threshold", threshold)
    require_count("patience", patience)
    found = []
    different = history.facts.data.different_examples
    are_enough = different is None or different >= MIN_DIFFERENT_EXAMPLES
    measured = history.targets("activations/gate_max")
    for target in dict.fromkeys([*history.targets("activations/dead_fraction"), *measured]):
        if history.layer(target).activation_kind != "rectifier":
            continue
        fraction = _lasting_fraction(history, target, patience, are_enough=are_enough)
        if fraction is None:
            continue
        rate = wilson_lower_bound(min(fraction, 1.0), _units(history, target))
        severity = _severity(fraction, rate, threshold)
        if severity is Severity.WARNING and _others_are_enough(history, target):
            severity = Severity.NOTE
        if severity is not None and (are_enough or severity is Severity.ERROR):
            found.append(_finding(history, target, fraction, severity))
    return found


def _lasting_fraction(
    history: History, target: str, patience: int, *, are_enough: bool
) -> float | None:
    """Return the fraction of units that stayed dead; None if that is not known yet."""
    fractions = history.series("activations/dead_fraction", target)
    of_steps = dict(zip(fractions.steps.tolist(), fractions.values.tolist(), strict=True))
    recent = list(of_steps.values())[-patience:]
    if len(recent) == patience:
        return float(min(recent))
    looks = min(patience, FEWEST_LOOKS) if history.facts.has_ended else patience
    if not is_shut(history, target, looks):
        return None
    if len(recent):
        return 1.0 if min(recent) >= 1 else None
    was_always = is_shut(history, target, len(history.points("activations/gate_max", target)))
    return 1.0 if are_enough and was_always and is_without_gradient(history, looks) else None


def _others_are_enough(history: History, target: str) -> bool:
    """Return whether the network learns, or has learned, with the units that are left."""
    if is_solved(history):
        return True
    # A fresh network is worse than its mean output, by Jensen's inequality: one that begins better
    # was trained, maybe on other data, for which the dead units were active.
    came_so = began_trained(history, LEARNED_BY_LOSS) and was_born_dead(history, target)
    if not came_so and not has_learnt_most(history):
        return False
    falls = is_falling(history)
    if falls or not is_time(history, is_falling=falls):
        return True
    return poor_fit(history, POOR_FROM) is None


def _units(history: History, target: str) -> int | None:
    gates = history.last("activations/gate_max", target)
    return None if gates is None else len(gates)


def _severity(fraction: float, rate: float, threshold: float) -> Severity | None:
    if fraction >= 1:
        return Severity.ERROR
    if rate >= threshold:
        return Severity.WARNING
    return Severity.NOTE if rate >= NOTE_FROM else None


def _finding(history: History, target: str, fraction: float, severity: Severity) -> Finding:
    units = history.layer(target).units
    evidence = {
        "dead_fraction": fraction,
        "units": units,
        "learning_rate": history.last("optimizer/learning_rate"),
    }
    if fraction >= 1:
        amount = f'All {units:,} units of "{target}"' if units else f'All units of "{target}"'
    else:
        amount = f'{percent(fraction)} of the units in "{target}"'
    return Finding(
        rule="dead_units",
        severity=severity,
        target=target,
        message=f"{amount} are dead: no recent example activated them.",
        evidence={name: value for name, value in evidence.items() if value is not None},
        remedies=tuple(_remedies(history, target)),
        reference="Lu et al., Dying ReLU and Initialization, arXiv:1903.06733, 2019",
    )


def _remedies(history: History, target: str) -> list[Remedy]:
    layer = history.layer(target)
    reason = "steps that are too large push biases far below zero"
    lower = change_rate(history, "Lower", suggest_lower_rate(history), reason)
    is_born_dead = was_born_dead(history, target)
    name, units = layer_shape(layer)
    is_recurrent = layer.class_name in ("SimpleRNN", "LSTM", "GRU")
    if is_recurrent:
        name = layer.class_name or ""
    activation = "" if is_recurrent else "relu"
    restart = Remedy(
        "Initialize the layer for ReLU, with zero biases"
        + (": its units were dead from the start." if is_born_dead else "."),
        change=SetInitializer((target,), activation=activation, class_name=name, units=units),
    )
    leaky = Remedy(
        "Use an activation that has a gradient for negative inputs.",
        change=relu_layer(target, layer, "leaky_relu"),
    )
    if not is_born_dead:
        return [lower, leaky, restart]
    if not _began_with_large_biases(history, target):
        return [restart, leaky, lower]
    zero = Remedy(
        "Initialize the biases with zeros: they made the units dead from the start.",
        change=SetInitializer((target,), "", activation=activation, class_name=name, units=units),
    )
    return [zero, restart, leaky, lower]


def _began_with_large_biases(history: History, target: str) -> bool:
    """Return whether biases outweighed the kernel of a layer before the first step.

    Of inputs of unit variance the pre-activations of a unit have the norm of its row of the kernel
    as their standard deviation. Where the norm of all biases is larger than that of the kernel, a
    bias is more than a standard deviation: it is what keeps units off, and a kernel that is drawn
    well stays as it is (`make bench-remedies`).
    """
    order = list(history.facts.layers)
    until = order.index(target) if target in order else -1
    before = [one for one in kernels(history) if layer_of(history, one) in order[: until + 1]]
    if not before:
        return False
    layer = layer_of(history, before[-1])
    weights = history.facts.weights or {}
    biases = [one for one in weights if layer_of(history, one) == layer and one.endswith("bias")]
    norms = [history.points("weights/norm", one)[:1] for one in (before[-1], *biases[:1])]
    if len(norms) < 2 or not all(one and one[0].step == 0 for one in norms):
        return False
    kernel, bias = (float(one[0].value) for one in norms)
    return bias > kernel


def was_born_dead(history: History, target: str) -> bool:
    """Return whether the units that are dead now were so before the first step."""
    first = history.points("activations/gate_max", target)[:1]
    dead = history.last("activations/dead_fraction", target, default=1.0)  # if unknown, all are
    return bool(first) and first[0].step == 0 and float(np.mean(first[0].value == 0)) >= dead
