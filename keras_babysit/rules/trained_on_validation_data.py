"""Validation examples that the model was trained on in an earlier run."""

from keras_babysit.actions import ORDER_OF_CALLS
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._scores import gaps
from keras_babysit.rules._texts import number, percent
from keras_babysit.rules._wilson import wilson_lower_bound
from keras_babysit.rules.rule import rule

CONTINUES = 0.8
"""Loss before the first step, as a fraction of that of the earlier run, below which that run
taught the network something."""


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
    `history.facts.optimizer_steps_before` and `"loss/constant"`: an optimizer that has done steps,
    and a network that begins worse on the training data than a constant prediction, mean that it
    learned other data by heart. It is silent in the first run of a model; if its weights changed
    since the end of the earlier run, because they were reset or loaded; if the run begins with
    about the same loss; and if equal inputs are likely by chance.

    Args:
        history: The history of the run.
        fraction: Fraction of the validation examples, the lower end of its 95 % interval, above
            which it is reported, in (0, 1].
        examples: Smallest number of such examples that are reported, at least 1.

    Returns:
        One WARNING for the whole model, or nothing. Where the earlier run was not monitored, one
        NOTE; one WARNING if the network is surely better on the validation data.

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
    """Return the finding of a network that was trained before, but not on these training data."""
    steps, constant = history.facts.optimizer_steps_before, history.first("loss/constant")
    if not steps or constant is None or not start > constant > 0:
        return []
    is_better = any(one.high < 0 for one in gaps(history, "error")[:1])
    return [
        Finding(
            rule="trained_on_validation_data",
            severity=Severity.WARNING if is_better else Severity.NOTE,
            target="",
            message=f"The optimizer had made {steps:,} steps before this run, but the initial "
            f"loss is {number(start)} (constant prediction: {number(constant)}). The network was "
            "trained on other data, perhaps on the validation data.",
            evidence={"steps_before": steps, "start_loss": start, "constant_loss": constant},
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
