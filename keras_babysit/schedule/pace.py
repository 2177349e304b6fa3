"""What a pass through the network takes for each example, beside what it takes for none."""

import math

AGAIN = 0.7
"""Share of what it takes to start that each uncompiled pass takes: measured on TensorFlow."""

APART = 2
"""Times the examples that another pass must have had, for the difference of the two to tell."""


class Pace:
    """Tells what more examples take, from the fastest passes over few and over many.

    Args:
        fixed: Guess of what a pass takes however few examples there are, in seconds. It counts as
            long as all passes were of about one size.

    Example:
        >>> pace = Pace(fixed=0.98)
        >>> pace.note(32, seconds=1.3)
        >>> round(pace.per_example(), 3), round(pace.most_per_example(), 3)
        (0.01, 0.041)
        >>> pace.note(256, seconds=8.02)
        >>> round(pace.per_example(), 3)
        0.03
    """

    def __init__(self, *, fixed=0.0):
        self._fixed = fixed
        self._fastest = {}  # seconds by the number of examples

    def note(self, examples, seconds):
        """Note what a pass over so many examples took."""
        self._fastest[examples] = min(seconds, self._fastest.get(examples, math.inf))

    def per_example(self):
        """Return the seconds of each further example, 0 before the first pass."""
        return self._per_example(self._fixed)

    def most_per_example(self):
        """Return the same, or the most that it may be as long as that rests on the guess."""
        return self._per_example(0.0)

    def _per_example(self, fixed):
        if not self._fastest:
            return 0.0
        few, many = min(self._fastest), max(self._fastest)
        if many < APART * few:
            return max(0.0, self._fastest[many] - fixed) / many
        return max(0.0, self._fastest[many] - self._fastest[few]) / (many - few)
