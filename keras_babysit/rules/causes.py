"""Causes before symptoms: which finding explains which others."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from keras_babysit.findings import Finding, Severity

_POOR_FIT = (
    "constant_output",
    "loss_not_decreasing",
    "oscillating_loss",
    "plateau",
    "underfitting",
    "uninformative_inputs",
    "validation_better_than_train",
)
_BLOWN_UP = ("loss_explosion", "non_finite_values", "exploding_gradients", "exploding_activations")
_STUCK = (
    "dead_units",
    "saturated_units",
    "collapsed_activations",
    "vanishing_gradients",
    "no_gradient",
)
_LONG_STEPS = ("learning_rate_too_high", "update_ratio")
_SHORT_STEPS = ("learning_rate_too_low",)

EXPLAINS: dict[str, tuple[str, ...]] = {
    "non_finite_inputs": (*_BLOWN_UP, *_POOR_FIT),
    "flight_recorder": (*_BLOWN_UP, *_POOR_FIT),
    "labels_out_of_range": (*_BLOWN_UP, *_STUCK, *_LONG_STEPS, *_SHORT_STEPS, *_POOR_FIT),
    "output_loss_mismatch": (
        *_BLOWN_UP,
        *_STUCK,
        *_LONG_STEPS,
        *_SHORT_STEPS,
        *_POOR_FIT,
        "unscaled_targets",
    ),
    "unshuffled_data": (*_STUCK, *_LONG_STEPS, "loss_explosion", *_POOR_FIT, "overfitting"),
    "unseen_classes": ("overfitting", "uninformative_inputs"),
    "constant_features": (*_STUCK, *_POOR_FIT),
    "unscaled_inputs": (*_BLOWN_UP, *_STUCK, *_LONG_STEPS, *_POOR_FIT),
    "unscaled_targets": (*_BLOWN_UP, *_STUCK, *_LONG_STEPS, *_POOR_FIT),
    "symmetric_units": (*_STUCK, *_SHORT_STEPS, *_POOR_FIT),
    "learning_rate_too_high": (*_BLOWN_UP, *_STUCK, *_POOR_FIT, "update_ratio", "dead_pieces"),
    "update_ratio": (*_BLOWN_UP, *_STUCK, *_POOR_FIT, "dead_pieces"),
    "exploding_activations": (*_BLOWN_UP, *_STUCK, *_LONG_STEPS, *_POOR_FIT),
    "exploding_gradients": (*_BLOWN_UP, *_STUCK, *_LONG_STEPS, *_POOR_FIT),
    "dead_units": (*_STUCK, *_SHORT_STEPS, *_POOR_FIT),
    "saturated_units": (*_STUCK, *_SHORT_STEPS, *_POOR_FIT),
    "vanishing_gradients": (*_STUCK, *_SHORT_STEPS, *_POOR_FIT),
    "collapsed_activations": (*_STUCK, *_SHORT_STEPS, *_POOR_FIT),
    "no_gradient": (*_SHORT_STEPS, *_POOR_FIT),
    "learning_rate_too_low": _POOR_FIT,
    "non_finite_values": ("loss_explosion", *_STUCK, *_POOR_FIT),
    "loss_explosion": ("non_finite_values", *_STUCK, *_POOR_FIT),
    "regularization_dominates": (*_STUCK, *_LONG_STEPS, *_POOR_FIT),
    "negative_slope_out_of_range": (*_BLOWN_UP, *_LONG_STEPS, *_POOR_FIT),
    "dead_pieces": ("plateau", "underfitting"),
    "batch_norm_mismatch": ("overfitting", *_POOR_FIT),
    "class_imbalance": _POOR_FIT,
    "uninformative_inputs": (
        "constant_output",
        "loss_not_decreasing",
        "overfitting",
        "plateau",
        "underfitting",
    ),
    "oscillating_loss": ("plateau", "underfitting"),
    "plateau": ("underfitting", "loss_not_decreasing", "constant_output"),
    "underfitting": ("loss_not_decreasing", "constant_output"),
    "loss_not_decreasing": ("underfitting", "constant_output"),
    "constant_output": ("loss_not_decreasing", "plateau", "underfitting"),
}
"""Which conditions follow from which: mechanisms, not frequencies. The order is the rank of causes:
data first, then the build of the network, then the rate, then what these do. Of two that may each
follow from the other the one that was seen first is the cause, and of one time the higher rank."""

SOON, LONGER = 10, 1.5
"""Up to so many steps and half as long a time later, a finding came at the time of another: rules
wait for one to five probes, which come at every step at first and then each eighth of a run."""

AT_ONCE = {"non_finite_values", "loss_explosion"}
"""Rules that wait for no further probe: which of these came first is known to the step."""

RANK = {rule: place for place, rule in enumerate(EXPLAINS)}


def explain(findings: Iterable[Finding]) -> list[Finding]:
    """Return the advice with the likeliest root causes first and their symptoms behind each.

    Of those that explain a finding the one of the highest rank is its cause. What explains
    nothing and is explained by nothing stands by itself. The worst roots come first: of a root
    and its symptoms the worst severity counts.

    Args:
        findings: What holds, or held, in any order.

    Returns:
        The same advice; `cause` names the rule that explains it, `""` for a root.

    Example:
        >>> rate = Finding("learning_rate_too_high", Severity.WARNING, "", "too long steps")
        >>> gone = Finding("loss_explosion", Severity.ERROR, "", "the loss is 90")
        >>> [(one.rule, one.cause) for one in explain([gone, rate])]
        [('learning_rate_too_high', ''), ('loss_explosion', 'learning_rate_too_high')]
    """
    findings = list(findings)
    since = _first_steps(a for a in findings if a.severity >= Severity.WARNING)
    causes = {a.rule: _cause(a, since) for a in findings}
    found = [replace(one, cause=_root(one.rule, causes)) for one in findings]
    return sorted(found, key=lambda one: _place(one, found))


def _first_steps(findings: Iterable[Finding]) -> dict[str, int]:
    """Return the step at which each rule spoke first."""
    since: dict[str, int] = {}
    for one in findings:
        since[one.rule] = min(one.step, since.get(one.rule, one.step))
    return since


def _cause(one: Finding, since: dict[str, int]) -> str:
    """Return the rule of the highest rank, among those that spoke, that explains a finding."""
    step = since.get(one.rule, one.step)
    for cause in EXPLAINS:
        if cause not in since or cause == one.rule or one.rule not in EXPLAINS[cause]:
            continue
        is_mutual = cause in EXPLAINS.get(one.rule, ())
        if not is_mutual or _is_first(cause, since[cause], one.rule, step):
            return cause
    return ""


def _is_first(rule: str, step: int, other: str, other_step: int) -> bool:
    """Return whether one of two findings is the cause of the other, by step and rank."""
    early, late = sorted((step, other_step))
    latest = early if {rule, other} <= AT_ONCE else SOON + LONGER * early
    return RANK[rule] < RANK[other] if late <= latest else step < other_step


def _root(rule: str, causes: dict[str, str]) -> str:
    """Return the end of the chain of causes, `""` if the rule is that itself.

    Where the chain runs in a circle its end is the member of the highest rank.
    """
    chain = [rule]
    while causes.get(chain[-1]) and causes[chain[-1]] not in chain:
        chain.append(causes[chain[-1]])
    if not causes.get(chain[-1]):
        end = chain[-1]
    else:
        end = min(chain[chain.index(causes[chain[-1]]) :], key=lambda name: RANK[name])
    return "" if end == rule else end


def _place(one: Finding, found: Sequence[Finding]) -> tuple[bool, int, int, str, bool, int, int]:
    root = one.cause or one.rule
    worst = max(a.severity for a in found if root in (a.rule, a.cause))
    is_over = not any(a.is_open for a in found if root in (a.rule, a.cause))
    rank = RANK.get(root, len(RANK))
    return (is_over, -worst, rank, root, bool(one.cause), -one.severity, one.step)
