"""Shares of units, as rules read them."""

import math

Z = 1.645
"""One-sided 95 % in standard errors."""


def wilson_lower_bound(share: float, units: int | None) -> float:
    """Return the lower 95 % limit of the rate behind a share of `units` units.

    The units of a layer are few draws: two dead ones of five happen by chance where one in five
    dies. Wilson's score interval, "Probable inference", J. Am. Stat. Assoc., 1927.
    """
    if not units or share <= 0:
        return share
    spread = Z * math.sqrt(share * (1 - share) / units + Z**2 / (4 * units**2))
    return (share + Z**2 / (2 * units) - spread) / (1 + Z**2 / units)
