"""Which probes go backward as well: all, or every fourth where that is most of what they take."""

FIRST = 8
"""Probes that all go backward: most is seen at the start of a run."""

SELDOM = 4
"""Every so many probes go backward where the way back is most of a probe."""

MOST = 0.5
"""Share of a probe's time from which on the way back is most of it."""


class GradientTurns:
    """Decides for each probe whether it takes gradients, by what the two kinds have taken.

    A probe that goes forward only is another graph. It is made once the full probes have taken as
    long as making it does, so that this at most doubles what a bad guess costs.

    Args:
        start_seconds: About how long it takes to start with probes that go forward only.

    Example:
        >>> turns = GradientTurns(start_seconds=1.0)
        >>> for _ in range(12):
        ...     turns.note(takes_gradients=turns.takes_gradients(), seconds=1.0)
        >>> turns.takes_gradients()
        True
    """

    def __init__(self, start_seconds):
        self._start_seconds = start_seconds
        self._spent = 0.0  # by full probes, the first one left out
        self._taken = {True: 0, False: 0}
        self._fastest = {True: float("inf"), False: float("inf")}

    def takes_gradients(self):
        """Return whether the next probe is to take gradients."""
        full, forward = self._taken[True], self._taken[False]
        if full < FIRST or self._spent < self._start_seconds:
            return True
        if forward < 2:  # the first one holds what is paid once
            return False
        if self._fastest[False] > (1 - MOST) * self._fastest[True]:
            return True
        return (full + forward) % SELDOM == 0

    def note(self, *, takes_gradients, seconds):
        """Note what a probe took."""
        if self._taken[takes_gradients]:
            self._fastest[takes_gradients] = min(self._fastest[takes_gradients], seconds)
            self._spent += seconds if takes_gradients else 0.0
        self._taken[takes_gradients] += 1
