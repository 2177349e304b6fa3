"""Which units stayed closed for every example of the recent probes."""

import collections
from collections.abc import Hashable

import numpy as np

from keras_babysit.probes.gates import CLOSED_GATE


class GateWindow:
    """Joins the widest gates of each unit over recent probes.

    A unit is dead if no example of the window opened it. The window reaches back until it holds
    `examples` examples; before it does, there is no answer. Examples that are measured again do not
    count again: only their latest measurement is in the window.

    Args:
        examples: Number of examples that an answer needs.

    Example:
        >>> window = GateWindow(examples=4)
        >>> window.add("dense", 2, np.array([0.0, 1.0]))
        >>> window.dead_fraction("dense") is None
        True
        >>> window.add("dense", 2, np.array([0.0, 0.0]))
        >>> window.dead_fraction("dense")
        0.5
        >>> window.add("dense", 2, np.array([0.0, 1.0]), key="a batch")
        >>> window.add("dense", 2, np.array([0.0, 0.0]), key="a batch")
        >>> window.seen("dense"), window.dead_fraction("dense")
        (4, 1.0)
    """

    def __init__(self, examples: int) -> None:
        self.examples = examples
        # (examples, gates, key) of each target
        self._probes: dict[str, collections.deque[tuple[int, np.ndarray, Hashable]]] = (
            collections.defaultdict(collections.deque)
        )

    def add(
        self, target: str, examples: int, gate_max: np.ndarray, key: Hashable | None = None
    ) -> None:
        """Add the widest gate of each unit over some examples.

        Args:
            target: The layer.
            examples: Number of the examples.
            gate_max: The gates.
            key: What tells these examples from others; None if they are not to be told apart.
        """
        probes = self._probes[target]
        others = [one for one in probes if key is None or one[2] != key]
        probes.clear()
        probes.extend([*others, (examples, gate_max, key)])
        while self.seen(target) - probes[0][0] >= self.examples:
            probes.popleft()

    def targets(self) -> list[str]:
        """Return the layers whose gates were added, in their order."""
        return list(self._probes)

    def seen(self, target: str) -> int:
        """Return the number of examples in the window."""
        return sum(examples for examples, *_ in self._probes[target])

    def is_full(self, target: str) -> bool:
        """Return whether the window holds enough examples."""
        return self.seen(target) >= self.examples

    def dead_fraction(self, target: str) -> float | None:
        """Return the fraction of dead units, None as long as there are too few examples."""
        if not self.is_full(target):
            return None
        widest = np.max([gates for _, gates, _ in self._probes[target]], axis=0)
        return float(np.mean(widest < CLOSED_GATE))
