"""Checks that gradients reach all weights, outputs depend on inputs, and examples do not mix."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_babysit.actions import CONNECTIONS, OWN_CODE, SetInitializer
from keras_babysit.backends import backend, to_array
from keras_babysit.backends.untouched import untouched_state
from keras_babysit.checks.case import COMPILES, GRADIENT, Case, tensors
from keras_babysit.checks.result import CheckResult, Unknown
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.probes.probe import Probe, compute_loss, weight_names
from keras_babysit.typing import Nested, Tensor

FLOW_DRAWS = 2
"""Number of random weights to test in addition to the initial ones. A residual branch or last layer
that starts at zero passes no gradient at step 0, but does at step 1."""

MAX_CHANGE = 1e-3
"""Change of an example's output, in standard deviations, that is tolerated when other examples of
the batch are replaced: a thousand times float32 rounding. Real leaks, such as a softmax or mean
over the batch, change it by more than 0.1."""

MAX_CHANGE_HALF_PRECISION = 3e-2
"""The same for half precision."""

REFERENCE = "Karpathy, 'A Recipe for Training Neural Networks': backprop to chart dependencies"


def gradient_flow(case: Case) -> CheckResult:
    """Report weights without gradient, constant outputs, and examples that affect each other.

    Everything is measured at the initial weights and at random ones: what holds for all of them
    holds by construction. Batch normalization may let examples affect each other, but not in
    inference mode. Models that take all examples at once, such as graph networks, are exempt.
    """
    found, words = [], []
    for part in (_inputs, _examples, _weights):
        try:
            findings, text = part(case)
        except Unknown as reason:
            words.append(str(reason))
        else:
            found += findings
            words.append(text)
    return CheckResult("; ".join(words), found)


def _inputs(case: Case) -> tuple[list[Finding], str]:
    if not _has_distinct_rows(case.batch[0]):
        raise Unknown("all inputs are identical")
    if not _are_finite(case.inferred):
        # Of inputs that are not finite `data_quality` reports.
        names = zip(case.output_names(), case.inferred, strict=True)
        broken = [_not_finite_output(name) for name, leaf in names if not _are_finite([leaf])]
        return broken if _are_finite(case.batch[0]) else [], "the output is not finite"
    constant = _constant_outputs(case)
    findings = [
        Finding(
            "gradient_flow",
            Severity.ERROR,
            case.output_names()[index],
            "The output is the same for every input.",
            {"relative_spread": 0.0},
            (
                Remedy(
                    "Find what discards the input: a softmax over one unit, a layer of dead units, "
                    "or a layer whose result is not used.",
                    no_change_because=CONNECTIONS,
                ),
            ),
            REFERENCE,
        )
        for index in constant
    ]
    return (
        findings,
        "the output depends on the inputs" if not findings else "the output is constant",
    )


def _not_finite_output(name: str) -> Finding:
    return Finding(
        "gradient_flow",
        Severity.ERROR,
        name,
        "The output is NaN or infinite for some inputs.",
        {},
        (
            Remedy(
                "Keep the arguments of log, sqrt, arccos, exp and divisions inside their domain.",
                "keras.ops.log(keras.ops.maximum(x, keras.config.epsilon()))",
                no_change_because=OWN_CODE,
            ),
        ),
        REFERENCE,
    )


def _constant_outputs(case: Case) -> list[int]:
    """Return the indices of the outputs that are the same for every input, in both modes.

    In inference mode, a deep network whose batch normalization still has averages of 0 and 1 may
    lose the signal to rounding; in training mode it does not. Layers that draw random numbers are
    switched off in training mode.
    """
    constant = [index for index, varies in enumerate(_varies(case.inferred)) if not varies]
    draws = [case.perturbed(0.5, seed) for seed in range(FLOW_DRAWS)]
    for training in (True, False):
        for draw in (None, *draws) if training else draws:
            if not constant:
                return []
            case.need_time(passes=1)
            outputs, _ = case.forward(training=training, trainable=draw, is_calm=True)
            varies = _varies(outputs)
            constant = [index for index in constant if not varies[index]]
    return constant


def _examples(case: Case) -> tuple[list[Finding], str]:
    if case.is_one_batch:
        raise Unknown("examples may affect each other: the model takes the whole data set at once")
    case.need_time(passes=1)
    names, before = case.output_names(), case.inferred
    count = len(before[0]) if before[0].ndim else 0
    if count < 2 or any(leaf.ndim == 0 or len(leaf) != count for leaf in before):
        raise Unknown("the first axis of an output is not the batch axis")
    half = count // 2
    x = keras.tree.map_structure(lambda leaf: _replaced(leaf, half), case.batch[0])
    after, _ = case.forward(x)
    limit = MAX_CHANGE_HALF_PRECISION if "16" in case.model.compute_dtype else MAX_CHANGE
    finding, largest = [], 0.0
    for name, one, other in zip(names, before, after, strict=True):
        scale = float(np.std(one.astype("float64"))) or 1.0
        moved = float(np.abs(one[:half].astype("float64") - other[:half]).max()) / scale
        largest = max(largest, moved)
        if moved > limit:
            finding.append(_leak(name, moved))
    return finding, f"replacing other examples changes an output by {largest:.1g} std"


def _replaced(leaf: np.ndarray, half: int) -> np.ndarray | None:
    """Return the array with the second half of its rows replaced by other values."""
    if leaf is None:
        return None
    rest = np.roll(leaf[half:], 1, axis=0)
    if leaf.dtype.kind == "f":
        rest = (3 * rest[::-1] + 1).astype(leaf.dtype)
    else:
        rest = np.broadcast_to(leaf[half : half + 1], rest.shape)
    return np.concatenate([leaf[:half], rest])


def _leak(name: str, moved: float) -> Finding:
    return Finding(
        "gradient_flow",
        Severity.ERROR,
        name,
        f"An example's output changes by {moved:.2g} standard deviations when other examples of "
        "the batch are replaced, even in inference mode.",
        {"moved": moved},
        (
            Remedy(
                "Find the operation that mixes examples: a softmax, mean, norm, reshape or "
                "transpose over axis 0, the batch axis.",
                "keras.ops.softmax(x, axis=-1)",
                no_change_because=OWN_CODE,
            ),
        ),
        REFERENCE,
    )


def _weights(case: Case) -> tuple[list[Finding], str]:
    case.need_loss()
    if not case.model.trainable_variables:
        return [], "no weight is trainable"
    names = weight_names(case.model)
    norms = {name: case.known.get(("gradients/norm", name)) for name in names}
    broken = [name for name, norm in norms.items() if norm is not None and not np.isfinite(norm)]
    if broken:
        text = f"{len(broken)} of {len(names)} weight tensors receive a gradient that is not finite"
        # A loss that is not finite is reported by the checks of data, outputs and loss.
        is_alone = np.isfinite(case.known.get(("loss/batch", ""), np.nan))
        return [_not_finite_gradients(broken)] if is_alone else [], text
    missing = [name for name, norm in norms.items() if norm == 0]
    probe = Probe(case.model, is_compiled=COMPILES, layers=[])
    for seed in range(FLOW_DRAWS):
        if missing:
            case.need_time(**GRADIENT)
            readings = probe((case.perturbed(0.5, seed), *case.state[1:]), case.batch)
            missing = [name for name in missing if readings["gradients/norm", name] == 0]
    unknown = _with_another_gradient(case, names, missing)
    missing = [name for name in missing if name not in unknown]
    findings = [one for name in missing if (one := _judge(case, names.index(name), name))]
    if missing:
        return findings, f"{len(missing)} of {len(names)} weight tensors receive no gradient"
    if unknown:
        return findings, (
            f"gradients of {len(unknown)} of {len(names)} weight tensors not measured: they are "
            "computed again in the backward pass, as with `keras.remat`"
        )
    return findings, f"all {len(names)} weight tensors receive a gradient"


def _with_another_gradient(case: Case, names: Sequence[str], missing: Sequence[str]) -> set[str]:
    """Return the weights without a gradient that have one where no value stands in for them.

    A probe differentiates by values that stand in for the variables. On TensorFlow, what
    `keras.remat` computes again reads the variables themselves. That gradient is unknown, not zero.
    """
    if not missing:
        return set()
    case.need_time(**GRADIENT)
    model = case.model
    variables = [model.trainable_variables[names.index(name)] for name in missing]

    def loss() -> Tensor:
        x, y, sample_weight = tensors(case.batch)
        y_pred = model(x, training=True)
        return compute_loss(model, x, y, y_pred, sample_weight, training=True)

    with untouched_state(model), keras.StatelessScope():
        gradients = backend.gradients_of_variables(loss, variables)
    pairs = zip(missing, gradients or (), strict=False)
    return {name for name, gradient in pairs if np.any(to_array(gradient))}


def _not_finite_gradients(names: Sequence[str]) -> Finding:
    return Finding(
        "gradient_flow",
        Severity.ERROR,
        names[0],
        f"The gradient of {len(names)} weight tensors is NaN or infinite, although the loss is "
        "finite.",
        {"tensors": len(names)},
        (
            Remedy(
                "Find the operation whose derivative is infinite: sqrt, norm or pow at 0, "
                "arccos at -1 or 1, log at 0. Keep its argument away from there.",
                "keras.ops.arccos(keras.ops.clip(x, -1 + 1e-5, 1 - 1e-5))",
                no_change_because=OWN_CODE,
            ),
        ),
        REFERENCE,
    )


def _judge(case: Case, index: int, name: str) -> Finding | None:
    """Return the finding on a weight without gradient; None if that weight cannot matter.

    A bias before batch normalization has no effect. Of a weight that the model reads past its
    stand-in nothing is known.
    """
    case.need_time(passes=2)
    layer = _owner(case.model, index)
    siblings = layer.trainable_variables if layer is not None else []
    changes_loss, changes_output = _effect(case, index)
    if not changes_loss and (
        _is_idle_bias(case, index, siblings) or (changes_output and _is_vector(case, index))
    ):
        return None
    if not changes_loss and not changes_output and _is_bypassed(case, index):
        return None
    if changes_loss:
        message = f'The loss depends on "{name}", but it receives no gradient.'
        remedy = Remedy(
            "Find what blocks the gradient: stop_gradient, a step, argmax, round, integer cast or "
            "NumPy call between the weight and the loss. Freeze the layer if that is intended.",
            "layer.trainable = False  # layer: the one that holds the weight",
            no_change_because=OWN_CODE,
        )
    elif changes_output:
        message = f'"{name}" changes an output, but no loss depends on it: it is not trained.'
        remedy = Remedy(
            "Give this output a loss, or freeze the layers that only it uses.",
            'model.compile("adam", loss={"first": "mse", "second": "mse"})  # by output name',
            no_change_because=OWN_CODE,
        )
    else:
        message = f'"{name}" has no effect: it receives no gradient and does not change the output.'
        remedy = Remedy(
            "Use the layer in the forward pass or remove it. If all its ReLU units are dead, "
            "initialize its biases to zero.",
            change=SetInitializer(activation="relu", class_name="Dense", units=64),
        )
    return Finding(
        "gradient_flow",
        Severity.WARNING,
        name,
        message,
        {"gradient_norm": 0.0, "changes_loss": changes_loss},
        (remedy,),
        REFERENCE,
    )


def _effect(case: Case, index: int) -> tuple[bool, bool]:
    """Return whether changing one weight tensor changes the loss, and the output."""
    base = case.perturbed(0.5, 0)
    moved = list(base)
    moved[index] = case.perturbed(2.0, 7)[index]
    one, other = (case.forward(training=True, trainable=values)[0] for values in (base, moved))
    changes_output = any(_differ(a, b) for a, b in zip(one, other, strict=True))
    weights = case.batch[2]
    try:
        losses = [case.loss(case.targets, p, sample_weight=weights) for p in (one, other)]
    except Unknown:
        return changes_output, changes_output
    return _differ(*map(np.asarray, losses)), changes_output


def _is_bypassed(case: Case, index: int) -> bool:
    """Return whether the outputs depend on a variable itself, not on the stand-in for its value.

    A `TorchModuleWrapper` computes with the parameters of its module. The variable is changed for
    one pass, and put back.
    """
    case.need_time(passes=2)
    variable, base = case.model.trainable_variables[index], case.perturbed(0.5, 0)
    kept = backend.copy([variable.value])[0]
    one = case.forward(training=True, trainable=base, is_eager=True)[0]
    try:
        variable.assign(case.perturbed(2.0, 7)[index])
        other = case.forward(training=True, trainable=base, is_eager=True)[0]
    finally:
        variable.assign(kept)
    return any(_differ(a, b) for a, b in zip(one, other, strict=True))


def _differ(one: np.ndarray, other: np.ndarray) -> bool:
    one, other = (np.asarray(a, "float64") for a in (one, other))
    return bool(np.abs(one - other).max() > 1e-4 * max(np.abs(one).max(), 1e-12))


def _owner(model: keras.Model, index: int) -> keras.layers.Layer | None:
    variable = model.trainable_variables[index]
    for layer in model._flatten_layers():
        if any(v is variable for v in layer._trainable_variables):
            return layer
    return None


def _is_vector(case: Case, index: int) -> bool:
    """Return whether a weight is a bias or the like: what is said of its kernel holds for it."""
    return len(case.model.trainable_variables[index].shape) < 2


def _is_idle_bias(case: Case, index: int, siblings: Sequence[int]) -> bool:
    """Return whether the weight is a vector in a layer whose other weights receive a gradient."""
    variable = case.model.trainable_variables[index]
    names = dict(
        zip(map(id, case.model.trainable_variables), weight_names(case.model), strict=True)
    )
    others = [names[id(v)] for v in siblings if v is not variable]
    learns = any(case.known.get(("gradients/norm", name), 0) > 0 for name in others)
    return len(variable.shape) == 1 and learns


def _has_distinct_rows(x: Nested) -> bool:
    leaves = [leaf for leaf in keras.tree.flatten(x) if leaf is not None]
    return any(len(leaf) > 1 and (leaf != leaf[:1]).any() for leaf in leaves)


def _are_finite(arrays: Nested) -> bool:
    leaves = [leaf for leaf in keras.tree.flatten(arrays) if leaf is not None]
    return all(np.isfinite(a.astype("float64")).all() for a in leaves if a.dtype.kind not in "OSU")


def _varies(outputs: list[np.ndarray]) -> list[bool]:
    """Return for each output whether it differs between examples."""
    return [
        bool(
            np.ptp(to_array(y).astype("float64"), axis=0).max() > 1e-6 * max(np.abs(y).max(), 1e-30)
        )
        if y.ndim
        else True
        for y in outputs
    ]
