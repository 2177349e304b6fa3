"""Checks of the arguments of rules."""


def require_fraction(name: str, value: float) -> None:
    """Raise a ValueError unless `value` lies in (0, 1]."""
    if not 0 < value <= 1:
        raise ValueError(f"Argument `{name}` must be in (0, 1]. Received: {name}={value}")


def require_above(name: str, value: float, limit: float) -> None:
    """Raise a ValueError unless `value` is above `limit`."""
    if not value > limit:
        raise ValueError(f"Argument `{name}` must be above {limit}. Received: {name}={value}")


def require_count(name: str, value: int) -> None:
    """Raise a ValueError unless `value` is at least 1."""
    if value < 1:
        raise ValueError(f"Argument `{name}` must be at least 1. Received: {name}={value}")
