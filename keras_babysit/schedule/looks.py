"""At which steps, and at which ends of epochs, a run is looked at: pure functions."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Looks:
    """Looks at steps 0, 1, g, g^2, ... up to `spacing`, and then at every multiple of it.

    Most happens in the first steps, so they are looked at more closely.

    Args:
        spacing: Number of steps between two later looks; None for none but the growing ones.
        growth: The factor g, at least 2; None to look at step 0 only.

    Example:
        >>> Looks(spacing=8).steps(33)
        [0, 1, 2, 4, 8, 16, 24, 32]
        >>> Looks(growth=4).steps(100)
        [0, 1, 4, 16, 64]
    """

    spacing: int | None = None
    growth: int | None = 2

    def after(self, step: int) -> float:
        """Return the first step after `step` that is looked at; infinity if there is none."""
        if self.growth is None:
            return float("inf")
        power = 1
        while power <= step:
            power *= self.growth
        if self.spacing is None:
            return power
        later = (step // self.spacing + 1) * self.spacing
        return min(power, later) if power <= self.spacing else later

    def steps(self, planned: int) -> list[int]:
        """Return all steps below `planned` that are looked at."""
        found, step = [0], self.after(0)
        while step < planned:
            found.append(int(step))
            step = self.after(found[-1])
        return found


@dataclass(frozen=True)
class Ends:
    """Which ends of epochs are looked at: 1, 2, 4, ... up to `spacing`, its multiples, the last.

    Args:
        spacing: Number of epochs between two later looks; None for the end of the run only.

    Example:
        >>> [epoch for epoch in range(1, 15) if epoch in Ends(spacing=4)]
        [1, 2, 4, 8, 12]
    """

    spacing: int | None = 1

    def __contains__(self, epoch: int) -> bool:
        """Return whether the end of an epoch, counted from 1, is looked at."""
        if self.spacing is None:
            return False
        is_early = epoch <= self.spacing and epoch & (epoch - 1) == 0
        return is_early or epoch % self.spacing == 0

    def count(self, epochs: int) -> int:
        """Return the number of looks in a run of so many epochs, with that at its end."""
        if self.spacing is None or self.spacing > epochs:
            powers = 0 if self.spacing is None else epochs.bit_length()
            return powers + (self.spacing is None or epochs & (epochs - 1) != 0)
        early = self.spacing.bit_length() - 1
        return early + epochs // self.spacing + (epochs % self.spacing != 0)


def power_of_two(number: float) -> int:
    """Return the smallest power of two that is at least `number`, and at least 1.

    Example:
        >>> [power_of_two(number) for number in (0, 1, 2.5, 64)]
        [1, 1, 4, 64]
    """
    power = 1
    while power < number:
        power *= 2
    return power
