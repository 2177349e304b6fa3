"""The properties of one activation."""

import dataclasses

import numpy as np

from keras_babysit import markup

Interval = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class ActivationProfile:
    """Properties of an activation.

    Args:
        name: Name of the activation.
        output_range: Smallest and largest output; infinite where it is unbounded.
        mean_output: `E[f(z)]` for `z ~ N(0, 1)`.
        saturated: Intervals of z where `abs(f'(z))` is below 2 % of its maximum.
        dead: Intervals of z where `f'(z)` is exactly 0. A unit whose inputs all lie there gets no
            gradient.
        relative_cost: Time of a forward and backward pass divided by ReLU's, on this machine; None
            if not measured.
        z: Inputs of the curves in the plot.
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
        """Whether the mean output for `z ~ N(0, 1)` is 0, within 0.01."""
        return abs(self.mean_output) < 0.01

    def _repr_html_(self) -> str:
        return ProfileList([self])._repr_html_()


class ProfileList(list[ActivationProfile]):
    """Profiles that show themselves as a table in a notebook; a list in every other respect."""

    def _repr_html_(self) -> str:
        head = (
            "activation",
            "outputs",
            "mean output",
            "saturated for z in",
            "dead for z in",
            "cost",
        )
        rows = [
            (
                one.name,
                _interval(one.output_range),
                "0 (zero-centered)" if one.is_zero_centered else f"{one.mean_output:.2g}",
                ", ".join(map(_interval, one.saturated)) or "-",
                ", ".join(map(_interval, one.dead)) or "-",
                "-" if one.relative_cost is None else f"{one.relative_cost:.2g} x ReLU",
            )
            for one in self
        ]
        return markup.fragment(markup.table(head, rows))


def _interval(ends: Interval) -> str:
    """Return an interval as text; an end that is infinite is open."""
    low, high = (f"{end:.2g}" for end in ends)
    return f"{'(' if low == '-inf' else '['}{low}, {high}{')' if high == 'inf' else ']'}"
