"""A recurrent layer that reads padding after the data."""

from keras_babysit.actions import DATA, MaskPadding
from keras_babysit.facts import LayerFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._network import LOST_SIGNAL
from keras_babysit.rules._progress import has_learnt_most
from keras_babysit.rules._sequences import sequence_layers
from keras_babysit.rules._texts import number
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule

FORGET = {"LSTM": 0.731, "GRU": 0.5}
"""Fraction of its state that a layer with Keras' initial weights keeps in one step: the sigmoid of
the forget gate's bias of 1, and of the update gate's of 0."""


@rule(
    title="Unmasked padding",
    explains=(*POOR_FIT, "vanishing_gradients", "collapsed_activations"),
    needs=("facts/layers", "facts/data"),
    silent=("if the recurrent layer is bidirectional", "if the length of the sequences varies"),
    severity=Severity.NOTE,
    costs_the_run=True,
)
def unmasked_padding(history: History, *, steps: int = 10) -> list[Finding]:
    """Report a recurrent layer whose last output follows many steps of padding.

    A layer that returns only its last output has to carry what it read through all steps of
    padding behind the data. An LSTM begins with a forget gate of sigmoid(1) = 0.73: after 10 steps
    4 % of its state is left, after 20 steps 0.2 %, and as little of the gradient comes back.

    Reads `padded_behind` of `history.facts.data.inputs` and `steps`, `is_masked` and `reads_last`
    of `history.facts.layers`. It is silent with a mask, on padding in front of the data, on layers
    that return all steps and on bidirectional ones, of which one direction ends at the data.

    Args:
        history: The history of the run.
        steps: Mean number of padded steps after the data from which on it is reported, at least 1.

    Returns:
        For each such layer one NOTE; one WARNING while a new layer keeps less than a thousandth of
        what it read (`LOST_SIGNAL`), as an LSTM after 23 steps and a GRU after 10, unless the
        network has learned more than half of what there is all the same.

    Raises:
        ValueError: If `steps` is below 1.

    Example:
        >>> from keras_babysit.facts import DataFacts, InputFacts
        >>> history = History()
        >>> history.note(
        ...     data=DataFacts(inputs=(InputFacts(shape=(60,), padded_behind=0.9),)),
        ...     layers={"lstm": LayerFacts(steps=60, is_masked=False, reads_last=True)},
        ... )
        >>> print(unmasked_padding(history)[0].message)
        On average, the last 54 of 60 steps that "lstm" reads are padding without a mask.

    Reference:
        Jozefowicz et al., "An Empirical Exploration of Recurrent Network Architectures", 2015, on
        the forget gate; Keras, "Understanding masking and padding".
    """
    require_count("steps", steps)
    found = []
    for target, facts in sequence_layers(history):
        padded = _padded_steps(history, facts)
        if padded >= steps:
            found.append(
                Finding(
                    rule="unmasked_padding",
                    severity=_severity(history, facts, padded),
                    target=target,
                    message=f"On average, the last {number(padded)} of {facts.steps} steps that "
                    f'"{target}" reads are padding without a mask.',
                    evidence={"padded_steps": padded},
                    remedies=_remedies(history),
                    reference="Keras guide, Understanding masking and padding",
                )
            )
    return found


def _severity(history: History, facts: LayerFacts, padded: float) -> Severity:
    kept = FORGET.get(facts.class_name or "", 1.0) ** padded
    is_lost = kept < LOST_SIGNAL and not has_learnt_most(history)
    return Severity.WARNING if is_lost else Severity.NOTE


def _padded_steps(history: History, facts: LayerFacts) -> float:
    """Return how many steps of padding a layer reads last, 0 if it skips or does not end there."""
    inputs = [leaf for leaf in history.facts.data.inputs if leaf.shape]
    fitting = [leaf for leaf in inputs if leaf.shape and leaf.shape[0] == facts.steps]
    if not facts.reads_last or facts.is_masked is not False or not fitting:
        return 0.0
    return float((facts.steps or 0) * min(leaf.padded_behind or 0.0 for leaf in fitting))


def _remedies(history: History) -> tuple[Remedy, ...]:
    has_words = any(facts.class_name == "Embedding" for facts in history.facts.layers.values())
    return (
        Remedy(
            "Mask the padding: the recurrent layer then stops at the end of the data.",
            change=MaskPadding(has_words, "as the first layer"),
        ),
        Remedy(
            "Or pad at the start of the sequences.",
            'x = keras.utils.pad_sequences(sequences, padding="pre")  # sequences: not padded yet',
            no_change_because=DATA,
        ),
    )
