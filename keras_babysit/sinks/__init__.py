"""Outputs for measurements and findings: terminal, notebook, files, TensorBoard, trackers.

A tracker is imported when it is used; each has an extra of its name.

To add one: a file with a subclass of `Sink`, its export here, and a case in `tests/sinks/cases.py`.
"""

from keras_babysit.sinks.console import Console
from keras_babysit.sinks.json_lines import JsonLines
from keras_babysit.sinks.logger import Logging
from keras_babysit.sinks.mlflow import MLflow
from keras_babysit.sinks.notebook import Notebook
from keras_babysit.sinks.report import Report
from keras_babysit.sinks.sink import Sink
from keras_babysit.sinks.tensorboard import TensorBoard
from keras_babysit.sinks.trackio import Trackio
from keras_babysit.sinks.wandb import WandB

__all__ = [
    "Console",
    "JsonLines",
    "Logging",
    "MLflow",
    "Notebook",
    "Report",
    "Sink",
    "TensorBoard",
    "Trackio",
    "WandB",
]
