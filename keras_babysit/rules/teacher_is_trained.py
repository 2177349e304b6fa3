"""A teacher network that is trained along with its student."""

import re

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._network import kernels, layer_of
from keras_babysit.rules._texts import quoted
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule

TEACHER = re.compile(
    r"(^|_)(teacher|ema|momentum_encoder|target_(net|network|q|critic|actor))(_|$)"
)
"""How people name a network that another one imitates: a teacher, a target network, an average."""


@rule(
    title="Teacher network is trained",
    explains=(*POOR_FIT, "collapsed_embeddings", "collapsed_activations", "samples_alike"),
    needs=("updates/ratio", "gradients/norm"),
    silent=(
        "with the training step of Keras",
        "on networks that are not named as a teacher, a target or an average",
        "if the teacher has an optimizer of its own",
    ),
)
def teacher_is_trained(history: History, *, patience: int = 3) -> list[Finding]:
    """Report a teacher whose weights the optimizer of its student updates.

    A student imitates a teacher that stays as it is, or follows slowly as a moving average. If the
    gradients of the student's loss reach the teacher too, both meet at what is easiest to imitate,
    such as a constant output.

    Reads `"gradients/norm"` and `"updates/ratio"` of the kernels, the network that each belongs to,
    and which optimizer updates it. It is silent unless a network has a name such as `teacher`,
    `target_network` or `ema` and another one is trained by the same optimizer.

    Args:
        history: The history of the run.
        patience: Number of measured steps that must all train both networks, at least 1.

    Returns:
        One WARNING per teacher, or nothing.

    Raises:
        ValueError: If `patience` is below 1.

    Example:
        >>> teacher_is_trained(History())
        []

    Reference:
        Hinton et al., "Distilling the Knowledge in a Neural Network", arXiv:1503.02531; Grill et
        al., "Bootstrap your own latent", arXiv:2006.07733, section 3.1, on the stopped gradient.
    """
    require_count("patience", patience)
    members: dict[str, list[str]] = {}
    for name in kernels(history):
        network = history.layer(layer_of(history, name)).network
        if network and _is_trained(history, name, patience):
            members.setdefault(network, []).append(name)
    teachers = [network for network in members if TEACHER.search(network.lower())]
    return [
        _finding(teacher, student)
        for teacher in teachers
        for student in [network for network in members if network not in teachers][:1]
        if _share_an_optimizer(history, members[teacher], members[student])
    ]


def _is_trained(history: History, name: str, patience: int) -> bool:
    series = [history.series(one, name).values for one in ("gradients/norm", "updates/ratio")]
    return all(len(one) >= patience and bool((one > 0).all()) for one in series)


def _share_an_optimizer(history: History, first: list[str], second: list[str]) -> bool:
    """Return whether one optimizer updates both; True if the step has a single one."""
    groups = [set(names) for names in history.facts.optimizer_weights.values()]
    return not groups or any(one & set(first) and one & set(second) for one in groups)


def _finding(teacher: str, student: str) -> Finding:
    return Finding(
        rule="teacher_is_trained",
        severity=Severity.WARNING,
        target=teacher,
        message=f"The network {quoted([teacher])} is trained along with {quoted([student])}: its "
        "weights receive gradients of the same loss.",
        evidence={"teacher": teacher, "student": student},
        remedies=(
            Remedy(
                f"Freeze {quoted([teacher])} with `trainable = False`, or apply gradients to the "
                f"`trainable_variables` of {quoted([student])} only.",
                no_change_because=OWN_CODE,
            ),
            Remedy(
                f"Compute the output of {quoted([teacher])} under `stop_gradient`, or under "
                "`torch.no_grad()`.",
                no_change_because=OWN_CODE,
            ),
        ),
        reference="Hinton et al., arXiv:1503.02531",
    )
