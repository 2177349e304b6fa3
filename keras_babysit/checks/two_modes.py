"""How far training and inference mode differ: batch normalisation's averages, dropout's noise."""

import keras
import numpy as np

from keras_babysit.backends import backend, to_array
from keras_babysit.checks._training import draws
from keras_babysit.checks.result import CheckResult, Unknown
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.probes import facts, taps

NOISY = 9.0
"""Mean square of what a layer that draws random numbers changes, in units of that of its input,
from which on it is reported. Dropout at rate p makes p / (1 - p): 1 at 0.5, 9 at 0.9, from where
on less than a tenth of what it passes on is signal."""

STALE = 3.0
"""Times the loss in training mode from which on the averages are called wrong; the same limit as
`loss_explosion`."""

PASSES = 8
EXAMPLES = 64

REFERENCE = (
    "Srivastava et al., JMLR 15, 2014: variance p / (1 - p) of inverted dropout; Ioffe and "
    "Szegedy, arXiv:1502.03167, section 3.1"
)


def two_modes(case):
    """Advise if dropout drowns the signal, or if batch norm's averages do not fit the data.

    Before the first step those averages are 0 and 1 and fit nothing, which is in order: then how
    far the modes differ is only told.
    """
    case.need_time(passes=1)
    inference = case.inferred
    mean, noise = _training_runs(case)
    difference = _difference(mean, inference)
    case.record("modes/difference", difference)
    for target, value in noise.items():
        case.record("modes/noise", value, target)
    if difference < 1e-6 and not noise:
        return CheckResult("no difference: nothing depends on the mode")
    found = _about_noise(noise) + _about_averages(case, inference)
    words = f"means differ by {difference:.2g} of the spread"
    if noise:
        worst = max(noise, key=noise.get)
        words += f", {worst} adds noise of {noise[worst]:.2g} times the signal's variance"
    if _has_fresh_averages(case.model):
        words += "; batch norm's averages are still at their start"
    return CheckResult(words, found)


def _training_runs(case):
    """Return the mean output of several passes in training mode, and the noise by layer.

    Each pass gets the next random numbers; batch norm's averages start over each time.
    """
    drawing = [layer for layer in taps.leaves(case.model) if draws(layer)]
    names = taps.names(drawing)
    x = case.few(EXAMPLES)
    outputs, seen, other = [], {}, case.state[1]
    passes = PASSES if drawing else 1  # without random numbers each is like the first
    case.need_time(passes=passes, examples=EXAMPLES)
    for _ in range(passes):
        calls = []
        with taps.tapped(drawing, names, calls.append):
            run, after = case.forward(x, training=True, other=other, is_eager=True)
        outputs.append(np.concatenate([_flat(leaf) for leaf in run], axis=1))
        for call in calls:
            seen.setdefault(call.target, []).append(_noise(call))
        other = [
            new if new is not None and "int" in str(new.dtype) else old
            for new, old in zip(after, other, strict=True)
        ]
    outputs = np.stack(outputs)
    if not np.isfinite(outputs).all():
        raise Unknown("the output is not finite")
    noise = {name: float(np.mean(values)) for name, values in seen.items()}
    return outputs.mean(axis=0), {name: value for name, value in noise.items() if value > 0}


def _flat(leaf):
    return leaf.reshape(len(leaf), -1).astype("float64")


def _noise(call):
    """Return the mean square of what a layer changes over that of what it is given.

    By itself: what layers before it add is theirs, and a deep network bears more of it. 0 where
    input and output cannot be compared, as in a recurrent layer with dropout inside.
    """
    if call.x is None or tuple(call.x.shape) != tuple(call.y.shape):
        return 0.0
    x, y = _flat(to_array(call.x)), _flat(to_array(call.y))
    return float(np.square(y - x).mean() / max(np.square(x).mean(), 1e-30))


def _difference(mean, inference):
    inferred = np.concatenate([_flat(leaf) for leaf in inference], axis=1)[: len(mean)]
    return float(np.sqrt(np.mean((mean - inferred) ** 2)) / max(mean.std(), 1e-12))


def _about_noise(noise):
    return [
        Finding(
            "two_modes",
            Severity.WARNING,
            target,
            f"In training mode {target} adds noise of {value:.0f} times the signal's variance.",
            {"noise": value},
            (Remedy("Drop fewer units.", "keras.layers.Dropout(0.3)"),),
            REFERENCE,
        )
        for target, value in noise.items()
        if value > NOISY
    ]


def _about_averages(case, inference):
    """Return advice if the averages of a trained batch norm do not fit these data."""
    has_norms = facts.regularization(case.model).batch_normalizations > 0
    if not has_norms or _has_fresh_averages(case.model) or not case.has_loss:
        return []
    training = case.loss(case.targets, case.outputs)
    inferred = case.loss(case.targets, inference)
    if not (np.isfinite(training) and inferred > STALE * training > 0):
        return []
    return [
        Finding(
            "two_modes",
            Severity.WARNING,
            "",
            f"The loss is {training:.3g} in training mode and {inferred:.3g} in inference mode: "
            "batch norm's averages are not those of these data.",
            {"loss_training": training, "loss_inference": inferred},
            (
                Remedy(
                    "Prepare the data as they were when the averages were taken, or let them "
                    "follow faster.",
                    "keras.layers.BatchNormalization(momentum=0.9)",
                ),
            ),
            REFERENCE,
        )
    ]


def _held(variable):
    return to_array(backend.to_tensor(variable.value))


def _has_fresh_averages(model):
    """Return whether there is a batch norm whose averages are still 0 and 1."""
    norms = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization) and layer.built
    ]
    return any(
        not np.any(_held(layer.moving_mean)) and np.all(_held(layer.moving_variance) == 1)
        for layer in norms
    )
