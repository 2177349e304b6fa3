"""Hidden units that are the same and stay the same."""

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._network import kernels, layer_of
from keras_babysit.rules.effects import POOR_FIT, SHORT_STEPS, STUCK
from keras_babysit.rules.rule import rule

SAME = 1e-6
"""Distance of the units from their mean, as a share of the kernel's norm, that is rounding."""

LATER = 50
"""Steps after which one probe is enough: what only begins with equal units has parted by then."""


@rule(
    title="Identical units",
    explains=(*STUCK, *SHORT_STEPS, *POOR_FIT),
    needs=("weights/norm",),
    silent=("the last layer", "before the first step"),
    severity=Severity.ERROR,
)
def symmetric_units(history: History, *, patience: int = 2) -> list[Finding]:
    """Advise when all units of a hidden layer have the same weights after steps were taken.

    Weights that begin at 0, or at any constant, get the same gradient and stay the same: the
    layer is one unit wide, or does not learn at all.

    Reads `"weights/unit_spread"`, which is measured of kernels that began with equal units. It
    stays silent on the last layer, whose units have targets of their own to tell them apart, and
    before the first step: a branch that begins with zeros parts at once.

    Args:
        history: What the probes recorded so far.
        patience: Number of probes after the first step that must all show it, at least 1; one that
            comes 50 steps after it is enough.

    Returns:
        One ERROR for each such layer.

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
        CS231n, "Weight initialization": all-zero weights leave nothing to tell units apart.
    """
    require_count("patience", patience)
    found = []
    for name in kernels(history, is_hidden=True):
        series = history.series("weights/unit_spread", name)
        later = series.values[series.steps >= 1]
        is_sure = len(later) >= patience or (len(later) and series.steps[-1] >= LATER)
        if is_sure and later.max() <= SAME:
            found.append(_finding(layer_of(history, name)))
    return found


def _finding(target: str) -> Finding:
    return Finding(
        rule="symmetric_units",
        severity=Severity.ERROR,
        target=target,
        message=f"All units of {target} have the same weights, and stay so.",
        evidence={"distinct_units": 1},
        remedies=(
            Remedy(
                "Begin with random weights.",
                'kernel_initializer="he_normal"  # "glorot_uniform" for tanh and sigmoid',
            ),
        ),
        reference="CS231n, Weight initialization: nothing tells units of zero weights apart",
    )
