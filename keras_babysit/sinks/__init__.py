"""Outputs for measurements and findings: terminal, notebook, TensorBoard, JSON lines and reports.

To add one: a file with a subclass of `Sink`, its export here, and a case in `tests/sinks/cases.py`.
"""

from keras_babysit.sinks.console import Console
from keras_babysit.sinks.json_lines import JsonLines
from keras_babysit.sinks.notebook import Notebook
from keras_babysit.sinks.report import Report
from keras_babysit.sinks.sink import Sink
from keras_babysit.sinks.tensorboard import TensorBoard

__all__ = ["Console", "JsonLines", "Notebook", "Report", "Sink", "TensorBoard"]
