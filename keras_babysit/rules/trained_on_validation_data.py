"""Validation examples that the model was trained on in an earlier run."""

from keras_babysit.actions import ORDER_OF_CALLS
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._scores import side_by_side
from keras_babysit.rules._texts import error_name, number, percent
from keras_babysit.rules._wilson import wilson_lower_bound
from keras_babysit.rules.rule import rule

CONTINUES = 0.8
"""Loss before the first step, as a fraction of that of the earlier run, below which that run
taught the network something."""

KNOWN = 0.5
"""Error on the validation data, as a fraction of that of a constant prediction, below which the
network predicts rather than guesses them."""


@rule(
    title="Earlier training on the validation data",
    explains=("validation_better_than_train",),
    needs=("facts/comparison",),
    silent=(
        "in the first run of a model in this process, unless its optimizer counts earlier steps",
        "if the weights changed since the end of the earlier run",
        "if equal inputs are likely by chance",
    ),
)
def trained_on_validation_data(
    history: History, *, fraction: float = 0.05, examples: int = 3
) -> list[Finding]:
    """Report validation examples that an earlier `fit` of the same model trained on.

    In cross-validation each fold needs a new model, or one whose weights were reset. Otherwise the
    model is validated on what it has learned by heart, and the score is too good.

    Reads `history.facts.comparison`: how many examples of the validation sample were training
    examples of an earlier run in the same process, and the losses before the first step of both
    runs, `"loss/start"`. Where the earlier run was not monitored, reads
    `history.facts.optimizer_steps_before`, `"loss/constant"`, the first `"score/error"` and
    `"reference/constant_error"`: an optimizer that has done steps, a network that begins worse on
    the training data than a constant prediction, and that predicts the validation data, and better
    than the training data, mean that it learned them before. It is silent in the first run of a
    model; if its weights changed since the end of the earlier run, because they were reset or
    loaded; if the run begins with about the same loss; and if equal inputs are likely by chance.

    Args:
        history: The history of the run.
        fraction: Fraction of the validation examples, the lower end of its 95 % interval, above
            which it is reported, in (0, 1].
        examples: Smallest number of such examples that are reported, at least 1.

    Returns:
        One WARNING for the whole model, or nothing. Where the earlier run was not monitored, and
        the error on the validation data is smaller by less than its 95 % interval but by more than
        its standard error, one NOTE.

    Raises:
        ValueError: If `fraction` lies outside (0, 1] or `examples` is below 1.

    Example:
        >>> from keras_babysit.facts import ComparisonFacts
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> found = ComparisonFacts(
        ...     validation_examples=200, seen_before=180, earlier_part=1.0, earlier_loss=2.3
        ... )
        >>> history.note(comparison=found)
        >>> history.append(Measurement(0, 0, "loss/start", "", 0.1))
        >>> trained_on_validation_data(history)[0].severity.name
        'WARNING'

    Reference:
        Hastie et al., "The Elements of Statistical Learning", 2009, section 7.10, on
        cross-validation done wrong.
    """
    require_fraction("fraction", fraction)
    require_count("examples", examples)
    found, start = history.facts.comparison, history.last("loss/start")
    seen, among = found.seen_before or 0, found.validation_examples or 1
    if start is None:
        return []
    if found.earlier_loss is None:
        return _from_other_data(history, float(start))
    if seen < examples:
        return []
    part = found.earlier_part or 1.0
    is_many = wilson_lower_bound(seen / among, among) / part > fraction
    if not is_many or start >= CONTINUES * found.earlier_loss:
        return []
    share = min(1.0, seen / among / part)
    return [
        Finding(
            rule="trained_on_validation_data",
            severity=Severity.WARNING,
            target="",
            message=f"The model was trained on {percent(share)} of the validation examples in an "
            f"earlier `fit`. Its initial loss is {number(start)}; in that run it was "
            f"{number(found.earlier_loss)}.",
            evidence={
                "seen_fraction": share,
                "start_loss": float(start),
                "earlier_start_loss": found.earlier_loss,
            },
            remedies=(
                Remedy(
                    "Train a new model in each fold.",
                    "model = keras.models.clone_model(model)  # new weights; compile it again",
                    no_change_because=ORDER_OF_CALLS,
                ),
            ),
            reference="Hastie et al., The Elements of Statistical Learning, 2009, section 7.10",
        )
    ]


def _from_other_data(history: History, start: float) -> list[Finding]:
    """Return the finding of a network that was trained before, but not on these training data.

    Other labels, or inputs on another scale, make it begin as badly. What sets the validation data
    apart is that the network predicts them, and better than what it trains on now.
    """
    steps, constant = history.facts.optimizer_steps_before, history.first("loss/constant")
    both = side_by_side(history, "error")[:1]
    if not steps or constant is None or not start > constant > 0 or not both:
        return []
    train, validation = both[0].train, both[0].validation
    gap = validation.minus(train)
    worst = history.first("reference/constant_error", "validation")
    is_known = worst is not None and validation.value < KNOWN * worst
    if not is_known or not gap.value + gap.error < 0:
        return []
    return [
        Finding(
            rule="trained_on_validation_data",
            severity=Severity.WARNING if gap.high < 0 else Severity.NOTE,
            target="",
            message=f"The model seems to have been trained on the validation data in an earlier "
            f"`fit`. Its optimizer had made {steps:,} steps, and its initial loss is "
            f"{number(start)} (constant prediction: {number(constant)}). Its first "
            f"{error_name(history)} is "
            f"{percent(validation.value, 1)} on the validation data but "
            f"{percent(train.value, 1)} on the training data.",
            evidence={
                "steps_before": steps,
                "start_loss": start,
                "constant_loss": constant,
                "train_error": train.value,
                "validation_error": validation.value,
            },
            remedies=(
                Remedy(
                    "Train a new model in each fold.",
                    "model = keras.models.clone_model(model)  # new weights; compile it again",
                    no_change_because=ORDER_OF_CALLS,
                ),
            ),
            reference="Hastie et al., The Elements of Statistical Learning, 2009, section 7.10",
        )
    ]
