"""The table of a trial of remedies: as text, and in the file that `kb-report` reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

HEAD = ("verdict", "remedy", "score", "change", "seeds")
"""The columns."""

MOST = {"verdict": 10, "score": 16, "change": 15}
"""Largest widths: at 80 columns a remedy has 26, where no long word of it is broken."""

FILE = "trial.json"
"""Name of the file in a log folder."""


def trial_table(rows: Sequence[Sequence[str]]) -> Table:
    """Return the table of the cells of each row, in the order of `HEAD`.

    Example:
        >>> trial_table([("helps", "Train longer.", "2 → 1", "-1", "3")]).row_count
        1
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in HEAD:
        table.add_column(name, max_width=MOST.get(name))
    for row in rows:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    return table


def read_trials(folder: str) -> Iterator[tuple[str, list[list[str]], str]]:
    """Yield path, rows and last sentences of each trial in a folder, but of no damaged file."""
    for path in sorted(Path(folder).rglob(FILE)) if "://" not in folder else ():
        try:
            record: Any = json.loads(path.read_text(encoding="utf-8"))
            rows = [[str(cell) for cell in row["cells"]] for row in record["rows"]]
            rows = [rows[index] for index in record.get("shown", range(len(rows)))]
            note = "\n".join(map(str, record.get("sentences", [])))
        except (OSError, ValueError, KeyError, IndexError, TypeError):
            continue
        if record.get("type") == "trial" and all(len(row) == len(HEAD) for row in rows):
            yield str(path), rows, note
