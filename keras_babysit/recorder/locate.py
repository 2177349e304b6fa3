"""Where one bad step went bad: the layer, the quantity and the example."""

import keras
import numpy as np

from keras_babysit.backends.random_state import untouched_random_state
from keras_babysit.findings import Remedy
from keras_babysit.probes.loss_facts import has_plain_loss
from keras_babysit.probes.probe import weight_names
from keras_babysit.recorder.fault import Fault
from keras_babysit.recorder.step_inspector import StepInspector, first_alone, host
from keras_babysit.recorder.vitals import nonfinite_variables

GREW = 10.0
"""Growth of the largest output of a layer, from the last good state to the bad one and on the same
batch, from which it counts as exploded: more than one step's noise, less than what a loss needs to
leave its range by."""

HALF = ("float16",)
"""Types whose inputs overflow as they are cast, before the layer computes."""


class Locator:
    """Looks into one bad step, and into the good one before it.

    What is not finite in both is so by design, as a masked target or the -inf of a mask: it is no
    fault. What only comes up compiled is not found, and told as such.

    Args:
        model: The model in `fit`.
        bad: A `BadStep`.
        known: What was never finite, as `vitals.ruins` tells it.
    """

    def __init__(self, model, bad, known=frozenset()):
        self.model = model
        self.bad = bad
        self._known = known
        self._now = StepInspector(model, bad.kept, bad.before)
        self._then = StepInspector(model, *bad.previous) if bad.previous is not None else None

    def locate(self, good=None):
        """Return the `Fault`.

        Args:
            good: Values of the last good state, to compare with if only the loss is too high.
        """
        with untouched_random_state():
            if self.bad.is_finite:
                return self._exploded(good)
            try:
                fault = self._in_data() or self._in_layers()
                if fault is None and has_plain_loss(self.model):
                    return self._in_loss() or self._in_gradients() or self._in_update()
            except Exception:  # a model without `call`, or one whose step alone knows its loss
                fault = None
            return fault or self._in_step()

    def _in_data(self):
        bad = _bad_data(self._now)
        usual = self._was(_bad_data) if bad else ()
        target = next((name for name in bad if name not in usual), None)
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
            numbers=f"{count} entries",
            remedies=[Remedy("Leave out or fill in the examples that are not finite.")],
            entries=count,
        )

    def _in_layers(self):
        readings = self._now.readings()
        found = _bad_layers(readings)
        usual = self._was(lambda then: _bad_layers(then.readings())) if found else ()
        key = next((key for key in found if key not in usual), None)
        if key is None:
            return None
        place, one = found[key]
        example = self._alone(lambda part: key in _bad_layers(part.readings()))
        if key[0] == "input":
            before = [two.largest for two in readings[:place] if len(two.largest) == self._now.size]
            return self._fault(
                "input",
                one.target,
                f"`{one.target}` input overflowed {one.dtype}",
                example=example,
                numbers=self._largest(before[-1] if before else self._now.largest_input(), example),
                remedies=_wider(one.dtype),
            )
        how = f"overflowed {one.dtype}" if one.has_infinity else "is NaN"
        return self._fault(
            "output",
            one.target,
            f"`{one.target}` output {how}",
            example=example,
            numbers=self._largest(one.largest_input, example, "largest input"),
            remedies=_wider(one.dtype) if one.has_infinity else [_guard()],
            entries=one.entries,
            dtype=one.dtype,
        )

    def _in_loss(self):
        loss, penalty, y_pred = self._now.loss()
        if np.isfinite(loss) or self._was(_is_loss_bad):
            return None
        example = None
        if np.isfinite(penalty):
            example = self._alone(_is_loss_bad)
        leaves = [host(leaf) for leaf in keras.tree.flatten(y_pred)]
        numbers = ""
        if example is not None and all(len(leaf) == self._now.size for leaf in leaves):
            row = np.concatenate([leaf[example].astype("float64").ravel() for leaf in leaves])
            numbers = f"predictions from {short(row.min())} to {short(row.max())}"
        return self._fault(
            "loss",
            "",
            f"The loss is {loss:.3g}, while all layers give finite values,",
            example=example,
            numbers=numbers,
            remedies=[
                Remedy(
                    "Compute the loss from logits: log of a softmax or sigmoid that reached 0 is "
                    "infinite.",
                    "keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
                ),
                _guard(),
            ],
        )

    def _in_gradients(self):
        if hasattr(self.model.optimizer, "dynamic_scale"):
            return None
        bad = self._now.bad_gradients()
        bad = bad and bad - self._was(StepInspector.bad_gradients)
        if not bad:
            return None
        last = max(bad)  # the backward pass starts at the end
        name = weight_names(self.model)[last]
        example = self._alone(lambda part: last in part.bad_gradients())
        return self._fault(
            "gradient",
            name,
            f"The gradient of `{name}` is not finite, while the loss is finite,",
            example=example,
            remedies=[
                Remedy(
                    "The slope of sqrt, norm and pow is infinite at 0: move it away from there.",
                    "keras.ops.sqrt(x + keras.config.epsilon())",
                )
            ],
        )

    def _in_update(self):
        name, is_average = self._ruined()
        if name is None:
            what = "The compiled step gives a loss that is not finite; looked at layer by layer all"
            return self._fault("loss", "", f"{what} is finite,", example=None)
        if is_average:
            return self._fault(
                "update",
                name,
                f"The step made `{name}` not finite, while loss and gradients are finite,",
                example=None,
                numbers=self._largest_of_all(),
                remedies=[Remedy("Scale the inputs."), Remedy("Look at this batch.")],
            )
        where = f"`{name}`" if name else "the optimizer's state"
        return self._fault(
            "update",
            name,
            f"The update made {where} not finite, while loss and gradients are finite,",
            example=None,
            remedies=[Remedy("Lower the learning rate."), Remedy("Clip the gradient.")],
        )

    def _in_step(self):
        """Return what is bad after a step that cannot be taken apart."""
        name, _ = self._ruined()
        loss = self.bad.loss
        if loss is not None and not np.isfinite(loss):
            quantity, name, what = "loss", "", f"The loss is {loss:.3g}"
        else:
            where = f"`{name}`" if name else "the optimizer's state"
            quantity, name, what = "update", name or "", f"The step made {where} not finite"
        return self._fault(
            quantity,
            name,
            what,
            example=None,
            numbers="its layers, or its loss, cannot be looked at apart from the step",
            remedies=[Remedy("Look at this batch."), _guard()],
        )

    def _ruined(self):
        """Return the first weight or moving average that the step made bad, and which it is.

        The name is None where nothing is bad, and empty for the optimizer's state.
        """
        bad = sorted(nonfinite_variables(self.model, self.bad.after) - self._known)
        if not bad:
            return None, False
        group, place = bad[0]
        if group == 0:
            return weight_names(self.model)[place], False
        if group == 1:
            path = self.model.non_trainable_variables[place].path
            return "/".join(path.split("/")[-2:]), True
        return "", False

    def _exploded(self, good):
        loss = self.bad.loss
        what = f"The loss left its range, {short(loss)},"
        found = None
        if good is not None:
            try:
                found = self._grown(StepInspector(self.model, self.bad.kept, good))
            except Exception:  # a model without `call`
                found = None
        if found is None:
            return self._fault(
                "exploded",
                "",
                what.rstrip(","),
                example=None,
                numbers=self._largest_of_all(),
                remedies=[Remedy("Look at this batch."), Remedy("Lower the learning rate.")],
                loss=loss,
            )
        target, example, largest, growth = found
        return self._fault(
            "exploded",
            target,
            f"{what} with `{target}` output",
            example=example,
            numbers=f"{short(largest)}, {growth:.3g} times that of the last good state",
            remedies=[Remedy("Lower the learning rate."), Remedy("Clip the gradient.")],
            loss=loss,
        )

    def _grown(self, good):
        """Return the first layer that grew since the good state, example, output and growth."""
        then = {one.target: one.largest.max(initial=0.0) for one in good.readings()}
        for target, largest in _largest_outputs(self._now).items():
            if target not in then:
                continue
            limit = GREW * max(then[target], 1e-30)
            if largest >= limit:
                example = self._alone(
                    lambda part, target=target, limit=limit: (
                        _largest_outputs(part).get(target, 0.0) >= limit
                    )
                )
                return target, example, largest, GREW * largest / limit
        return None

    def _alone(self, is_bad):
        """Return the first example that is bad by itself, None if none is.

        Rows of what a layer gives need not be the examples, and a batch norm or a sum over the
        batch spoils the rows of others: so each candidate is looked at alone.
        """
        try:
            return first_alone(self._now.size, lambda rows: is_bad(self._now.part(rows)))
        except Exception:  # a model that takes batches of one size only
            return None

    def _was(self, read):
        """Return what `read` gives of the good step before, empty where there is none."""
        return read(self._then) if self._then is not None else frozenset()

    def _fault(self, quantity, target, what, *, example, numbers="", remedies=(), **evidence):
        kept = self.bad.kept
        if self.bad.exploded_at is not None:
            evidence["loss_too_high_since_step"] = self.bad.exploded_at
        return Fault(
            quantity,
            target,
            kept.step,
            kept.epoch,
            kept.place,
            example,
            what,
            numbers,
            tuple(remedies),
            evidence,
        )

    def _largest(self, largest, example, words=""):
        """Tell the largest entry of an example, where the rows of that array are the examples."""
        if largest is None or example is None or len(largest) != self._now.size:
            return ""
        return f"{words} {short(largest[example])}".strip()

    def _largest_of_all(self):
        largest = self._now.largest_input()
        return f"largest input {short(largest.max())}" if largest is not None else ""


