"""Compares training and inference mode: dropout noise and batch normalization averages."""

from collections.abc import Mapping

import keras
import numpy as np

from keras_babysit.actions import SetDropout, SetLayerArguments
from keras_babysit.backends import backend, to_array
from keras_babysit.checks._training import draws
from keras_babysit.checks.case import Case
from keras_babysit.checks.result import CheckResult, Unknown
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.probes import facts, taps
from keras_babysit.probes.taps import Call

MAX_NOISE = 9.0
"""Mean square of the noise that a random layer adds, relative to its input, above which it is
reported. Dropout at rate p adds p / (1 - p): 1 at 0.5 and 9 at 0.9, where less than a tenth of the
output is signal."""

MAX_LOSS_RATIO = 3.0
"""Ratio of the loss in inference mode to that in training mode above which the averages are called
wrong; the same limit as in `loss_explosion`."""

PASSES = 8
MODE_EXAMPLES = 64

REFERENCE = (
    "Srivastava et al., JMLR 15, 2014: variance p / (1 - p) of inverted dropout; Ioffe and "
    "Szegedy, arXiv:1502.03167, section 3.1"
)


def two_modes(case: Case) -> CheckResult:
    """Report excessive dropout noise, and batch normalization averages that do not fit the data.

    Before the first step those averages are 0 and 1, which is normal; the difference between the
    modes is then shown, but not judged.
    """
    case.need_time(passes=1)
    inference = case.inferred
    mean, noise = _training_runs(case)
    difference = _difference(mean, inference)
    case.record("modes/difference", difference)
    for target, value in noise.items():
        case.record("modes/noise", value, target)
    if difference < 1e-6 and not noise:
        return CheckResult("no difference between training and inference mode")
    found = _noise_findings(noise) + _average_findings(case, inference)
    words = f"mean outputs of the two modes differ by {difference:.2g} std"
    if noise:
        worst = max(noise, key=lambda name: noise[name])
        words += f"; {worst} adds noise of {noise[worst]:.2g} times the signal variance"
    if _has_fresh_averages(case.model):
        words += "; batch normalization averages have their initial values"
    return CheckResult(words, found)


def _training_runs(case: Case) -> tuple[np.ndarray, dict[str, float]]:
    """Return the mean output of several passes in training mode, and the noise of each layer.

    Each pass uses new random numbers; batch normalization averages are reset each time.
    """
    drawing = [layer for layer in taps.leaves(case.model) if draws(layer)]
    names = taps.names(drawing)
    x = case.few(MODE_EXAMPLES)
    outputs: list[np.ndarray] = []
    seen: dict[str, list[float]] = {}
    other = case.state[1]
    passes = PASSES if drawing else 1  # without random numbers all passes are equal
    case.need_time(passes=passes, examples=MODE_EXAMPLES)
    for _ in range(passes):
        calls: list[taps.Call] = []
        with taps.tapped(drawing, names, calls.append):
            run, after = case.forward(x, training=True, other=other, is_eager=True)
        outputs.append(np.concatenate([_flat(leaf) for leaf in run], axis=1))
        for call in calls:
            seen.setdefault(call.target, []).append(_noise(call))
        other = [
            new if new is not None and "int" in str(new.dtype) else old
            for new, old in zip(after, other, strict=True)
        ]
    stacked = np.stack(outputs)
    if not np.isfinite(stacked).all():
        raise Unknown("the output is not finite")
    noise = {name: float(np.mean(values)) for name, values in seen.items()}
    return stacked.mean(axis=0), {name: value for name, value in noise.items() if value > 0}


def _flat(leaf: np.ndarray) -> np.ndarray:
    return leaf.reshape(len(leaf), -1).astype("float64")


def _noise(call: Call) -> float:
    """Return the mean square of a layer's change to its input, relative to the input.

    Each layer is judged separately, without the noise of earlier layers; a deep network tolerates
    more in total. 0 if input and output have different shapes, as in recurrent layers with dropout.
    """
    if call.x is None or tuple(call.x.shape) != tuple(call.y.shape):
        return 0.0
    x, y = _flat(to_array(call.x)), _flat(to_array(call.y))
    return float(np.square(y - x).mean() / max(np.square(x).mean(), 1e-30))


def _difference(mean: np.ndarray, inference: list[np.ndarray]) -> float:
    inferred = np.concatenate([_flat(leaf) for leaf in inference], axis=1)[: len(mean)]
    return float(np.sqrt(np.mean((mean - inferred) ** 2)) / max(mean.std(), 1e-12))


def _noise_findings(noise: Mapping[str, float]) -> list[Finding]:
    return [
        Finding(
            "two_modes",
            Severity.WARNING,
            target,
            f"In training mode, {target} adds noise with {value:.0f} times the variance of the "
            "signal.",
            {"noise": value},
            (Remedy("Lower the dropout rate.", change=SetDropout(0.3)),),
            REFERENCE,
        )
        for target, value in noise.items()
        if value > MAX_NOISE
    ]


def _average_findings(case: Case, inference: list[np.ndarray]) -> list[Finding]:
    """Return a finding if the averages of a trained batch normalization do not fit the data."""
    has_norms = facts.regularization(case.model).batch_normalizations > 0
    if not has_norms or _has_fresh_averages(case.model) or not case.has_loss:
        return []
    training = case.loss(case.targets, case.outputs)
    inferred = case.loss(case.targets, inference)
    if not (np.isfinite(training) and inferred > MAX_LOSS_RATIO * training > 0):
        return []
    return [
        Finding(
            "two_modes",
            Severity.WARNING,
            "",
            f"The loss is {training:.3g} in training mode and {inferred:.3g} in inference mode: "
            "the moving averages of batch normalization do not match this data.",
            {"loss_training": training, "loss_inference": inferred},
            (
                Remedy(
                    "Preprocess the data as in the earlier training, or lower the momentum so that "
                    "the averages adapt faster.",
                    change=SetLayerArguments(
                        class_name="BatchNormalization", arguments=(("momentum", 0.9),)
                    ),
                ),
            ),
            REFERENCE,
        )
    ]


def _value(variable: keras.Variable) -> np.ndarray:
    return to_array(backend.to_tensor(variable.value))


def _has_fresh_averages(model: keras.Model) -> bool:
    """Return whether some batch normalization still has its initial averages, 0 and 1."""
    norms = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization) and layer.built
    ]
    return any(
        not np.any(_value(layer.moving_mean)) and np.all(_value(layer.moving_variance) == 1)
        for layer in norms
    )
