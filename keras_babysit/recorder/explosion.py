"""Which layer made a loss explode that is still finite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_babysit.recorder.step_inspector import StepInspector

GREW = 10.0
"""Growth of the largest output of a layer, from the last good state to the bad one and on the same
batch, from which it counts as exploded: more than one step's noise, less than what a loss needs to
leave its range by."""


@dataclass(frozen=True)
class Growth:
    """A layer whose output grew.

    Args:
        target: Name of the layer.
        example: First example that shows it by itself, None if none does.
        largest: Largest magnitude in the output now.
        factor: How many times that of the good state it is.
    """

    target: str
    example: int | None
    largest: float
    factor: float


def first_grown_layer(now: StepInspector, good: StepInspector) -> Growth | None:
    """Return the first layer whose output grew at least tenfold.

    Args:
        now: A `StepInspector` of the bad step.
        good: One of the same batch, with the values of the last good state.

    Returns:
        A `Growth`, None if no layer grew so much.
    """
    before = _largest_outputs(good)
    for target, largest in _largest_outputs(now).items():
        if target not in before:
            continue
        least = max(before[target], 1e-30)
        limit = GREW * least
        if largest >= limit:
            example = now.first_alone(_reaches(target, limit))
            return Growth(target, example, largest, largest / least)
    return None


def _reaches(target: str, limit: float) -> Callable[[StepInspector], bool]:
    return lambda part: bool(_largest_outputs(part).get(target, 0.0) >= limit)


def _largest_outputs(inspector: StepInspector) -> dict[str, float]:
    return {one.target: one.largest.max(initial=0.0) for one in inspector.readings()}
