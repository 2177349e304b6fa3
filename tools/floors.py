"""Prints the requirements in setup.cfg at their oldest supported versions, for `make test-oldest`.

`keras>=3.10` becomes `keras==3.10`, which is its first release 3.10.0; a requirement
without a floor is printed as it is.
"""

from __future__ import annotations

import configparser
import sys
from pathlib import Path

SETUP = Path(__file__).parents[1] / "setup.cfg"


def floors(*extras: str) -> list[str]:
    """Return the requirements of the package and of some of its extras, each at its floor.

    Args:
        extras: Names of extras whose requirements are added, for instance `"tensorflow"`.

    Returns:
        `name==floor` for each requirement with a floor, the requirement as it is without one.

    Raises:
        KeyError: There is no extra of this name.
    """
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(SETUP, encoding="utf-8")
    lists = [setup["options"]["install_requires"]]
    lists += [setup["options.extras_require"][extra] for extra in extras]
    lines = [line for text in lists for line in text.split("\n") if line.strip()]
    return [line.split(",")[0].replace(">=", "==") for line in lines]


if __name__ == "__main__":
    print(*floors(*sys.argv[1:]))
