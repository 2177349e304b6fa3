"""Whether gradients reach every weight, inputs reach the output, and examples keep apart."""

import keras
import numpy as np

from keras_babysit.backends import to_array
from keras_babysit.checks.case import COMPILES, GRADIENT
from keras_babysit.checks.result import CheckResult, Unknown
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.probes.probe import Probe, weight_names

DRAWS = 2
"""Random weights under which it is looked at besides the first ones. A residual branch or a last
layer that begins at zero passes no gradient on at step 0, and does so at step 1."""

LEAK = 1e-3
"""Share of the output's spread by which an example may move when others are exchanged: a thousand
times the rounding of float32. The leaks of programs, a softmax or mean over the batch, move it by
more than a tenth."""

LEAK_HALF = 3e-2
"""The same in half precision."""

REFERENCE = "Karpathy, 'A Recipe for Training Neural Networks': backprop to chart dependencies"


def gradient_flow(case):
    """Advise on weights without a gradient, outputs that ignore the inputs, and leaks in a batch.

    All of it is read at the initial weights and at random ones: what holds at all of them holds
    by construction. An example may depend on others through batch normalisation only, that is
    not in inference mode; where a model takes all examples at once, as of a graph, it may.
    """
    found, said = [], []
    for look in (_inputs, _examples, _weights):
        try:
            finding, words = look(case)
        except Unknown as reason:
            said.append(str(reason))
        else:
            found += finding
            said.append(words)
    return CheckResult("; ".join(said), found)


def _inputs(case):
    if not _has_distinct_rows(case.batch[0]):
        raise Unknown("all inputs are the same")
    constant = _constant_outputs(case)
    findings = [
        Finding(
            "gradient_flow",
            Severity.ERROR,
            case.output_names()[place],
            "The output is the same for every input.",
            {"relative_spread": 0.0},
            (
                Remedy(
                    "Look for what throws the input away: a softmax over one unit, units that are "
                    "all off, a layer whose result is not used.",
                ),
            ),
            REFERENCE,
        )
        for place in constant
    ]
    return (
        findings,
        "the output depends on the inputs" if not findings else "the output is constant",
    )


def _constant_outputs(case):
    """Return the places of the outputs that are the same for every input, in both modes.

    In inference mode a deep network with fresh batch norms, whose averages are still 0 and 1, may
    lose the signal below the rounding of its last bias; in training mode they bring it back. What
    draws random numbers is off there.
    """
    places = [place for place, differs in enumerate(_spread(case.inferred)) if not differs]
    draws = [case.perturbed(0.5, seed) for seed in range(DRAWS)]
    for training in (True, False):
        for draw in (None, *draws) if training else draws:
            if not places:
                return []
            case.need_time(passes=1)
            outputs, _ = case.forward(training=training, trainable=draw, is_calm=True)
            differs = _spread(outputs)
            places = [place for place in places if not differs[place]]
    return places


def _examples(case):
    if case.is_one_batch:
        raise Unknown("all examples are one batch, and may depend on each other")
    case.need_time(passes=1)
    names, before = case.output_names(), case.inferred
    count = len(before[0]) if before[0].ndim else 0
    if count < 2 or any(leaf.ndim == 0 or len(leaf) != count for leaf in before):
        raise Unknown("examples cannot be told apart in the output")
    half = count // 2
    x = keras.tree.map_structure(lambda leaf: _exchanged(leaf, half), case.batch[0])
    after, _ = case.forward(x)
    limit = LEAK_HALF if "16" in case.model.compute_dtype else LEAK
    finding, largest = [], 0.0
    for name, one, other in zip(names, before, after, strict=True):
        scale = float(np.std(one.astype("float64"))) or 1.0
        moved = float(np.abs(one[:half].astype("float64") - other[:half]).max()) / scale
        largest = max(largest, moved)
        if moved > limit:
            finding.append(_leak(name, moved))
    return finding, f"exchanging others moves an example by {largest:.1g} of the spread"


def _exchanged(leaf, half):
    """Return the array with its second half turned around and, if numbers, scaled differently."""
    if leaf is None:
        return None
    rest = np.roll(leaf[half:], 1, axis=0)
    if leaf.dtype.kind == "f":
        rest = (3 * rest[::-1] + 1).astype(leaf.dtype)
    else:
        rest = np.broadcast_to(leaf[half : half + 1], rest.shape)
    return np.concatenate([leaf[:half], rest])


