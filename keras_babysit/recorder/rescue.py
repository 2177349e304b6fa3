"""What to do with a run that is lost: the argument `rescue`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rescue:
    """Restore the last good state (weights, optimizer, seeds) and continue training.

    Args:
        lr_factor: Factor of the learning rate from then on, in (0, 1].
        skip_batch: Whether to skip the batch that went bad; else it is tried again. The other
            batches since the good state are trained on again.
        max_times: How often to continue, at least 0. The next time training stops, with the last
            good state restored; 0 stops at the first.

    Raises:
        ValueError: If `lr_factor` lies outside (0, 1] or `max_times` is below 0.
        TypeError: If `max_times` is no integer.

    Example:
        >>> Rescue(lr_factor=0.5)
        Rescue(lr_factor=0.5, skip_batch=True, max_times=3)
    """

    lr_factor: float = 0.1
    skip_batch: bool = True
    max_times: int = 3

    def __post_init__(self) -> None:
        if not 0 < self.lr_factor <= 1:
            raise ValueError(
                f"Argument `lr_factor` must be in (0, 1]. Received: lr_factor={self.lr_factor}"
            )
        if isinstance(self.max_times, bool) or not isinstance(self.max_times, int):
            raise TypeError(
                f"Argument `max_times` must be an integer. Received: max_times={self.max_times!r}"
            )
        if self.max_times < 0:
            raise ValueError(
                f"Argument `max_times` must be at least 0. Received: max_times={self.max_times}"
            )


STOP = Rescue(lr_factor=1.0, skip_batch=False, max_times=0)
"""What `rescue=True` stands for."""


def read_rescue(rescue: bool | Rescue) -> Rescue | None:
    """Return the `Rescue` that an argument stands for, None for none.

    Raises:
        TypeError: If it is neither a `bool` nor a `Rescue`.
    """
    if isinstance(rescue, Rescue):
        return rescue
    if rescue is True:
        return STOP
    if rescue is False or rescue is None:
        return None
    raise TypeError(
        f"Argument `rescue` must be True, False or a `kb.Rescue`. Received: rescue={rescue!r}"
    )
