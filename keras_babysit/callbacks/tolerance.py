"""Parts of the monitoring that fail are off and noted; the others go on."""

from collections.abc import Callable
from typing import Any

from keras_babysit.probes import notices

TITLES = {
    "measurements": "Layers, gradients and updates",
    "examples": "Scores and data",
    "logs": "Logs of the epochs",
    "callbacks": "Other callbacks",
    "earlier": "Earlier runs of this model",
    "remedies": "Effects of remedies",
}
"""What is not measured where a part is off."""


class Tolerance:
    """Runs the parts of the monitoring of one run, each until it fails.

    Args:
        notice: Called with a sentence and the name of the part when one fails.

    Example:
        >>> parts = Tolerance(lambda sentence, about: print(about, "-", sentence))
        >>> parts.attempt("logs", lambda: 1 / 0)
        logs - Logs of the epochs not measured from here on: monitoring raised ZeroDivisionError \
(division by zero).
        >>> parts.attempt("logs", print, "it is off")
        >>> parts.is_on("logs"), parts.attempt("examples", len, "kept")
        (False, 4)
    """

    def __init__(self, notice: Callable[[str, str], None]) -> None:
        self._notice = notice
        self._off: set[str] = set()

    def is_on(self, part: str) -> bool:
        """Return whether a part has not failed yet."""
        return part not in self._off

    def attempt(self, part: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function returns, None where its part is off or fails now.

        Args:
            part: One of `TITLES`.
            function: The function.
            *arguments: What to call it with.
        """
        if part in self._off:
            return None
        try:
            return function(*arguments)
        except Exception as error:
            self._off.add(part)
            self._notice(notices.part_failed(TITLES[part], error), part)
            return None
