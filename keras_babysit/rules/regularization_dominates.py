"""A penalty that dominates the loss, or has won against it."""

import re

import numpy as np

from keras_babysit.actions import OWN_CODE, ScalePenalties
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._learning_rate import one_digit
from keras_babysit.rules._progress import HALF_WAY, fraction_done, poor_fit
from keras_babysit.rules._scores import training_errors
from keras_babysit.rules._texts import number, percent
from keras_babysit.rules.effects import LONG_STEPS, POOR_FIT, STUCK
from keras_babysit.rules.rule import rule

POOR_FIT_ABOVE = 0.5
"""Fraction of the error of a constant prediction above which the fit is poor."""

BEHIND_NEIGHBOURS = 0.1
"""Difference of the errors from which on the fit is also poor beside 5 nearest neighbours: twice
that of `underfitting`, as a strong penalty may be meant."""

COUNTS_FROM = 0.1
"""Fraction of the first loss from which on what the layers add to it can lead the training."""

SURE = 2
"""Latest measurements of an added loss that must be about 0: it does not get there by chance."""

WON_ABOVE = 0.9
"""Fraction of the error of a constant prediction above which the data loss has lost: the network
has learned less than a tenth, as in `overfitting`."""

DIVERGENCE = re.compile(r"(^|_)(kld?|divergence|latent)(_|$)")
"""How people name the divergence of a code from its prior: "kl_loss", "kld", "kl_divergence"."""

MEAN = re.compile(r"(^|_)(mean|mu|loc)(_|$|\d)")
"""How people name the layer of the mean of a code: "z_mean", "mu"."""

ACTIVE = 0.1
"""Standard deviation over the examples of the mean of a code above which it is in use, the root of
the variance of 0.01 from which on Burda et al. count a unit as active."""

NATS = 0.05
"""Divergence per example below which a code holds next to nothing of it: one bit is 0.69."""

SHRUNK_BELOW = 0.05
"""Fraction of their first measured norm below which the penalty has shrunk the kernels, and of its
own first value below which an added loss has been driven to 0."""

_LIGHTER = Remedy(
    "Lower the weight of the added loss. In a variational autoencoder, sum the reconstruction "
    "loss over the values of an example, like the KL divergence.",
    "self.add_loss(1e-2 * divergence)  # self: your layer, in its call; divergence: what it adds "
    "now",
    no_change_because=OWN_CODE,
)

_LATER = Remedy(
    "Or anneal the weight: start at 0, and raise it slowly once the data loss has fallen.",
    no_change_because=OWN_CODE,
)


@rule(
    title="Penalty dominates the loss",
    explains=(*STUCK, *LONG_STEPS, *POOR_FIT, "samples_alike"),
    needs=("loss/batch",),
    silent=("in the first half of a run", "if the network fits the training data"),
)
def regularization_dominates(
    history: History, *, fraction: float = 0.5, patience: int = 3
) -> list[Finding]:
    """Report a penalty that is most of the loss, has shrunk the weights, or has won.

    The network must also fit the training data poorly: a penalty beside a small data loss is how a
    good run ends. What layers add with `add_loss` or an activity regularizer counts as well. Such a
    loss also wins where it goes to 0 and takes the signal with it: if the divergence of a
    variational autoencoder is too heavy, the code is the same for every example. In a training step
    of your own, that divergence is read from the logs, and the code from the layer of its mean.

    Reads `"loss/penalty"`, `"loss/added"`, `"loss/batch"`, `"weights/norm"`, and `"score/error"`
    and `"reference/constant_error"` of target `"train"`; or `"logs/<name>"` of a divergence
    (`kl_loss`, `kld`) and `"activations/spread"` of the mean (`z_mean`, `mu`). It is silent without
    a penalty, in the first half of a run, and if the network fits the training data.

    Args:
        history: The history of the run.
        fraction: Fraction of the loss above which the penalty dominates, in (0, 1].
        patience: Number of latest measurements that must all show it, at least 1.

    Returns:
        One WARNING, or nothing.

    Raises:
        ValueError: If `fraction` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> regularization_dominates(History())
        []

    Reference:
        CS231n, "Babysitting the learning process": more regularization increases the loss; Bowman
        et al., "Generating Sentences from a Continuous Space", arXiv:1511.06349, section 3.1, on a
        divergence that goes to 0; Burda et al., "Importance Weighted Autoencoders",
        arXiv:1509.00519, section 5.2, on the units of a code that are in use.
    """
    require_fraction("fraction", fraction)
    require_count("patience", patience)
    if has_won := _won(history, patience) or _ignored_code(history, patience):
        return [has_won]
    penalties = history.series("loss/penalty").tail(patience).values
    added = history.series("loss/added").tail(patience).values
    if len(added) == len(penalties):
        penalties = penalties + added
    losses = history.series("loss/batch").tail(patience).values
    if min(len(penalties), len(losses)) < patience or not penalties.min() > 0:
        return []
    if not _is_poor(history):
        return []
    fractions = penalties / losses
    left = _kernels_left(history)
    if fraction_done(history) < HALF_WAY or not (fractions.min() > fraction or left < SHRUNK_BELOW):
        return []
    return [_finding(float(fractions[-1]), left)]


