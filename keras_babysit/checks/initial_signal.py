"""How the signal fares from layer to layer at the initial weights, forwards and backwards."""

import numpy as np

from keras_babysit.backends import backend, to_array
from keras_babysit.checks._depths import tensors
from keras_babysit.checks._facts import renamed
from keras_babysit.checks.result import CheckResult, Unknown
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.probes import taps
from keras_babysit.probes.probe import compute_loss, stateless
from keras_babysit.rules import dead_units, saturated_units

LOST = 1e-3
"""Share of the signal below which it counts as lost. What arrives is a thousandth, where a gate
counts as closed too (`gates.CLOSED_GATE`): no learning rate suits both ends of such a network."""

BLOWN = 1e3
"""The same the other way round."""

SAME = 1e-6
"""Relative difference below which units count as identical: the rounding of float32."""

REFERENCE = "Glorot and Bengio, AISTATS 2010; He et al., arXiv:1502.01852: keep variance by depth"


def initial_signal(case):
    """Advise if the signal or the gradient is lost or blown up by depth, or if units are no use.

    Reads the standard deviation over the examples of each layer's units, which a constant does
    not hide, and the norm of the gradient at its output; and asks the rules `saturated_units` and
    `dead_units`. The last layer is left out: to begin with zeros there is good practice. Residual
    branches and normalised layers may fall to nothing in between, as long as the signal recovers.
    """
    case.known  # noqa: B018 - what the rules read stands in the history then
    depths = [depth for depth in case.depths if not depth.is_output]
    ends = [depth for depth in case.depths if depth.is_output]
    if not depths:
        raise Unknown("there is no hidden layer that can be watched")
    for depth in depths:
        case.record("signal/std", depth.signal, depth.target)
        case.record("signal/gradient_norm", depth.gradient, depth.target)
    found = judge(depths, ends, has_gradient=case.has_loss) + _identical(case, depths)
    for rule in (saturated_units, dead_units):
        said = [a for a in rule(case.history, patience=1) if a.severity > Severity.NOTE]
        found += renamed(said, "initial_signal")
    first, last = depths[0], depths[-1]
    words = f"std {first.signal:.2g} in {first.target}"
    if first is not last:
        words += f", {last.signal:.2g} in {last.target}"
    if last.gradient > 0:
        words += f"; gradient {last.gradient:.2g}"
        words += "" if first is last else f" there, {first.gradient:.2g} in {first.target}"
    return CheckResult(words, found)


def judge(depths, ends, *, has_gradient=True):
    """Return advice on a signal or gradient that is lost or blown up from end to end.

    Args:
        depths: The hidden layers.
        ends: The last layer, and what comes after it. What arrives there is not lost: a sum that
            is no layer of its own may have passed the last hidden layer by.
        has_gradient: Whether the gradients were measured.
    """
    if len(depths) < 2:
        return []
    found = []
    first = depths[0].signal
    last = depths[-1].signal
    is_past = any(LOST * first < depth.reach < BLOWN * first for depth in ends)
    is_past = is_past or (last == 0 and (depths[0].gradient > 0 or not has_gradient))
    if first > 0 and np.isfinite(first) and not is_past and not LOST < last / first < BLOWN:
        found.append(_finding(depths[-1].target, "signal", first, last))
    start, end = depths[0].gradient, depths[-1].gradient
    if end > 0 and np.isfinite(end) and not LOST < start / end < BLOWN:
        found.append(_finding(depths[0].target, "gradient", end, start))
    return found


def _finding(target, what, before, after):
    ratio = after / before
    way = "lost" if ratio < 1 else "blown up"
    over = "from the first hidden layer to the last" if what == "signal" else "on its way back"
    return Finding(
        "initial_signal",
        Severity.WARNING,
        target,
        f"The {what} is {way} {over}: {before:.2g} becomes {after:.2g}.",
        {"quantity": what, "before": before, "after": after, "ratio": ratio},
        (
            Remedy(
                "Scale the weights by what the data do in this model.",
                "from keras_babysit.initializers import lsuv\nlsuv(model, x[:256])",
            ),
            Remedy(
                "Initialise for the activation in use.",
                "from keras_babysit.initializers import VariancePreserving\n"
                'kernel_initializer=VariancePreserving("relu")',
            ),
            Remedy("Normalise in between.", "keras.layers.BatchNormalization()"),
        ),
        REFERENCE,
    )


def _identical(case, depths):
    """Return advice on layers whose units are the same and get the same gradient: W = 0.

    A branch that ends in zeros to begin with has identical units too, but different gradients.
    """
    suspects = {depth.target for depth in depths if depth.distinct <= SAME}
    if not suspects or not case.has_loss:
        return []
    layers = taps.leaves(case.model)
    names = taps.names(layers)
    kernels = {
        names[id(layer)]: [v for v in layer.trainable_variables if len(v.shape) > 1]
        for layer in layers
    }
    gradients = _kernel_gradients(case)
    return [
        _about_identical(target)
        for target in suspects
        if kernels.get(target) and all(_has_same_columns(gradients[id(v)]) for v in kernels[target])
    ]


def _about_identical(target):
    return Finding(
        "initial_signal",
        Severity.ERROR,
        target,
        f"All units of {target} are identical and get the same gradient: they stay identical.",
        {"distinct_units": 1},
        (
            Remedy(
                "Begin with random weights.",
                "from keras_babysit.initializers import VariancePreserving\n"
                'kernel_initializer=VariancePreserving("relu")',
            ),
        ),
        "CS231n, weight initialization: all-zero weights leave nothing to tell units apart",
    )


def _has_same_columns(gradient):
    columns = gradient.reshape(-1, gradient.shape[-1])
    return bool(np.abs(columns - columns[:, :1]).max() <= SAME * np.abs(columns).max())


def _kernel_gradients(case):
    """Return the gradient of each trainable variable, by its id, as arrays."""
    x, y, sample_weight = tensors(case.batch)
    model = case.model

    def loss_of(values):
        with stateless(model, values, case.state[1]):
            y_pred = model(x, training=True)
            return compute_loss(model, x, y, y_pred, sample_weight, training=True), ()

    _, gradients = backend.value_and_grad(loss_of, case.state[0])
    pairs = zip(model.trainable_variables, gradients, strict=True)
    return {id(v): to_array(g).astype("float64") for v, g in pairs}
