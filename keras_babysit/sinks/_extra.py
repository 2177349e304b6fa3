"""Packages that only one sink requires."""

from __future__ import annotations

import importlib.util


def require(package: str) -> None:
    """Raise if a package is not installed; it is imported when it is used.

    Args:
        package: Name of the package, which is also that of the extra.

    Raises:
        ImportError: If it is not installed.
    """
    if importlib.util.find_spec(package) is None:
        raise ImportError(
            f"This sink requires `{package}`: pip install {package}, or install keras-babysit with "
            f'its extra: pip install "keras-babysit[{package}]"'
        )
