"""Plot of activations and their derivatives."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_babysit.activations.activation_profile import ActivationProfile

_SHOWN = 6.0


def plot(profiles: Sequence[ActivationProfile]) -> Any:
    """Plot f and f' of each activation, with shaded regions where it saturates.

    Args:
        profiles: `ActivationProfile`s from `profile`, at least one.

    Returns:
        A `matplotlib.figure.Figure`. Save it with its method `savefig`.

    Raises:
        ImportError: If matplotlib is not installed.
        ValueError: If `profiles` is empty.

    Example:
        >>> from keras_babysit.activations import profile
        >>> figure = plot(profile("tanh", "relu", with_cost=False))
        >>> [axes.get_title() for axes in figure.axes]
        ['tanh', 'relu']
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("Pictures need matplotlib: pip install matplotlib") from error
    if not profiles:
        raise ValueError("Argument `profiles` must hold at least one profile. Received: none")
    columns = min(len(profiles), 3)
    rows = -(-len(profiles) // columns)
    figure = Figure(figsize=(3.4 * columns, 2.8 * rows), layout="constrained")
    for index, profile in enumerate(profiles):
        _draw(figure.add_subplot(rows, columns, index + 1), profile)
    figure.axes[0].legend(loc="upper left", frameon=False)
    return figure


def _draw(axes: Any, profile: ActivationProfile) -> None:
    shown = np.abs(profile.z) <= _SHOWN
    for low, high in profile.saturated:
        axes.axvspan(max(low, -_SHOWN), min(high, _SHOWN), color="0.92", zorder=0)
    axes.plot(profile.z[shown], profile.value[shown], label="f(z)", color="tab:blue")
    axes.plot(profile.z[shown], profile.slope[shown], label="f'(z)", color="tab:orange")
    axes.set(title=profile.name, xlim=(-_SHOWN, _SHOWN), ylim=(-1.5, 2.0), xlabel="z")
    axes.grid(alpha=0.3)
