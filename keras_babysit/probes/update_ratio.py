"""The update ratio: how far one real step moves each weight, relative to its size."""

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from keras_babysit.backends import backend, to_array
from keras_babysit.backends.protocol import Values
from keras_babysit.probes.readings import norm
from keras_babysit.typing import Tensor

ENTRIES = 2**16
"""Entries of a weight whose update is measured: enough for half a per cent of the ratio. A copy of
all weights would take memory that the step of `fit` needs."""


class UpdateRatio:
    """Computes ‖w_after - w_before‖ / ‖w_before‖ for each trainable variable.

    Unitless; about 1e-3 in a healthy run (CS231n, "Babysitting the learning process"). It is 0 / 0
    for a bias that starts at zero, which gives no number. Of a large weight about `ENTRIES` evenly
    spaced entries are measured.

    Args:
        is_compiled: Whether to compile the computation.
    """

    def __init__(self, *, is_compiled: bool = True) -> None:
        self.is_compiled = is_compiled
        self._function: Callable[..., Any] | None = None

    def before(self, state: Values) -> list[Tensor]:
        """Return a copy of what the step is about to change."""
        return backend.subsample(state[0], ENTRIES)

    def after(self, before: list[Tensor], trained: list[Tensor]) -> np.ndarray:
        """Return the ratio and the fraction of unchanged entries of each variable.

        Returns:
            An array with two rows, NaN where there is no ratio.
        """
        trained = backend.subsample(trained, ENTRIES)
        if self._function is None:
            self._function = (
                backend.compile(_ratios, before, trained) if self.is_compiled else _ratios
            )
        return to_array(self._function(before, trained))


def _ratios(before: list[Tensor], after: list[Tensor]) -> Tensor:
    ratios, unchanged = [], []
    for old, new in zip(before, after, strict=True):
        old, new = ops.cast(old, "float32"), ops.cast(new, "float32")
        ratios.append(norm(new - old) / norm(old))
        unchanged.append(ops.mean(ops.cast(ops.equal(old, new), "float32")))
    return ops.stack([ops.stack(ratios), ops.stack(unchanged)])
