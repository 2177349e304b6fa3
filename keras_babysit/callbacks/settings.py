"""What a user chose for a callback, and what a model must be like for it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import keras

from keras_babysit.errors import NotCompiledError, ProbeMismatchError
from keras_babysit.findings import Severity
from keras_babysit.recorder import Rescue
from keras_babysit.rules import RuleLike, Rules
from keras_babysit.samples import UserProbeData
from keras_babysit.sinks import Sink


@dataclass(frozen=True)
class Settings:
    """What a user chose; the same for every run of one callback. See `Babysitter`."""

    rules: Rules[RuleLike]
    given: UserProbeData | None = None
    every: int | Literal["auto"] = "auto"
    budget: float = 0.02
    stop_on: Severity | None = None
    record: str | os.PathLike[str] | None = None
    rescue: Rescue | None = None
    try_remedies: bool = False
    sinks: Sequence[Sink] = ()


def check_model(
    model: keras.Model, given: UserProbeData | None, *, must_be_compiled: bool = True
) -> None:
    """Check that a model can be watched, and that the examples to measure on fit it.

    Args:
        model: The model in `fit`.
        given: The `UserProbeData` to measure on, or None.
        must_be_compiled: Whether it is trained as it is compiled, not in a loop of the user's.

    Raises:
        NotCompiledError: If the model is not compiled, but must be.
        ProbeMismatchError: If the examples have another number of inputs than the model.
    """
    if not model.compiled and must_be_compiled:
        raise NotCompiledError(
            "The model must be compiled before it can be monitored. Received: "
            f"model={model.name!r}. Call `model.compile(optimizer, loss)` first."
        )
    if given is None:
        return
    expected = getattr(model, "inputs", None)
    if not expected:  # a subclassed model does not show them
        return
    received = given.count_inputs()
    if received != len(expected):
        raise ProbeMismatchError(
            f"Argument `probe` must have as many inputs as the model: {len(expected)}. "
            f"Received: {received} inputs"
        )
