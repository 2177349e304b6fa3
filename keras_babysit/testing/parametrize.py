"""One pytest test per case and check."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest


def parametrize(
    cases: Mapping[str, Any], checks: Mapping[str, Callable[..., None]]
) -> pytest.MarkDecorator:
    """Return a decorator that calls a test with every `case` and every `check`.

    Args:
        cases: What is checked, by a name that shows in the report of pytest.
        checks: The checks of a suite, by name.

    Example:
        >>> @parametrize({"one": 1}, {"positive": lambda case: None})
        ... def test_numbers(case, check):
        ...     check(case)
    """
    rows = [
        pytest.param(case, check, id=f"{name}-{check_name}")
        for name, case in cases.items()
        for check_name, check in checks.items()
    ]
    return pytest.mark.parametrize(("case", "check"), rows)
