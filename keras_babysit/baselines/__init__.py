"""Baselines: what predictions without a network reach on the same examples.

A constant prediction and the 5 nearest neighbours stand beside the network. A network that 5
neighbours beat on its own training examples has something left to learn; one that they do not beat
may have reached the noise of the data. To add a baseline: a file with a function of task and
sample, and its call in `comparison`.
"""

from keras_babysit.baselines.comparison import (
    compare_with_baselines,
    compare_with_constant,
    compare_with_last_value,
    measure_baselines,
    unseen_classes,
    unvalidated_classes,
)
from keras_babysit.baselines.constant import constant_errors
from keras_babysit.baselines.estimate import mean_and_error
from keras_babysit.baselines.last_value import last_value_errors
from keras_babysit.baselines.neighbours import MAX_VOTERS, Neighbours, takes_tokens
from keras_babysit.baselines.representative import is_representative
from keras_babysit.baselines.task import Task, read_task
from keras_babysit.baselines.variety import variety

__all__ = [
    "MAX_VOTERS",
    "Neighbours",
    "Task",
    "compare_with_baselines",
    "compare_with_constant",
    "compare_with_last_value",
    "constant_errors",
    "is_representative",
    "last_value_errors",
    "mean_and_error",
    "measure_baselines",
    "read_task",
    "takes_tokens",
    "unseen_classes",
    "unvalidated_classes",
    "variety",
]
