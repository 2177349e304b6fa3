"""What `profile` finds out about one activation."""

import dataclasses

import numpy as np

Interval = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class ActivationProfile:
    """How an activation passes on signal and gradient.

    Args:
        name: Name of the activation.
        output_range: Smallest and largest output, with infinity where it is unbounded.
        mean_output: `E[f(z)]` for `z ~ N(0, 1)`.
        saturated: Intervals of z where `abs(f'(z))` is below 2 % of its maximum.
        dead: Intervals of z where `f'(z)` is exactly 0. A unit that only ever gets inputs from
            there has no gradient.
        relative_cost: Time of a forward and backward pass as a multiple of ReLU's on this
            machine; None where it was not measured.
        z: Points of the curves, for the picture.
        value: `f(z)`.
        slope: `f'(z)`.
    """

    name: str
    output_range: Interval
    mean_output: float
    saturated: tuple[Interval, ...]
    dead: tuple[Interval, ...]
    relative_cost: float | None
    z: np.ndarray = dataclasses.field(repr=False, compare=False)
    value: np.ndarray = dataclasses.field(repr=False, compare=False)
    slope: np.ndarray = dataclasses.field(repr=False, compare=False)

    @property
    def is_zero_centered(self) -> bool:
        """Whether standardised inputs give outputs whose mean is 0, to 0.01."""
        return abs(self.mean_output) < 0.01