def _leak(name, moved):
    return Finding(
        "gradient_flow",
        Severity.ERROR,
        name,
        f"An example's output moves by {moved:.2g} standard deviations when other examples of "
        "the batch are exchanged, in inference mode too.",
        {"moved": moved},
        (
            Remedy(
                "Look for an operation over axis 0, the batch: a softmax, mean, norm, reshape or "
                "transpose that mixes it with others.",
                "keras.ops.softmax(x, axis=-1)",
            ),
        ),
        REFERENCE,
    )


def _weights(case):
    case.need_loss()
    if not case.model.trainable_variables:
        return [], "no weight is trainable"
    names = weight_names(case.model)
    missing = [name for name in names if case.known.get(("gradients/norm", name)) == 0]
    probe = Probe(case.model, is_compiled=COMPILES, layers=[])
    for seed in range(DRAWS):
        if missing:
            case.need_time(**GRADIENT)
            readings = probe((case.perturbed(0.5, seed), *case.state[1:]), case.batch)
            missing = [name for name in missing if readings["gradients/norm", name] == 0]
    findings = [one for name in missing if (one := _judge(case, names.index(name), name))]
    words = "every weight gets a gradient" if not missing else f"{len(missing)} of {len(names)} not"
    return (
        findings,
        f"{words} ({len(names)} weights)" if not missing else f"weights without: {words}",
    )


def _judge(case, place, name):
    """Return what is wrong with a weight without gradient; None if it only cannot matter.

    A bias ahead of a batch normalisation changes nothing, and neither do weights of an output
    that has no loss.
    """
    case.need_time(passes=2)
    layer = _owner(case.model, place)
    siblings = layer.trainable_variables if layer is not None else []
    changes_loss, changes_output = _effect(case, place)
    if not changes_loss and (changes_output or _is_idle_bias(case, place, siblings)):
        return None
    if changes_loss:
        message = f"The loss depends on {name}, but no gradient arrives there."
        remedy = Remedy(
            "Look for stop_gradient, a step, argmax, round or cast to integers, or a detour over "
            "NumPy between it and the loss; if it is meant not to learn, say so.",
            "layer.trainable = False",
        )
    else:
        message = f"Nothing depends on {name}: it gets no gradient and does not change the output."
        remedy = Remedy(
            "Use the layer in the forward pass or leave it out; if it is a ReLU layer that is off "
            "for every example, let its biases begin at zero.",
            'keras.layers.Dense(units, activation="relu", kernel_initializer="he_normal")',
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


def _effect(case, place):
    """Return whether a change of one weight changes the loss, and the output."""
    base = case.perturbed(0.5, 0)
    moved = list(base)
    moved[place] = case.perturbed(2.0, 7)[place]
    one, other = (case.forward(training=True, trainable=values)[0] for values in (base, moved))
    changes_output = any(_differ(a, b) for a, b in zip(one, other, strict=True))
    weights = case.batch[2]
    try:
        losses = [case.loss(case.targets, p, sample_weight=weights) for p in (one, other)]
    except Unknown:
        return changes_output, changes_output
    return _differ(*map(np.asarray, losses)), changes_output


def _differ(one, other):
    one, other = (np.asarray(a, "float64") for a in (one, other))
    return bool(np.abs(one - other).max() > 1e-4 * max(np.abs(one).max(), 1e-12))


def _owner(model, place):
    variable = model.trainable_variables[place]
    for layer in model._flatten_layers():
        if any(v is variable for v in layer._trainable_variables):
            return layer
    return None


def _is_idle_bias(case, place, siblings):
    """Return whether it is a vector whose layer learns by its other weights."""
    variable = case.model.trainable_variables[place]
    names = dict(
        zip(map(id, case.model.trainable_variables), weight_names(case.model), strict=True)
    )
    others = [names[id(v)] for v in siblings if v is not variable]
    learns = any(case.known.get(("gradients/norm", name), 0) > 0 for name in others)
    return len(variable.shape) == 1 and learns


def _has_distinct_rows(x):
    leaves = [leaf for leaf in keras.tree.flatten(x) if leaf is not None]
    return any(len(leaf) > 1 and (leaf != leaf[:1]).any() for leaf in leaves)


def _spread(outputs):
    """Return for each output whether it differs among examples."""
    return [
        bool(
            np.ptp(to_array(y).astype("float64"), axis=0).max() > 1e-6 * max(np.abs(y).max(), 1e-30)
        )
        if y.ndim
        else True
        for y in outputs
    ]
