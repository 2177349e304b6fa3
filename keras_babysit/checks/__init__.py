"""Sanity checks before training, and the learning-rate range test.

`case` holds the model, its data and the measurements that checks share; a check is a function
`Case -> CheckResult` in a file of its name. To add one: its file, its line in `registry`, and a
broken program in `tests/checks/pairs.py`.
"""

from keras_babysit.checks.case import Case
from keras_babysit.checks.check import check
from keras_babysit.checks.check_report import CheckReport
from keras_babysit.checks.lr_range import LrRange
from keras_babysit.checks.lr_range_test import lr_range_test
from keras_babysit.checks.registry import DEFAULT_CHECKS
from keras_babysit.checks.result import CheckLine, CheckResult, Unknown

__all__ = [
    "DEFAULT_CHECKS",
    "Case",
    "CheckLine",
    "CheckReport",
    "CheckResult",
    "LrRange",
    "Unknown",
    "check",
    "lr_range_test",
]
