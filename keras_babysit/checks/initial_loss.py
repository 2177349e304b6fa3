"""Compares the initial loss with that of the best constant prediction (chance)."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from keras_babysit.actions import ScaleWeights, StandardizeInputs, StandardizeTargets
from keras_babysit.checks.case import Case
from keras_babysit.checks.result import CheckResult, Unknown
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.probes.loss_reading import LossKind
from keras_babysit.rules.unscaled_targets import FAR_TARGETS

EXCESS_NATS = 2.0
"""Tolerated excess over chance, in nats per label. With inputs of variance 1, Glorot's bound gives
logits a variance of at most 2, which costs a softmax 2/2 = 1 nat; the limit is twice that, for
networks that are not normalized."""

EXCESS_DEVIATIONS = 3.0
"""Tolerated distance of the initial predictions from the best constant one, for distance losses: in
standard deviations of the target, or in units if that is below 1. A squared error is then 9
variances above chance; a new network adds a variance of about 1. Initial predictions are around 0;
`FAR_TARGETS` says from which mean on targets count as unscaled."""

MAX_LABELED_EXAMPLES = 1024
MAX_LABEL_ENTRIES = 2**22
"""Limits for counting label frequencies: examples, and entries of their one-hot rows. They exceed
the batch, which may be small."""

REFERENCE = (
    "CS231n, 'Before learning: sanity checks'; Glorot and Bengio, AISTATS 2010: Var(W) <= 2/fan_in"
)


def initial_loss(case: Case) -> CheckResult:
    """Report an initial loss, without penalties, far above that of the best constant prediction.

    That constant prediction, called chance, has a loss of ln C for a softmax over C classes, ln 2
    for a sigmoid, and the variance of the target for a squared error. It is computed with the
    model's own loss, which includes loss weights and label smoothing. A loss below chance is fine:
    the weights may be pretrained.
    """
    case.need_loss()
    targets, kinds = case.targets, case.kinds
    constants = [
        constant(kind, y, p) for kind, y, p in zip(kinds, targets, case.outputs, strict=True)
    ]
    neutral = [one for one in constants if one is not None]
    if len(neutral) < len(constants):
        raise Unknown("chance is not known for this custom loss")
    loss = case.loss(targets, case.outputs)
    chance = case.loss(targets, neutral)
    case.record("loss/initial", loss)
    case.record("loss/chance", chance)
    found = []
    for index, kind in enumerate(kinds):
        actual = list(neutral)
        actual[index] = case.outputs[index]
        excess = case.loss(targets, actual) - chance
        if not math.isfinite(loss) or excess > _limit(case, index, neutral) - chance:
            found.append(_finding(case, index, kind, loss, chance))
    return CheckResult(f"loss {loss:.3g}, chance {chance:.3g}{_by_frequency(case, kinds)}", found)


def constant(kind: LossKind, y: np.ndarray, prediction: np.ndarray) -> np.ndarray | None:
    """Return the best prediction that ignores the inputs; None if the kind of loss is unknown."""
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


def perfect(
    kind: LossKind, y: np.ndarray, prediction: np.ndarray, smoothing: float = 0.0
) -> np.ndarray:
    """Return the prediction with the lowest loss, mixed with a uniform one by `smoothing`."""
    y = np.asarray(y, "float32")
    if kind.form == "categorical" and kind.is_sparse:
        classes = y.reshape(prediction.shape[:-1]).astype(int)
        y = np.eye(prediction.shape[-1], dtype="float32")[classes]
    y = y.reshape(y.shape + (1,) * (prediction.ndim - y.ndim))
    y = np.broadcast_to(y, prediction.shape).copy()
    if kind.form == "distance":
        return y
    even = 0.5 if kind.form == "binary" else 1 / prediction.shape[-1]
    p = (1 - smoothing) * y + smoothing * even
    if not kind.from_logits:
        return p
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return np.log(p) if kind.form == "categorical" else np.log(p / (1 - p))


def _limit(case: Case, index: int, neutral: Sequence[np.ndarray]) -> float:
    """Return the highest acceptable initial loss of one output, with the others at chance."""
    kind = case.kinds[index]
    if kind.form != "distance":
        return case.loss(case.targets, neutral) + EXCESS_NATS * kind.unit
    far = list(neutral)
    spread = max(1.0, float(np.std(np.asarray(case.targets[index], "float64"))))
    centre = float(neutral[index].mean())
    is_near = abs(centre) <= FAR_TARGETS
    away = np.copysign(EXCESS_DEVIATIONS * spread, centre)
    there = np.float32(-away) if is_near else neutral[index] - np.float32(away)
    far[index] = np.broadcast_to(there, neutral[index].shape).copy()
    return case.loss(case.targets, far)  # evaluated by the loss itself, which may be Huber's


def _by_frequency(case: Case, kinds: Sequence[LossKind]) -> str:
    """Return the loss of predicting the label frequencies, as text; empty if not categorical."""
    if len(kinds) > 1 or kinds[0].form != "categorical":
        return ""
    kind, shape = kinds[0], case.outputs[0].shape[1:]
    count = max(1, min(MAX_LABELED_EXAMPLES, MAX_LABEL_ENTRIES // int(np.prod(shape))))
    [y] = case.flat_targets(case.data.some(count)[1])
    plain = dataclasses.replace(kind, from_logits=False)
    rows = perfect(plain, y, np.zeros((len(y), *shape), "float32"))
    frequencies = np.clip((rows.reshape(-1, shape[-1]) > 0.5).mean(axis=0), 1e-7, 1)
    value = np.log(frequencies) if kind.from_logits else frequencies
    by_frequency = case.loss([y], [np.broadcast_to(value, rows.shape).astype("float32")])
    case.record("loss/label_frequencies", by_frequency)
    return f" ({by_frequency:.3g} for the label frequencies)"


def _finding(case: Case, index: int, kind: LossKind, loss: float, chance: float) -> Finding:
    prediction, target = case.outputs[index], case.targets[index]
    spread = float(np.std(prediction))
    remedies = [
        Remedy(
            "Standardize the inputs to mean 0 and standard deviation 1.",
            change=StandardizeInputs(),
        ),
        Remedy(
            "Initialize the weights so that activations keep their variance from layer to layer.",
            change=ScaleWeights(),
        ),
    ]
    if kind.form == "distance":
        remedies.insert(
            0,
            Remedy(
                "Standardize the targets, or initialize the output bias to their mean.",
                change=StandardizeTargets(),
            ),
        )
    return Finding(
        rule="initial_loss",
        severity=Severity.WARNING if math.isfinite(loss) else Severity.ERROR,
        target=case.output_names()[index],
        message=f"The initial loss is {loss:.3g} (constant prediction: {chance:.3g}).",
        evidence={
            "loss": loss,
            "chance": chance,
            "prediction_std": spread,
            "target_mean": float(np.mean(np.asarray(target, "float64"))),
        },
        remedies=tuple(remedies),
        reference=REFERENCE,
    )
