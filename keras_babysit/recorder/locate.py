"""Where one bad step went bad: the layer, the quantity and the example."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from keras_babysit.advice import Remedy
from keras_babysit.probes import backend, taps
from keras_babysit.probes.probe import compute_loss, stateless, weight_names
from keras_babysit.probes.random_state import untouched_random_state
from keras_babysit.recorder.fault import Fault
from keras_babysit.recorder.vitals import non_finite

GREW = 10.0
"""Growth of the largest output of a layer, from the last good state to the bad one and on the same
batch, from which it counts as exploded: more than one step's noise, less than what a loss needs to
leave its range by."""

HALF = {"float16": 65504.0}


@dataclass(frozen=True)
class Reading:
    """One output of one layer on the host: per example the largest entry and whether it is bad."""

    target: str
    dtype: str
    largest: np.ndarray
    bad: np.ndarray
    entries: int
    has_infinity: bool
    largest_input: np.ndarray | None
    bad_input: np.ndarray | None


class Locator:
    """Looks into one step from values of its own; nothing of the model changes.

    It runs operation by operation, not as the compiled step did: what only comes up compiled it
    does not find, and says so.

    Args:
        model: The model in `fit`.
        bad: A `BadStep`.
    """

    def __init__(self, model, bad):
        self.model = model
        self.bad = bad
        self.batch = keras.utils.unpack_x_y_sample_weight(bad.kept.batches[0])
        self.size = next(
            (len(leaf) for leaf in keras.tree.flatten(self.batch[0]) if leaf is not None), 0
        )
        self._layers = taps.leaves(model)

    def locate(self, good=None):
        """Return the `Fault`.

        Args:
            good: Values of the last good state, to compare with if only the loss is too high.
        """
        with untouched_random_state():
            if self.bad.is_finite:
                return self._exploded(good)
            for look in (self._in_data, self._in_layers, self._in_loss, self._in_gradients):
                fault = look()
                if fault is not None:
                    return fault
            return self._in_update()

    def _in_data(self):
        rooms = zip(("inputs", "targets", "sample_weight"), self.batch, strict=True)
        for room, tensors in rooms:
            for place, leaf in enumerate(keras.tree.flatten(tensors)):
                rows = None if leaf is None else _bad_rows(_host(leaf), self.size)
                if rows is not None and rows.any():
                    quantity = "input" if room == "inputs" else "target"
                    target = f"{room}[{place}]"
                    count = int(np.sum(~np.isfinite(_host(leaf))))
                    return self._fault(
                        quantity,
                        target,
                        f"`{target}` is not finite",
                        example=_first(rows),
                        numbers=f"{count} entries",
                        remedies=[Remedy("Leave out or fill in the examples that are not finite.")],
                        entries=count,
                    )
        return None

    def _in_layers(self):
        readings = self._read(self.bad.before)
        largest = self._largest_input()
        for one in readings:
            if one.bad_input is not None and one.bad_input.any() and one.dtype in HALF:
                example = _first(one.bad_input)
                return self._fault(
                    "input",
                    one.target,
                    f"`{one.target}` input overflowed {one.dtype}",
                    example=example,
                    numbers=_largest(largest, example),
                    remedies=_wider(one.dtype),
                )
            if one.bad.any():
                example = _first(one.bad)
                how = f"overflowed {one.dtype}" if one.has_infinity else "is NaN"
                return self._fault(
                    "output",
                    one.target,
                    f"`{one.target}` output {how}",
                    example=example,
                    numbers=_largest(one.largest_input, example, "largest input"),
                    remedies=_wider(one.dtype) if one.has_infinity else [_guard()],
                    entries=one.entries,
                    dtype=one.dtype,
                )
            largest = one.largest if len(one.largest) == self.size else largest
        return None

    def _in_loss(self):
        loss, penalty, y_pred = self._loss(self.batch)
        if np.isfinite(loss):
            return None
        example = None
        if np.isfinite(penalty):
            example = _halve(self.size, lambda rows: not np.isfinite(self._loss_of(y_pred, rows)))
        numbers = ""
        if example is not None:
            row = np.concatenate(
                [
                    _host(leaf)[example].astype("float64").ravel()
                    for leaf in keras.tree.flatten(y_pred)
                ]
            )
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
        bad = self._bad_gradients(self.batch)
        if not bad or hasattr(self.model.optimizer, "dynamic_scale"):
            return None
        name = weight_names(self.model)[max(bad)]  # the backward pass starts at the end
        example = _halve(self.size, lambda rows: bool(self._bad_gradients(self._part(rows))))
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
        bad = non_finite(self.bad.after[0])
        names = weight_names(self.model)
        where = f"`{names[min(bad)]}`" if bad else "the optimizer's state"
        if not bad and not non_finite(self.bad.after[2]):
            what = "The compiled step gives a loss that is not finite; looked at layer by layer all"
            return self._fault("loss", "", f"{what} is finite,", example=None)
        return self._fault(
            "update",
            names[min(bad)] if bad else "",
            f"The update made {where} not finite, while loss and gradients are finite,",
            example=None,
            remedies=[Remedy("Lower the learning rate."), Remedy("Clip the gradient.")],
        )

    def _exploded(self, good):
        loss = self.bad.loss
        what = f"The loss left its range, {short(loss)}," if loss is not None else "The loss left"
        now = {one.target: one for one in self._read(self.bad.before)}
        then = {one.target: one for one in self._read(good)} if good is not None else {}
        for target, one in now.items():
            before = then.get(target)
            if before is None or not before.largest.size:
                continue
            growth = one.largest.max() / max(before.largest.max(), 1e-30)
            if growth >= GREW:
                example = int(one.largest.argmax()) if len(one.largest) == self.size else None
                return self._fault(
                    "exploded",
                    target,
                    f"{what} with `{target}` output",
                    example=example,
                    numbers=f"{short(one.largest.max())}, {growth:.3g} times that of the last good "
                    "state",
                    remedies=[Remedy("Lower the learning rate."), Remedy("Clip the gradient.")],
                    loss=loss,
                )
        inputs = self._largest_input()
        example = int(inputs.argmax()) if inputs is not None and inputs.size else None
        return self._fault(
            "exploded",
            "",
            what.rstrip(","),
            example=example,
            numbers=_largest(inputs, example, "largest input"),
            remedies=[Remedy("Look at this batch."), Remedy("Lower the learning rate.")],
            loss=loss,
        )

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

    def _largest_input(self):
        """Return the largest entry of each example over all inputs."""
        found = [_host(leaf) for leaf in keras.tree.flatten(self.batch[0]) if leaf is not None]
        found = [_largest_of(leaf) for leaf in found if leaf.dtype.kind in "fiu"]
        return np.max(found, axis=0) if found else None

    def _read(self, values):
        """Return the `Reading` of each output of each layer in the order of the calls."""
        try:
            return self._read_of(self._layers, values)
        except Exception:  # layers inside of others may not be called by themselves
            return self._read_of(taps.outermost(self.model), values)

    def _read_of(self, layers, values):
        readings = []

        def record(call):
            y = _host(call.y)
            if y.dtype.kind != "f":
                return
            x = None if call.x is None else _host(call.x)
            rows = None if x is None or x.dtype.kind != "f" else _bad_rows(x, self.size)
            readings.append(
                Reading(
                    call.target,
                    keras.backend.standardize_dtype(call.y.dtype),
                    _largest_of(y),
                    _bad_rows(y, self.size),
                    int(np.sum(~np.isfinite(y))),
                    bool(np.isinf(y).any()),
                    None if rows is None else _largest_of(x),
                    rows,
                )
            )

        with self._scope(values), taps.tapped(layers, taps.names(layers), record):
            self.model(self.batch[0], training=True)
        return readings

    def _scope(self, values):
        if self.bad.kept.random is not None:
            backend.set_random_state(self.bad.kept.random)
        trainable, other = (
            [ops.convert_to_tensor(value) for value in group] for group in values[:2]
        )
        return stateless(self.model, trainable, other)

    def _loss(self, batch):
        x, y, weight = batch
        with self._scope(self.bad.before):
            y_pred = self.model(x, training=True)
            penalty = sum((float(backend.to_numpy(one)) for one in self.model.losses), 0.0)
            loss = compute_loss(self.model, x, y, y_pred, weight, training=True)
        return float(backend.to_numpy(loss)), penalty, y_pred

    def _loss_of(self, y_pred, rows):
        x, y, weight = self._part(rows)
        with self._scope(self.bad.before):
            loss = compute_loss(self.model, x, y, _rows(y_pred, rows), weight, training=True)
        return float(backend.to_numpy(loss))

    def _bad_gradients(self, batch):
        x, y, weight = batch

        def loss_of(trainable):
            with self._scope((trainable, *self.bad.before[1:])):
                y_pred = self.model(x, training=True)
                loss = compute_loss(self.model, x, y, y_pred, weight, training=True)
            return ops.cast(loss, "float32"), ()

        trainable = [ops.convert_to_tensor(value) for value in self.bad.before[0]]
        _, gradients = backend.value_and_grad(loss_of, trainable)
        return non_finite(gradients)

    def _part(self, rows):
        return tuple(_rows(tensors, rows) for tensors in self.batch)


def _rows(tensors, rows):
    return keras.tree.map_structure(lambda leaf: None if leaf is None else leaf[rows], tensors)


def _halve(size, is_bad):
    """Return the first example that is bad by itself, by halves; None if none is.

    Args:
        size: Number of examples.
        is_bad: Tells of a slice of them.
    """
    start, stop = 0, size
    while stop - start > 1:
        middle = (start + stop) // 2
        if is_bad(slice(start, middle)):
            stop = middle
        elif is_bad(slice(middle, stop)):
            start = middle
        else:
            return None
    return start if size and is_bad(slice(start, start + 1)) else None


def _host(tensor):
    array = np.asarray(backend.to_numpy(tensor))
    is_small_float = array.dtype.kind == "V" or array.dtype.name in ("bfloat16", "float16")
    return array.astype("float32") if is_small_float else array


def _bad_rows(array, size):
    """Return for each example whether it holds NaN or infinity; one entry where there are none."""
    if array.dtype.kind != "f":
        return np.zeros(1, bool)
    if array.ndim == 0 or len(array) != size:
        return np.array([not np.isfinite(array).all()])
    return ~np.isfinite(array.reshape(len(array), -1)).all(axis=1)


def _largest_of(array):
    if array.ndim == 0 or not array.size:
        return np.abs(array.reshape(-1).astype("float64"))
    with np.errstate(all="ignore"):
        return np.abs(array.reshape(len(array), -1).astype("float64")).max(axis=1)


def _first(rows):
    return int(np.argmax(rows)) if len(rows) > 1 or rows.size == 1 else None


def _largest(largest, example, words=""):
    if largest is None or example is None or example >= len(largest):
        return ""
    return f"{words} {short(largest[example])}".strip()


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
