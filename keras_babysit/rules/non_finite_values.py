"""NaN or infinity in the network, and where it appeared first."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from keras_babysit.actions import OWN_CODE, SetDtype, SetFromLogits, SetInitializer
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._learning_rate import suggest_lower_rate
from keras_babysit.rules._texts import SCALE_INPUTS, change_rate, clip_gradient, initialize_layers
from keras_babysit.rules.effects import POOR_FIT, STUCK
from keras_babysit.rules.non_finite_inputs import non_finite_inputs
from keras_babysit.rules.outputs import outputs
from keras_babysit.rules.rule import ask, rule

VALUE_GROUPS = ("weights", "activations", "loss", "gradients")
"""Groups of quantities in the order of cause and effect within one step: bad weights spoil the
activations, and a bad loss spoils the gradients. Of two groups that turn bad at the same step the
earlier one is reported."""


class FirstNonFinite(NamedTuple):
    """The first value of a target that is NaN or infinite.

    Args:
        group: Group of the quantity, one of `VALUE_GROUPS`.
        target: Layer or weight; empty for the loss.
        step: Step of the measurement.
        entries: Number of entries that are not finite; None if it was not counted.
    """

    group: str
    target: str
    step: int
    entries: float | None = None


@rule(
    title="NaN or infinite values",
    explains=("loss_explosion", *STUCK, *POOR_FIT),
    needs=("loss/batch | logs/loss | activations/nonfinite",),
    silent=("if the data explains it", "on gradients that overflow under a loss scale"),
    severity=Severity.ERROR,
    is_fatal=True,
    is_immediate=True,
)
def non_finite_values(history: History) -> list[Finding]:
    """Report NaN and infinity in weights, activations, loss or gradients, and which came first.

    Reads `"activations/nonfinite"`, the number of entries that are not finite; and
    `"weights/norm"`, `"gradients/norm"`, `"loss/batch"`, `"losses/*"` and `"logs/loss"`, which are
    not finite if any of their entries is not.

    It is silent if inputs or targets explain it (see `non_finite_inputs`). With a loss scale (mixed
    precision) it is silent on gradients that overflow while the weights are finite, because the
    optimizer skips such a step and lowers the scale.

    Args:
        history: The history of the run.

    Returns:
        One ERROR about the first value that is not finite, or nothing. `evidence["first_seen"]` is
        its group; it is `"weights"` only if no earlier measurement explains them.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.append(Measurement(8, 0, "activations/nonfinite", "dense", 3.0))
        >>> non_finite_values(history)[0].target
        'dense'

    Reference:
        IEEE 754: every sum and product with a NaN is NaN, so one bad entry reaches every weight
        within one step.
    """
    candidates = [one for group in VALUE_GROUPS for one in _first_of(history, group)]
    if not candidates or ask(non_finite_inputs, history):
        return []
    first = min(candidates, key=lambda one: (one.step, VALUE_GROUPS.index(one.group)))
    if first.group == "gradients" and history.last("optimizer/loss_scale", default=1.0) > 1:
        return []
    return [_finding(history, first)]


def _first_of(history: History, group: str) -> list[FirstNonFinite]:
    """Return the first value that is not finite, per target of a group."""
    if group == "loss":
        quantities = ("loss/batch", "logs/loss", *_own_losses(history))
        return [f for quantity in quantities for f in _first_not_finite(history, group, quantity)]
    if group in ("weights", "gradients"):
        return _first_not_finite(history, group, f"{group}/norm")
    found = []
    for target in history.targets(f"{group}/nonfinite"):
        points = history.points(f"{group}/nonfinite", target)
        bad = [point for point in points if not point.value <= 0]
        found += [FirstNonFinite(group, target, p.step, float(p.value)) for p in bad[:1]]
    return found


def _own_losses(history: History) -> list[str]:
    """Return the quantities that hold the losses of a training step of the user's."""
    return [name for name in history.quantities() if name.startswith("losses/")]


def _first_not_finite(history: History, group: str, quantity: str) -> list[FirstNonFinite]:
    found = []
    for target in history.targets(quantity):
        points = history.points(quantity, target)
        bad = [point for point in points if not math.isfinite(float(point.value))]
        found += [FirstNonFinite(group, target, point.step) for point in bad[:1]]
    return found


def _finding(history: History, first: FirstNonFinite) -> Finding:
    build = BUILDERS[first.group]
    message, remedies = build(history, first)
    group = "loss" if first.group == "weights" and _had_exploded(history, first) else first.group
    evidence: dict[str, Any] = {"first_seen": group, "seen_at_step": first.step}
    if first.entries is not None:
        evidence["entries"] = first.entries
    rate = history.last("optimizer/learning_rate")
    if rate is not None:
        evidence["learning_rate"] = rate
    return Finding(
        rule="non_finite_values",
        severity=Severity.ERROR,
        target=first.target,
        message=message,
        evidence=evidence,
        remedies=tuple(remedies),
        reference="IEEE 754: NaN spreads through every sum and product",
        measured_step=first.step,
        needs_cause=group == "weights",
    )


def _had_exploded(history: History, first: FirstNonFinite) -> bool:
    losses, start = history.series("loss/batch"), history.last("loss/start")
    before = losses.values[losses.steps < first.step]
    return bool(start and len(before) and before[-1] > 3 * start)


