"""The checks, and how they are chosen.

To add one: a file here named after the condition, one function of the same name that takes a
`Case` and returns a `CheckResult` (or raises `Unknown`), and its place in `DEFAULT_CHECKS`.
"""

from keras_babysit.checks.data_quality import data_quality
from keras_babysit.checks.gradient_check import gradient_check
from keras_babysit.checks.gradient_flow import gradient_flow
from keras_babysit.checks.initial_loss import initial_loss
from keras_babysit.checks.initial_signal import initial_signal
from keras_babysit.checks.output_and_loss import output_and_loss
from keras_babysit.checks.overfit_subset import overfit_subset
from keras_babysit.checks.penalty import penalty
from keras_babysit.checks.two_modes import two_modes
from keras_babysit.findings import CONDITIONS, Condition
from keras_babysit.rules import Rules

DEFAULT_CHECKS = Rules(
    [
        data_quality,
        output_and_loss,
        initial_loss,
        penalty,
        initial_signal,
        gradient_flow,
        two_modes,
        gradient_check,
        overfit_subset,
    ],
    kind="check",
)
"""What `check` looks at: causes before their effects, and what takes long last."""

for _name in DEFAULT_CHECKS.names:
    CONDITIONS.add(
        Condition(_name),
        silence=f'kb.check(model, x, y, checks=kb.checks.DEFAULT_CHECKS.without("{_name}"))',
    )
