"""Figures of matplotlib that a notebook displays, and that a script can show or save."""

from __future__ import annotations

import functools
import io
import os
import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito, "Color Universal Design", 2008: distinct with any colour vision."""

DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)), (0, (8, 3)))
"""Lines differ in dashes as well as in colour."""


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure.

    In a notebook it displays itself as the last expression of a cell. In a script, `show()` opens
    it, and `save(path)` writes it.

    Args:
        width: Width in inches.
        height: Height in inches.

    Raises:
        ImportError: If matplotlib is not installed.

    Example:
        >>> figure = new_figure(4, 3)
        >>> len(figure.axes), figure._repr_png_()[1:4]
        (0, b'PNG')
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ImportError("Plots require matplotlib: pip install matplotlib") from error
    figure: Figure = _figure_class()(figsize=(width, height), layout="constrained")
    return figure


@functools.cache
def _figure_class() -> Any:
    from matplotlib.figure import Figure

    class Plot(Figure):
        """A figure with white ground: readable in a light and in a dark notebook."""

        def _repr_png_(self) -> bytes:
            stream = io.BytesIO()
            self.savefig(stream, format="png", dpi=110)
            return stream.getvalue()

        def save(self, path: str | os.PathLike[str]) -> None:
            """Write the figure; the ending of the path says in which format."""
            self.savefig(path, dpi=150)

        def show(self, warn: bool = True) -> None:
            """Open the figure in the viewer that the system has for pictures."""
            del warn
            path = Path(tempfile.mkdtemp(prefix="keras-babysit-")) / "plot.png"
            self.save(path)
            webbrowser.open(path.as_uri())

        def __repr__(self) -> str:
            titles = [axes.get_title() or axes.get_ylabel() for axes in self.axes]
            return f"Plot({', '.join(filter(None, titles))})"

    return Plot
