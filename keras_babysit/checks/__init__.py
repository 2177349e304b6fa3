"""Sanity checks before training, and the learning-rate range test."""

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
