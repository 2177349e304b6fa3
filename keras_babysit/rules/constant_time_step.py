"""A denoising network that is always given the same time step."""

import re

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._network_inputs import inputs_of_networks, is_same, varies
from keras_babysit.rules._texts import quoted
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule

DENOISES = re.compile(r"denois|diffus|u_?net|score_?(net|model)|(^|_)(eps|epsilon)(_|$)")
"""How people name a network that removes noise."""

TIMED = re.compile(r"(^|_|/)(time|timestep|sigma|noise_level)(_|$|/)")
"""How people name the layers that read how much noise there is."""


@rule(
    title="Time step is constant",
    explains=POOR_FIT,
    needs=("activations/std",),
    silent=(
        "with the training step of Keras",
        "on inputs of several numbers, unless the network is named as a denoising network",
    ),
)
def constant_time_step(history: History, *, patience: int = 3) -> list[Finding]:
    """Report a denoising network that gets the same time step for every example and step.

    The network is to remove noise of many strengths, and its time step, or noise level, says how
    strong it is. If zeros or another constant arrive in its place, it learns the mean over all.

    Reads `"networks/input_mean"`, `"networks/input_std"` and `"networks/input_spread"` of networks
    with several inputs, of which one varies; and `"networks/input_size"`: a time step is a single
    number per example. It is silent on larger inputs that are constant, such as masks, unless the
    network has a name such as `denoiser` or `unet`, or a layer with a name such as
    `time_embedding`.

    Args:
        history: The history of the run.
        patience: Number of measurements that must all have the same value, at least 1.

    Returns:
        One WARNING per network, or nothing.

    Raises:
        ValueError: If `patience` is below 1.

    Example:
        >>> constant_time_step(History())
        []

    Reference:
        Ho et al., "Denoising Diffusion Probabilistic Models", arXiv:2006.11239, algorithm 1.
    """
    require_count("patience", patience)
    return [
        _finding(name, is_timed)
        for name, inputs in inputs_of_networks(history).items()
        for is_timed in [_is_timed(history, name)]
        if _is_constant(history, inputs, patience, is_timed)
    ]


def _is_timed(history: History, name: str) -> bool:
    members = [path for path, one in history.facts.layers.items() if one.network == name]
    is_named = DENOISES.search(name.lower()) is not None
    return is_named or any(TIMED.search(path.lower()) for path in members)


def _is_constant(history: History, inputs: list[str], patience: int, is_of_any_size: bool) -> bool:
    """Return whether one input of a network is constant in all its calls, and another is not."""
    by_index: dict[str, list[str]] = {}
    for target in inputs:
        by_index.setdefault(target.rpartition("[")[2].partition("]")[0], []).append(target)
    constant = [
        all(
            is_same(history, one, patience)
            and not varies(history, one)
            and (is_of_any_size or history.last("networks/input_size", one) == 1)
            for one in calls
        )
        for calls in by_index.values()
    ]
    moving = [any(varies(history, one) for one in calls) for calls in by_index.values()]
    return any(constant) and any(moving)


def _finding(name: str, is_timed: bool) -> Finding:
    what = "time step" if is_timed else "number"
    whole = "" if is_timed else " as one of its inputs"
    return Finding(
        rule="constant_time_step",
        severity=Severity.WARNING,
        target=name,
        message=f"The network {quoted([name])} receives the same {what} for every example in "
        f"each step{whole}.",
        evidence={"network": name},
        remedies=(
            Remedy(
                "Pass the time step, or noise level, with which the noise of each example was "
                "drawn.",
                no_change_because=OWN_CODE,
            ),
        ),
        reference="Ho et al., arXiv:2006.11239, algorithm 1",
    )
