"""Where one bad step went bad: the layer, the quantity and the example."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_babysit.backends import to_array
from keras_babysit.backends.protocol import Values
from keras_babysit.backends.untouched import untouched_state
from keras_babysit.findings import Remedy
from keras_babysit.probes.loss_facts import has_plain_loss
from keras_babysit.probes.probe import weight_names
from keras_babysit.recorder import fault_remedies as remedies
from keras_babysit.recorder.explosion import Growth, first_grown_layer
from keras_babysit.recorder.fault import Fault, short
from keras_babysit.recorder.step_inspector import StepInspector
from keras_babysit.recorder.vitals import nonfinite_variables
from keras_babysit.typing import Nested

if TYPE_CHECKING:
    from keras_babysit.recorder.replay import BadStep
    from keras_babysit.recorder.step_inspector import LayerReading

CAST_OVERFLOWS = ("float16",)
"""Types whose inputs overflow as they are cast, before the layer computes."""


class Locator:
    """Looks into one bad step, and into the good one before it.

    What is not finite in both is so by design, as a masked target or the -inf of a mask: it is no
    fault. A value that is bad in the compiled step alone cannot be located in it, which is said.

    Args:
        model: The model in `fit`.
        bad: A `BadStep`.
        known: What was never finite, as `nonfinite_variables` returns it.
    """

    def __init__(self, model: Any, bad: BadStep, known: frozenset[Any] = frozenset()) -> None:
        self.model = model
        self.bad = bad
        self._known = known
        self._now = StepInspector(model, bad.kept, bad.before)
        self._good = StepInspector(model, *bad.previous) if bad.previous is not None else None

    def locate(self, good: Values | None = None) -> Fault:
        """Return the `Fault`.

        Args:
            good: Values of the last good state, to compare with if only the loss is too high.
        """
        with untouched_state(self.model):
            if self.bad.is_finite:
                return self._exploded(good)
            try:
                fault = self._in_data() or self._in_layers()
                if fault is None and has_plain_loss(self.model):
                    return self._in_loss() or self._in_gradients() or self._in_update()
            except Exception:  # a model without `call`, or one whose step alone knows its loss
                fault = None
            return fault or self._in_step()

    def _in_data(self) -> Fault | None:
        bad = _bad_data(self._now)
        by_design = self._in_good_step(_bad_data) if bad else ()
        target = next((name for name in bad if name not in by_design), None)
        if target is None:
            return None
        leaf = bad[target]
        rows = ~np.isfinite(leaf.reshape(len(leaf), -1)).all(axis=1) if leaf.ndim else []
        count = int(np.sum(~np.isfinite(leaf)))
        return self._fault(
            "input" if target.startswith("inputs") else "target",
            target,
            f"`{target}` is not finite",
            example=int(np.argmax(rows)) if len(rows) == self._now.size else None,
            numbers=f"{count} {'entry' if count == 1 else 'entries'}",
            remedies=[remedies.CLEAN_DATA],
            entries=count,
        )

    def _in_layers(self) -> Fault | None:
        readings = self._now.readings()
        found = _bad_layers(readings)
        by_design = self._in_good_step(lambda step: _bad_layers(step.readings())) if found else ()
        key = next((key for key in found if key not in by_design), None)
        if key is None:
            return None
        index, reading = found[key]
        example = self._now.first_alone(lambda part: key in _bad_layers(part.readings()))
        if key[0] == "input":
            return self._overflowed_input(readings[:index], reading, example)
        return self._bad_output(reading, example)

    def _overflowed_input(
        self, before: Sequence[LayerReading], reading: LayerReading, example: int | None
    ) -> Fault:
        size = self._now.size
        outputs = [one.largest for one in before if len(one.largest) == size]
        largest = outputs[-1] if outputs else self._now.largest_input()
        return self._fault(
            "input",
            reading.target,
            f'The input of "{reading.target}" overflowed {reading.dtype}',
            example=example,
            numbers=self._largest(largest, example),
            remedies=remedies.for_overflow(reading.dtype),
        )

    def _bad_output(self, reading: LayerReading, example: int | None) -> Fault:
        dtype = reading.dtype
        how = f"overflowed {dtype}" if reading.has_infinity else "is NaN"
        cures = [remedies.STAY_IN_DOMAIN]
        return self._fault(
            "output",
            reading.target,
            f'The output of "{reading.target}" {how}',
            example=example,
            numbers=self._largest(reading.largest_input, example),
            remedies=remedies.for_overflow(dtype) if reading.has_infinity else cures,
            entries=reading.entries,
            dtype=dtype,
        )

    def _in_loss(self) -> Fault | None:
        loss, penalty, y_pred = self._now.loss()
        if np.isfinite(loss) or self._in_good_step(_is_loss_bad):
            return None
        example = self._now.first_alone(_is_loss_bad) if np.isfinite(penalty) else None
        return self._fault(
            "loss",
            "",
            f"The loss is {loss:.3g}",
            example=example,
            although="all layer outputs are finite",
            numbers=self._span_of(y_pred, example),
            remedies=[remedies.USE_LOGITS, remedies.STAY_IN_DOMAIN],
        )

    def _span_of(self, y_pred: Nested, example: int | None) -> str:
        """Return the range of one example's predictions, empty where their rows are no examples."""
        leaves = [to_array(leaf) for leaf in keras.tree.flatten(y_pred)]
        if example is None or any(len(leaf) != self._now.size for leaf in leaves):
            return ""
        row = np.concatenate([leaf[example].astype("float64").ravel() for leaf in leaves])
        return f"predictions from {short(row.min())} to {short(row.max())}"

    def _in_gradients(self) -> Fault | None:
        if hasattr(self.model.optimizer, "dynamic_scale"):
            return None
        bad = self._now.bad_gradients()
        bad = bad and bad - self._in_good_step(StepInspector.bad_gradients)
        if not bad:
            return None
        last = max(bad)  # the backward pass starts at the end
        name = weight_names(self.model)[last]
        return self._fault(
            "gradient",
            name,
            f'The gradient of "{name}" is not finite',
            example=self._now.first_alone(lambda part: last in part.bad_gradients()),
            although="the loss is finite",
            remedies=[remedies.AVOID_INFINITE_SLOPE],
        )

    def _in_update(self) -> Fault:
        name, is_average = self._ruined()
        if name is None:
            return self._fault(
                "loss",
                "",
                "The loss of the compiled step is not finite",
                example=None,
                although="it is finite when the layers run one by one",
            )
        although = "loss and gradients are finite"
        if is_average:
            return self._fault(
                "update",
                name,
                f'The step made "{name}" not finite',
                example=None,
                although=although,
                numbers=self._largest_of_all(),
                remedies=[remedies.SCALE_INPUTS, remedies.INSPECT_BATCH],
            )
        where = f'"{name}"' if name else "the optimizer's state"
        return self._fault(
            "update",
            name,
            f"The update made {where} not finite",
            example=None,
            although=although,
            remedies=[remedies.LOWER_RATE, remedies.CLIP_GRADIENTS],
        )

    def _in_step(self) -> Fault:
        """Return what is bad after a step that cannot be taken apart."""
        name, _ = self._ruined()
        loss = self.bad.loss
        if loss is not None and not np.isfinite(loss):
            quantity, name, what = "loss", "", f"The loss is {loss:.3g}"
        else:
            where = f'"{name}"' if name else "the optimizer's state"
            quantity, name, what = "update", name or "", f"The step made {where} not finite"
        return self._fault(
            quantity,
            name,
            what,
            example=None,
            numbers="the layers or the loss of this model cannot be run outside of its step",
            remedies=[remedies.INSPECT_BATCH, remedies.STAY_IN_DOMAIN],
        )

    def _ruined(self) -> tuple[str | None, bool]:
        """Return the first weight or moving average that the step made bad, and which it is.

        The name is None where nothing is bad, and empty for the optimizer's state.
        """
        bad = sorted(nonfinite_variables(self.model, self.bad.after) - self._known)
        if not bad:
            return None, False
        group, index = bad[0]
        if group == 0:
            return weight_names(self.model)[index], False
        if group == 1:
            path = self.model.non_trainable_variables[index].path
            return "/".join(path.split("/")[-2:]), True
        return "", False

    def _exploded(self, good: Values | None) -> Fault:
        loss = self.bad.loss
        what = f"The loss exploded to {short(loss)}"
        growth = self._growth_since(good)
        if growth is None:
            return self._fault(
                "exploded",
                "",
                what,
                example=None,
                numbers=self._largest_of_all(),
                remedies=[remedies.INSPECT_BATCH, remedies.LOWER_RATE],
                loss=loss,
            )
        return self._fault(
            "exploded",
            growth.target,
            what,
            example=growth.example,
            numbers=f'the output of "{growth.target}" reached {short(growth.largest)}, '
            f"{growth.factor:.3g} times that of the last good state",
            remedies=[remedies.LOWER_RATE, remedies.CLIP_GRADIENTS],
            loss=loss,
        )

    def _growth_since(self, good: Values | None) -> Growth | None:
        if good is None:
            return None
        try:
            before = StepInspector(self.model, self.bad.kept, good)
            return first_grown_layer(self._now, before)
        except Exception:  # a model without `call`
            return None

    def _in_good_step(self, read: Callable[[StepInspector], Any]) -> Any:
        """Return what `read` finds in the good step before, empty where there is none."""
        return read(self._good) if self._good is not None else frozenset()

    def _fault(
        self,
        quantity: str,
        target: str,
        what: str,
        *,
        example: int | None,
        although: str = "",
        numbers: str = "",
        remedies: Sequence[Remedy] = (),
        **evidence: Any,
    ) -> Fault:
        kept = self.bad.kept
        if self.bad.exploded_at is not None:
            evidence["loss_too_high_since_step"] = self.bad.exploded_at
        return Fault(
            quantity=quantity,
            target=target,
            step=kept.step,
            epoch=kept.epoch,
            batch=kept.batch_index,
            example=example,
            what=what,
            although=although,
            numbers=numbers,
            remedies=tuple(remedies),
            evidence=evidence,
        )

    def _largest(self, largest: np.ndarray | None, example: int | None) -> str:
        """Return the largest entry of an example in words, where the rows are the examples."""
        if largest is None or example is None or len(largest) != self._now.size:
            return ""
        return f"largest input {short(largest[example])}"

    def _largest_of_all(self) -> str:
        largest = self._now.largest_input()
        return f"largest input {short(largest.max())}" if largest is not None else ""


def _bad_data(inspector: StepInspector) -> dict[str, np.ndarray]:
    """Return the arrays of a batch that are not finite, by name."""
    return {
        name: leaf
        for name, leaf in inspector.data().items()
        if leaf.dtype.kind == "f" and not np.isfinite(leaf).all()
    }


def _bad_layers(readings: list[LayerReading]) -> dict[tuple[str, str], tuple[int, LayerReading]]:
    """Return index and `LayerReading` by group ("input" or "output") and target, in their order.

    An input counts where it is cast: elsewhere it is what another layer gave.
    """
    found = {}
    for index, one in enumerate(readings):
        if one.is_input_bad and one.dtype in CAST_OVERFLOWS:
            found["input", one.target] = index, one
        if one.is_bad:
            found["output", one.target] = index, one
    return found


def _is_loss_bad(inspector: StepInspector) -> bool:
    return not np.isfinite(inspector.loss()[0])
