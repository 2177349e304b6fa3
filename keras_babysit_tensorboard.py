"""Hands the tab Babysit to TensorBoard, if it can.

TensorBoard loads the entry points of all plugins when it starts, and does not start if one fails.
`keras_babysit` needs Keras and a backend, which the machine that shows logs may lack, or may have
while `KERAS_BACKEND` names another one. So this module stands outside the package.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from typing import Any

from tensorboard.plugins import base_plugin

BACKENDS = ("tensorflow", "jax", "torch")


class Loader(base_plugin.TBLoader):
    """Loads the plugin; where that fails TensorBoard starts without it."""

    def load(self, context: base_plugin.TBContext) -> Any:
        """Return the plugin, or None and a line in the log."""
        _choose_backend()
        try:
            from keras_babysit.dashboard.plugin import BabysitPlugin

            return BabysitPlugin(context)
        except Exception as error:
            logging.getLogger("tensorboard").warning("The tab Babysit is not shown: %s", error)
            return None


def _choose_backend() -> None:
    """Name a backend that is installed where Keras would look for another one."""
    installed = [name for name in BACKENDS if importlib.util.find_spec(name)]
    wanted = os.environ.get("KERAS_BACKEND", "tensorflow")
    if "keras" not in sys.modules and installed and wanted not in installed:
        os.environ["KERAS_BACKEND"] = installed[0]
