"""Adversarial training in which the generator helps the discriminator."""

import numpy as np

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._texts import number
from keras_babysit.rules.discriminator_won import DISCRIMINATOR, GENERATOR, SURE, losses_of
from keras_babysit.rules.rule import rule


@rule(
    title="Generator and discriminator are not opposed",
    explains=("samples_alike",),
    needs=("facts/layers",),
    silent=(
        "unless the training step returns losses named after a generator and a discriminator",
        "on losses that are negative, such as those of a Wasserstein critic",
    ),
)
def generator_not_opposed(history: History, *, patience: int = 3) -> list[Finding]:
    """Report adversarial training in which both losses are next to nothing.

    A discriminator that is right about every sample costs the generator that wants its samples to
    be taken for real. If both losses are near 0, the generator is rewarded for being recognized:
    its labels are those of generated samples.

    Reads the losses that the training step returns, `"logs/<name>"`, as `discriminator_won` does.
    A discriminator whose mean crossentropy is below 0.1 takes less than a fifth of a sample for
    real, so that the generator's loss is 1.7 or more, and 0.15 or more with squared errors. It is
    silent on other losses, and if either of them was negative.

    Args:
        history: The history of the run.
        patience: Number of latest epochs that must all show it, at least 1.

    Returns:
        One WARNING for the whole model, or nothing.

    Raises:
        ValueError: If `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> for epoch, (d, g) in enumerate([(1.3, 0.7), *[(0.01, 0.02)] * 3]):
        ...     history.append(Measurement(epoch, epoch, "logs/d_loss", "", d))
        ...     history.append(Measurement(epoch, epoch, "logs/g_loss", "", g))
        >>> print(generator_not_opposed(history)[0].message)
        The losses of discriminator (0.01) and generator (0.02) are both near 0: the generator is
        rewarded for samples that are recognized.

    Reference:
        Goodfellow et al., "Generative Adversarial Nets", arXiv:1406.2661, section 3: what one
        network gains, the other loses.
    """
    require_count("patience", patience)
    pairs = [losses_of(history, pattern) for pattern in (DISCRIMINATOR, GENERATOR)]
    if any(len(names) != 1 for names in pairs):
        return []
    refuses, makes = (history.series(f"logs/{names[0]}").values for names in pairs)
    if min(len(refuses), len(makes)) <= patience:
        return []
    both = np.concatenate([refuses, makes])
    if not np.isfinite(both).all() or both.min() < 0:
        return []
    if not ((refuses[-patience:] < SURE).all() and (makes[-patience:] < SURE).all()):
        return []
    return [_finding(float(refuses[-1]), float(makes[-1]))]


def _finding(refuses: float, makes: float) -> Finding:
    return Finding(
        rule="generator_not_opposed",
        severity=Severity.WARNING,
        target="",
        message=f"The losses of discriminator ({number(refuses)}) and generator ({number(makes)}) "
        "are both near 0: the generator is rewarded for samples that are recognized.",
        evidence={"discriminator_loss": refuses, "generator_loss": makes},
        remedies=(
            Remedy(
                "In the step of the generator, give its samples the labels of real data.",
                no_change_because=OWN_CODE,
            ),
        ),
        reference="Goodfellow et al., arXiv:1406.2661, section 3",
    )
