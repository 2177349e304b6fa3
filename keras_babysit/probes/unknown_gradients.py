"""Which weights train although a probe finds no gradient: it does not reach them."""

import weakref
from typing import Any

from keras_babysit.probes.probe import weight_names

MOVED = 2.0
"""Multiple of what weight decay moves a weight by, above which something else moves it."""

ROUNDING = 1e-6
"""Update ratio that may be rounding of float32."""

_reached: "weakref.WeakKeyDictionary[Any, set[str]]" = weakref.WeakKeyDictionary()
"""The weights of each model for which a probe of any of its runs found a gradient."""


class UnknownGradients:
    """Compares the gradients of a probe with what the step after it moved.

    A probe differentiates stand-ins for the weights. Where a layer computes with something else, or
    computes again with what it kept (`keras.remat` on TensorFlow, `TorchModuleWrapper`), the
    stand-in gets no gradient, and the step moves the weight all the same. Such a gradient is not 0
    but unknown. It is 0 where an earlier probe found one, in this or an earlier run of the model:
    then the optimizer moves the weight by what it remembers.

    Args:
        model: A compiled `keras.Model`.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._zero: set[str] = set()
        self._reached = _reached.setdefault(model, set())

    def note(self, readings: dict[tuple[str, str], Any]) -> None:
        """Take in the readings of a probe."""
        norms = {t: value for (name, t), value in readings.items() if name == "gradients/norm"}
        self._reached |= {target for target, value in norms.items() if value != 0}
        self._zero = {target for target, value in norms.items() if value == 0} - self._reached

    def moved_without(self, measurements: list[Any]) -> list[Any]:
        """Return the weights without a gradient that a step moved, in the order of the model.

        Args:
            measurements: Those of the step after the probe. A weight with a constraint does not
                count: that moves it, too.
        """
        if not self._zero:
            return []
        variables = self._model.trainable_variables
        named = dict(zip(weight_names(self._model), variables, strict=True))
        limit = max(ROUNDING, MOVED * self._decay())
        return [
            one.target
            for one in measurements
            if one.quantity == "updates/ratio"
            and one.target in self._zero
            and one.value > limit
            and named[one.target].constraint is None
        ]

    def _decay(self) -> float:
        optimizer = getattr(self._model.optimizer, "inner_optimizer", self._model.optimizer)
        decay = getattr(optimizer, "weight_decay", None) or 0.0
        return float(decay) * float(optimizer.learning_rate) if decay else 0.0
