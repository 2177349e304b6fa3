"""Answers that are wrong far more often than guesses are."""

import math

from keras_babysit.actions import LOOKS, OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._progress import curve, has_seen_an_epoch
from keras_babysit.rules._scores import rankings
from keras_babysit.rules._texts import percent
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.learning_rate_too_low import learning_rate_too_low
from keras_babysit.rules.outputs import guess_loss
from keras_babysit.rules.rule import ask, rule

LEAST_FALL = 0.02
"""Fraction of its first value that the training loss must have fallen, as in
`loss_not_decreasing`: an untrained network may rank examples the wrong way round by chance."""

RECOVERS = 0.01
"""Rise of the area between the scores that count, from which on a network is recovering from first
weights that rank the wrong way round: what is learned in reverse falls or stays."""

ACCURACIES = ("accuracy", "acc", "binary_accuracy")
"""Names that Keras gives to the accuracy of yes and no."""


@rule(
    title="Predictions are reversed",
    explains=(*POOR_FIT, "metric_mismatch", "overfitting"),
    needs=("logs/loss", "facts/data"),
    silent=(
        "in the first epoch",
        "unless the targets are 0 and 1",
        "unless the loss has fallen, below that of a constant prediction",
        "if the learning rate is too low",
    ),
)
def reversed_answers(history: History, *, area: float = 0.3, patience: int = 2) -> list[Finding]:
    """Report a network that gives the opposite of the right answer, while its loss falls.

    A loss whose sign or labels are reversed is learned as well as a right one. A contrastive loss
    that takes 1 for "different" where the data say 1 for "alike" pulls apart what belongs together.
    The loss falls, and the metric falls with it, below that of guesses.

    Reads the area under the ROC curve on the training data, `"predictions/auc"`, and, where it is
    not known, the training accuracy of `"logs/*"` beside the rarer of both classes: an answer that
    is always wrong has no accuracy, one that is always the rarer class has its frequency. It is
    silent in the first epoch, unless the targets are 0 and 1, and unless the training loss has
    fallen by 2 % and is below that of a constant prediction, where that is known. A network whose
    first weights happen to rank the wrong way round has a higher loss than that, and recovers; it
    is silent while the area rises. It is silent as well if the learning rate is too low (see
    `learning_rate_too_low`), because the answers are those of the initial weights then.

    Args:
        history: The history of the run.
        area: Area under the curve, the upper end of its interval, below which it is reported, in
            (0, 1]; 0.5 for a guess. With 0.3, reversing the answers gives 0.7.
        patience: Number of latest scores or epochs that must all show it, at least 1.

    Returns:
        One WARNING for the whole model, or nothing.

    Raises:
        ValueError: If `area` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> reversed_answers(History())
        []

    Reference:
        Fawcett, "An introduction to ROC analysis", 2006: a classifier below the diagonal has
        information, and applies it the wrong way.
    """
    require_fraction("area", area)
    require_count("patience", patience)
    losses = curve(history)
    if len(losses) < patience or not has_seen_an_epoch(history):
        return []
    has_fallen = losses[-1] < losses[0] - LEAST_FALL * abs(losses[0])
    if not has_fallen or ask(learning_rate_too_low, history):
        return []
    guess = guess_loss(history)
    constant = history.first("loss/constant") if guess is None else guess
    if constant is not None and losses[-1] >= constant:
        return []
    areas = rankings(history, "train")[-patience:]
    if areas:
        if len(areas) < patience or not all(one.high < area for one in areas):
            return []
        if areas[-1].value - areas[0].value > RECOVERS:
            return []
        return [
            _finding(
                f"In {percent(1 - areas[-1].value)} of the pairs, the example of class 1 has a "
                "lower output than the example of class 0",
                {"auc": areas[-1].value},
            )
        ]
    found = _accuracy_below_the_rarer(history, patience)
    if found is None:
        return []
    value, rarer = found
    return [
        _finding(
            f"The accuracy is {percent(value, 1)}; always predicting the rarer class would give "
            f"{percent(rarer, 1)}",
            {"accuracy": value, "rarer_class": rarer},
        )
    ]


def _accuracy_below_the_rarer(history: History, patience: int) -> tuple[float, float] | None:
    targets, examples = history.facts.data.targets, history.facts.data.examples
    if len(targets) != 1 or not targets[0].is_binary or not examples:
        return None
    if targets[0].largest_fraction is None or targets[0].is_one_hot:
        return None
    rarer = 1 - targets[0].largest_fraction
    for name in ACCURACIES:
        values = history.series(f"logs/{name}").values[-patience:]
        if len(values) < patience:
            continue
        highest = float(values.max())
        if not 0 <= highest <= 1 or not 0 <= rarer <= 1:
            continue
        error = math.sqrt((rarer * (1 - rarer) + highest * (1 - highest)) / examples)
        if highest + 3 * error < rarer:
            return highest, rarer
    return None


def _finding(how: str, evidence: dict[str, float]) -> Finding:
    return Finding(
        rule="reversed_answers",
        severity=Severity.WARNING,
        target="",
        message=f"The loss falls, but the predictions are reversed. {how}.",
        evidence=evidence,
        remedies=(
            Remedy(
                "Check that 1 means the same class in the data, the loss and the metric. A model "
                "that outputs distances returns small values for similar examples.",
                "print(y[:10], model.predict(x[:10], verbose=0))",
                no_change_because=LOOKS,
            ),
            Remedy("Check the sign of your custom loss.", no_change_because=OWN_CODE),
        ),
        reference="Fawcett, An introduction to ROC analysis, 2006",
    )
