"""The list of checks, and how users choose among them.

To add a check, create a file named after the condition with a function of the same name. It takes
a `Case` and returns a `CheckResult`, or raises `Unknown`. Then add it to `DEFAULT_CHECKS`, and what
it finds to `_FOUND`.
"""

import inspect
from collections.abc import Callable

from keras_babysit.checks.case import Case
from keras_babysit.checks.data_quality import data_quality
from keras_babysit.checks.gradient_check import gradient_check
from keras_babysit.checks.gradient_flow import gradient_flow
from keras_babysit.checks.initial_loss import initial_loss
from keras_babysit.checks.initial_signal import initial_signal
from keras_babysit.checks.linearity import linearity
from keras_babysit.checks.output_and_loss import output_and_loss
from keras_babysit.checks.overfit_subset import overfit_subset
from keras_babysit.checks.penalty import penalty
from keras_babysit.checks.result import CheckResult
from keras_babysit.checks.sequences import sequences
from keras_babysit.checks.settings import settings
from keras_babysit.checks.two_modes import two_modes
from keras_babysit.findings import CONDITIONS, Condition
from keras_babysit.rules import Rules

Check = Callable[[Case], CheckResult]
"""A function that checks one thing; it raises `Unknown` where it has no result."""

DEFAULT_CHECKS: Rules[Check] = Rules(
    [
        data_quality,
        output_and_loss,
        initial_loss,
        penalty,
        linearity,
        initial_signal,
        gradient_flow,
        sequences,
        settings,
        two_modes,
        gradient_check,
        overfit_subset,
    ],
    kind="check",
)
"""The checks that `check` runs by default: causes before effects, slow checks last."""

_LATER = ("initial_loss", "initial_signal", "gradient_flow", "overfit_subset")

_FOUND: dict[str, tuple[str, tuple[str, ...]]] = {
    "data_quality": ("Faulty data", _LATER),
    "output_and_loss": ("Loss does not match the output", ("initial_loss", "overfit_subset")),
    "initial_loss": ("Unexpected initial loss", ()),
    "penalty": ("Penalty outweighs the loss", ("overfit_subset",)),
    "linearity": ("No activation between layers", ("overfit_subset",)),
    "initial_signal": ("Signal lost in the initial network", ("gradient_flow", "overfit_subset")),
    "gradient_flow": ("Gradient does not reach the weights", ("overfit_subset",)),
    "sequences": ("Steps or padding of sequences are misread", ()),
    "settings": ("Settings that keep the network from learning", ("overfit_subset",)),
    "two_modes": ("Training and inference differ", ()),
    "gradient_check": ("Wrong gradient", ("overfit_subset",)),
    "overfit_subset": ("Cannot overfit a few examples", ()),
}
"""What each check finds, for people, and which findings of other checks follow from it."""

for _name, _check in zip(DEFAULT_CHECKS.names, DEFAULT_CHECKS, strict=True):
    _title, _explains = _FOUND[_name]
    CONDITIONS.add(
        Condition(
            _name,
            title=_title,
            explains=_explains,
            about=inspect.getdoc(_check) or "",
            has_page=True,
        ),
        silence=f'kb.check(model, x, y, checks=kb.checks.DEFAULT_CHECKS.without("{_name}"))',
    )
