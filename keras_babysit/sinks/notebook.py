"""`Notebook`, which shows a run as one card in the output of a cell, updated in place."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from keras_babysit import markup
from keras_babysit.findings import Event, Finding, explain, verdict_of
from keras_babysit.history import History, Measurement
from keras_babysit.presentation.drawing import recent_losses
from keras_babysit.presentation.verdict_view import view
from keras_babysit.presentation.wording import number
from keras_babysit.sinks.sink import Sink

if TYPE_CHECKING:
    from keras_babysit.sinks.report import Report

MIN_SECONDS = 0.5
"""Least time between two updates of the card without a new finding."""


def is_notebook() -> bool:
    """Return whether the output of a cell can show HTML and be updated, as in Jupyter or Colab."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class Notebook(Sink):
    """Shows a run in a notebook: one card that is updated in place, and the verdict at its end.

    During the run the card shows the headline, the loss, what was found, and what is measured.

    Args:
        display: Function with the signature of `IPython.display.display`; None takes that one.

    Example:
        >>> sink = Notebook()  # for Babysitter(sinks=[sink], verbose=0)
    """

    has_own_thread = False
    """The output of a cell belongs to the thread that runs it."""

    def __init__(self, display: Any = None) -> None:
        self._display = display
        self._handle: Any = None
        self._history = History()
        self._open: dict[tuple[Any, ...], Finding] = {}
        self._shown_at = 0.0

    def on_start(self, history: History) -> None:
        """Show an empty card."""
        self._history, self._open = history, {}
        show = self._display or importlib.import_module("IPython.display").display
        self._handle = show(self._card(), display_id=True)
        self._shown_at = time.monotonic()

    def on_measurements(self, measurements: Sequence[Measurement]) -> None:
        """Update loss and progress, if the card has not just been updated."""
        if time.monotonic() - self._shown_at >= MIN_SECONDS:
            self._update(self._card())

    def on_events(self, events: Sequence[Event]) -> None:
        """Update what was found."""
        for event in events:
            self._open[*event.finding.key, event.finding.step] = event.finding
        self._update(self._card())

    def on_end(self, report: Report) -> None:
        """Show the verdict in place of the card."""
        self._update(Shown(report.as_card(), report.outline()))
        self._handle = None

    def _update(self, shown: Shown) -> None:
        if self._handle is not None:
            self._handle.update(shown)
            self._shown_at = time.monotonic()

    def _card(self) -> Shown:
        history = self._history
        found = explain(self._open.values())
        verdict = verdict_of(found, history, not_checked=())
        shown = view(verdict)
        is_empty = not len(history)
        headline = "Monitoring" if is_empty or not found else shown.headline
        progress = _progress(history)
        parts = [markup.heading(headline, shown.severity, progress)]
        losses = recent_losses(history)
        if losses:
            parts.append(markup.sparkline(losses, "loss so far"))
            parts.append(markup.paragraph(f"loss {number(losses[-1])}", is_mute=True))
        if shown.do_first is not None:
            parts.append(markup.paragraph(shown.do_first.text, lead="Do this first:"))
        rows = [
            f"{cause.severity}: {cause.title} {cause.when}: {cause.message}"
            for cause in shown.causes
        ]
        if rows:
            parts.append(markup.items(markup.escaped(row) for row in rows))
        parts.append(markup.paragraph(_measured(history), is_mute=True))
        return Shown(markup.fragment(*parts), f"{headline}{progress and f' ({progress})'}")


class Shown:
    """HTML for a notebook, and text for where that is not shown."""

    def __init__(self, html: str, text: str) -> None:
        self.html = html
        self.text = text

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


def _progress(history: History) -> str:
    facts = history.facts
    if not len(history):
        return ""
    planned = f" of {facts.epochs:,}" if facts.epochs else ""
    return f"epoch {history.epoch + 1:,}{planned}, step {history.step:,}"


def _measured(history: History) -> str:
    """Return how much of the network is measured."""
    layers = history.facts.layers
    if not layers:
        return "layers not measured yet"
    known = {
        target
        for quantity in history.quantities()
        if quantity.startswith("activations/")
        for target in history.targets(quantity)
    }
    count = len(known & set(layers))
    return f"layers measured: {count} of {len(layers)}; {len(history.quantities())} quantities"
