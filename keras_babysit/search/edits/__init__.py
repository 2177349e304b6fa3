"""What the trials of a round change about the ranges of the next, beyond narrowing them.

An edit is a pure function `Outcome -> list[Edit]`. To add one: a file here named after the
condition, one function of the same name, and its place in `EDITS`; later ones see, and may cut,
what earlier ones proposed.
"""

from keras_babysit.search.edits.edge_of_range import edge_of_range
from keras_babysit.search.edits.edit import Edit, Outcome
from keras_babysit.search.edits.overfitting import overfitting
from keras_babysit.search.edits.stopped_beyond import stopped_beyond
from keras_babysit.search.edits.underfitting import underfitting

EDITS = (edge_of_range, overfitting, underfitting, stopped_beyond)
"""What is looked at after a round. What trials died of comes last: nothing widens past it."""

__all__ = [
    "EDITS",
    "Edit",
    "Outcome",
    "edge_of_range",
    "overfitting",
    "stopped_beyond",
    "underfitting",
]
