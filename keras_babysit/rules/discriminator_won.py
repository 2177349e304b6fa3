"""Adversarial training in which the discriminator has won."""

import re

import numpy as np

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above, require_count
from keras_babysit.rules._progress import HALF_WAY, planned_steps
from keras_babysit.rules._texts import number
from keras_babysit.rules.rule import rule

DISCRIMINATOR = re.compile(r"(^|_)(d|disc|discriminator)(_|$)")
GENERATOR = re.compile(r"(^|_)(g|gen|generator)(_|$)")
"""How people name the two losses: "d_loss", "gen_loss", "loss_generator"."""

REFUSED = 3.0
"""Loss of the generator from which on the discriminator takes less than 5 % of a sample for real:
-ln 0.05."""

SURE = 0.1
"""Loss of the discriminator below which it is right with 90 % probability or more. At equilibrium
it is ln 2 = 0.69, or twice that where real and generated examples are added."""


@rule(
    title="Discriminator too strong",
    needs=("facts/layers",),
    silent=(
        "unless the training step returns losses named after a generator and a discriminator",
        "in the first half of a run",
    ),
)
def discriminator_won(history: History, *, sure: float = SURE, patience: int = 3) -> list[Finding]:
    """Report adversarial training whose discriminator recognizes every sample.

    The generator learns from where the discriminator wavers. Once it is right about every sample,
    its output is flat and the generator gets no gradient: one loss stays near 0, the other rises.

    Reads the losses that the training step returns, `"logs/<name>"`, of which one is named after a
    discriminator and one after a generator (`d_loss`, `gen_loss`, `loss_generator`). They are taken
    for crossentropies. It is silent in the first half of a run; if either of the losses was
    negative, as that of a Wasserstein critic; and unless the generator's loss has risen.

    Args:
        history: The history of the run.
        sure: Loss of the discriminator below which it has won, above 0.
        patience: Number of latest epochs that must all show it, at least 1.

    Returns:
        One WARNING for the whole model, or nothing.

    Raises:
        ValueError: If `sure` is not above 0 or `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> for epoch, (d, g) in enumerate([(1.3, 0.7), (0.4, 2.0), *[(0.01, 6.0)] * 4]):
        ...     history.append(Measurement(epoch, epoch, "logs/d_loss", "", d))
        ...     history.append(Measurement(epoch, epoch, "logs/g_loss", "", g))
        >>> print(discriminator_won(history)[0].message)
        The discriminator recognizes every generated sample: its loss is 0.01, and the loss of the
        generator has risen to 6.

    Reference:
        Arjovsky and Bottou, "Towards principled methods for training generative adversarial
        networks", arXiv:1701.04862, theorem 2.4: the gradient vanishes at a perfect discriminator.
    """
    require_above("sure", sure, 0.0)
    require_count("patience", patience)
    planned = planned_steps(history)
    if planned and history.step < HALF_WAY * planned:
        return []
    refuses, makes = (_losses(history, pattern) for pattern in (DISCRIMINATOR, GENERATOR))
    if refuses is None or makes is None or min(len(refuses), len(makes)) <= patience:
        return []
    if min(refuses.min(), makes.min()) < 0:
        return []
    has_won = (refuses[-patience:] < sure).all() and (makes[-patience:] > REFUSED).all()
    if not has_won or not makes[-patience:].mean() > makes[0]:
        return []
    return [_finding(float(refuses[-1]), float(makes[-1]))]


def losses_of(history: History, pattern: re.Pattern[str]) -> list[str]:
    """Return the names of the losses in the logs that fit a pattern, without those of validation.

    Args:
        history: The history of the run.
        pattern: What is searched in the names, which are in lower case.
    """
    names = [
        name.removeprefix("logs/")
        for name in history.quantities()
        if name.startswith("logs/") and not name.startswith("logs/val_") and "loss" in name
    ]
    return [name for name in names if pattern.search(name.lower())]


def _losses(history: History, pattern: re.Pattern[str]) -> np.ndarray | None:
    """Return the losses per epoch under the one name that fits, None if there is not just one."""
    fitting = losses_of(history, pattern)
    if len(fitting) != 1:
        return None
    values: np.ndarray = history.series(f"logs/{fitting[0]}").values
    return values if np.isfinite(values).all() else None


def _finding(refuses: float, makes: float) -> Finding:
    return Finding(
        rule="discriminator_won",
        severity=Severity.WARNING,
        target="",
        message=f"The discriminator recognizes every generated sample: its loss is "
        f"{number(refuses)}, and the loss of the generator has risen to {number(makes)}.",
        evidence={"discriminator_loss": refuses, "generator_loss": makes},
        remedies=(
            Remedy(
                "Weaken the discriminator: use label smoothing, a lower learning rate, dropout or "
                "fewer units.",
                "keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1)",
                no_change_because=OWN_CODE,
            ),
            Remedy(
                "Use a loss whose gradient does not vanish: the Wasserstein loss with a gradient "
                "penalty.",
                no_change_because=OWN_CODE,
            ),
        ),
        reference="Arjovsky and Bottou, arXiv:1701.04862, theorem 2.4",
    )
