"""Texts of which most tokens are the same."""

from keras_babysit.actions import DATA
from keras_babysit.facts import InputFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_fraction
from keras_babysit.rules._progress import HALF_WAY, fraction_done, has_learnt_most
from keras_babysit.rules._texts import percent
from keras_babysit.rules.effects import POOR_FIT, STUCK
from keras_babysit.rules.rule import rule


@rule(
    title="Most tokens are the same",
    explains=(*POOR_FIT, *STUCK, "constant_features", "order_ignored", "overfitting"),
    needs=("facts/data", "facts/layers"),
    silent=("without an embedding", "on padding", "below half of the tokens"),
)
def dominant_token(history: History, *, fraction: float = 0.5) -> list[Finding]:
    """Report sequences of tokens of which most are one and the same, padding apart.

    Words that the vocabulary does not have become one token, usually 1. If it has too few words,
    or was made from other texts, hardly any other token is left, and the texts look alike.

    Reads `history.facts.data`: the most frequent token of sequences of whole numbers. In natural
    language the most frequent word is 7 % of all; by Zipf's law, half of all tokens are the same
    one only if there are four different ones or fewer. It is silent without an `Embedding` in the
    network, and on fewer than 256 tokens.

    Args:
        history: The history of the run.
        fraction: Fraction of the tokens from which on it is reported, in (0, 1].

    Returns:
        One finding per array of inputs: a NOTE until half of the run is over and while the network
        makes less than half the error of a constant prediction, else a WARNING.

    Raises:
        ValueError: If `fraction` lies outside (0, 1].

    Example:
        >>> from keras_babysit.facts import DataFacts, LayerFacts
        >>> history = History()
        >>> words = InputFacts(common_token=1, common_fraction=0.93)
        >>> history.note(data=DataFacts(inputs=(words,)))
        >>> history.note(layers={"words": LayerFacts(class_name="Embedding")})
        >>> print(dominant_token(history)[0].message)
        93 % of all tokens are 1, padding apart: the sequences look alike.

    Reference:
        Zipf, "Human Behavior and the Principle of Least Effort", 1949; Keras, TextVectorization:
        words that are not in the vocabulary become token 1.
    """
    require_fraction("fraction", fraction)
    if not any(one.class_name == "Embedding" for one in history.facts.layers.values()):
        return []
    is_late = history.facts.has_ended or fraction_done(history) >= HALF_WAY
    severity = Severity.WARNING if is_late and not has_learnt_most(history) else Severity.NOTE
    return [
        _finding(f"inputs[{index}]", leaf, severity)
        for index, leaf in enumerate(history.facts.data.inputs)
        if (leaf.common_fraction or 0.0) >= fraction
    ]


def _finding(target: str, leaf: InputFacts, severity: Severity) -> Finding:
    token, share = leaf.common_token, leaf.common_fraction or 0.0
    return Finding(
        rule="dominant_token",
        severity=severity,
        target=target,
        message=f"{percent(share)} of all tokens are {token}, padding apart: the sequences look "
        "alike.",
        evidence={"token": token, "fraction": share},
        remedies=(
            Remedy(
                f"If {token} stands for words that the vocabulary does not have: make the "
                "vocabulary from the training texts, with more words, and prepare all texts with "
                "it.",
                f"print((x == {token}).mean())  # before and after",
                no_change_because=DATA,
            ),
        ),
        reference="Zipf, Human Behavior and the Principle of Least Effort, 1949",
    )
