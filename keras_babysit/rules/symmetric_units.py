"""Hidden layers whose units all have the same weights."""

from keras_babysit.actions import SetInitializer
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._network import kernels, layer_of
from keras_babysit.rules._texts import quoted
from keras_babysit.rules.effects import POOR_FIT, SHORT_STEPS, STUCK
from keras_babysit.rules.rule import rule

EQUAL_UNITS = 1e-6
"""Distance of the units from their mean, relative to the norm of the kernel, that is rounding."""

LATE_STEP = 50
"""Step from which on one measurement is enough: units that only start out equal differ by then."""

MAX_NAMED = 3
"""Layers that are named; of more the number is given."""


@rule(
    title="Identical units",
    explains=(*STUCK, *SHORT_STEPS, *POOR_FIT),
    needs=("weights/norm",),
    silent=("on the output layer", "before the first step"),
    severity=Severity.ERROR,
)
def symmetric_units(history: History, *, patience: int = 2) -> list[Finding]:
    """Report hidden layers whose units all have the same weights after the first step.

    Units that start at 0, or at the same constant, get the same gradient and stay the same. The
    layer is worth a single unit, or does not learn at all.

    Reads `"weights/unit_spread"`, which is measured on kernels whose units started out equal. It is
    silent on the output layer, whose units differ by their targets, and before the first step,
    because a branch may start at zero and differ after one step.

    Args:
        history: The history of the run.
        patience: Number of measurements after the first step that must all show it, at least 1. One
            measurement is enough from step 50 on.

    Returns:
        One ERROR about the first affected layer, which names the others, or nothing.

    Raises:
        ValueError: If `patience` is below 1.

    Example:
        >>> from keras_babysit.facts import LayerFacts, WeightFacts
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> kernel = WeightFacts(layer="a", size=9, is_kernel=True)
        >>> history.note(layers={"a": LayerFacts(role="hidden")}, weights={"a/kernel": kernel})
        >>> for step in range(4):
        ...     history.append(Measurement(step, 0, "weights/unit_spread", "a/kernel", 0.0))
        >>> symmetric_units(history)[0].target
        'a'

    Reference:
        CS231n, "Weight initialization": all-zero weights make all units compute the same.
    """
    require_count("patience", patience)
    found = []
    for name in kernels(history, is_hidden=True):
        series = history.series("weights/unit_spread", name)
        later = series.values[series.steps >= 1]
        is_sure = len(later) >= patience or (len(later) and series.steps[-1] >= LATE_STEP)
        if is_sure and later.max() <= EQUAL_UNITS:
            found.append(layer_of(history, name))
    return [_finding(history, list(dict.fromkeys(found)))] if found else []


def _finding(history: History, targets: list[str]) -> Finding:
    shown, more = quoted(targets[:MAX_NAMED]), len(targets) - MAX_NAMED
    shown += f" and {more} more" if more > 0 else ""
    is_squashing = history.layer(targets[0]).activation_kind == "squashing"
    initializer = "glorot_uniform" if is_squashing else "he_normal"
    subject = (
        f"All units of {shown} have" if len(targets) == 1 else f"In each of {shown}, all units have"
    )
    return Finding(
        rule="symmetric_units",
        severity=Severity.ERROR,
        target=targets[0],
        message=f"{subject} the same weights. They receive the same gradients, "
        "so they stay the same.",
        evidence={"distinct_units": 1, "layers": len(targets)},
        remedies=(
            Remedy(
                f"Initialize {shown} with random weights.",
                change=SetInitializer(tuple(targets), initializer),
            ),
        ),
        reference="CS231n, Weight initialization: all-zero weights make all units compute the same",
    )
