"""How long a pass through the network takes per example, beside its fixed cost."""

import math

REPEAT_FRACTION = 0.7
"""Fixed cost of each uncompiled pass as a fraction of the time to start: measured on TensorFlow."""

MIN_SIZE_RATIO = 2
"""Ratio of the numbers of examples of two passes from which on their difference is used."""


class Pace:
    """Estimates the time per example from the fastest passes over few and over many examples.

    Args:
        fixed: Guess of the fixed cost of a pass, in seconds. It is used as long as all passes had
            about the same size.

    Example:
        >>> pace = Pace(fixed=0.98)
        >>> pace.note(32, seconds=1.3)
        >>> round(pace.per_example(), 3), round(pace.most_per_example(), 3)
        (0.01, 0.041)
        >>> pace.note(256, seconds=8.02)
        >>> round(pace.per_example(), 3)
        0.03
    """

    def __init__(self, *, fixed: float = 0.0) -> None:
        self._fixed = fixed
        self._fastest: dict[int, float] = {}  # seconds by the number of examples

    def note(self, examples: int, seconds: float) -> None:
        """Record how long a pass over `examples` examples took."""
        self._fastest[examples] = min(seconds, self._fastest.get(examples, math.inf))

    def per_example(self) -> float:
        """Return the seconds per further example, 0 before the first pass."""
        return self._per_example(self._fixed)

    def most_per_example(self) -> float:
        """Return the same, or an upper bound as long as it depends on the guess."""
        return self._per_example(0.0)

    def _per_example(self, fixed: float) -> float:
        if not self._fastest:
            return 0.0
        few, many = min(self._fastest), max(self._fastest)
        if many < MIN_SIZE_RATIO * few:
            return max(0.0, self._fastest[many] - fixed) / many
        return max(0.0, self._fastest[many] - self._fastest[few]) / (many - few)
