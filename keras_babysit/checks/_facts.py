"""What a check knows, as the rules read it: a judgement that both make lives in the rule alone."""

import dataclasses

from keras_babysit.facts import DataFacts, LayerFacts
from keras_babysit.history import History, Measurement


def output_history(case, ranges=None):
    """Return a history of the outputs: what each loss wants, what they begin with, the targets.

    Args:
        case: The case.
        ranges: What each output can give, a list of `Range`; None where that does not matter.

    Raises:
        Unknown: If it cannot be told which target belongs to which output.
    """
    history, outputs = History(), []
    ranges = [None] * len(case.outputs) if ranges is None else ranges
    ends = zip(case.output_names(), case.kinds, ranges, case.outputs, strict=True)
    for place, (name, kind, bounds, prediction) in enumerate(ends):
        columns = prediction.shape[-1] if prediction.ndim > 1 else 1
        facts = kind.output_facts(target=name, columns=columns)
        if bounds is not None and bounds.is_known:
            facts = dataclasses.replace(
                facts, low=bounds.low, high=bounds.high, is_distribution=bounds.is_distribution
            )
        outputs.append(facts)
        values = prediction.astype("float64")
        record(history, "outputs/mean", f"outputs[{place}]", values.mean())
        record(history, "outputs/std", f"outputs[{place}]", values.std())
    history.note(outputs=tuple(outputs), data=DataFacts(targets=tuple(case.target_facts)))
    return history


def signal_history(data, depths):
    """Return a history of the inputs, and of what the layers make of them before they squash it.

    Args:
        data: The `DataFacts`.
        depths: A list of `Depth`.
    """
    history = History()
    roles = {d.target: LayerFacts(role="output" if d.is_output else "hidden") for d in depths}
    history.note(data=data, layers=roles)
    for depth in depths:
        for name, value in (("mean", depth.mean), ("std", depth.std), ("spread", depth.reach)):
            record(history, f"activations/{name}", depth.target, value)
    return history


def record(history, quantity, target, value):
    """Add a measurement before the first step to a history."""
    history.append(Measurement(0, 0, quantity, target, float(value)))


def renamed(findings, check, names=None):
    """Return what rules said as advice of a check, about the arguments that it was given.

    Args:
        findings: What the rules said.
        check: Name of the check.
        names: What the check calls the targets of the rules, where it is something else.
    """
    names = names or {}
    return [
        dataclasses.replace(one, rule=check, target=names.get(one.target, one.target))
        for one in findings
    ]
