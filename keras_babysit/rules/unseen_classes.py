"""Validation data with classes that the training data lack."""

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_share
from keras_babysit.rules._progress import has_seen_an_epoch
from keras_babysit.rules.rule import ask, rule
from keras_babysit.rules.unshuffled_data import unshuffled_data

WHOLE = 0.9
"""Share of the training examples that is as good as all: the rest may be a batch that is cut."""


@rule(
    title="Validation classes missing from the training data",
    explains=("overfitting", "uninformative_inputs"),
    needs=("facts/data",),
    silent=(
        "before the end of the first epoch",
        "without validation data",
        "the targets are no classes",
        "the reference sample is a part of data whose order is not random",
    ),
)
def unseen_classes(history: History, *, share: float = 0.5) -> list[Finding]:
    """Advise when most of the validation data are of classes that training data hardly hold.

    `validation_split` takes the last examples as they lie: of sorted data, the last classes. What
    was never shown cannot be learnt, and no regularisation helps.

    Reads `"targets/unseen_share"`: share of the validation examples, in [0, 1], whose class comes
    less than a tenth as often among the training examples that are kept.
    It stays silent until an epoch has come by; where the targets are no classes; and where what is
    kept may lack a class by itself: a part of data whose order is not random, or not known.

    Args:
        history: What the probes recorded so far.
        share: Share from which on it is reported, in (0, 1]: half of the data. Less is there where
            training data are uneven by nature and validation data are not.

    Returns:
        One WARNING for the whole model, or nothing.

    Raises:
        ValueError: If `share` lies outside (0, 1].

    Example:
        >>> from keras_babysit.facts import DataFacts
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.append(Measurement(9, 1, "targets/unseen_share", "validation", 0.5))
        >>> history.note(examples_per_epoch=800, data=DataFacts(examples=800))
        >>> unseen_classes(history)[0].severity.name
        'WARNING'

    Reference:
        Keras, `Model.fit`: validation data are the last samples, before shuffling; Poisson's law of
        rare events, for what is no chance.
    """
    require_share("share", share)
    unseen = history.last("targets/unseen_share", "validation", default=0.0)
    if unseen < share or not has_seen_an_epoch(history) or not _stands_for_all(history):
        return []
    return [
        Finding(
            rule="unseen_classes",
            severity=Severity.WARNING,
            target="targets[0]",
            message=f"{unseen:.0%} of the validation data are of classes that the training data "
            "hardly hold.",
            evidence={"unseen_share": float(unseen)},
            remedies=(
                Remedy(
                    "Shuffle, or split by class, before validation data are set aside.",
                    "x, x_val, y, y_val = train_test_split(x, y, stratify=y, random_state=0)",
                ),
            ),
            reference="Keras, Model.fit: validation_split takes the last samples, unshuffled",
        )
    ]


def _stands_for_all(history: History) -> bool:
    """Return whether the kept training examples are all there are, or a random part of them."""
    data, examples = history.facts.data, history.facts.examples_per_epoch
    if examples and (data.examples or 0) >= WHOLE * examples:
        return True
    has_order = any(leaf.largest_fraction_of_stretch is not None for leaf in data.targets)
    return has_order and not ask(unshuffled_data, history)
