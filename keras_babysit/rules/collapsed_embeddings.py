"""Embeddings of metric learning that collapse to one point."""

import math
from typing import NamedTuple

from keras_babysit.actions import OWN_CODE, AppendLayer
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._texts import number
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.outputs import Output, outputs
from keras_babysit.rules.rule import rule

MIN_COLUMNS = 4
"""Columns from which on an output may be an embedding."""

MIN_FALL = 5.0
"""Factor by which the spread must have fallen since the first measurement: embeddings of few and
similar examples begin close together."""


@rule(
    title="Embeddings collapsed to one point",
    explains=(*POOR_FIT, "no_gradient", "vanishing_gradients", "dead_units"),
    needs=("outputs/spread",),
    silent=(
        "in the first 10 steps",
        "unless the loss is one's own and the targets are class numbers of another shape",
    ),
)
def collapsed_embeddings(
    history: History, *, spread: float = 0.05, patience: int = 3
) -> list[Finding]:
    """Report embeddings that have become nearly the same for every example.

    A loss that compares embeddings, as the contrastive and the triplet loss do, is small if all of
    them are equal: nothing is far from what belongs to it, and a triplet costs the margin at most.
    A loss without negative pairs, pairs that are too hard, or a high learning rate ends there.

    Reads `"outputs/spread"` (standard deviation over the examples, root mean square over the
    columns), relative to the root mean square of the output from `"outputs/mean"` and
    `"outputs/std"`: 1 for columns around 0, 0 if every example has the same embedding. Embeddings
    that are not normalized may also shrink to 0: then it is relative to that at the start, or to 1
    if that was larger, because margins are usually between 0.2 and 1. An output
    counts as an embedding if the loss is one's own, the output has at least 4 columns and is no
    distribution, and the targets are one whole number per example. It is silent for others.

    Args:
        history: The history of the run.
        spread: Relative spread below which the embeddings are nearly equal, in (0, 1]. Those of
            unit length that fill a half sphere have about 1.
        patience: Number of latest measurements that must all show it, at least 1.

    Returns:
        One WARNING per collapsed embedding, or nothing.

    Raises:
        ValueError: If `spread` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> from keras_babysit.facts import DataFacts, OutputFacts, TargetFacts
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> labels = TargetFacts(columns=1, is_whole=True)
        >>> history.note(
        ...     outputs=(OutputFacts(target="embedding", columns=32),),
        ...     data=DataFacts(targets=(labels,)),
        ... )
        >>> for step, value in ((0, 0.5), (20, 0.01), (30, 0.01), (40, 0.01)):
        ...     for name, number in (("spread", value), ("std", 0.6), ("mean", 0.0)):
        ...         history.append(Measurement(step, 0, f"outputs/{name}", "outputs[0]", number))
        >>> print(collapsed_embeddings(history)[0].message)
        The embeddings of "embedding" have collapsed to nearly one point: their standard deviation
        over the examples fell from 0.5 to 0.01.

    Reference:
        Schroff et al., "FaceNet", arXiv:1503.03832, section 3.2: collapsed embeddings; Hermans et
        al., "In Defense of the Triplet Loss", arXiv:1703.07737.
    """
    require_fraction("spread", spread)
    require_count("patience", patience)
    found = []
    for index, output in enumerate(outputs(history)):
        values = _spreads(history, f"outputs[{index}]") if _is_embedding(output) else []
        latest = values[-patience:]
        is_late = len(values) > patience and history.step >= 10
        if is_late and all(_has_collapsed(values[0], one, spread) for one in latest):
            found.append(_finding(output.target, latest[-1].absolute, values[0].absolute))
    return found


def _is_embedding(output: Output) -> bool:
    is_own = output.form == "other" and output.distance is None
    labels = output.data
    return bool(
        is_own
        and not output.is_distribution
        and (output.columns or 0) >= MIN_COLUMNS
        and labels.columns == 1
        and labels.is_whole
    )


class _Spread(NamedTuple):
    """How far the embeddings of one measurement are apart."""

    absolute: float
    relative: float


def _spreads(history: History, target: str) -> list[_Spread]:
    """Return the spreads of an output, oldest first; finite ones."""
    by_step: dict[int, dict[str, float]] = {}
    for name in ("spread", "mean", "std"):
        for point in history.points(f"outputs/{name}", target):
            by_step.setdefault(point.step, {})[name] = float(point.value)
    found = []
    for step in sorted(by_step):
        values = by_step[step]
        if len(values) == 3 and all(map(math.isfinite, values.values())):
            size = math.hypot(values["mean"], values["std"])
            found.append(_Spread(values["spread"], values["spread"] / size if size > 0 else 0.0))
    return found


def _has_collapsed(first: _Spread, now: _Spread, spread: float) -> bool:
    is_point = now.relative < spread and first.relative >= MIN_FALL * now.relative
    has_shrunk = now.absolute < spread * min(first.absolute, 1.0)
    return is_point or has_shrunk


def _finding(target: str, now: float, start: float) -> Finding:
    return Finding(
        rule="collapsed_embeddings",
        severity=Severity.WARNING,
        target=target,
        message=f'The embeddings of "{target}" have collapsed to nearly one point: their standard '
        f"deviation over the examples fell from {number(start)} to {number(now)}.",
        evidence={"spread": now, "spread_start": start},
        remedies=(
            Remedy(
                "Check that the loss pushes embeddings of different classes apart: equal "
                "embeddings must cost more than separate ones.",
                no_change_because=OWN_CODE,
            ),
            Remedy(
                "Train on semi-hard pairs instead of the hardest of a batch, with a lower initial "
                "learning rate.",
                no_change_because=OWN_CODE,
            ),
            Remedy(
                "Normalize the embeddings to unit length, so that they cannot shrink to 0.",
                change=AppendLayer("UnitNormalization"),
            ),
        ),
        reference="Schroff et al., FaceNet, arXiv:1503.03832, section 3.2",
    )