def _about_weights(history: History, first: FirstNonFinite) -> tuple[str, list[Remedy]]:
    if first.step == 0:  # no step has changed them yet, so that shorter steps do not help
        message = f'The weights in "{first.target}" are NaN or infinite before the first step.'
        return message, [initialize_layers(history)]
    steps = history.series("weights/norm", first.target).steps
    last_good = max((int(step) for step in steps if step < first.step), default=0)
    message = (
        f'The weights in "{first.target}" became NaN or infinite between step {last_good} and '
        f"step {first.step}. All measured inputs are finite."
    )
    return message, _limit_steps(history)


def _about_activations(history: History, first: FirstNonFinite) -> tuple[str, list[Remedy]]:
    count = "1 entry" if first.entries == 1 else f"{first.entries:.0f} entries"
    message = (
        f'{count} of the output of "{first.target}" {"is" if first.entries == 1 else "are"} NaN or '
        "infinite, although the inputs and the weights are finite."
    )
    in_float32 = Remedy(
        f'Compute "{first.target}" in float32, or use bfloat16: float16 overflows above 65,504.',
        change=SetDtype((first.target,), "float32", "mixed_bfloat16"),
    )
    guard = Remedy(
        "Keep the arguments of log, sqrt, exp and divisions inside their domain.",
        "keras.ops.log(keras.ops.maximum(x, keras.config.epsilon()))",
        no_change_because=OWN_CODE,
    )
    is_half = history.facts.dtype_policy == "mixed_float16"
    return message, [*([in_float32] if is_half else []), guard, *_limit_steps(history)]


def _about_loss(history: History, first: FirstNonFinite) -> tuple[str, list[Remedy]]:
    logits = _from_logits(history)
    own = Remedy(
        "Check a custom loss for a logarithm or square root of 0, and for a division by 0.",
        no_change_because=OWN_CODE,
    )
    quantities = ("loss/batch", *_own_losses(history))
    measured = [step for one in quantities for step in history.series(one).steps.tolist()]
    huge = _too_large_to_square(history, first.step)
    if huge is not None:
        message = (
            f"The loss is NaN or infinite at step {first.step}. The outputs of "
            f'"{huge}" are finite, but too large to be squared (above 1e19).'
        )
        return message, [*_smaller(history, huge), *_limit_steps(history)]
    if first.step in measured:
        message = (
            f"The loss is NaN or infinite at step {first.step}, although the outputs of all layers "
            "are finite."
        )
        return message, [*logits, own, *_limit_steps(history)]
    message = (
        f"The loss became NaN or infinite before step {first.step}. Nothing was measured after "
        f"step {max(measured, default=0)}, so the first bad value is not known."
    )
    return message, [*_limit_steps(history), *logits, own]


def _from_logits(history: History) -> list[Remedy]:
    """Return the remedy for a crossentropy of probabilities; none if no loss is known to be one."""
    found = outputs(history)
    known = [one for one in found if one.form in ("binary", "categorical")]
    may_be_one = not found and "crossentropy" in (history.facts.loss or "crossentropy").lower()
    if not known and not may_be_one:
        return []
    crossentropy = "SparseCategoricalCrossentropy"
    if known and known[0].form == "binary":
        crossentropy = "BinaryCrossentropy"
    elif known and not known[0].is_sparse:
        crossentropy = "CategoricalCrossentropy"
    return [
        Remedy(
            "Compute the loss from logits: the logarithm of a softmax or sigmoid that reached 0 is "
            "infinite.",
            change=SetFromLogits(True, crossentropy, removes_activation=True),
        )
    ]


def _too_large_to_square(history: History, step: int) -> str | None:
    """Return the first layer whose outputs are finite at a step, but not their deviation."""
    for target in history.facts.layers:
        points = [p for p in history.points("activations/std", target) if p.step == step]
        if points and not math.isfinite(float(points[0].value)):
            return str(target)
    return None


def _smaller(history: History, target: str) -> list[Remedy]:
    if history.layer(target).class_name in ("SimpleRNN", "LSTM", "GRU"):
        orthogonal = Remedy(
            f'Initialize the recurrent weights of "{target}" so that its state keeps its size.',
            change=SetInitializer((target,), "", "orthogonal"),
        )
        return [orthogonal, SCALE_INPUTS]
    return [SCALE_INPUTS, initialize_layers(history)]


def _about_gradients(history: History, first: FirstNonFinite) -> tuple[str, list[Remedy]]:
    message = (
        f'The gradient of "{first.target}" has NaN or infinite entries, although the loss is '
        "finite."
    )
    root = Remedy(
        "Keep the arguments of sqrt, norm and pow away from 0, where their derivative is infinite.",
        "keras.ops.sqrt(x + keras.config.epsilon())",
        no_change_because=OWN_CODE,
    )
    return message, [root, *_limit_steps(history)]


def _limit_steps(history: History) -> list[Remedy]:
    return [change_rate(history, "Lower", suggest_lower_rate(history)), clip_gradient(history)]


BUILDERS: dict[str, Callable[[History, FirstNonFinite], tuple[str, list[Remedy]]]] = {
    "weights": _about_weights,
    "activations": _about_activations,
    "loss": _about_loss,
    "gradients": _about_gradients,
}
