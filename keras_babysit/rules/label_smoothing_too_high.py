"""Label smoothing that leaves next to nothing of the labels."""

from keras_babysit.actions import SetFromLogits, SetLoss
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_fraction
from keras_babysit.rules._texts import percent
from keras_babysit.rules.effects import POOR_FIT, STUCK
from keras_babysit.rules.outputs import Output, outputs
from keras_babysit.rules.rule import rule


@rule(
    title="Label smoothing too high",
    explains=(*POOR_FIT, *STUCK, "vanishing_gradients"),
    needs=("facts/outputs",),
    silent=("on losses of one's own",),
    is_immediate=True,
)
def label_smoothing_too_high(history: History, *, fraction: float = 0.5) -> list[Finding]:
    """Report a loss that replaces most of each target by the same probability for every class.

    `label_smoothing=0.1` takes 10 % of each target from its class and spreads it over all classes.
    At 0.9, as if it were the fraction to keep, little of the label is left: the best prediction is
    about the same for every example, and the loss hardly depends on the labels.

    Reads the facts of the outputs. It is silent below `fraction`, and on losses of one's own.

    Args:
        history: The history of the run.
        fraction: Smoothing from which on it is reported, in (0, 1]. From 0.5 on, the part that is
            the same for every class outweighs the label.

    Returns:
        One WARNING per output, or nothing.

    Raises:
        ValueError: If `fraction` lies outside (0, 1].

    Example:
        >>> from keras_babysit.facts import OutputFacts
        >>> history = History()
        >>> history.note(outputs=(OutputFacts(form="binary", label_smoothing=0.9),))
        >>> print(label_smoothing_too_high(history)[0].message)
        Label smoothing replaces 90 % of each target: the best prediction has a probability of 0.55.

    Reference:
        Szegedy et al., "Rethinking the Inception architecture for computer vision",
        arXiv:1512.00567, section 7, with a smoothing of 0.1.
    """
    require_fraction("fraction", fraction)
    return [
        _finding(output)
        for output in outputs(history)
        if output.form in ("categorical", "binary") and output.label_smoothing >= fraction
    ]


def _finding(output: Output) -> Finding:
    smoothing, is_binary = output.label_smoothing, output.form == "binary"
    best = 1 - smoothing + smoothing / (2 if is_binary else output.columns or 2)
    kind = "Binary" if is_binary else "Categorical"
    change = (
        SetFromLogits(True, f"{kind}Crossentropy")
        if output.from_logits
        else SetLoss(f"{kind.lower()}_crossentropy", "or with label_smoothing=0.1")
    )
    return Finding(
        rule="label_smoothing_too_high",
        severity=Severity.WARNING,
        target=output.target,
        message=f"Label smoothing replaces {percent(smoothing)} of each target: the best "
        f"prediction has a probability of {best:.2f}.",
        evidence={"label_smoothing": smoothing},
        remedies=(Remedy("Train without label smoothing, or with about 0.1.", change=change),),
        reference="Szegedy et al., arXiv:1512.00567, section 7",
    )
