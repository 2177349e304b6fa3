"""A data stream that yields the same batch again and again."""

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_fraction
from keras_babysit.rules._texts import percent
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.overfitting import overfitting
from keras_babysit.rules.rule import ask, rule


@rule(
    title="Repeated batches",
    explains=(*POOR_FIT, "overfitting", "unseen_classes", "data_stream_changes"),
    needs=("facts/data",),
    silent=(
        "in the first four batches",
        "on batches of fewer than 8 different examples",
        "in a loop of your own, if there is more than one batch: they may be of several epochs",
    ),
    is_immediate=True,
    costs_the_run=True,
)
def repeated_batches(history: History, *, fraction: float = 0.5) -> list[Finding]:
    """Report an epoch whose batches hold the same examples.

    A generator that begins again at each batch, an index that is never raised, or a
    `__getitem__` that ignores its argument trains the network on one batch. The training loss looks
    perfect, and the rest of the data is never seen.

    Reads `history.facts.repeated_batches`: of the batches of the first epoch that were kept, the
    fraction that holds exactly the examples of an earlier one, by their inputs. It is silent on
    batches of fewer than 8 different examples, which may be equal by chance. In a loop of one's
    own the length of an epoch is not known; there the batches must all be the same one.

    Args:
        history: The history of the run.
        fraction: Fraction of the batches from which on it is reported, in (0, 1].

    Returns:
        One WARNING for the inputs if the network overfits (`overfitting`), else one NOTE: training
        on all data in one batch, as on a graph or for a differential equation, and on a single
        batch to test whether a network can learn at all, look the same.

    Raises:
        ValueError: If `fraction` lies outside (0, 1].

    Example:
        >>> history = History()
        >>> history.note(repeated_batches=1.0)
        >>> print(repeated_batches(history)[0].message)
        100 % of the batches in the first epoch repeat the examples of an earlier batch.

    Reference:
        The definition of an epoch: every example once.
    """
    require_fraction("fraction", fraction)
    repeated = history.facts.repeated_batches
    if repeated is None or repeated < fraction:
        return []
    is_harmful = bool(ask(overfitting, history))
    what = f"{percent(repeated)} of the batches in the first epoch repeat the examples of an "
    message = what + "earlier batch."
    if history.facts.is_own_loop:
        message = "All batches so far hold the same examples."
    return [
        Finding(
            rule="repeated_batches",
            severity=Severity.WARNING if is_harmful else Severity.NOTE,
            target="inputs",
            message=message,
            evidence={"repeated_batches": repeated},
            remedies=(
                Remedy(
                    "Check that the generator returns the next rows for each batch, and that "
                    "`__getitem__` uses its index.",
                    "for batch, _ in zip(generator, range(3)):  # generator: your data\n"
                    "    print(batch[0][:2])",
                    no_change_because=OWN_CODE,
                ),
            ),
            reference="The definition of an epoch: every example once",
        )
    ]
