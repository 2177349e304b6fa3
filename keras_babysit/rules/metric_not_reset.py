"""A metric of a training step of one's own that goes on from epoch to epoch."""

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._texts import quoted
from keras_babysit.rules.rule import rule

BEYOND_AN_EPOCH = 1.5
"""Updates, as a multiple of those of one epoch, from which on they are of several: half an epoch
more than a metric can have that is reset at the start of each."""


@rule(
    title="Metric is not reset",
    explains=("plateau", "overfitting", "validation_better_than_train", "loss_not_decreasing"),
    needs=("activations/std",),
    silent=(
        "with the training step of Keras",
        "in the first epoch",
        "on JAX, where a step cannot update such a metric",
        "on metrics that are not a mean, or that the step does not return",
    ),
)
def metric_not_reset(history: History, *, patience: int = 2) -> list[Finding]:
    """Report a metric that a training step of your own updates and nobody resets.

    Keras resets the metrics in `model.metrics` at the start of each epoch and of each validation.
    One that is not among them, because the property `metrics` leaves it out, averages over the
    whole run. If `test_step` updates it as well, it also mixes training with validation data: early
    stopping and checkpoints then follow a number that hardly moves.

    Reads `"metrics/updates"` and the steps of an epoch. It is silent in the first epoch.

    Args:
        history: The history of the run.
        patience: Number of latest measurements that must all show it, at least 1.

    Returns:
        One WARNING per metric, or nothing.

    Raises:
        ValueError: If `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.note(steps_per_epoch=10)
        >>> for step in (4, 16, 28):
        ...     history.append(Measurement(step, step // 10, "metrics/updates", "loss", step))
        >>> print(metric_not_reset(history)[0].message)
        The metric "loss" is never reset: its value is the mean of all epochs so far.

    Reference:
        Keras, "Customizing what happens in fit()": list the metrics in the property `metrics`, so
        that they are reset at the start of each epoch.
    """
    require_count("patience", patience)
    return [
        _finding(name)
        for name in history.targets("metrics/updates")
        if _goes_on(history, name, patience)
    ]


def _goes_on(history: History, name: str, patience: int) -> bool:
    series, steps = history.series("metrics/updates", name), history.facts.steps_per_epoch
    rates = [
        count / step
        for step, epoch, count in zip(series.steps, series.epochs, series.values, strict=True)
        if epoch == series.epochs[0] and step > 0
    ]
    later = series.values[series.epochs > series.epochs[0]]
    if not steps or not rates or not max(rates) > 0 or len(later) < patience:
        return False
    return bool(later[-patience:].min() > BEYOND_AN_EPOCH * steps * max(rates))


def _finding(name: str) -> Finding:
    return Finding(
        rule="metric_not_reset",
        severity=Severity.WARNING,
        target=name,
        message=f"The metric {quoted([name])} is never reset: its value is the mean of all epochs "
        "so far.",
        evidence={"metric": name},
        remedies=(
            Remedy(
                "Return the metric from the property `metrics` of the model, so that Keras resets "
                "it at the start of each epoch.",
                no_change_because=OWN_CODE,
            ),
        ),
        reference="Keras, Customizing what happens in fit()",
    )
