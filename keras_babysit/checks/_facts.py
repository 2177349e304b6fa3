"""Builds the histories that rules read, so that checks and rules share one implementation."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from keras_babysit.checks._depths import LayerSignal
from keras_babysit.checks._reading import OutputRange
from keras_babysit.facts import DataFacts, LayerFacts
from keras_babysit.findings import Finding
from keras_babysit.history import History, Measurement
from keras_babysit.probes.loss_facts import describe_outputs

if TYPE_CHECKING:
    from keras_babysit.checks.case import Case


def output_history(case: "Case", ranges: Sequence[OutputRange] | None = None) -> History:
    """Return a history that describes the outputs, their losses and the targets.

    Args:
        case: Model and data.
        ranges: The value range of each output, a list of `OutputRange`; None to leave it out.

    Raises:
        Unknown: If targets cannot be matched to outputs.
    """
    history, outputs = History(), []
    known: Sequence[OutputRange | None] = ranges or [None] * len(case.outputs)
    named = describe_outputs(case.model, [None] * len(case.outputs), [None] * len(case.outputs))
    ends = zip(case.output_names(), case.kinds, known, case.outputs, named, strict=True)
    for index, (name, kind, bounds, prediction, by_name) in enumerate(ends):
        is_own = by_name.form == "other" and not (by_name.distance or by_name.demands)
        columns = prediction.shape[-1] if prediction.ndim > 1 else 1
        shape = tuple(prediction.shape[1:])
        facts = kind.output_facts(
            target=name, columns=columns, shape=shape, is_own=is_own, demands=by_name.demands
        )
        if bounds is not None and bounds.is_known:
            facts = dataclasses.replace(
                facts, low=bounds.low, high=bounds.high, is_distribution=bounds.is_distribution
            )
        outputs.append(facts)
        values = prediction.astype("float64")
        record(history, "outputs/mean", f"outputs[{index}]", values.mean())
        record(history, "outputs/std", f"outputs[{index}]", values.std())
    history.note(outputs=tuple(outputs), data=DataFacts(targets=tuple(case.target_facts)))
    return history


def signal_history(data: DataFacts, depths: Sequence[LayerSignal]) -> History:
    """Return a history of the inputs and of the pre-activations of each layer.

    Args:
        data: The `DataFacts`.
        depths: A list of `LayerSignal`.
    """
    history = History()
    roles = {d.target: LayerFacts(role="output" if d.is_output else "hidden") for d in depths}
    history.note(data=data, layers=roles)
    for depth in depths:
        for name, value in (("mean", depth.mean), ("std", depth.std), ("spread", depth.reach)):
            record(history, f"activations/{name}", depth.target, value)
    return history


def record(history: History, quantity: str, target: str, value: float) -> None:
    """Add a measurement at step 0 to a history."""
    history.append(Measurement(0, 0, quantity, target, float(value)))


def renamed(
    findings: Iterable[Finding], check: str, names: Mapping[str, str] | None = None
) -> list[Finding]:
    """Return the findings of rules as findings of a check, with the targets renamed.

    Args:
        findings: Findings of the rules.
        check: Name of the check.
        names: New name for each target that has another name in the check.
    """
    names = names or {}
    return [
        dataclasses.replace(one, rule=check, target=names.get(one.target, one.target))
        for one in findings
    ]
