"""Which probes take gradients: all, or every fourth where the backward pass is most of the cost."""

FIRST_FULL_PROBES = 8
"""Probes at the start of a run that all take gradients: most happens there."""

FULL_PROBE_EVERY = 4
"""Of so many probes one takes gradients where the backward pass is most of a probe."""

BACKWARD_FRACTION = 0.5
"""Fraction of a probe's time from which on the backward pass is most of it."""


class GradientTurns:
    """Decides for each probe whether it takes gradients, by how long the two kinds took so far.

    A probe without a backward pass is another graph. It is made once the full probes have taken as
    long as making it does, so that a wrong decision costs at most twice as much.

    Args:
        start_seconds: Estimated time to make the graph of the probes without a backward pass.

    Example:
        >>> turns = GradientTurns(start_seconds=1.0)
        >>> for _ in range(12):
        ...     turns.note(takes_gradients=turns.takes_gradients(), seconds=1.0)
        >>> turns.takes_gradients()
        True
    """

    def __init__(self, start_seconds: float) -> None:
        self._start_seconds = start_seconds
        self._spent = 0.0  # on full probes, without the first
        self._counts = {True: 0, False: 0}
        self._fastest = {True: float("inf"), False: float("inf")}

    def takes_gradients(self) -> bool:
        """Return whether the next probe is to take gradients."""
        full, forward = self._counts[True], self._counts[False]
        if full < FIRST_FULL_PROBES or self._spent < self._start_seconds:
            return True
        if forward < 2:  # the first one includes one-off costs
            return False
        if self._fastest[False] > (1 - BACKWARD_FRACTION) * self._fastest[True]:
            return True
        return (full + forward) % FULL_PROBE_EVERY == 0

    def note(self, *, takes_gradients: bool, seconds: float) -> None:
        """Record how long a probe took."""
        if self._counts[takes_gradients]:
            self._fastest[takes_gradients] = min(self._fastest[takes_gradients], seconds)
            self._spent += seconds if takes_gradients else 0.0
        self._counts[takes_gradients] += 1
