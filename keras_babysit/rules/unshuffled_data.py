"""Training examples that arrive class by class."""

from keras_babysit.actions import DATA, Shuffle
from keras_babysit.facts import TargetFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_fraction
from keras_babysit.rules._texts import percent
from keras_babysit.rules.effects import LONG_STEPS, POOR_FIT, STUCK
from keras_babysit.rules.rule import rule


@rule(
    title="Unshuffled training data",
    explains=(*STUCK, *LONG_STEPS, "loss_explosion", *POOR_FIT, "overfitting"),
    needs=("facts/data",),
    silent=(
        "on fewer than 4 stretches of consecutive examples",
        "if the targets are not classes",
    ),
)
def unshuffled_data(history: History, *, fraction: float = 0.5) -> list[Finding]:
    """Report training data in which consecutive examples mostly belong to one class.

    A step on a single class moves the network towards always predicting it, and the next class
    undoes that. The training data is divided into stretches of consecutive examples, each of at
    least one batch and 32 examples. With `a` the fraction of the most frequent class in all
    examples, and `b` the mean fraction of the most frequent class of a stretch, it is reported if
    `(b - a) / (1 - a) >= fraction`. Shuffled examples of two equally frequent classes reach 0.14 by
    chance; more classes reach less.

    Reads `history.facts.data`. It is silent on fewer than 4 stretches, on targets that are not
    classes, and on balanced batches, whatever the order within a batch.

    Args:
        history: The history of the run.
        fraction: Value of `(b - a) / (1 - a)` from which on it is reported, in (0, 1].

    Returns:
        One WARNING per affected target, or nothing.

    Raises:
        ValueError: If `fraction` lies outside (0, 1].

    Example:
        >>> from keras_babysit.facts import DataFacts, TargetFacts
        >>> history = History()
        >>> target = TargetFacts(
        ...     largest_fraction=0.1, largest_fraction_of_stretch=0.97, stretch=32
        ... )
        >>> history.note(data=DataFacts(targets=(target,)))
        >>> print(unshuffled_data(history)[0].message)
        97 % of 32 consecutive examples belong to one class, but only 10 % of all examples.

    Reference:
        Bottou, "Stochastic gradient descent tricks", 2012, section 4.2: shuffle the examples;
        LeCun et al., "Efficient BackProp", 1998, section 4.2: shuffle so that successive examples
        rarely belong to the same class.
    """
    require_fraction("fraction", fraction)
    found = []
    for index, leaf in enumerate(history.facts.data.targets):
        stretch, of_all = leaf.stretch, leaf.largest_fraction
        of_stretch = leaf.largest_fraction_of_stretch
        if stretch and of_all and of_stretch and is_sorted(leaf, fraction):
            found.append(_finding(f"targets[{index}]", stretch, of_stretch, of_all))
    return found


def is_sorted(leaf: TargetFacts, fraction: float = 0.5) -> bool:
    """Return whether consecutive targets mostly belong to one class; False if it is not known.

    Args:
        leaf: Facts of an array of targets.
        fraction: Value of `(b - a) / (1 - a)` from which on they do, in (0, 1].
    """
    of_all, of_stretch = leaf.largest_fraction, leaf.largest_fraction_of_stretch
    if of_all is None or of_stretch is None:
        return False
    return of_stretch - of_all >= fraction * (1 - of_all) > 0


def _finding(target: str, stretch: int, of_stretch: float, of_all: float) -> Finding:
    return Finding(
        rule="unshuffled_data",
        severity=Severity.WARNING,
        target=target,
        message=f"{percent(of_stretch)} of {stretch} consecutive examples belong to one class, but "
        f"only {percent(of_all)} of all examples.",
        evidence={"largest_fraction_of_stretch": of_stretch, "largest_fraction": of_all},
        remedies=(
            Remedy("Shuffle the examples in each epoch.", change=Shuffle()),
            Remedy(
                "Shuffle a dataset before batching, with a buffer that holds all examples.",
                "dataset.unbatch().shuffle(10_000).batch(32)  # dataset: your tf.data.Dataset",
                no_change_because=DATA,
            ),
        ),
        reference="LeCun et al., Efficient BackProp, 1998, section 4.2: shuffle the examples",
    )
