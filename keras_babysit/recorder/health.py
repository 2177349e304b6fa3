"""The health of one run: one state, asked by the session, the flight recorder and the rules."""

import enum

from keras_babysit.errors import HealthTransitionError


class Health(enum.Enum):
    """How a watched run stands."""

    HEALTHY = "healthy"
    """Nothing fatal holds."""

    SEARCHING = "searching"
    """Weights are not finite and no rule knows why: batches are searched for the cause."""

    LOST = "lost"
    """A fatal finding holds, or weights are not finite."""

    RESCUED = "rescued"
    """An earlier good state was restored, and no loss has confirmed it yet."""

    OFF = "off"
    """The run is not watched, from its start on or from a failure of the watcher on."""


TRANSITIONS: dict[str, dict[Health, Health]] = {
    "begin_search": {
        Health.HEALTHY: Health.SEARCHING,
        Health.LOST: Health.SEARCHING,
        Health.RESCUED: Health.SEARCHING,
    },
    "lose": {
        Health.HEALTHY: Health.LOST,
        Health.SEARCHING: Health.LOST,
        Health.LOST: Health.LOST,
        Health.RESCUED: Health.LOST,
    },
    "rescue": {Health.LOST: Health.RESCUED},
    "resolve": {
        Health.HEALTHY: Health.HEALTHY,
        Health.SEARCHING: Health.HEALTHY,
        Health.LOST: Health.HEALTHY,
        Health.RESCUED: Health.HEALTHY,
    },
    "switch_off": dict.fromkeys(Health, Health.OFF),
}
"""The state that each transition leads to, by the state that it may start from.

`lose`, `resolve` and `switch_off` are judgements that may be repeated: they also start from the
state that they lead to. Nothing leads out of `Health.OFF`."""


class RunHealth:
    """Holds the health of one run and allows only the transitions in `TRANSITIONS`.

    The session begins a search and reports a loss when its rules find one; the flight recorder,
    which looks at the state itself, reports a loss, a rescue, or that nothing was lost. A loss
    stays until it is investigated: where there is a flight recorder, it alone calls `resolve`, and
    a judgement in between that finds nothing fatal does not. Findings about the time up to
    `rescued_at` are about weights that no longer exist.

    Args:
        state: The state to start from.
        rescues: Number of times that a good state was restored and training went on, at least 0.
        rescued_at: Optimizer steps done at the latest rescue; None if there was none.
        has_searched: Whether a search has begun before. A run is searched once.

    Attributes:
        state: The current `Health`.

    Raises:
        ValueError: If `rescues` and `rescued_at` contradict each other, or the state.

    Example:
        >>> health = RunHealth()
        >>> health.lose()
        >>> health.rescue(step=12)
        >>> health
        RunHealth(state=Health.RESCUED, rescues=1, rescued_at=12, has_searched=False)
        >>> print(health)
        rescued at step 12 (rescue 1)
        >>> health.resolve()
        >>> print(health)
        healthy
    """

    def __init__(
        self,
        state: Health = Health.HEALTHY,
        *,
        rescues: int = 0,
        rescued_at: int | None = None,
        has_searched: bool = False,
    ) -> None:
        if rescues < 0 or (rescues > 0) != (rescued_at is not None):
            raise ValueError(
                "Arguments `rescues` and `rescued_at` must name a rescue both or neither. "
                f"Received: rescues={rescues}, rescued_at={rescued_at}"
            )
        if state is Health.RESCUED and not rescues:
            raise ValueError(
                "A run in `Health.RESCUED` must have been rescued. Received: rescues=0. Pass "
                "`rescues` and `rescued_at`."
            )
        self.state = Health(state)
        self._rescues = rescues
        self._rescued_at = rescued_at
        self._has_searched = has_searched or self.state is Health.SEARCHING

    @property
    def rescues(self) -> int:
        """Number of times that a good state was restored and training went on."""
        return self._rescues

    @property
    def rescued_at(self) -> int | None:
        """Optimizer steps done at the latest rescue; None if there was none."""
        return self._rescued_at

    @property
    def is_off(self) -> bool:
        """Whether the run is not watched."""
        return self.state is Health.OFF

    @property
    def is_lost(self) -> bool:
        """Whether a loss was reported that is neither rescued nor resolved."""
        return self.state is Health.LOST

    @property
    def is_searching(self) -> bool:
        """Whether batches are searched for the cause."""
        return self.state is Health.SEARCHING

    @property
    def can_search(self) -> bool:
        """Whether `begin_search` is allowed: the run is watched and was not searched before."""
        return not self._has_searched and self.state in TRANSITIONS["begin_search"]

    def is_past(self, step: int) -> bool:
        """Return whether what was measured at `step` is about a state that a rescue replaced.

        Args:
            step: Optimizer steps done when it was measured, at least 0.

        Returns:
            True for a measurement up to the latest rescue; False if there was none.
        """
        return self._rescued_at is not None and step <= self._rescued_at

    def begin_search(self) -> None:
        """Start to search batches for the cause of weights that are not finite.

        Raises:
            HealthTransitionError: If the run is off, or was searched before (`can_search` tells).
        """
        if self._has_searched:
            raise HealthTransitionError(
                "`begin_search` must be called at most once in a run. Received: a second call, "
                f"in state {self}. Ask `can_search` before."
            )
        self._go("begin_search")
        self._has_searched = True

    def lose(self) -> None:
        """Report that the run is lost; a search ends with that.

        Raises:
            HealthTransitionError: If the run is off.
        """
        self._go("lose")

    def rescue(self, step: int) -> None:
        """Report that a good state was restored and training goes on.

        Args:
            step: Optimizer steps done at this moment, at least 0.

        Raises:
            HealthTransitionError: If the run is not lost.
        """
        self._go("rescue")
        self._rescues += 1
        self._rescued_at = step

    def resolve(self) -> None:
        """Report that nothing fatal holds: it was no loss, or the rescued state has held.

        Raises:
            HealthTransitionError: If the run is off.
        """
        self._go("resolve")

    def switch_off(self) -> None:
        """Stop watching the run, whatever its state."""
        self._go("switch_off")

    def _go(self, transition: str) -> None:
        allowed = TRANSITIONS[transition]
        if self.state not in allowed:
            states = ", ".join(state.value for state in allowed)
            raise HealthTransitionError(
                f"`{transition}` must start from one of the states {states}. Received: state "
                f"{self}."
            )
        self.state = allowed[self.state]

    def __repr__(self) -> str:
        return (
            f"RunHealth(state={self.state}, rescues={self._rescues}, "
            f"rescued_at={self._rescued_at}, has_searched={self._has_searched})"
        )

    def __str__(self) -> str:
        if self.state is Health.RESCUED:
            return f"rescued at step {self._rescued_at} (rescue {self._rescues})"
        return str(self.state.value)
