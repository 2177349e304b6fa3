"""Padding that counts in the loss."""

from keras_babysit.actions import IgnorePadding, MaskPadding
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_fraction
from keras_babysit.rules._texts import percent
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule

MIN_LOSS_CHANGE = 1e-5
"""Change of the loss, as a fraction of it, from which on the answers on padding count: a hundred
times the rounding of float32."""

MIN_NOTED = 0.2
"""Fraction of the targets from which on padding that counts is worth a note."""

REFERENCE = "Keras guide, Understanding masking and padding: a mask reaches the loss"


@rule(
    title="Padding counts in the loss",
    explains=(*POOR_FIT, "class_imbalance"),
    needs=("padding/loss_change | inference/batch_dependence",),
    silent=(
        "before the first score",
        "if the model has several outputs",
        "if the targets on padded steps differ from each other",
    ),
)
def padding_in_loss(history: History, *, fraction: float = 0.5) -> list[Finding]:
    """Report padded steps whose predictions count in the loss, and so in the accuracy.

    Sequences that are padded to one length have padded targets. Where neither a mask nor weights
    leave them out, most of the loss is how well the network predicts padding: it falls quickly,
    the accuracy is high from the start, and the gradient of the data is divided by the number of
    all steps.

    Reads `"padding/loss_change"`: how much the loss changes, as a fraction of it, when only the
    predictions on padded steps change; and `on_padding` of `history.facts.data.targets`, the
    fraction of the targets on padded steps, in [0, 1]. It is silent where the loss does not change:
    a mask, sample weights, `ignore_class` or a loss of one's own leaves padding out.

    Args:
        history: The history of the run.
        fraction: Fraction of the targets from which on it is a warning, in (0, 1]. From 0.5 on, an
            accuracy of 50 % says nothing about the data.

    Returns:
        One WARNING, or one NOTE from a fifth of the targets on; empty below that.

    Raises:
        ValueError: If `fraction` lies outside (0, 1].

    Example:
        >>> from keras_babysit.facts import DataFacts, TargetFacts
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.note(data=DataFacts(targets=(TargetFacts(on_padding=0.91, padded_input=0),)))
        >>> history.append(Measurement(9, 0, "padding/loss_change", "outputs[0]", 3.0))
        >>> print(padding_in_loss(history)[0].message)
        91 % of the targets are padding, and they count in the loss and in the accuracy.

    Reference:
        Keras, "Understanding masking and padding", keras.io/guides.
    """
    require_fraction("fraction", fraction)
    targets = history.facts.data.targets
    change = history.last("padding/loss_change", "outputs[0]", default=0.0)
    padded = (targets[0].on_padding or 0.0) if len(targets) == 1 else 0.0
    if not change > MIN_LOSS_CHANGE or padded < min(MIN_NOTED, fraction):
        return []
    return [
        Finding(
            rule="padding_in_loss",
            severity=Severity.WARNING if padded >= fraction else Severity.NOTE,
            target="targets[0]",
            message=f"{percent(padded)} of the targets are padding, and they count in the loss and "
            "in the accuracy.",
            evidence={"padded_fraction": float(padded), "loss_change": float(change)},
            remedies=_remedies(history, targets[0].padded_input or 0),
            reference=REFERENCE,
        )
    ]


def _remedies(history: History, index: int) -> tuple[Remedy, ...]:
    inputs = history.facts.data.inputs
    shape = inputs[index].shape if index < len(inputs) else None
    is_tokens = shape is not None and len(shape) == 1
    name = "x" if len(inputs) < 2 else "padded"
    said = "" if name == "x" else f"{name}: the padded input, index {index} of x"
    weights = Remedy(
        "Give padded steps the weight 0, and pass metrics as `weighted_metrics`.",
        change=IgnorePadding(is_tokens, name, said),
    )
    mask = Remedy(
        "Or mask the padding, if every layer after the mask supports one.",
        change=MaskPadding(is_tokens),
    )
    return weights, mask