def _won(history: History, patience: int) -> Finding | None:
    """Return the finding of an added loss that went to 0 while nothing was learned; else None."""
    added, losses = history.series("loss/added").values, history.series("loss/batch").values
    errors, constant = training_errors(history), history.last("reference/constant_error", "train")
    if len(added) < SURE + patience or not len(losses) or not errors or constant is None:
        return None
    start = float(added[:patience].max())
    now = float(added[-SURE:].max())
    counted = start >= COUNTS_FROM * abs(float(losses[0])) > 0
    is_gone = 0 <= now < SHRUNK_BELOW * start
    is_lost = fraction_done(history) >= HALF_WAY and errors[-1].value >= WON_ABOVE * constant
    if not (counted and is_gone and is_lost):
        return None
    return Finding(
        rule="regularization_dominates",
        severity=Severity.WARNING,
        target="",
        message=f"The loss that layers add fell from {number(start)} to {number(now)}, but the "
        "network is hardly better than a constant prediction: this penalty dominates.",
        evidence={"added_at_start": start, "added": now},
        remedies=(_LIGHTER, _LATER),
        reference="Bowman et al., arXiv:1511.06349, section 3.1",
    )


def _ignored_code(history: History, patience: int) -> Finding | None:
    """Return the finding of a divergence in the logs that is about 0, and of a code not in use."""
    names = [
        name.removeprefix("logs/")
        for name in history.quantities()
        if name.startswith("logs/") and not name.startswith("logs/val_")
    ]
    names = [name for name in names if DIVERGENCE.search(name.lower())]
    if len(names) != 1 or fraction_done(history) < HALF_WAY:
        return None
    values = history.series(f"logs/{names[0]}").values
    means = [
        layer
        for layer in history.targets("activations/spread")
        if MEAN.search(layer.rsplit("/", 1)[-1].lower())
    ]
    spreads = [history.series("activations/spread", one).tail(patience).values for one in means]
    is_long = len(values) > patience and bool(spreads) and min(map(len, spreads)) >= patience
    if not is_long or max(float(one.max()) for one in spreads) >= ACTIVE:
        return None
    if not (np.abs(values[-patience:]) < NATS).all():
        return None
    now = float(values[-1])
    return Finding(
        rule="regularization_dominates",
        severity=Severity.WARNING,
        target=means[0],
        message=f"Posterior collapse: the latent code is the same for every example, as "
        f'"{names[0]}" '
        f"has fallen to {number(now)}.",
        evidence={"divergence": now, "spread": float(spreads[0][-1])},
        remedies=(_LIGHTER, _LATER),
        reference="Burda et al., arXiv:1509.00519, section 5.2",
    )


def _is_poor(history: History) -> bool:
    errors = training_errors(history)
    constant = history.last("reference/constant_error", "train")
    if errors and constant is not None and errors[-1].value > POOR_FIT_ABOVE * constant:
        return True
    return poor_fit(history, BEHIND_NEIGHBOURS) is not None


def _kernels_left(history: History) -> float:
    """Return the norm of the kernels relative to their first measured norm, the median."""
    names = [t for t in history.targets("weights/norm") if history.facts.is_kernel(t)]
    pairs = [(history.first("weights/norm", n), history.last("weights/norm", n)) for n in names]
    return float(np.median([last / first for first, last in pairs if first > 0] or [1.0]))


def _finding(penalty: float, left: float) -> Finding:
    if left < SHRUNK_BELOW:
        message = (
            f"The weight penalty has shrunk the kernels to {percent(left)} of their initial norm. "
            f"It is {percent(penalty)} of the loss, and the network fits the training data poorly."
        )
    else:
        message = (
            f"The penalty is {percent(penalty)} of the loss, and the network fits the "
            "training data poorly."
        )
    factor = _smaller(penalty, left)
    return Finding(
        rule="regularization_dominates",
        severity=Severity.WARNING,
        target="",
        message=message,
        evidence={"penalty_fraction": penalty, "kernel_norm_left": left},
        remedies=(
            Remedy(
                f"Multiply the penalty by {factor:g}, so that it is small compared with the "
                "data loss.",
                change=ScalePenalties(factor),
            ),
        ),
        reference="CS231n, Babysitting the learning process: the data loss beside the penalty",
    )


def _smaller(penalty: float, left: float) -> float:
    """Return the factor with which the penalty is a tenth of the data loss at the initial weights.

    A penalty of the squared weights, which have shrunk to a fraction of their norm, would be larger
    by the square of that at their initial size. The factor is at most 0.1.
    """
    beside = penalty / max(1.0 - penalty, 1e-6)
    factor = 0.1 * min(left, 1.0) ** 2 / beside if beside > 0 else 0.1
    return one_digit(min(0.1, max(factor, 1e-6)))
