"""The search for the data that made weights non-finite."""

from keras_babysit.recorder.health import RunHealth

MAX_SEARCHED_STEPS = 400
"""Most steps whose whole batch is searched. The run is lost by then, so the search may take what
it takes."""


class BadBatchSearch:
    """Searches the rest of an epoch and the whole of the next, whose batches differ.

    It begins at most once: if the cause was found, or not found in time, there is nothing left to
    search.

    Args:
        health: The `RunHealth` of the run, which says whether a search is on.
        epoch_steps: Steps of an epoch, None if that is not known.

    Example:
        >>> from keras_babysit.recorder.health import RunHealth
        >>> health = RunHealth()
        >>> search = BadBatchSearch(health, epoch_steps=3)
        >>> search.begin()
        >>> print(health)
        searching
        >>> search.note(6)
        >>> print(health)
        lost
    """

    def __init__(self, health: RunHealth, epoch_steps: int | None) -> None:
        self._health = health
        self._steps_left = min(MAX_SEARCHED_STEPS, 2 * (epoch_steps or MAX_SEARCHED_STEPS))

    @property
    def is_on(self) -> bool:
        """Whether the next batch is searched."""
        return self._health.is_searching

    @property
    def is_over(self) -> bool:
        """Whether the cause is found or is not searched for any more."""
        return self._steps_left <= 0

    def begin(self) -> None:
        """Begin, unless a search has begun before or is over."""
        if not self.is_over and self._health.can_search:
            self._health.begin_search()

    def note(self, steps: int) -> None:
        """Note that the batches of so many steps are searched."""
        self._steps_left -= steps
        if self.is_over:
            self.end()

    def end(self) -> None:
        """Search no more: the run counts as lost if the search was on."""
        self._steps_left = 0
        if self._health.is_searching:
            self._health.lose()
