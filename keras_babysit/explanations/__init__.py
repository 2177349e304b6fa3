"""What is known of each condition, in words: `explain` prints it, the documentation shows it.

    docstring of the rule or check ─▶ Condition.about ─┐
    rows of its tests ─▶ examples.json ────────────────┴▶ Explanation ─▶ text, page

`docstring` takes a docstring apart, `explanation` puts everything together, `text` lays it out.
`examples.json` holds the messages and remedies that a user sees; `make messages` writes it.
"""

from keras_babysit.explanations.docstring import parts, prose, thresholds
from keras_babysit.explanations.explain import explain
from keras_babysit.explanations.explanation import Explanation, explainable, explanation

__all__ = [
    "Explanation",
    "explain",
    "explainable",
    "explanation",
    "parts",
    "prose",
    "thresholds",
]
