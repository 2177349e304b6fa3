"""Why a program is missed, or alarmed on by mistake: one line each, by somebody who looked.

The figures do not depend on it. A line whose program is right by now can go.
"""

WHYS: dict[str, str] = {}
"""The reason by the id of the program."""
