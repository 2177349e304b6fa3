"""A mask that hides data."""

from keras_babysit.actions import DATA, UnmaskPadding
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_fraction
from keras_babysit.rules._texts import percent
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule

MIN_HIDDEN = 0.05
"""Fraction of the steps between visible ones from which on it matters that they are hidden."""

REFERENCE = "Keras, Masking and Embedding: a masked step is skipped by all later layers"


@rule(
    title="Mask hides data",
    explains=(*POOR_FIT, "overfitting"),
    needs=("facts/layers",),
    silent=(
        "if the masked steps lie only before or after the data",
        "if a Masking layer gets several features that are no whole numbers",
    ),
    costs_the_run=True,
)
def masked_data(history: History, *, fraction: float = 0.5) -> list[Finding]:
    """Report a mask that leaves out data, because the value of padding occurs in the data too.

    `Masking(0.)` skips every step whose features are all 0, and `Embedding(mask_zero=True)` every
    0. If 0 is a measured value or the number of a word, later layers never see it. Padding is
    masked before the first or after the last visible step of an example; what is masked in between
    is data, or a step that is missing.

    Reads `"masks/hiding_examples"` (fraction of the examples with a masked step between visible
    ones), `"masks/hidden_fraction"` (fraction of the steps between the first and last visible one
    that are masked), `"masks/empty_examples"` (fraction of the examples that are masked
    throughout) and `"masks/visible_std"`, all in [0, 1] but the last. It is silent for several
    features of real numbers that are all 0 at once: these are likely missing.

    Args:
        history: The history of the run.
        fraction: Fraction of the examples from which on it is reported, in (0, 1]. A missing step
            here and there is what masks are for.

    Returns:
        For each masking layer one WARNING; one NOTE where a single feature of real numbers may as
        well be missing as 0.

    Raises:
        ValueError: If `fraction` lies outside (0, 1].

    Example:
        >>> from keras_babysit.facts import LayerFacts
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.note(layers={"embedding": LayerFacts(class_name="Embedding")})
        >>> for name, value in (("hiding_examples", 0.9), ("hidden_fraction", 0.2)):
        ...     history.append(Measurement(0, 0, f"masks/{name}", "embedding", value))
        >>> print(masked_data(history)[0].message)
        Layer "embedding" masks 20 % of the steps inside the sequences, not only the padding at
        their ends.

    Reference:
        Keras, "Understanding masking and padding", keras.io/guides.
    """
    require_fraction("fraction", fraction)
    found = []
    for target in history.targets("masks/hiding_examples"):
        hiding = history.last("masks/hiding_examples", target, default=0.0)
        hidden = history.last("masks/hidden_fraction", target, default=0.0)
        empty = history.last("masks/empty_examples", target, default=0.0)
        severity = _severity(history, target)
        if empty >= fraction:
            found.append(
                _finding(
                    history,
                    target,
                    Severity.WARNING,
                    f'Layer "{target}" masks every step of {percent(empty)} of the examples.',
                    {"empty_examples": float(empty)},
                )
            )
        elif hiding >= fraction and hidden >= MIN_HIDDEN and severity is not None:
            found.append(
                _finding(
                    history,
                    target,
                    severity,
                    f'Layer "{target}" masks {percent(hidden)} of the steps inside the sequences, '
                    f"not only the padding at their ends.{_why(history, target)}",
                    {"hidden_fraction": float(hidden), "hiding_examples": float(hiding)},
                )
            )
    return found


def _is_embedding(history: History, target: str) -> bool:
    return history.layer(target).class_name != "Masking"


def _shows_one_value(history: History, target: str) -> bool:
    return bool(history.last("masks/visible_std", target, default=1.0) == 0.0)


def _severity(history: History, target: str) -> Severity | None:
    """Return how sure it is that the hidden steps are data; None if they are likely missing."""
    inputs = [leaf for leaf in history.facts.data.inputs if leaf.is_whole is not None]
    is_whole = bool(inputs) and all(leaf.is_whole for leaf in inputs)
    if _is_embedding(history, target) or is_whole or _shows_one_value(history, target):
        return Severity.WARNING
    has_one = all(leaf.shape is not None and leaf.shape[-1] == 1 for leaf in inputs)
    return Severity.NOTE if inputs and has_one else None


def _why(history: History, target: str) -> str:
    if _shows_one_value(history, target):
        return " All unmasked steps have the same value."
    if _is_embedding(history, target):
        return ""
    return " Later layers skip these steps, although 0 may be a value of the data."


def _finding(
    history: History, target: str, severity: Severity, message: str, evidence: dict[str, float]
) -> Finding:
    if _is_embedding(history, target):
        remedies = (
            Remedy(
                "Number the tokens from 1, so that 0 stands for padding only.",
                "x = x + 1  # before padding; the Embedding needs one more `input_dim`",
                no_change_because=DATA,
            ),
            Remedy(
                "Or set `mask_zero=False` if the sequences are not padded.",
                change=UnmaskPadding("Embedding"),
            ),
        )
    else:
        remedies = (
            Remedy(
                "Remove the Masking layer if the sequences are not padded.",
                change=UnmaskPadding("Masking"),
            ),
            Remedy(
                "Or pad with a value that the data never has, and mask that one.",
                "keras.layers.Masking(mask_value=-1.0)  # if no step of the data is -1",
                no_change_because=DATA,
            ),
        )
    return Finding(
        rule="masked_data",
        severity=severity,
        target=target,
        message=message,
        evidence=evidence,
        remedies=remedies,
        reference=REFERENCE,
    )
