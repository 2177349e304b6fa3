"""Where results are kept."""

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "results.json"


def load() -> dict[str, Any]:
    """Return the results so far."""
    empty: dict[str, Any] = {"first": {}, "tried": {}, "healthy": {}}
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else empty


def save(results: dict[str, Any]) -> None:
    """Keep the results, one line per program."""
    parts = []
    for part in ("first", "tried", "healthy"):
        lines = [f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(results[part].items())]
        inside = "\n" + ",\n".join(lines) + "\n " if lines else ""
        parts.append(f' "{part}": {{{inside}}}')
    parts.append(f' "on": {json.dumps(results["on"])}')
    FILE.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
