"""Units that no example opens."""

import numpy as np

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_share
from keras_babysit.rules._learning_rate import set_rate, suggest_lower_rate
from keras_babysit.rules._progress import is_solved
from keras_babysit.rules._shares import wilson_lower_bound
from keras_babysit.rules.effects import POOR_FIT, SHORT_STEPS, STUCK
from keras_babysit.rules.rule import rule

NOTEWORTHY = 0.2
"""10-20 % of dead units is common and trains well (CS231n, "Activation functions")."""


MANY = 10
"""Different examples that it takes: a healthy unit is shut for one of them half of the time, for
all of ten once in a thousand."""


@rule(
    title="Dead units",
    explains=(*STUCK, *SHORT_STEPS, *POOR_FIT),
    needs=("activations/std",),
    silent=("activations with a slope on both sides", "too few different examples were seen"),
)
def dead_units(history: History, *, threshold: float = 0.4, patience: int = 3) -> list[Finding]:
    """Advise on layers whose units stay shut for every example.

    A ReLU unit whose input is negative on the whole data set gets no gradient and does not come
    back. A learning rate that is too high, or a bias that went far below zero, is the usual cause.
    This is not sparsity: a healthy ReLU layer gives zero for half of its entries.

    Reads `"activations/dead_fraction"`: per layer, the share of units whose gate was shut for
    every example of the recent probes, over at least 1,024 examples where the data has as many;
    unitless, in [0, 1].

    It stays silent on activations that are open on both sides (leaky ReLU), on squashing ones
    (see `saturated_units`), while too few examples were seen, and, unless all units are dead, where
    there are but a few different ones. It is a note where the training loss is next to nothing: the
    units that live are enough then.

    Args:
        history: What the probes recorded so far.
        threshold: Rate of dead units from which a layer costs accuracy, in (0, 1]; the 95 %
            interval of the rate must lie above it, so that layers of few units need a larger share.
        patience: Number of latest measurements that must all reach `threshold`, at least 1.

    Returns:
        One `Finding` per affected layer, in the order of the layers: an ERROR where no unit lives,
        a WARNING from `threshold` on, a NOTE from 20 % on.

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
    require_share("threshold", threshold)
    require_count("patience", patience)
    found = []
    different = history.facts.data.different_examples
    are_many = different is None or different >= MANY
    for target in history.targets("activations/dead_fraction"):
        recent = history.series("activations/dead_fraction", target).tail(patience)
        if history.layer(target).activation_kind != "rectifier" or len(recent) < patience:
            continue
        share = float(recent.values.min())
        severity = _severity(share, wilson_lower_bound(share, _units(history, target)), threshold)
        if severity is Severity.WARNING and is_solved(history):
            severity = Severity.NOTE
        if severity is not None and (are_many or severity is Severity.ERROR):
            found.append(_finding(history, target, share, severity))
    return found


def _units(history: History, target: str) -> int | None:
    gates = history.last("activations/gate_max", target)
    return None if gates is None else len(gates)


def _severity(share: float, rate: float, threshold: float) -> Severity | None:
    if share >= 1:
        return Severity.ERROR
    if rate >= threshold:
        return Severity.WARNING
    return Severity.NOTE if rate >= NOTEWORTHY else None


def _finding(history: History, target: str, share: float, severity: Severity) -> Finding:
    rate = history.last("optimizer/learning_rate")
    evidence = {"dead_fraction": share, "units": history.layer(target).units}
    if rate is not None:
        evidence["learning_rate"] = rate
    amount = "every unit" if share >= 1 else f"{share:.0%} of the units"
    return Finding(
        rule="dead_units",
        severity=severity,
        target=target,
        message=f"In {target} {amount} gave no gradient for any example of the recent probes.",
        evidence={name: value for name, value in evidence.items() if value is not None},
        remedies=tuple(_remedies(history, target)),
        reference="Lu et al., Dying ReLU and Initialization, arXiv:1903.06733, 2019",
    )


def _remedies(history: History, target: str) -> list[Remedy]:
    layer = history.layer(target)
    lower = Remedy(
        "Lower the learning rate; steps that are too long push biases far below zero.",
        set_rate(suggest_lower_rate(history)),
    )
    is_born_dead = was_born_dead(history, target)
    restart = Remedy(
        "Initialise for ReLU, with biases at zero"
        + (": the units were dead from the start." if is_born_dead else "."),
        'keras.layers.Dense({}, activation="relu", kernel_initializer="he_normal", '
        'bias_initializer="zeros")'.format(layer.units or "units"),
    )
    leaky = Remedy(
        "Use an activation that lets a gradient through on its negative side.",
        'activation="leaky_relu"  # or "elu", or keras_babysit.layers.ChannelPReLU()',
    )
    return [restart, leaky, lower] if is_born_dead else [lower, leaky, restart]


def was_born_dead(history: History, target: str) -> bool:
    """Return whether no example of the very first probe opened the units that are dead now."""
    first = history.points("activations/gate_max", target)[:1]
    share = history.last("activations/dead_fraction", target)
    return bool(first) and first[0].step == 0 and float(np.mean(first[0].value == 0)) >= share
