"""NaN or infinity, and where it came from."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._learning_rate import set_rate, suggest_lower_rate
from keras_babysit.rules.effects import POOR_FIT, STUCK
from keras_babysit.rules.non_finite_inputs import non_finite_inputs
from keras_babysit.rules.rule import ask, rule

ROOMS = ("weights", "activations", "loss", "gradients")
"""In the order of cause and effect within one step: bad weights spoil what layers compute, and a
bad loss its gradients. Of what is first seen at one step the earlier room is to blame."""


class FirstNonFinite(NamedTuple):
    """What was not finite first: the room, the target, the step, and how many entries if known."""

    room: str
    target: str
    step: int
    entries: float | None = None


@rule(
    title="NaN or infinite values",
    explains=("loss_explosion", *STUCK, *POOR_FIT),
    needs=("loss/batch | logs/loss",),
    silent=("the data explain it", "gradients that overflow under a loss scale"),
    severity=Severity.ERROR,
    is_fatal=True,
    is_immediate=True,
)
def non_finite_values(history: History) -> list[Finding]:
    """Advise when something is NaN or infinite, and say what went bad first.

    Reads `"activations/nonfinite"`, numbers of entries that are not finite, and `"weights/norm"`,
    `"gradients/norm"`, `"loss/batch"` and `"logs/loss"`, which are not finite if anything in them
    is not.

    It stays silent where inputs or targets explain it (see `non_finite_inputs`), and on gradients
    that overflow while a loss scale is in use (mixed precision skips such a step and lowers the
    scale) as long as the weights are finite.

    Args:
        history: What the probes recorded so far.

    Returns:
        One ERROR about what was first not finite, or nothing. `evidence["first_seen"]` is the
        room; it is `"weights"` only if nothing before explains them.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.append(Measurement(8, 0, "activations/nonfinite", "dense", 3.0))
        >>> non_finite_values(history)[0].target
        'dense'

    Reference:
        IEEE 754: every sum and product with a NaN is NaN, so that one bad entry reaches every
        weight within one step.
    """
    findings = [finding for room in ROOMS for finding in _first_of(history, room)]
    if not findings or ask(non_finite_inputs, history):
        return []
    first = min(findings, key=lambda f: (f.step, ROOMS.index(f.room)))
    if first.room == "gradients" and history.last("optimizer/loss_scale", default=1.0) > 1:
        return []
    return [_finding(history, first)]


def _first_of(history: History, room: str) -> list[FirstNonFinite]:
    """Return the first sign of trouble in each target of a room."""
    if room == "loss":
        quantities = ("loss/batch", "logs/loss")
        return [f for quantity in quantities for f in _first_not_finite(history, room, quantity)]
    if room in ("weights", "gradients"):
        return _first_not_finite(history, room, f"{room}/norm")
    found = []
    for target in history.targets(f"{room}/nonfinite"):
        points = history.points(f"{room}/nonfinite", target)
        bad = [point for point in points if not point.value <= 0]
        found += [FirstNonFinite(room, target, p.step, float(p.value)) for p in bad[:1]]
    return found


def _first_not_finite(history: History, room: str, quantity: str) -> list[FirstNonFinite]:
    found = []
    for target in history.targets(quantity):
        points = history.points(quantity, target)
        bad = [point for point in points if not math.isfinite(float(point.value))]
        found += [FirstNonFinite(room, target, point.step) for point in bad[:1]]
    return found


def _finding(history: History, first: FirstNonFinite) -> Finding:
    build = BUILDERS[first.room]
    message, remedies = build(history, first)
    room = "loss" if first.room == "weights" and _had_exploded(history, first) else first.room
    evidence: dict[str, Any] = {"first_seen": room, "seen_at_step": first.step}
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
        needs_cause=room == "weights",
    )


def _had_exploded(history: History, first: FirstNonFinite) -> bool:
    losses, start = history.series("loss/batch"), history.last("loss/start")
    before = losses.values[losses.steps < first.step]
    return bool(start and len(before) and before[-1] > 3 * start)


def _about_weights(history: History, first: FirstNonFinite) -> tuple[str, list[Remedy]]:
    steps = history.series("weights/norm", first.target).steps
    last_good = max((int(step) for step in steps if step < first.step), default=0)
    message = (
        f"The weights of {first.target} ceased to be finite between step {last_good} and "
        f"{first.step}; the inputs that were seen are finite."
    )
    return message, _slower(history)


def _about_activations(history: History, first: FirstNonFinite) -> tuple[str, list[Remedy]]:
    message = (
        f"The output of {first.target} holds {first.entries:.0f} entries that are not finite, "
        "while inputs and weights are finite."
    )
    half = history.facts.dtype_policy == "mixed_float16"
    dtype = [
        Remedy(
            "float16 overflows at 65,504: let this layer compute in float32, or use bfloat16.",
            f"keras.layers.{history.layer(first.target).class_name or 'Layer'}(..., "
            'dtype="float32")  # or keras.config.set_dtype_policy("mixed_bfloat16")',
        )
    ]
    guard = Remedy(
        "Keep arguments of log, sqrt, division and exp inside of their range.",
        "keras.ops.log(keras.ops.maximum(x, keras.config.epsilon()))",
    )
    return message, [*(dtype if half else []), guard, *_slower(history)]


def _about_loss(history: History, first: FirstNonFinite) -> tuple[str, list[Remedy]]:
    logits = Remedy(
        "Compute the loss from logits: log of a softmax or sigmoid that reached 0 is infinite.",
        "keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
    )
    own = Remedy("Look for log, sqrt or division by zero in your own loss.")
    seen = history.series("loss/batch").steps
    huge = _too_large_to_square(history, first.step)
    if huge is not None:
        message = (
            f"The loss is not finite at step {first.step}; what {huge} gives still is, but is too "
            "large to be squared: over 1e19."
        )
        return message, [*_smaller(history, huge), *_slower(history)]
    if first.step in seen.tolist():
        message = f"The loss is not finite at step {first.step}; what the layers give is finite."
        return message, [logits, own, *_slower(history)]
    last = max(seen.tolist(), default=0)
    message = (
        f"The loss ceased to be finite before step {first.step}; nothing else was measured after "
        f"step {last}, so that what went bad first is not known."
    )
    return message, [*_slower(history), logits, own]


def _too_large_to_square(history: History, step: int) -> str | None:
    """Return the first layer whose outputs are finite at a step, but not their deviation."""
    for target in history.facts.layers:
        points = [p for p in history.points("activations/std", target) if p.step == step]
        if points and not math.isfinite(float(points[0].value)):
            return str(target)
    return None


def _smaller(history: History, target: str) -> list[Remedy]:
    remedies = [Remedy("Scale the inputs.", "(x - x.mean(0)) / x.std(0)")]
    if history.layer(target).class_name in ("SimpleRNN", "LSTM", "GRU"):
        keep = "Let the recurrent weights keep the size of the state."
        remedies.insert(0, Remedy(keep, 'recurrent_initializer="orthogonal"'))
    else:
        keep = "Scale the weights by what the data do in this model."
        remedies.append(
            Remedy(keep, "from keras_babysit.initializers import lsuv\nlsuv(model, x[:256])")
        )
    return remedies


def _about_gradients(history: History, first: FirstNonFinite) -> tuple[str, list[Remedy]]:
    message = (
        f"The gradient of {first.target} holds entries that are not finite, while the loss is "
        "finite."
    )
    root = Remedy(
        "The slope of sqrt, norm and pow is infinite at 0: move it away from there.",
        "keras.ops.sqrt(x + keras.config.epsilon())",
    )
    return message, [root, *_slower(history)]


def _slower(history: History) -> list[Remedy]:
    optimizer = history.facts.optimizer or "SGD"
    return [
        Remedy("Lower the learning rate.", set_rate(suggest_lower_rate(history))),
        Remedy("Clip the gradient.", f"keras.optimizers.{optimizer}(global_clipnorm=1.0)"),
    ]


BUILDERS: dict[str, Callable[[History, FirstNonFinite], tuple[str, list[Remedy]]]] = {
    "weights": _about_weights,
    "activations": _about_activations,
    "loss": _about_loss,
    "gradients": _about_gradients,
}
