"""How large an answer may be, whatever the run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

MAX_BYTES = 1_000_000
"""No answer has more bytes than this, before it is compressed."""

MAX_ROWS = 300
MAX_COLUMNS = 240
MAX_CELLS = 36_000
"""Of a heat map; with more layers the steps become coarser."""

MAX_POINTS = 400
MAX_CHARTS = 3
MAX_SERIES = 40
"""Points of a line, charts above the heat map, and series of one layer."""

MAX_UNITS = 2048
"""Units of a layer; of a wider one every second, third... is shown."""

MAX_BARS = 300
MAX_GROUPS = 100
MAX_TARGETS = 60
MAX_FINDING_BYTES = 300_000
"""Bars of the timeline; groups of advice, layers named in each, and all their texts together."""

MAX_CODE = 4000
"""Characters of one remedy's code; longer code is left out rather than cut."""

MAX_NAME = 90


def fitting(items: Iterable[Any], limit: int) -> list[Any]:
    """Return the first items that take at most `limit` bytes of JSON together."""
    kept, size = [], 0
    for item in items:
        size += len(json.dumps(item)) + 2
        if size > limit:
            break
        kept.append(item)
    return kept
