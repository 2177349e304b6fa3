"""The search for the data that made weights non-finite."""

MAX_SEARCHED_STEPS = 400
"""Steps whose whole batch is searched at most. The run is lost by then, so that this may cost what
it costs."""


class BadBatchSearch:
    """Goes on for the rest of an epoch and the whole of the next, which comes in another order.

    It begins once: where the reason was found, or not found in time, there is nothing to look for.

    Args:
        epoch_steps: Steps of an epoch, None if that is not known.
    """

    def __init__(self, epoch_steps):
        self._limit = min(MAX_SEARCHED_STEPS, 2 * (epoch_steps or MAX_SEARCHED_STEPS))
        self._searched = None  # steps, None before there is a reason

    @property
    def is_on(self):
        """Whether the next batch is to be searched."""
        return self._searched is not None and self._searched < self._limit

    @property
    def is_over(self):
        """Whether what was not found will not be."""
        return self._searched is not None and self._searched >= self._limit

    def begin(self):
        """Begin, unless that was before."""
        if self._searched is None:
            self._searched = 0

    def note(self, steps):
        """Note that the batches of so many steps are searched."""
        self._searched += steps

    def end(self):
        """Search no more."""
        self._searched = self._limit
