"""Gradients that are clipped so much that clipping sets the length of every step."""

import math

import numpy as np

from keras_babysit.actions import SetOptimizerArguments
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above, require_count
from keras_babysit.rules._headroom import headrooms
from keras_babysit.rules._learning_rate import one_digit
from keras_babysit.rules._network import kernels
from keras_babysit.rules._texts import OPTIMIZERS, number
from keras_babysit.rules.effects import POOR_FIT, SHORT_STEPS
from keras_babysit.rules.learning_rate_too_low import learning_rate_too_low
from keras_babysit.rules.rule import ask, rule
from keras_babysit.rules.underfitting import underfitting

CLIPS = ("clipnorm", "global_clipnorm", "clipvalue")
"""The arguments of an optimizer that clip; Keras allows one of them."""


@rule(
    title="Clipping too tight",
    explains=(*SHORT_STEPS, *POOR_FIT),
    needs=("gradients/norm", "updates/ratio"),
    silent=("if the steps are long enough", "on adaptive optimizers, unless epsilon dominates"),
)
def clipping_too_tight(
    history: History, *, factor: float = 10.0, patience: int = 3
) -> list[Finding]:
    """Report clipping that shortens every step, where the steps are too short to learn.

    Clipping is meant for the rare gradient that is far larger than the others. If the limit is a
    tenth of the usual gradient, every step of SGD is ten times shorter than its learning rate says.
    An adaptive optimizer divides by the size of the gradient, so that clipping cancels, unless what
    is left per entry is no larger than its `epsilon`.

    Reads the facts of the optimizer, `"gradients/norm"` and the sizes of the weights, and asks
    `learning_rate_too_low` whether the steps are too short. They are as well if the network fits
    poorly at the end of the run (see `underfitting`) while steps `factor` times as long would still
    lower the loss, by `"optimizer/headroom"`. It is silent otherwise: normalized steps train as
    well as others.

    Args:
        history: The history of the run.
        factor: Smallest factor by which clipping shortens the steps, above 1.
        patience: Number of latest measured gradients, of which the median counts, at least 1.

    Returns:
        One WARNING for the whole model, or nothing.

    Raises:
        ValueError: If `factor` is not above 1 or `patience` is below 1.

    Example:
        >>> clipping_too_tight(History())
        []

    Reference:
        Pascanu et al., arXiv:1211.5063, section 3.2: a threshold of half to ten times the average
        norm of the gradient.
    """
    require_above("factor", factor, 1)
    require_count("patience", patience)
    settings = history.facts.optimizer_settings
    name = next((one for one in CLIPS if getattr(settings, one)), None)
    if name is None or not _are_too_short(history, factor):
        return []
    limit = float(getattr(settings, name))
    sizes = _gradient_sizes(history, name, patience)
    if not sizes or not 0 < limit < math.inf:
        return []
    usual = float(np.median([size for size, _ in sizes]))
    shortened = usual / limit
    if history.facts.optimizer != "SGD":
        # What the limit leaves of the root mean square gradient, beside epsilon.
        left = np.median([each * min(1.0, limit / size) for size, each in sizes])
        shortened = 1 + (settings.epsilon or 0.0) / max(float(left), 1e-30)
    if not shortened >= factor or not math.isfinite(usual):
        return []
    return [_finding(history, name, limit, usual, shortened)]


def _are_too_short(history: History, factor: float) -> bool:
    """Return whether the steps are too short to learn, or to learn enough by the end of the run."""
    if ask(learning_rate_too_low, history):
        return True
    rooms = headrooms(history)
    return bool(ask(underfitting, history) and rooms and rooms[-1].low >= factor)


def _gradient_sizes(history: History, name: str, patience: int) -> list[tuple[float, float]]:
    """Return the latest size that a limit is compared with, and the size per entry, by kernel."""
    weights = history.facts.weights or {}
    names = [one for one in kernels(history) if history.points("gradients/norm", one)]
    norms = {
        one: float(np.median(history.series("gradients/norm", one).tail(patience).values))
        for one in names
    }
    whole = math.sqrt(sum(min(norm, 1e30) ** 2 for norm in norms.values()))
    found = []
    for one, norm in norms.items():
        each = norm / math.sqrt(weights[one].size)
        size = {"clipnorm": norm, "global_clipnorm": whole, "clipvalue": each}[name]
        if size > 0:
            found.append((size, each))
    return found


def _finding(history: History, name: str, limit: float, usual: float, shortened: float) -> Finding:
    optimizer, rate = history.facts.optimizer, history.last("optimizer/learning_rate")
    wider = one_digit(usual)
    change = SetOptimizerArguments(((name, wider),))
    if optimizer in OPTIMIZERS and rate:
        change = SetOptimizerArguments(((name, wider),), optimizer or "", rate)
    size = "entry of a gradient" if name == "clipvalue" else "norm of the gradient"
    return Finding(
        rule="clipping_too_tight",
        severity=Severity.WARNING,
        target="",
        message=f"Clipping makes every step {number(shortened, 3)} times smaller: the usual {size} "
        f"is {number(usual)}, but `{name}` is {number(limit)}.",
        evidence={"limit": limit, "usual": usual, "shortened": shortened},
        remedies=(
            Remedy(
                f"Raise `{name}` to {wider:g}, so that only unusually large gradients are clipped.",
                change=change,
            ),
        ),
        reference="Pascanu et al., arXiv:1211.5063, section 3.2",
    )
