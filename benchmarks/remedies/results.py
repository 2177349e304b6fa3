"""Where results are kept."""

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "results.json"

PARTS = ("bases", "first", "unseen", "tried", "healthy", "intervals")
"""`bases` holds the scores of healthy programs, one per seed; `unseen` holds results of `first` as
they were when their programs were measured for the first time, before any remedy was corrected
after them."""


def load() -> dict[str, Any]:
    """Return the results so far."""
    known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return {part: {} for part in PARTS} | known


def save(results: dict[str, Any]) -> None:
    """Keep the results, one line per program."""
    parts = []
    for part in PARTS:
        lines = [f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(results[part].items())]
        inside = "\n" + ",\n".join(lines) + "\n " if lines else ""
        parts.append(f' "{part}": {{{inside}}}')
    parts.append(f' "on": {json.dumps(results["on"])}')
    FILE.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
