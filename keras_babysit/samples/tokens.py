"""Tokens: which one is the most frequent, and how frequent it is."""

from typing import Any

import numpy as np

from keras_babysit.samples.steps import FILL, is_sequence, padded_steps

MIN_TOKENS = 256
"""Tokens that are needed to speak of frequencies."""


def describe_tokens(leaf: np.ndarray) -> dict[str, Any]:
    """Return what `InputFacts` say of the most frequent token, padding apart.

    Args:
        leaf: One array of inputs; what are no sequences of whole numbers from 0 on has no tokens.

    Example:
        >>> describe_tokens(np.tile([5, 1, 1, 1, 9, 1, 1, 0], (50, 1)))
        {'common_token': 1, 'common_fraction': 0.7142857142857143}
    """
    if leaf.ndim != 2 or not is_sequence(leaf) or leaf.min() < FILL:
        return {}
    tokens = leaf[~padded_steps(leaf)]
    if len(tokens) < MIN_TOKENS:
        return {}
    values, counts = np.unique(tokens, return_counts=True)
    most = int(counts.argmax())
    return {
        "common_token": int(values[most]),
        "common_fraction": float(counts[most] / len(tokens)),
    }
