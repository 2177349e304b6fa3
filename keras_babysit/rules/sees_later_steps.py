"""A model of the next step that sees the step it is to predict."""

from keras_babysit.actions import CONNECTIONS, DATA, SetLayerArguments
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._sequences import changed_outputs
from keras_babysit.rules._texts import number
from keras_babysit.rules.rule import rule


@rule(
    title="Predictions depend on later steps",
    explains=("validation_better_than_train",),
    needs=("inference/later_inputs | inference/batch_dependence",),
    silent=(
        "before the first score",
        "unless the target of each step is the next step of an input, or the token of the same "
        "step",
    ),
)
def sees_later_steps(history: History) -> list[Finding]:
    """Report a model whose prediction of the next step depends on that step.

    Where the target of each step is the next step of the input, as in a language model, an output
    must depend on earlier steps only. Attention without a causal mask, a bidirectional recurrent
    layer or a convolution with `padding="same"` lets the answer in: the loss falls far, and the
    model is useless where the later steps do not exist yet.

    Reads `"inference/later_inputs"`: the largest change of an output at a step when only later
    steps of the input change, in standard deviations of the output. It is measured, and
    the rule not silent, only where at least 95 % of the targets are the next step of an input; a
    tagger or a masked language model may see all steps.

    The opposite mistake is a target that is the token of the same step, in a model that sees no
    later step: the input of a decoder, or of a language model, that was not shifted. It learns to
    copy. `"inference/later_than_target"` is then 0. A masked model or an autoencoder, whose outputs
    depend on later steps too, is not reported.

    Args:
        history: The history of the run.

    Returns:
        One WARNING per affected output, or nothing.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.append(Measurement(9, 0, "inference/later_inputs", "outputs[0]", 1.7))
        >>> print(sees_later_steps(history)[0].message)
        Predictions depend on later inputs, which are their targets: they change by 1.7 standard
        deviations.

    Reference:
        Vaswani et al., "Attention Is All You Need", arXiv:1706.03762, section 3.2.3: mask the
        connections to later positions.
    """
    changed = changed_outputs(history, "inference/later_inputs")
    return [_finding(target, change) for target, change in changed] + _not_shifted(history)


def _not_shifted(history: History) -> list[Finding]:
    changed = [t for t, _ in changed_outputs(history, "inference/later_than_target")]
    found = []
    for index, target in enumerate(history.targets("inference/later_than_target")):
        if changed or index:
            break
        change = float(history.last("inference/later_than_target", target))
        found.append(
            Finding(
                rule="sees_later_steps",
                severity=Severity.WARNING,
                target="",
                message="The target of each step is the input of the same step: the sequence is "
                "not shifted. The network learns to copy its input.",
                evidence={"change": change},
                remedies=(
                    Remedy(
                        "Shift the input by one step: begin with a start token, and leave out the "
                        "last token.",
                        "start = 0  # the number of your start token\n"
                        "shifted = np.concatenate([np.full_like(y[:, :1], start), y[:, :-1]], "
                        "axis=1)",
                        no_change_because=DATA,
                    ),
                ),
                reference="Vaswani et al., arXiv:1706.03762, section 3.1: outputs shifted right",
            )
        )
    return found


def _finding(target: str, change: float) -> Finding:
    return Finding(
        rule="sees_later_steps",
        severity=Severity.WARNING,
        target=target,
        message="Predictions depend on later inputs, which are their targets: they change by "
        f"{number(change)} standard deviations.",
        evidence={"change": change},
        remedies=(
            Remedy(
                "Use a causal mask in the attention layers.",
                "h = attention(h, h, use_causal_mask=True)  # attention: your MultiHeadAttention, "
                "h: its input",
                no_change_because=CONNECTIONS,
            ),
            Remedy(
                "Use causal padding in the convolutions.",
                change=SetLayerArguments(
                    class_name="Conv1D", arguments=(("padding", "causal"),), first="64, 3"
                ),
            ),
            Remedy(
                "Use a plain recurrent layer instead of a bidirectional one.",
                no_change_because=CONNECTIONS,
            ),
        ),
        reference="Vaswani et al., arXiv:1706.03762, section 3.2.3",
    )
