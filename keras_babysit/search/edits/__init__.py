"""Edits: what the trials so far change about the ranges of the next round, besides narrowing.

An edit is a pure function `RoundOutcome -> list[Edit]`. To add one, write a file named after the
condition that it looks for, with one function of the same name, and add the function to `EDITS`.
Edits run in that order, and each one sees the ranges that the earlier ones proposed.
"""

from keras_babysit.search.edits.beyond_headroom import beyond_headroom
from keras_babysit.search.edits.edge_of_range import edge_of_range
from keras_babysit.search.edits.edit import Edit, RoundOutcome
from keras_babysit.search.edits.overfitting import overfitting
from keras_babysit.search.edits.stopped_beyond import stopped_beyond
from keras_babysit.search.edits.underfitting import underfitting

EDITS = (edge_of_range, overfitting, underfitting, beyond_headroom, stopped_beyond)
"""All edits in order. Those that end a range are last: no other may widen it past that end."""

__all__ = [
    "EDITS",
    "Edit",
    "RoundOutcome",
    "beyond_headroom",
    "edge_of_range",
    "overfitting",
    "stopped_beyond",
    "underfitting",
]
