"""Examples that come class by class."""

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_share
from keras_babysit.rules.effects import LONG_STEPS, POOR_FIT, STUCK
from keras_babysit.rules.rule import rule


@rule(
    title="Unshuffled training data",
    explains=(*STUCK, *LONG_STEPS, "loss_explosion", *POOR_FIT, "overfitting"),
    needs=("facts/data",),
    silent=(
        "fewer than 4 stretches of consecutive examples were seen",
        "the targets are no classes",
    ),
)
def unshuffled_data(history: History, *, share: float = 0.5) -> list[Finding]:
    """Advise to shuffle where consecutive examples are mostly of one class.

    A step on one class alone moves the network towards always answering it, and the next class
    undoes that. Looked at are stretches of consecutive training examples, each of at least one
    batch and 32 examples: of the way from the share of the commonest class in all examples to 1,
    the commonest class of a stretch has gone `share` or more in the mean. Shuffled examples of two
    even classes go 0.14 of it by chance, of more classes less.

    Reads the facts of the data. It stays silent on fewer than 4 stretches, on targets that are no
    classes, and while batches are balanced, in whatever order the examples of one batch come.

    Args:
        history: What the probes recorded so far.
        share: Share of that way, in (0, 1].

    Returns:
        One WARNING for each target, or nothing.

    Raises:
        ValueError: If `share` lies outside (0, 1].

    Example:
        >>> from keras_babysit.facts import DataFacts, TargetFacts
        >>> history = History()
        >>> target = TargetFacts(
        ...     largest_fraction=0.1, largest_fraction_of_stretch=0.97, stretch=32
        ... )
        >>> history.note(data=DataFacts(targets=(target,)))
        >>> print(unshuffled_data(history)[0].message)
        Of 32 consecutive examples 97% are of one class, of all examples 10%.

    Reference:
        Bottou, "Stochastic gradient descent tricks", 2012, section 4.2: shuffle the examples;
        LeCun et al., "Efficient BackProp", 1998, section 4.2: shuffle so that successive examples
        rarely belong to the same class.
    """
    require_share("share", share)
    found = []
    for place, leaf in enumerate(history.facts.data.targets):
        stretch, of_all = leaf.stretch, leaf.largest_fraction
        of_stretch = leaf.largest_fraction_of_stretch
        if not stretch or not of_all or not of_stretch:
            continue
        if of_stretch - of_all >= share * (1 - of_all) > 0:
            found.append(_finding(f"targets[{place}]", stretch, of_stretch, of_all))
    return found


def _finding(target: str, stretch: int, of_stretch: float, of_all: float) -> Finding:
    return Finding(
        rule="unshuffled_data",
        severity=Severity.WARNING,
        target=target,
        message=f"Of {stretch} consecutive examples {of_stretch:.0%} are of one class, of all "
        f"examples {of_all:.0%}.",
        evidence={"largest_share_of_stretch": of_stretch, "largest_share": of_all},
        remedies=(
            Remedy("Shuffle the examples anew in each epoch.", "model.fit(x, y, shuffle=True)"),
            Remedy(
                "Shuffle a dataset before it is batched, in a buffer that holds all examples.",
                "dataset = dataset.unbatch().shuffle(10_000).batch(32)",
            ),
        ),
        reference="LeCun et al., Efficient BackProp, 1998, section 4.2: shuffle the examples",
    )
