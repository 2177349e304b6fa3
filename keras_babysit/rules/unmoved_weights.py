"""Weights that receive a gradient and do not move."""

import math
import re

import numpy as np

from keras_babysit.actions import ORDER_OF_CALLS, OWN_CODE, SetOptimizer
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._network import enough_examples, kernels, layer_of
from keras_babysit.rules._texts import number, quoted
from keras_babysit.rules.discriminator_won import DISCRIMINATOR, GENERATOR, losses_of
from keras_babysit.rules.effects import POOR_FIT, SHORT_STEPS
from keras_babysit.rules.rule import rule

MIN_CHANGE = 1e-6
"""Smallest update, relative to the norm of a weight, that float32 cannot lose: 16 times its
rounding error (2^-24), so that some entries change in any case."""

PLAIN = ("SGD", "Adagrad", "Adadelta", "Ftrl")
"""Optimizers whose step is no longer than learning rate times gradient, or is not known."""

ORDINARY_GRADIENT = 1e-5
"""Gradient per entry from which on an adaptive optimizer moves an entry by about the learning rate:
a hundred times the `epsilon` of Adam."""

KEPT = re.compile(r"(^|_)(target|teacher|ema|momentum|frozen|fixed|random|reference|old)(_|$|\d)")
"""How people name a network that no optimizer is to update."""


@rule(
    title="Weights that do not change",
    explains=(*SHORT_STEPS, *POOR_FIT, "learning_rate_decays_early"),
    needs=("updates/ratio", "gradients/norm"),
    silent=(
        "while gradients are accumulated",
        "on weights in half precision",
        "on biases and embeddings",
    ),
)
def unmoved_weights(history: History, *, patience: int = 3) -> list[Finding]:
    """Report kernels that have a gradient of ordinary size and are not changed by any step.

    What a step should change is known: learning rate times gradient, and about the learning rate
    itself per entry with an adaptive optimizer. If that is a millionth of the weight or more and
    the weight stays exactly the same, the optimizer does not reach it: layers were made trainable
    after `compile`, or a `train_step` applies the gradients to other variables, or to some only. A
    learning rate of exactly 0 in all measurements is reported as well.

    In adversarial training neither of the two networks stands still: there it is reported even if
    no gradient reaches the optimizer, because samples were detached, or gradients were applied to
    the weights of the other network.

    In a training step of your own, kernels are reported as well that no optimizer is given, while
    others are trained: it was made for the weights of some layers only, or what these layers return
    was detached. Their biases must still be 0, as those of a fresh initialization, and they must be
    no copy of other weights, such as a target network or a moving average.

    Reads `"updates/ratio"`, `"gradients/norm"`, `"weights/norm"`, `"optimizer/learning_rate"` and
    the facts of optimizer and weights. Of steps that accumulate gradients, only those that apply
    them count. It is silent on kernels that moved in any measurement, on fewer than
    32 examples, if the gradient is not finite or too small to show, and in half precision (see
    `lost_updates`).

    Args:
        history: The history of the run.
        patience: Number of measured steps that are needed, all without a change, at least 1.

    Returns:
        One ERROR for the whole model if no kernel moves, or for the generator or discriminator that
        stands still. If some do, one WARNING for those that do not, or a NOTE if the model has a
        `train_step` of its own and they were trained before: that may be on purpose.

    Raises:
        ValueError: If `patience` is below 1.

    Example:
        >>> unmoved_weights(History())
        []

    Reference:
        Keras, "Transfer learning and fine-tuning": compile again after a change of `trainable`.
    """
    require_count("patience", patience)
    facts = history.facts
    rates = history.series("optimizer/learning_rate").values
    still = [name for name in kernels(history) if _is_still(history, name, patience)]
    if not still:
        return []
    if standing := _standing_network(history, set(still)):
        return [_not_adversarial(standing)]
    measured = [name for name in kernels(history) if history.points("updates/ratio", name)]
    if len(rates) >= patience and not rates.any():
        return [_no_rate()] if len(still) == len(measured) else []
    if left_out := _left_out(history, still):
        return [_not_given(history, left_out)]
    is_half = facts.dtype_policy in ("float16", "bfloat16")
    expected = {name: _expected(history, name) for name in still}
    still = [name for name in still if expected[name] > MIN_CHANGE]
    if is_half or not still:
        return []
    return [_finding(history, still, is_all=len(still) == len(measured))]


def _is_still(history: History, name: str, patience: int) -> bool:
    """Return whether no measured step moved a kernel, of those in which an optimizer was called.

    A step of the user's may accumulate gradients, and call its optimizer now and then.
    """
    called = {
        point.step
        for target in history.targets("gradients/norm")
        for point in history.points("gradients/norm", target)
    }
    points = history.points("updates/ratio", name)
    if called:
        points = [point for point in points if point.step in called]
    ratios = np.array([point.value for point in points], np.float64)
    is_long = len(ratios) >= patience and enough_examples(history, len(ratios))
    return is_long and not ratios.any()


def _left_out(history: History, still: list[str]) -> list[str]:
    """Return the kernels that no optimizer is given and that were never trained, in their order."""
    weights, layers = history.facts.weights or {}, history.facts.layers
    given = [name for name in kernels(history) if history.points("gradients/norm", name)]
    norms = {round(float(history.first("weights/norm", name, default=0.0)), 5) for name in given}
    fresh = {weights[name].layer for name in still if name not in given}
    for name, known in weights.items():
        is_bias = known.layer in fresh and name.rsplit("/", 1)[-1] == "bias"
        if is_bias and history.last("weights/norm", name, default=1.0) != 0:
            fresh.discard(known.layer)
    biased = {known.layer for name, known in weights.items() if name.endswith("/bias")}
    found = [
        name
        for name in still
        if weights[name].layer in fresh & biased
        and round(float(history.first("weights/norm", name, default=0.0)), 5) not in norms
        and not KEPT.search((layers[weights[name].layer or ""].network or "").lower())
    ]
    return found if any(name not in still for name in given) else []


