"""Limits on the size of a response, for runs of any size."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

MAX_RESPONSE_BYTES = 1_000_000
"""Maximum size of a response in bytes, before compression."""

MAX_ROWS = 300
MAX_COLUMNS = 240
MAX_CELLS = 36_000
"""Maximum size of a heat map. The more rows it has, the fewer columns."""

MAX_POINTS = 400
MAX_CHARTS = 3
MAX_SERIES = 40
"""Maximum number of points of a line, of charts above the heat map, and of series of a layer."""

MAX_UNITS = 2048
"""Maximum number of units shown of a layer; for wider layers every second, third, ... one."""

MAX_BARS = 300
MAX_GROUPS = 100
MAX_GROUP_TARGETS = 60
MAX_FINDING_BYTES = 300_000
"""Maximum number of bars of the timeline, of groups of findings and of layers listed in each, and
size of all their texts in bytes."""

MAX_CODE = 4000
"""Maximum length of a remedy's code in characters; longer code is omitted rather than cut."""

MAX_NAME = 90


def fitting(items: Iterable[Any], limit: int) -> list[Any]:
    """Return the first items whose JSON takes at most `limit` bytes in total."""
    kept, size = [], 0
    for item in items:
        size += len(json.dumps(item)) + 2
        if size > limit:
            break
        kept.append(item)
    return kept
