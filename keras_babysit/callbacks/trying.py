"""How a run that is over is handed to a trial of remedies, which is a package above this one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_babysit.callbacks.session import Session
from keras_babysit.findings import Finding
from keras_babysit.samples.batches import unpack

TrialOf = Callable[..., Any]

_plugged: list[Callable[[], TrialOf]] = []


def plug_in_trials(load: Callable[[], TrialOf]) -> None:
    """Set what returns `keras_babysit.try_remedies`; it is imported when it is first needed."""
    _plugged[:] = [load]


def try_remedies_of(
    session: Session, findings: tuple[Finding, ...], data: tuple[Any, Any], given: dict[str, Any]
) -> Any:
    """Return the `Trial` of the program of a run.

    Args:
        session: The `Session` of the run, which is over.
        findings: Its findings.
        data: `(x, y)`; `(None, None)` takes the reference sample.
        given: Arguments of `try_remedies`, in place of those of the run.

    Raises:
        ValueError: If there are no data, or the number of epochs is not known.
    """
    facts = session.history.facts
    arguments: dict[str, Any] = {"findings": findings}
    if data[0] is None:
        arguments |= _kept(session)
    else:
        arguments |= {"x": data[0], "y": data[1]}
    arguments |= {"epochs": facts.epochs} if facts.epochs else {}
    rate = session.history.first("optimizer/learning_rate")
    if rate and facts.learning_rate_schedule is None:
        arguments["learning_rate"] = float(rate)
    arguments |= {"batch_size": facts.batch_size} if facts.batch_size else {}
    return _plugged[0]()(session.model, **(arguments | given))


def _kept(session: Session) -> dict[str, Any]:
    """Return the reference sample as arguments; the validation examples, where there are enough."""
    reference = session.reference
    if not len(reference.train):
        raise ValueError(
            "There must be examples of the run to train on, but none were kept. Pass `x` and `y`."
        )
    x, y, weight = (*unpack(reference.train.batch(len(reference.train))), None, None)[:3]
    found: dict[str, Any] = {"x": x, "y": y, "sample_weight": weight}
    held = len(reference.validation)
    if held >= FEWEST_HELD_OUT:
        validation = unpack(reference.validation.batch(held))
        found["validation_data"] = tuple(part for part in validation if part is not None)
    missing = [leaf for leaf in keras.tree.flatten((x, y)) if not isinstance(leaf, np.ndarray)]
    if missing:
        raise ValueError(
            "The examples of the run must be arrays of one shape. Pass `x` and `y`, "
            "or a dataset as `x`."
        )
    return found


FEWEST_HELD_OUT = 20
"""Fewest kept validation examples to score on; of fewer, some training examples are held out."""
