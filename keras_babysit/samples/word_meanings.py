"""What words say of the class, in training and in validation data: the same vocabulary or not."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_babysit.samples.data_facts import common_classes

MIN_EXAMPLES = 64
"""Examples of either kind that are needed."""

MIN_TOKENS = 4
"""Tokens of an example that make a text, as in `comparison`."""

MAX_EXAMPLES = 1024

MAX_WORDS = 2048
"""Number of the most frequent words that are counted."""

MAX_CLASSES = 32


def compare_words(
    inputs: tuple[Sequence[np.ndarray], Sequence[np.ndarray]],
    targets: tuple[Sequence[np.ndarray], Sequence[np.ndarray]],
) -> dict[str, Any]:
    """Return what `ComparisonFacts` say of words, by field.

    A naive Bayes classifier that knows which words occur is fitted to one half of the training
    examples. It is right about the other half if words say something of the class. Then it is right
    about the validation examples as well, unless their words have other numbers, or their classes.

    Args:
        inputs: The arrays of training inputs, token numbers, and those of validation inputs.
        targets: The arrays of targets of both.

    Returns:
        Nothing where there is not one text and one class per example.
    """
    if any(len(part) != 1 for part in (*inputs, *targets)):
        return {}
    (x,), (x_val,), (y,), (y_val,) = *inputs, *targets
    sizes = [len(leaf) for leaf in (x, x_val, y, y_val)]
    if sizes[0] != sizes[2] or sizes[1] != sizes[3] or min(sizes) < MIN_EXAMPLES:
        return {}
    if x[:1].size < MIN_TOKENS or x.ndim != 2 or not _are_words(x) or not _are_words(x_val):
        return {}
    classes = common_classes(y, y_val)
    if classes is None or not 1 <= max(map(np.max, classes)) < MAX_CLASSES:
        return {}
    x, x_val = x[:MAX_EXAMPLES], x_val[:MAX_EXAMPLES]
    y, y_val = classes[0][:MAX_EXAMPLES], classes[1][:MAX_EXAMPLES]
    words, counts = np.unique(x, return_counts=True)
    words = np.sort(words[np.argsort(-counts, kind="stable")[:MAX_WORDS]])
    seen, seen_val = _occurrences(x, words), _occurrences(x_val, words)
    within = [
        _predict(seen[fold::2], y[fold::2], seen[1 - fold :: 2]) != y[1 - fold :: 2]
        for fold in (0, 1)
    ]
    across = _predict(seen, y, seen_val) != y_val
    return {
        "word_error_within": float(np.concatenate(within).mean()),
        "word_error": float(across.mean()),
        "word_constant_error": float(1 - np.bincount(y_val).max() / len(y_val)),
        "word_examples": len(y_val),
    }


def _are_words(leaf: np.ndarray) -> bool:
    return leaf.dtype.kind in "fiu" and bool((leaf == np.round(leaf)).all())


def _occurrences(leaf: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Return which of the words occur in each example."""
    index = np.searchsorted(words, leaf).clip(0, len(words) - 1)
    found = np.zeros((len(leaf), len(words)), bool)
    row = np.broadcast_to(np.arange(len(leaf))[:, None], leaf.shape)
    is_known = words[index] == leaf
    found[row[is_known], index[is_known]] = True
    return found


def _predict(seen: np.ndarray, classes: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Return the likeliest class of new examples, by the words of known ones."""
    each = np.eye(int(classes.max()) + 1)[classes]
    with_word = each.T @ seen + 1.0  # Laplace's rule of succession
    rate = with_word / (each.sum(axis=0)[:, None] + 2.0)
    prior = np.log(each.sum(axis=0) + 1.0)
    scores = new @ np.log(rate / (1 - rate)).T + np.log1p(-rate).sum(axis=1) + prior
    answers: np.ndarray = scores.argmax(axis=1)
    return answers
