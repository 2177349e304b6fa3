"""An embedding that gets numbers which are not whole."""

from keras_babysit.actions import DATA
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_fraction
from keras_babysit.rules._texts import percent, quoted
from keras_babysit.rules.effects import POOR_FIT, STUCK
from keras_babysit.rules.rule import rule


@rule(
    title="Embedding indices are not whole",
    explains=(
        *POOR_FIT,
        *STUCK,
        "constant_features",
        "dead_units",
        "learning_rate_too_high",
        "masked_data",
        "order_ignored",
        "uninformative_inputs",
        "unscaled_inputs",
    ),
    needs=("facts/layers",),
    silent=("on layers of one's own that look up rows",),
    is_immediate=True,
)
def fractional_indices(history: History, *, fraction: float = 0.01) -> list[Finding]:
    """Report an Embedding layer whose indices are not whole numbers.

    The layer cuts off what stands behind the decimal point. Tokens that were divided by the size of
    the vocabulary all become 0, and those that were standardized become one of a few rows, so that
    different words can no longer be told apart. Indices must not be scaled.

    Reads `"embeddings/cut_fraction"`. It is silent below `fraction`, and on integers of any dtype.

    Args:
        history: The history of the run.
        fraction: Fraction of the indices that are not whole from which on it is reported, in
            (0, 1].

    Returns:
        One WARNING per layer, or nothing.

    Raises:
        ValueError: If `fraction` lies outside (0, 1].

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.append(Measurement(0, 0, "embeddings/cut_fraction", "words", 0.99))
        >>> print(fractional_indices(history)[0].message)
        99 % of the indices that the embedding "words" gets are not whole: it cuts off their
        fraction.

    Reference:
        Keras, Embedding: it turns positive integers (indices) into vectors.
    """
    require_fraction("fraction", fraction)
    found = []
    for target in history.targets("embeddings/cut_fraction"):
        cut = float(history.last("embeddings/cut_fraction", target, default=0.0))
        if cut >= fraction:
            found.append(
                Finding(
                    rule="fractional_indices",
                    severity=Severity.WARNING,
                    target=target,
                    message=f"{percent(cut)} of the indices that the embedding {quoted([target])} "
                    "gets are not whole: it cuts off their fraction.",
                    evidence={"cut_fraction": cut},
                    remedies=(
                        Remedy(
                            "Pass the indices as they are, without scaling them: whole numbers "
                            "from 0 to `input_dim - 1`.",
                            "print(x[0])  # whole numbers, one for each token",
                            no_change_because=DATA,
                        ),
                    ),
                    reference="Keras, Embedding: positive integers (indices) become vectors",
                )
            )
    return found
