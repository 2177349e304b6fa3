"""Shuffled batches for a layer that carries its state from batch to batch."""

from keras_babysit.actions import KeepOrder, SetLayerArguments
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_fraction
from keras_babysit.rules._sequences import sequence_layers
from keras_babysit.rules._texts import percent
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule


@rule(
    title="Shuffled batches for a stateful layer",
    explains=(*POOR_FIT, "overfitting"),
    needs=("facts/layers",),
    silent=(
        "in the first epoch",
        "if the examples do not repeat",
        "if each epoch has the same order, as shuffled by TensorFlow with a fixed seed",
    ),
)
def shuffled_state(history: History, *, fraction: float = 0.5) -> list[Finding]:
    """Report a stateful recurrent layer whose examples come in another order in each epoch.

    With `stateful=True`, a layer begins each example with what it held after the example in the
    same row of the batch before. That is the past of this sequence only if the batches follow each
    other; `fit` shuffles by default, and then it is the end of any other example.

    Reads `is_stateful` of `history.facts.layers` and `history.facts.moved_fraction`, the fraction
    of the repeated examples that came at another position than in the first epoch, in [0, 1]. It is
    silent in the first epoch, if the examples do not repeat, and if each epoch has the same order.

    Args:
        history: The history of the run.
        fraction: Fraction of the repeated examples from which on it is reported, in (0, 1]. Without
            shuffling it is 0.

    Returns:
        One WARNING for each stateful layer, or nothing.

    Raises:
        ValueError: If `fraction` lies outside (0, 1].

    Example:
        >>> from keras_babysit.facts import LayerFacts
        >>> history = History()
        >>> lstm = LayerFacts(steps=10, is_stateful=True)
        >>> history.note(moved_fraction=1.0, layers={"lstm": lstm})
        >>> print(shuffled_state(history)[0].message)
        The batches are shuffled, but "lstm" carries its state from one batch to the next.

    Reference:
        Keras, recurrent layers: with `stateful=True`, specify `shuffle=False` in `fit`.
    """
    require_fraction("fraction", fraction)
    moved = history.facts.moved_fraction or 0.0
    if not moved >= fraction:
        return []
    return [
        Finding(
            rule="shuffled_state",
            severity=Severity.WARNING,
            target=target,
            message=f'The batches are shuffled, but "{target}" carries its state from one '
            "batch to the next.",
            evidence={"moved_fraction": float(moved)},
            remedies=(
                Remedy(
                    f"Set `shuffle=False`: {percent(moved)} of the examples changed their position "
                    "since the first epoch.",
                    change=KeepOrder(),
                ),
                Remedy(
                    "Set `stateful=False` if each example is a sequence of its own.",
                    change=SetLayerArguments(
                        (target,), facts.class_name or "LSTM", (("stateful", False),), "64"
                    ),
                ),
            ),
            reference="Keras, recurrent layers: stateful=True needs shuffle=False",
        )
        for target, facts in sequence_layers(history)
        if facts.is_stateful
    ]
