"""The update ratios of a step, computed where that is fastest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_babysit.backends import backend
from keras_babysit.backends.protocol import Arguments
from keras_babysit.history import Measurement
from keras_babysit.probes import host_probe
from keras_babysit.probes.update_ratio import UpdateRatio

if TYPE_CHECKING:
    from keras_babysit.probes.host_probe import HostUpdateRatio

MAX_HOST_ENTRIES, MAX_HOST_WEIGHTS = 1_000_000, 64
"""Up to so many entries in so many weights the update is computed on the host: compiling it, or
running it operation by operation, takes longer than reading them."""

HALF = ("bfloat16", "float16")
"""Types of weights that are so coarse that an update may be lost to rounding."""


class Updates:
    """Measures how far a step moves each weight, relative to its size.

    Args:
        model: A built `keras.Model`.
        weights: Names of the trainable variables, in their order.
        is_compiled: Whether to compile the computation where the host does not do it.
    """

    def __init__(self, model: Any, weights: list[str], *, is_compiled: bool) -> None:
        self._model = model
        self._weights = weights
        self._are_half = [variable.dtype in HALF for variable in model.trainable_variables]
        self._on_host = host_probe.HostUpdateRatio()
        sizes = [int(np.prod(variable.shape)) for variable in model.trainable_variables]
        is_small = sum(sizes) <= MAX_HOST_ENTRIES and len(sizes) <= MAX_HOST_WEIGHTS
        self._ratios = self._on_host if is_small else UpdateRatio(is_compiled=is_compiled)

    def before(
        self, arguments: Arguments, *, on_host: bool
    ) -> tuple[HostUpdateRatio | UpdateRatio, list[Any]]:
        """Return what `after` needs to know of the weights before a step.

        Args:
            arguments: Arguments of Keras' train function.
            on_host: Whether to compute on the host in any case.
        """
        ratios = self._on_host if on_host else self._ratios
        return ratios, ratios.before(backend.state(self._model, arguments))

    def after(
        self,
        before: tuple[HostUpdateRatio | UpdateRatio, list[Any]],
        result: Any,
        step: int,
        epoch: int,
        steps: int,
    ) -> list[Any]:
        """Return the measurements per optimizer step of the call that gave `result`.

        Args:
            before: What `before` returned.
            result: Result of Keras' train function.
            step: Optimizer steps done before it.
            epoch: Epoch, counted from 0.
            steps: Optimizer steps of that call, at least 1.

        Returns:
            The ratio of each weight, none of one that was zero or is not finite, and of those in
            half precision the fraction of the entries that did not change.
        """
        ratios, weights = before
        if not weights:
            return []
        moved, unchanged = ratios.after(weights, backend.trained(self._model, result))
        found = [
            Measurement(step, epoch, "updates/ratio", name, float(ratio / steps))
            for name, ratio in zip(self._weights, moved, strict=True)
            if np.isfinite(ratio)
        ]
        return found + [
            Measurement(step, epoch, "updates/unchanged_fraction", name, float(fraction))
            for name, fraction, is_half in zip(
                self._weights, unchanged, self._are_half, strict=True
            )
            if is_half
        ]
