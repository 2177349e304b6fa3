"""Before training: sanity checks of a model and its data, and a learning-rate range test."""

from keras_babysit.checks.case import Case
from keras_babysit.checks.check import check
from keras_babysit.checks.check_report import CheckReport
from keras_babysit.checks.finding import Finding, Outcome, Unknown
from keras_babysit.checks.lr_range import LrRange
from keras_babysit.checks.lr_range_test import lr_range_test
from keras_babysit.checks.registry import DEFAULT_CHECKS, read_checks

__all__ = [
    "DEFAULT_CHECKS",
    "Case",
    "CheckReport",
    "Finding",
    "LrRange",
    "Outcome",
    "Unknown",
    "check",
    "lr_range_test",
    "read_checks",
]
