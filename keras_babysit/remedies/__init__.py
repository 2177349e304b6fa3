"""Remedies as actions: changes of a program, and their trial against a control.

To add a change: a frozen dataclass on `Change` in the file of what it changes, its name below, and
its place in `of_findings.REMEDIES`.
"""

from keras_babysit.interval import Interval, paired_interval
from keras_babysit.remedies.change import Change
from keras_babysit.remedies.data_changes import Shuffle, StandardizeInputs, StandardizeTargets
from keras_babysit.remedies.fit_changes import BalanceClasses, SetFromLogits, StopEarly, TrainLonger
from keras_babysit.remedies.layer_changes import (
    AddDropout,
    NormalizeActivations,
    RemovePenalties,
    SetActivation,
    SetInitializer,
)
from keras_babysit.remedies.of_findings import changes_for
from keras_babysit.remedies.optimizer_changes import ClipGradients, ScaleLearningRate
from keras_babysit.remedies.program import Program
from keras_babysit.remedies.trial import Effect, Row, Trial
from keras_babysit.remedies.try_remedies import try_remedies

__all__ = [
    "AddDropout",
    "BalanceClasses",
    "Change",
    "ClipGradients",
    "Effect",
    "Interval",
    "NormalizeActivations",
    "Program",
    "RemovePenalties",
    "Row",
    "ScaleLearningRate",
    "SetActivation",
    "SetFromLogits",
    "SetInitializer",
    "Shuffle",
    "StandardizeInputs",
    "StandardizeTargets",
    "StopEarly",
    "TrainLonger",
    "Trial",
    "changes_for",
    "paired_interval",
    "try_remedies",
]
