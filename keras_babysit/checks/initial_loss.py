"""The loss before training against what chance gives."""

import dataclasses
import math

import numpy as np

from keras_babysit.checks.result import CheckResult, Unknown
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.rules.unscaled_targets import FAR

EXCESS_NATS = 2.0
"""Above chance by more, in nats of each label, the start is called bad. With inputs of variance 1
Glorot's bound gives logits a variance of at most 2, which costs a softmax 2/2 = 1 nat; twice that
is left for networks that are not normalised."""

FAR_OFF = 3.0
"""For a distance: how far from the best constant prediction the start may be, in deviations of the
target, or in units where that is less than 1. A squared error is then 9 variances above chance. A
fresh network adds its own variance, about 1. It begins around 0: targets whose mean lies elsewhere
are unscaled from `FAR` on."""

FREQUENCIES = 1024
MAX_ENTRIES = 2**22
"""Bounds of the labels whose frequencies are counted: more than the batch, which may be small."""

REFERENCE = (
    "CS231n, 'Before learning: sanity checks'; Glorot and Bengio, AISTATS 2010: Var(W) <= 2/fan_in"
)


def initial_loss(case):
    """Advise if the first loss, penalties off, is far above what the best constant answer gives.

    For a softmax over C classes chance is ln C, or the entropy of the label frequencies where
    they are uneven; for a sigmoid ln 2; for a squared error the variance of the target. It is
    computed by the model's own loss, so that weights and smoothing count as they are. A loss
    below chance is fine: the weights may have been trained before.
    """
    case.need_loss()
    targets, kinds = case.targets, case.kinds
    neutral = [
        constant(kind, y, p) for kind, y, p in zip(kinds, targets, case.outputs, strict=True)
    ]
    if any(one is None for one in neutral):
        raise Unknown("chance is not known for a loss of its own kind")
    loss = case.loss(targets, case.outputs)
    chance = case.loss(targets, neutral)
    case.record("loss/initial", loss)
    case.record("loss/chance", chance)
    found = []
    for place, kind in enumerate(kinds):
        actual = list(neutral)
        actual[place] = case.outputs[place]
        excess = case.loss(targets, actual) - chance
        if not math.isfinite(loss) or excess > _limit(case, place, neutral) - chance:
            found.append(_finding(case, place, kind, loss, chance))
    return CheckResult(f"loss {loss:.3g}, chance gives {chance:.3g}{_uneven(case, kinds)}", found)


def constant(kind, y, prediction):
    """Return the prediction that knows nothing of the inputs, None where there is no such thing."""
    if kind.form == "categorical":
        value = 0.0 if kind.from_logits else 1 / prediction.shape[-1]
    elif kind.form == "binary":
        value = 0.0 if kind.from_logits else 0.5
    elif kind.form == "distance":
        value = np.asarray(y, "float64").mean(axis=0, keepdims=True)
        if value.ndim < prediction.ndim:
            value = value[..., None]
    else:
        return None
    return np.broadcast_to(np.asarray(value, "float32"), prediction.shape).copy()


def perfect(kind, y, prediction, doubt=0.0):
    """Return the prediction that the targets ask for, with a share of doubt in it."""
    y = np.asarray(y, "float32")
    if kind.form == "categorical" and kind.is_sparse:
        classes = y.reshape(prediction.shape[:-1]).astype(int)
        y = np.eye(prediction.shape[-1], dtype="float32")[classes]
    y = y.reshape(y.shape + (1,) * (prediction.ndim - y.ndim))
    y = np.broadcast_to(y, prediction.shape).copy()
    if kind.form == "distance":
        return y
    even = 0.5 if kind.form == "binary" else 1 / prediction.shape[-1]
    shares = (1 - doubt) * y + doubt * even
    if not kind.from_logits:
        return shares
    shares = np.clip(shares, 1e-7, 1 - 1e-7)
    return np.log(shares) if kind.form == "categorical" else np.log(shares / (1 - shares))


def _limit(case, place, neutral):
    """Return the loss up to which the start of one output is in order, all else neutral."""
    kind = case.kinds[place]
    if kind.form != "distance":
        return case.loss(case.targets, neutral) + EXCESS_NATS * kind.unit
    far = list(neutral)
    spread = max(1.0, float(np.std(np.asarray(case.targets[place], "float64"))))
    centre = float(neutral[place].mean())
    is_near = abs(centre) <= FAR
    away = np.copysign(FAR_OFF * spread, centre)
    far[place] = np.float32(-away) if is_near else neutral[place] - np.float32(away)
    far[place] = np.broadcast_to(far[place], neutral[place].shape).copy()
    return case.loss(case.targets, far)  # whatever the distance makes of it, Huber's for one


def _uneven(case, kinds):
    """Return the loss of the label frequencies in words, where those are uneven."""
    if len(kinds) > 1 or kinds[0].form != "categorical":
        return ""
    kind, shape = kinds[0], case.outputs[0].shape[1:]
    count = max(1, min(FREQUENCIES, MAX_ENTRIES // int(np.prod(shape))))
    [y] = case.flat_targets(case.data.some(count)[1])
    plain = dataclasses.replace(kind, from_logits=False)
    rows = perfect(plain, y, np.zeros((len(y), *shape), "float32"))
    shares = np.clip((rows.reshape(-1, shape[-1]) > 0.5).mean(axis=0), 1e-7, 1)
    value = np.log(shares) if kind.from_logits else shares
    by_frequency = case.loss([y], [np.broadcast_to(value, rows.shape).astype("float32")])
    case.record("loss/label_frequencies", by_frequency)
    return f" ({by_frequency:.3g} by label frequencies)"


def _finding(case, place, kind, loss, chance):
    prediction, target = case.outputs[place], case.targets[place]
    spread = float(np.std(prediction))
    remedies = [
        Remedy(
            "Scale the inputs to mean 0 and deviation 1 if they are not.",
            "normalize = keras.layers.Normalization()\nnormalize.adapt(x)",
        ),
        Remedy(
            "Initialise so that the signal keeps its size from layer to layer.",
            "from keras_babysit.initializers import lsuv\nlsuv(model, x[:256])",
        ),
    ]
    if kind.form == "distance":
        remedies.insert(
            0,
            Remedy(
                "Scale the targets to mean 0 and deviation 1, or begin at their mean.",
                "y = (y - y.mean()) / y.std()",
            ),
        )
    return Finding(
        rule="initial_loss",
        severity=Severity.WARNING if math.isfinite(loss) else Severity.ERROR,
        target=case.output_names()[place],
        message=f"Before training the loss is {loss:.3g}; knowing nothing gives {chance:.3g}.",
        evidence={
            "loss": loss,
            "chance": chance,
            "prediction_std": spread,
            "target_mean": float(np.mean(np.asarray(target, "float64"))),
        },
        remedies=tuple(remedies),
        reference=REFERENCE,
    )
