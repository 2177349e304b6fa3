"""What a pass through the network takes for each example, beside what it takes for none."""

import math

APART = 2
"""Times the examples that another pass must have had, for the difference of the two to tell."""


class Pace:
    """Tells what more examples take, from the fastest passes over few and over many.

    Example:
        >>> pace = Pace()
        >>> pace.note(32, seconds=1.3)
        >>> round(pace.per_example(fixed=0.0), 3)
        0.041
        >>> pace.note(256, seconds=3.5)
        >>> round(pace.per_example(fixed=0.0), 3)
        0.01
    """

    def __init__(self):
        self._fastest = {}  # seconds by the number of examples

    def note(self, examples, seconds):
        """Note what a pass over so many examples took."""
        self._fastest[examples] = min(seconds, self._fastest.get(examples, math.inf))

    def per_example(self, fixed):
        """Return the seconds of each example, 0 before the first pass.

        Args:
            fixed: Guess of what a pass takes however few there are. It counts as long as all
                passes were of about one size.
        """
        if not self._fastest:
            return 0.0
        few, many = min(self._fastest), max(self._fastest)
        if many < APART * few:
            return max(0.0, self._fastest[many] - fixed) / many
        return max(0.0, self._fastest[many] - self._fastest[few]) / (many - few)
