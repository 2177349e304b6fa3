"""The confidence interval of a rate."""

import math

Z_ONE_SIDED = 1.645
"""One-sided 95 % in standard errors."""


def wilson_lower_bound(fraction: float, units: int | None) -> float:
    """Return the lower 95 % limit of the rate that a fraction of `units` units stands for.

    A layer of few units is a small sample: two of five units may be dead by chance where one in
    five dies.

    Args:
        fraction: The observed fraction, in [0, 1].
        units: Number of units; None or 0 if it is not known.

    Returns:
        The lower limit, or `fraction` itself if the number of units is not known.

    Example:
        >>> round(wilson_lower_bound(0.4, 5), 2), round(wilson_lower_bound(0.4, 500), 2)
        (0.14, 0.36)

    Reference:
        Wilson, "Probable inference", J. Am. Stat. Assoc., 1927.
    """
    if not units or fraction <= 0:
        return fraction
    spread = Z_ONE_SIDED * math.sqrt(
        fraction * (1 - fraction) / units + Z_ONE_SIDED**2 / (4 * units**2)
    )
    return (fraction + Z_ONE_SIDED**2 / (2 * units) - spread) / (1 + Z_ONE_SIDED**2 / units)
