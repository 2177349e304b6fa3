"""Checks that signal and gradient keep their size from layer to layer at the initial weights."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_babysit.actions import NormalizeActivations, ScaleWeights, SetInitializer
from keras_babysit.backends import backend, to_array
from keras_babysit.checks._depths import LayerSignal, tensors
from keras_babysit.checks._facts import renamed
from keras_babysit.checks.case import Case
from keras_babysit.checks.result import CheckResult, Unknown
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.probes import taps
from keras_babysit.probes.kernels import kernel_ids
from keras_babysit.probes.probe import compute_loss, stateless
from keras_babysit.rules.collapsed_activations import MASK_PADDING
from keras_babysit.rules.dead_units import dead_units
from keras_babysit.rules.saturated_units import saturated_units
from keras_babysit.typing import Tensor

VANISHED_SIGNAL = 1e-3
"""Ratio of last to first signal below which it has vanished. At a thousandth a gate counts as
closed too (`gates.CLOSED_GATE`): no learning rate suits both ends of such a network."""

EXPLODED_SIGNAL = 1e3
"""Ratio of last to first signal above which it has exploded."""

SAME_UNITS = 1e-6
"""Relative difference below which units count as identical: float32 rounding error."""

MAX_NAMED = 3
"""Layers that a message names."""

REFERENCE = "Glorot and Bengio, AISTATS 2010; He et al., arXiv:1502.01852: keep variance by depth"


def initial_signal(case: Case) -> CheckResult:
    """Report signals or gradients that vanish or explode with depth, and useless units.

    Measures, per layer, the standard deviation of the units over the examples, which ignores
    constants, and the norm of the gradient at the output. The rules `saturated_units` and
    `dead_units` judge the units. The last layer is exempt: zero initialization is good practice
    there. The signal may vanish in between, as in a residual branch, if it recovers.
    """
    case.known  # noqa: B018 - adds the measurements that the rules read to the history
    depths = [depth for depth in case.depths if not depth.is_output]
    ends = [depth for depth in case.depths if depth.is_output]
    if not depths:
        raise Unknown("there is no hidden layer to measure")
    for depth in depths:
        case.record("signal/std", depth.signal, depth.target)
        case.record("signal/gradient_norm", depth.gradient, depth.target)
    is_recurrent = any(isinstance(one, keras.layers.RNN) for one in case.model._flatten_layers())
    found = judge(depths, ends, has_gradient=case.has_loss, is_recurrent=is_recurrent)
    found += _identical(case, depths)
    found += [_about_off(depth.target) for depth in depths if _is_off(depth)]
    known = {one.target for one in found if one.evidence.get("active_units") == 0}
    for rule in (saturated_units, dead_units):
        findings = rule(case.history, patience=1)
        serious = [a for a in findings if a.severity > Severity.NOTE and a.target not in known]
        found += renamed(serious, "initial_signal")
    first, last = depths[0], depths[-1]
    words = f"std {first.signal:.2g} in {first.target}"
    if first is not last:
        words += f", {last.signal:.2g} in {last.target}"
    if last.gradient > 0:
        words += f"; gradient {last.gradient:.2g} in {last.target}"
        words += "" if first is last else f", {first.gradient:.2g} in {first.target}"
    return CheckResult(words, found)


def judge(
    depths: Sequence[LayerSignal],
    ends: Sequence[LayerSignal],
    *,
    has_gradient: bool = True,
    is_recurrent: bool = False,
) -> list[Finding]:
    """Return findings on a signal or gradient that vanishes or explodes across the network.

    Args:
        depths: The hidden layers.
        ends: The output layers. A signal that arrives there has not vanished: it may bypass the
            last hidden layer through an addition that is not a layer.
        has_gradient: Whether gradients were measured.
        is_recurrent: Whether the network has recurrent layers, whose last state may hardly depend
            on the data because of padding.
    """
    if len(depths) < 2:
        return []
    found = []
    first = depths[0].signal
    last = depths[-1].signal
    is_past = any(VANISHED_SIGNAL * first < depth.reach < EXPLODED_SIGNAL * first for depth in ends)
    is_past = is_past or (last == 0 and (depths[0].gradient > 0 or not has_gradient))
    is_kept = first > 0 and VANISHED_SIGNAL < last / first < EXPLODED_SIGNAL
    if first > 0 and np.isfinite(first) and not is_past and not is_kept:
        found.append(_finding(depths[-1].target, "signal", first, last, is_recurrent))
    start, end = depths[0].gradient, depths[-1].gradient
    if end > 0 and np.isfinite(end) and not VANISHED_SIGNAL < start / end < EXPLODED_SIGNAL:
        found.append(_finding(depths[0].target, "gradient", end, start))
    return found


def _finding(
    target: str, what: str, before: float, after: float, is_recurrent: bool = False
) -> Finding:
    ratio = after / before
    change = "vanishes" if ratio < 1 else "explodes"
    ends = "first to the last" if what == "signal" else "last to the first"
    return Finding(
        "initial_signal",
        Severity.WARNING,
        target,
        f"The {what} {change} from the {ends} hidden layer: from {before:.2g} to {after:.2g}.",
        {"quantity": what, "before": before, "after": after, "ratio": ratio},
        (
            *((MASK_PADDING,) if is_recurrent and ratio < 1 else ()),
            Remedy(
                "Use an initializer that matches the activation.",
                change=SetInitializer(),
            ),
            Remedy("Add normalization layers.", change=NormalizeActivations()),
            Remedy(
                "Scale the initial weights layer by layer on a batch of data (LSUV).",
                change=ScaleWeights(),
            ),
        ),
        REFERENCE,
    )


def _identical(case: Case, depths: Sequence[LayerSignal]) -> list[Finding]:
    """Return one finding on all layers whose units are identical and receive identical gradients.

    A residual branch that starts at zero has identical units too, but different gradients.
    """
    suspects = [
        depth.target for depth in depths if depth.distinct <= SAME_UNITS and not _is_off(depth)
    ]
    if not suspects or not case.has_loss:
        return []
    layers = taps.leaves(case.model)
    names = taps.names(layers)
    are_kernels = kernel_ids(case.model)
    kernels = {
        names[id(layer)]: [v for v in layer.trainable_variables if id(v) in are_kernels]
        for layer in layers
    }
    gradients = _kernel_gradients(case)
    found = [
        target
        for target in dict.fromkeys(suspects)
        if kernels.get(target) and all(_has_same_columns(gradients[id(v)]) for v in kernels[target])
    ]
    return [_about_identical(found)] if found else []


def _is_off(depth: LayerSignal) -> bool:
    """Return whether the units differ before the activation, which turns all of them off.

    A bias can do so.
    """
    return depth.signal == 0 < depth.reach


def _about_off(target: str) -> Finding:
    return Finding(
        "initial_signal",
        Severity.ERROR,
        target,
        f'All units of "{target}" are dead: no example activates them, so they get no gradient.',
        {"active_units": 0},
        (
            Remedy(
                "Initialize the layer for ReLU, with zero biases.",
                change=SetInitializer((target,), activation="relu", class_name="Dense", units=64),
            ),
        ),
        "Lu et al., Dying ReLU and Initialization, arXiv:1903.06733, 2019",
    )


def _about_identical(targets: list[str]) -> Finding:
    shown = ", ".join(f'"{target}"' for target in targets[:MAX_NAMED])
    if len(targets) > MAX_NAMED:
        shown += f" and {len(targets) - MAX_NAMED} more"
    subject = (
        f"All units of {shown} are identical"
        if len(targets) == 1
        else f"In each of {shown}, all units are identical"
    )
    return Finding(
        "initial_signal",
        Severity.ERROR,
        targets[0],
        f"{subject} and stay so: they receive the same gradient.",
        {"distinct_units": 1, "layers": len(targets)},
        (
            Remedy(
                "Initialize the weights randomly.",
                change=SetInitializer(tuple(targets)),
            ),
        ),
        "CS231n, weight initialization: all-zero weights leave units identical",
    )


def _has_same_columns(gradient: np.ndarray) -> bool:
    columns = gradient.reshape(-1, gradient.shape[-1])
    return bool(np.abs(columns - columns[:, :1]).max() <= SAME_UNITS * np.abs(columns).max())


def _kernel_gradients(case: Case) -> dict[int, np.ndarray]:
    """Return the gradient of each trainable variable as an array, by the id of the variable."""
    x, y, sample_weight = tensors(case.batch)
    model = case.model

    def loss_of(values: Sequence[Tensor]) -> tuple[Tensor, tuple[()]]:
        with stateless(model, values, case.state[1]):
            y_pred = model(x, training=True)
            return compute_loss(model, x, y, y_pred, sample_weight, training=True), ()

    _, gradients = backend.value_and_grad(loss_of, case.state[0])
    pairs = zip(model.trainable_variables, gradients, strict=True)
    return {id(v): to_array(g).astype("float64") for v, g in pairs}
