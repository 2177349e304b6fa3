"""Plot of activations and their derivatives."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_babysit.activations.activation_profile import ActivationProfile
from keras_babysit.figures import COLOURS, DASHES, new_figure

_SHOWN = 6.0


def plot(profiles: Sequence[ActivationProfile]) -> Any:
    """Plot f and f' of each activation, with shaded regions where it saturates.

    Args:
        profiles: `ActivationProfile`s from `profile`, at least one.

    Returns:
        A `matplotlib.figure.Figure`, which displays itself in a notebook; `show()` opens it from a
        script, `save(path)` writes it.

    Raises:
        ImportError: If matplotlib is not installed.
        ValueError: If `profiles` is empty.

    Example:
        >>> from keras_babysit.activations import profile
        >>> figure = plot(profile("tanh", "relu", with_cost=False))
        >>> [axes.get_title() for axes in figure.axes]
        ['tanh', 'relu']
    """
    if not profiles:
        raise ValueError("Argument `profiles` must hold at least one profile. Received: none")
    columns = min(len(profiles), 3)
    rows = -(-len(profiles) // columns)
    figure = new_figure(3.4 * columns, 2.8 * rows)
    for index, profile in enumerate(profiles):
        _draw(figure.add_subplot(rows, columns, index + 1), profile)
    named = [axes.get_legend_handles_labels() for axes in figure.axes]
    handles = {label: handle for found in named for handle, label in zip(*found, strict=True)}
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=3, frameon=False
    )
    return figure


def _draw(axes: Any, profile: ActivationProfile) -> None:
    shown = np.abs(profile.z) <= _SHOWN
    for number, (low, high) in enumerate(profile.saturated):
        edges = (max(low, -_SHOWN), min(high, _SHOWN))
        axes.axvspan(*edges, color="0.9", zorder=0, label="" if number else "saturated")
    for number, (values, label) in enumerate(((profile.value, "f(z)"), (profile.slope, "f'(z)"))):
        style = {"color": COLOURS[number], "linestyle": DASHES[number]}
        axes.plot(profile.z[shown], values[shown], label=label, **style)
    axes.set(title=profile.name, xlim=(-_SHOWN, _SHOWN), ylim=(-1.5, 2.0), xlabel="z")
    axes.grid(alpha=0.3)
