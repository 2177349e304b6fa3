"""NaN or infinity in what the network is given."""

from keras_babysit.advice import Advice, Remedy, Severity
from keras_babysit.history import History

NAMES = {"inputs": "x", "targets": "y"}


def non_finite_inputs(history: History) -> list[Advice]:
    """Advise when inputs or targets hold NaN or infinity.

    They are to blame whenever they were seen: the weights that they spoil often show first.

    Reads `"inputs/nonfinite"` and `"targets/nonfinite"`, numbers of entries that are not finite,
    and `"inputs/nonfinite_example"`, the first such example of its batch. It stays silent where
    all that was seen is finite; batches that were not looked at may hold others.

    Args:
        history: What the probes recorded so far.

    Returns:
        One ERROR for each input or target that holds such entries.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.append(Measurement(8, 0, "inputs/nonfinite", "inputs[0]", 3.0))
        >>> non_finite_inputs(history)[0].target
        'inputs[0]'

    Reference:
        IEEE 754: every sum and product with a NaN is NaN, so that one bad entry reaches every
        weight within one step.
    """
    found = []
    for room in NAMES:
        for target in history.targets(f"{room}/nonfinite"):
            points = history.points(f"{room}/nonfinite", target)
            bad = [point for point in points if not point.value <= 0]
            if bad:
                found.append(_advice(history, room, target, bad[0].step, float(bad[0].value)))
    return found


def _advice(history: History, room: str, target: str, step: int, entries: float) -> Advice:
    name = NAMES[room]
    example = history.last(f"{room}/nonfinite_example", target)
    where = "" if example is None else f", first in example {example:.0f} of the batch"
    find = f"bad = ~np.isfinite({name}).reshape(len({name}), -1).all(axis=1)\nnp.flatnonzero(bad)"
    return Advice(
        rule="non_finite_inputs",
        severity=Severity.ERROR,
        target=target,
        message=f"The {room} hold {entries:.0f} entries that are not finite{where}.",
        evidence={"first_seen": room, "seen_at_step": step, "entries": entries},
        remedies=(
            Remedy("Find the rows.", find),
            Remedy("Leave them out, or fill the gaps.", "x, y = x[~bad], y[~bad]"),
        ),
        reference="IEEE 754: NaN spreads through every sum and product",
    )
