"""How far training and inference mode differ: batch normalisation's averages, dropout's noise."""

import keras
import numpy as np

from keras_babysit.advice import Advice, Remedy, Severity
from keras_babysit.checks.finding import Finding, Unknown
from keras_babysit.probes import facts

NOISY = 3.0
"""Noise of dropout in standard deviations of the signal from which on it is reported: less than a
tenth of the variance that the loss sees is then due to the inputs. A rate of 0.5 makes noise as
large as the signal, 0.9 three times as large: sqrt(p / (1 - p))."""

STALE = 3.0
"""Times the loss in training mode from which on the averages are called wrong; the same limit as
`loss_explosion`."""

PASSES = 8

REFERENCE = (
    "Srivastava et al., JMLR 15, 2014: variance p / (1 - p) of inverted dropout; Ioffe and "
    "Szegedy, arXiv:1502.03167, section 3.1"
)


def two_modes(case):
    """Advise if dropout drowns the signal, or if batch norm's averages do not fit the data.

    Before the first step those averages are 0 and 1 and fit nothing, which is in order: then how
    far the modes differ is only told.
    """
    inference, _ = case.forward(training=False)
    runs = _training_runs(case)
    noise, signal = _noise(runs), _signal(runs)
    difference = _difference(runs, inference)
    case.record("modes/difference", difference)
    case.record("modes/noise", noise)
    if difference < 1e-6 and noise < 1e-6:
        return Finding("no difference: nothing depends on the mode")
    found = _about_noise(noise, signal) + _about_averages(case, inference)
    words = f"means differ by {difference:.2g} of the spread"
    if noise > 1e-6:
        words += f", dropout's noise is {noise / max(signal, 1e-12):.2g} times the signal"
    if _has_fresh_averages(case.model):
        words += "; batch norm's averages are still at their start"
    return Finding(words, found)


def _training_runs(case):
    """Return the outputs of several passes in training mode, each with the next random numbers."""
    runs, other = [], case.state[1]
    for _ in range(PASSES):
        outputs, after = case.forward(training=True, other=other)
        runs.append(np.concatenate([_flat(leaf) for leaf in outputs], axis=1))
        # Seeds are whole numbers and move on; averages start over each time.
        other = [
            new if new is not None and "int" in str(new.dtype) else old
            for new, old in zip(after, other, strict=True)
        ]
    runs = np.stack(runs)
    if not np.isfinite(runs).all():
        raise Unknown("the output is not finite")
    return runs


def _flat(leaf):
    return leaf.reshape(len(leaf), -1).astype("float64")


def _noise(runs):
    """Return the deviation of one example's output among the passes."""
    return float(np.sqrt(runs.var(axis=0, ddof=1).mean()))


def _signal(runs):
    """Return the deviation among examples of the mean over the passes, the noise left in it out."""
    left = runs.var(axis=0, ddof=1).mean() / len(runs)
    among = runs.mean(axis=0).var(axis=0).mean()
    return float(np.sqrt(max(among - left, 0.0)))


def _difference(runs, inference):
    mean = runs.mean(axis=0)
    away = mean - np.concatenate([_flat(leaf) for leaf in inference], axis=1)
    return float(np.sqrt(np.mean(away**2)) / max(mean.std(), 1e-12))


def _about_noise(noise, signal):
    if noise <= NOISY * max(signal, 1e-12) or noise < 1e-6:
        return []
    return [
        Advice(
            "two_modes",
            Severity.WARNING,
            "",
            f"In training mode the output's noise, {noise:.2g}, drowns its signal, {signal:.2g}.",
            {"noise": noise, "signal": signal},
            (Remedy("Drop fewer units.", "keras.layers.Dropout(0.3)"),),
            REFERENCE,
        )
    ]


def _about_averages(case, inference):
    """Return advice if the averages of a trained batch norm do not fit these data."""
    has_norms = facts.regularization(case.model)["batch_normalizations"] > 0
    if not has_norms or _has_fresh_averages(case.model) or not case.has_loss:
        return []
    training = case.loss(case.targets, case.outputs)
    inferred = case.loss(case.targets, inference)
    if not (np.isfinite(training) and inferred > STALE * training > 0):
        return []
    return [
        Advice(
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


def _has_fresh_averages(model):
    """Return whether there is a batch norm whose averages are still 0 and 1."""
    norms = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization) and layer.built
    ]
    return any(
        not np.any(keras.ops.convert_to_numpy(layer.moving_mean))
        and np.all(keras.ops.convert_to_numpy(layer.moving_variance) == 1)
        for layer in norms
    )
