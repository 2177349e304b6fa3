"""Random numbers that are the same in each training step."""

import numpy as np

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._network_inputs import inputs_of_networks, is_same, varies
from keras_babysit.rules._texts import quoted
from keras_babysit.rules.discriminator_won import GENERATOR
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule

MAX_DEVIATION = 0.3
"""Distance of the mean from 0 and of the standard deviation from 1 below which a code has normal
noise: three standard errors of the mean of 100 numbers."""

ROUNDING = 0.01
"""Difference below which noise is the same. It is computed back from the code, with a relative
error of about 1e-7 times the mean by the standard deviation; new noise differs by about 1."""


@rule(
    title="Same noise in each step",
    explains=(*POOR_FIT, "discriminator_won", "overfitting", "samples_alike"),
    needs=("activations/std",),
    silent=(
        "with the training step of Keras",
        "on seeds of random numbers that are not drawn for each example",
        "on the inputs of networks other than a generator",
    ),
)
def repeated_noise(history: History, *, patience: int = 2) -> list[Finding]:
    """Report a training step of your own whose noise is the same each time.

    `keras.random.normal(shape, seed=42)` returns the same numbers at each call, as does a tensor of
    noise that is drawn once. A generator then learns as many samples as a batch has examples, and
    an autoencoder learns to decode a fixed offset.

    Reads `"random/fixed_seed"`, the integers with which functions draw random numbers for each
    example; `"code/noise_first"` and others, the noise of a variational autoencoder while its
    layers change; and `"networks/input_mean"` and others of a network that is named as a generator:
    its inputs are noise that was drawn once if they are the same in each step, while the data
    differ.
    It is silent with a `SeedGenerator` or without a seed.

    Args:
        history: The history of the run.
        patience: Number of measurements that must all have the same seed, at least 1; three or more
            are needed for the inputs of a generator.

    Returns:
        One WARNING per function that draws, or for the generator, or nothing.

    Raises:
        ValueError: If `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> for step in (0, 10):
        ...     history.append(Measurement(step, 0, "random/fixed_seed", "Sampling.call", 42))
        >>> print(repeated_noise(history)[0].message)
        The same random numbers are drawn in each step by "Sampling.call": its seed is always 42.

    Reference:
        Keras, "Random number generation": an integer as a seed gives the same numbers each time.
    """
    require_count("patience", patience)
    found = [
        _finding(
            target,
            f"The same random numbers are drawn in each step by {quoted([target])}: its seed is "
            f"always {int(seeds[0])}.",
        )
        for target in history.targets("random/fixed_seed")
        for seeds in [history.series("random/fixed_seed", target).values]
        if len(seeds) >= patience and np.isfinite(seeds[0]) and (seeds == seeds[0]).all()
    ]
    found += [
        _finding(
            heads,
            f"The code of {quoted(heads.split(', '))} is sampled with the same noise in each step.",
        )
        for heads in history.targets("code/noise_first")
        if _is_same_noise(history, heads, max(patience, 3))
    ]
    return found or [
        _finding(name, f"The network {quoted([name])} receives the same noise in each step.")
        for name, inputs in inputs_of_networks(history).items()
        if GENERATOR.search(name.lower()) and _is_repeated(history, inputs, max(patience, 3))
    ]


def _is_same_noise(history: History, heads: str, patience: int) -> bool:
    """Return whether what is added to the mean of a code is noise, and the same each time.

    What the two layers return must have changed: with their roles exchanged, the result differs.
    """
    exchanged = history.series("code/noise_std", ", ".join(heads.split(", ")[::-1])).values
    if len(exchanged) < patience or not np.ptp(exchanged) > ROUNDING:
        return False
    first, mean, std = (
        history.series(f"code/noise_{name}", heads).values for name in ("first", "mean", "std")
    )
    if len(first) < patience or not all(np.isfinite(one).all() for one in (first, mean, std)):
        return False
    is_normal = np.abs(std - 1).max() < MAX_DEVIATION and np.abs(mean).max() < MAX_DEVIATION
    return bool(is_normal and np.ptp(first) < ROUNDING and np.ptp(std) < ROUNDING)


def _is_repeated(history: History, inputs: list[str], patience: int) -> bool:
    data = history.series("inputs/mean", "inputs[0]").values
    differ = len(data) >= patience and bool(np.unique(data).size > 1)
    return differ and all(
        is_same(history, one, patience) and varies(history, one) for one in inputs
    )


def _finding(target: str, message: str) -> Finding:
    return Finding(
        rule="repeated_noise",
        severity=Severity.WARNING,
        target=target,
        message=message,
        evidence={"function": target},
        remedies=(
            Remedy(
                "Draw new noise in each step, with a `keras.random.SeedGenerator` that is made "
                "once.",
                "seed_generator = keras.random.SeedGenerator(42)  # make it once, in __init__",
                no_change_because=OWN_CODE,
            ),
        ),
        reference="Keras, Random number generation",
    )
