"""A forecast that is no better than the last value."""

import math
from typing import NamedTuple

from keras_babysit.actions import DATA, TASK
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._progress import is_current, is_falling, is_time
from keras_babysit.rules._scores import Estimate
from keras_babysit.rules._texts import error_name, percent
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule

MAX_LEFT = 0.5
"""Fraction of the error of a constant prediction that the last value may leave to be a forecast: a
series of which it leaves more does not persist."""

MUCH_WORSE = 2.0
"""Error on the training data, as a multiple of that of the last value, from which on a network has
not learnt even to copy it."""


class _Beside(NamedTuple):
    """The error of the network beside that of the last value, on one part of the data."""

    network: float
    last_value: float
    constant: float
    advantage: Estimate


@rule(
    title="No better than the last value",
    explains=POOR_FIT,
    needs=("reference/last_value_error | reference/constant_error",),
    silent=(
        "in the first three quarters of a run",
        "if the inputs are not windows of a series in the units of the targets",
    ),
    severity=Severity.NOTE,
)
def no_better_than_last_value(history: History) -> list[Finding]:
    """Report a forecast that is no better than repeating the last value of the input.

    A low error means little for a series that changes slowly: the last value already has it. A
    forecast is worth what it adds to that. No forecast of a random walk adds anything, which makes
    it a note.

    Reads `"reference/last_value_error"`, `"reference/last_value_advantage"` (error of the network
    minus that of the last value, per example, then the mean) and `"reference/constant_error"`, of
    the validation data, or of the training data where there are none. It is silent where the last
    value leaves more than half of the error of a constant prediction.

    Args:
        history: The history of the run.

    Returns:
        One NOTE; one WARNING if the error on the training data is at least twice that of the last
        value: the network has not learnt even to copy it; else nothing.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.note(has_ended=True)
        >>> for name, value in (
        ...     ("score/loss", 0.2),
        ...     ("score/error", 0.2),
        ...     ("reference/last_value_error", 0.05),
        ...     ("reference/last_value_advantage", 0.15),
        ...     ("reference/last_value_advantage_stderr", 0.01),
        ...     ("reference/constant_error", 1.0),
        ... ):
        ...     history.append(Measurement(9, 3, name, "train", value))
        >>> print(no_better_than_last_value(history)[0].message)
        The forecast is no better than the last value of the input: its error on the training data
        is 20.0 % (last value: 5.0 %).

    Reference:
        Hyndman and Koehler, "Another look at measures of forecast accuracy", 2006: errors are
        scaled by those of the last value.
    """
    if not is_current(history) or not is_time(history, is_falling=is_falling(history)):
        return []
    train, validation = (_beside(history, name) for name in ("train", "validation"))
    judged, part = (validation, "validation") if validation else (train, "training")
    if judged is None or judged.last_value > MAX_LEFT * judged.constant:
        return []
    if judged.advantage.high < 0:
        return []
    is_worse = (
        train is not None
        and train.advantage.low > 0
        and train.network >= MUCH_WORSE * train.last_value
    )
    return [
        Finding(
            rule="no_better_than_last_value",
            severity=Severity.WARNING if is_worse else Severity.NOTE,
            target="",
            message="The forecast is no better than the last value of the input: its "
            f"{error_name(history)} on the {part} data is {percent(judged.network, 1)} (last "
            f"value: {percent(judged.last_value, 1)}).",
            evidence={"error": judged.network, "last_value_error": judged.last_value},
            remedies=(
                Remedy(
                    "Predict the change since the last value, and add that value to the "
                    "predictions.",
                    "last = x[:, -1] if x.ndim == 2 else x[:, -1, 0]  # or the column of the "
                    "series\n"
                    "change = y - last.reshape(-1, *[1] * (np.ndim(y) - 1))\n"
                    "model.fit(x, change)",
                    no_change_because=TASK,
                ),
                Remedy(
                    "Add inputs that carry information about the next value: the past of a random "
                    "walk has none.",
                    no_change_because=DATA,
                ),
            ),
            reference="Hyndman and Koehler, International Journal of Forecasting 22, 2006",
        )
    ]


def _beside(history: History, target: str) -> _Beside | None:
    names = ("last_value_error", "constant_error", "last_value_advantage")
    values = [history.last(f"reference/{name}", target) for name in names]
    error = history.last("reference/last_value_advantage_stderr", target)
    network = history.last("score/error", target)
    known = [value for value in (*values, error, network) if value is not None]
    if len(known) < 5 or not all(map(math.isfinite, known)):
        return None
    last, constant, advantage = values
    return _Beside(network, last, constant, Estimate(advantage, error))