def _expected(history: History, name: str) -> float:
    """Return the update that a step should make, relative to the weight's norm; 0 if unknown."""
    rate = history.last("optimizer/learning_rate", default=0.0)
    gradient = float(history.last("gradients/norm", name, default=math.nan))
    norm = float(history.last("weights/norm", name, default=math.nan))
    weights = history.facts.weights or {}
    size = weights[name].size if name in weights else 0
    if not (math.isfinite(gradient) and math.isfinite(norm) and gradient > 0 and norm > 0 < size):
        return 0.0
    settings, root = history.facts.optimizer_settings, math.sqrt(size)
    limits = [settings.clipnorm, settings.global_clipnorm, root * (settings.clipvalue or math.inf)]
    gradient = min([gradient, *(limit for limit in limits if limit)])
    length = gradient
    if history.facts.optimizer not in (*PLAIN, None) and gradient / root > ORDINARY_GRADIENT:
        length = max(length, root) if not any(limits[:2]) else length
    return float(np.abs(rate) * length / norm)


def _standing_network(history: History, still: set[str]) -> str | None:
    """Return the network of adversarial training of which no kernel moves, None if both move."""
    members: dict[str, set[str]] = {}
    for name in kernels(history):
        layer = history.facts.layers.get(layer_of(history, name))
        if layer is not None and layer.network is not None:
            members.setdefault(layer.network, set()).add(name)
    standing = [network for network, names in members.items() if names <= still]
    if len(members) != len(standing) + 1 or len(standing) != 1:
        return None  # a third network, such as one for a perceptual loss, may well stand still
    are_named = all(
        any(pattern.search(name.lower()) for name in members) or losses_of(history, pattern)
        for pattern in (DISCRIMINATOR, GENERATOR)
    )
    return standing[0] if are_named else None


def _not_adversarial(network: str) -> Finding:
    return Finding(
        rule="unmoved_weights",
        severity=Severity.ERROR,
        target=network,
        message=f"No step changes the weights of the network {quoted([network])}, while the other "
        "network is trained against it.",
        evidence={"network": network},
        remedies=(
            Remedy(
                "In the step of this network, compute its outputs without `stop_gradient` or "
                "`detach`, and apply the gradients to its `trainable_variables`.",
                no_change_because=OWN_CODE,
            ),
        ),
        reference="Goodfellow et al., arXiv:1406.2661, algorithm 1",
    )


def _not_given(history: History, names: list[str]) -> Finding:
    first = quoted([layer_of(history, names[0])])
    some = f"The kernel of {first} is" if len(names) == 1 else f"{len(names)} kernels, the first"
    some += "" if len(names) == 1 else f" in {first}, are"
    return Finding(
        rule="unmoved_weights",
        severity=Severity.WARNING,
        target=layer_of(history, names[0]),
        message=f"{some} not trained: no optimizer receives a gradient of {_them(names)}. The "
        "biases are still 0, as after a fresh initialization.",
        evidence={"weights": names[:10], "count": len(names)},
        remedies=(
            Remedy(
                "Give the weights of all layers to the optimizer, for example "
                "`model.parameters()` or `self.trainable_variables`.",
                no_change_because=OWN_CODE,
            ),
            Remedy(
                "If they have no gradient, remove `detach`, `stop_gradient` or a conversion to "
                "NumPy between these layers and the loss.",
                no_change_because=OWN_CODE,
            ),
        ),
        reference="Keras, Transfer learning and fine-tuning",
    )


def _them(names: list[str]) -> str:
    return "it" if len(names) == 1 else "them"


def _no_rate() -> Finding:
    return Finding(
        rule="unmoved_weights",
        severity=Severity.ERROR,
        target="",
        message="The learning rate is 0, so no step changes the weights.",
        evidence={"learning_rate": 0.0},
        remedies=(
            Remedy(
                "Set a learning rate above 0. In a custom schedule, look for an integer division "
                "that returns 0.",
                change=SetOptimizer(),
            ),
        ),
        reference="Keras, Transfer learning and fine-tuning",
    )


def _finding(history: History, still: list[str], *, is_all: bool) -> Finding:
    norm = float(history.last("gradients/norm", still[0]))
    if is_all:
        message = "No step changes the weights, although their gradients are not 0."
    else:
        some = f"The kernel of {quoted([layer_of(history, still[0])])} does"
        if len(still) > 1:
            some = f"{len(still)} kernels, the first in {quoted([layer_of(history, still[0])])}, do"
        message = f"{some} not change, although the norm of the gradient is {number(norm)}."
    own = bool(history.facts.has_own_step)
    again = Remedy(
        "Compile the model again after the last change of `trainable`, and before `fit`.",
        "model.compile(keras.optimizers.Adam(1e-4), model.loss)",
        no_change_because=ORDER_OF_CALLS,
    )
    step = Remedy(
        "Apply the gradients to `self.trainable_variables` in your `train_step`, or freeze the "
        "layers that must not change.",
        no_change_because=OWN_CODE,
    )
    severity = Severity.NOTE if own else Severity.WARNING
    return Finding(
        rule="unmoved_weights",
        severity=Severity.ERROR if is_all else severity,
        target="" if is_all else layer_of(history, still[0]),
        message=message,
        evidence={"weights": still[:10], "count": len(still), "gradient_norm": norm},
        remedies=(step,) if own else (again,),
        reference="Keras, Transfer learning and fine-tuning: compile again after `trainable`",
    )
