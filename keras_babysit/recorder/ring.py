"""The ring: the latest batches of a run, as they went into its steps."""

import collections
from dataclasses import dataclass
from typing import Any

from keras_babysit.samples.batches import n_bytes

MAX_STEPS = 512
"""Bound of the kept steps; replaying as many takes as long as training on them did."""

MAX_RING_BYTES = 256 * 2**20
"""Bound of the memory of the kept batches. Tensors are kept by reference, arrays as copies."""


@dataclass(frozen=True, slots=True)
class KeptStep:
    """One call of Keras' train function, with all that it starts from but the variables.

    Args:
        call: Calls before it.
        step: Optimizer steps done before it.
        epoch: Epoch, counted from 0.
        batch_index: Index of its first batch in the epoch, counted from 0 as Keras' hooks do.
        batches: Its batches; several with `steps_per_execution`.
        rate: The learning rate as a tensor, which callbacks may change; None under a schedule.
        random: The backend's own random state, None where Keras does not draw on it.
    """

    call: int
    step: int
    epoch: int
    batch_index: int
    batches: list[Any]
    rate: Any = None
    random: Any = None


class Ring:
    """Keeps the latest steps within bounds of their number and memory.

    Args:
        max_steps: Calls to keep at most, at least 1.
        max_bytes: Memory of their batches at most; the latest call is kept whatever it takes.

    Example:
        >>> ring = Ring(max_steps=2)
        >>> for call in range(3):
        ...     ring.add(KeptStep(call, call, 0, call, [np.zeros(2)]))
        >>> [kept.call for kept in ring.since(0)], ring.first
        ([1, 2], 1)
    """

    def __init__(self, *, max_steps: int = MAX_STEPS, max_bytes: int = MAX_RING_BYTES) -> None:
        self.max_steps = max_steps
        self.max_bytes = max_bytes
        self._kept: collections.deque[tuple[KeptStep, int]] = collections.deque()
        self._bytes = 0
        self._good: KeptStep | None = None

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def first(self) -> int | None:
        """The first call that is kept, None if none is."""
        return self._kept[0][0].call if self._kept else None

    @property
    def until(self) -> int:
        """The call after the latest one that is kept, 0 if none is."""
        return self._kept[-1][0].call + 1 if self._kept else 0

    @property
    def capacity(self) -> int:
        """How many calls like the latest one the ring can hold."""
        if not self._kept:
            return self.max_steps
        return min(self.max_steps, max(1, self.max_bytes // max(1, self._kept[-1][1])))

    def add(self, kept: KeptStep) -> None:
        """Keep one more step, and let the oldest go that do not fit; the new one always stays."""
        size = n_bytes(kept.batches)
        self._kept.append((kept, size))
        self._bytes += size
        while len(self._kept) > 1 and not self._fits:
            self._bytes -= self._kept.popleft()[1]

    def drop_latest(self) -> None:
        """Forget the latest step: it did not happen."""
        if self._kept:
            self._bytes -= self._kept.pop()[1]

    def clear(self, good: KeptStep | None = None) -> None:
        """Forget all but a step that went well, if one is known, to compare others with."""
        self._kept.clear()
        self._bytes = 0
        self._good = good

    def since(self, call: int) -> list[KeptStep]:
        """Return the kept steps from `call` on, in their order."""
        return [kept for kept, _ in self._kept if kept.call >= call]

    def before(self, call: int) -> KeptStep | None:
        """Return the kept step right before `call`, or an older one that went well, or None."""
        return next((kept for kept, _ in self._kept if kept.call == call - 1), self._good)

    @property
    def _fits(self) -> bool:
        return len(self._kept) <= self.max_steps and self._bytes <= self.max_bytes