def _bad_data(look):
    """Return the arrays of a batch that are not finite, by name."""
    data = look.data()
    return {
        name: leaf
        for name, leaf in data.items()
        if leaf.dtype.kind == "f" and not np.isfinite(leaf).all()
    }


def _bad_layers(readings):
    """Return place and `Reading` by room ("input" or "output") and target, in their order.

    An input counts where it is cast: elsewhere it is what another layer gave.
    """
    found = {}
    for place, one in enumerate(readings):
        if one.is_input_bad and one.dtype in HALF:
            found["input", one.target] = place, one
        if one.is_bad:
            found["output", one.target] = place, one
    return found


def _largest_outputs(look):
    return {one.target: one.largest.max(initial=0.0) for one in look.readings()}


def _is_loss_bad(look):
    return not np.isfinite(look.loss()[0])


def _wider(dtype):
    if dtype != "float16":
        return [Remedy("Lower the learning rate."), _guard()]
    return [
        Remedy(
            "float16 overflows at 65,504: let this layer compute in float32, or use bfloat16.",
            'dtype="float32"  # of the layer, or keras.config.set_dtype_policy("mixed_bfloat16")',
        ),
        Remedy("Scale the inputs."),
    ]


def _guard():
    return Remedy(
        "Keep arguments of log, sqrt, division and exp inside of their range.",
        "keras.ops.log(keras.ops.maximum(x, keras.config.epsilon()))",
    )


def short(value):
    """Return a number in three digits.

    Example:
        >>> short(81000.0), short(0.5), short(4.8e29), short(float("inf"))
        ('8.1e4', '0.5', '4.8e29', 'inf')
    """
    text = f"{value:.3g}"
    if np.isfinite(value) and 1e4 <= abs(value) < 1e6:
        text = f"{value:.2e}"
    if "e" not in text:
        return text
    digits, power = text.split("e")
    return f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits}e{int(power)}"
