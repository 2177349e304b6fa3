"""Batch normalization that training runs in inference mode."""

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count
from keras_babysit.rules._texts import quoted
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT, SHORT_STEPS, STUCK
from keras_babysit.rules.rule import rule

_IN_TRAINING_MODE = Remedy(
    "Call the model and its layers with `training=True` in the training step, and pass `training` "
    "on to inner layers.",
    no_change_because=OWN_CODE,
)

_KEEP_AVERAGES = Remedy(
    "Return the non-trainable variables that `stateless_call` returns as part of the new state.",
    no_change_because=OWN_CODE,
)


@rule(
    title="Batch normalization not updating",
    explains=(*BLOWN_UP, *STUCK, *LONG_STEPS, *SHORT_STEPS, *POOR_FIT, "batch_norm_mismatch"),
    needs=("activations/std",),
    silent=("in the first steps of a run", "on frozen layers", "on averages that were trained"),
)
def batch_norm_not_updating(history: History, *, steps: int = 10) -> list[Finding]:
    """Report trainable batch normalizations whose averages keep their initial values.

    One step in training mode moves the averages from 0 and 1 by a part of the mean and the variance
    of its batch, which is never exactly nothing. If they are still 0 and 1 after several steps,
    every step runs the layers in inference mode: they normalize nothing, and training is as slow
    and as sensitive as without them. The usual cause is a `train_step` or a layer that calls the
    model without `training=True`, or one that passes `training=False`. On JAX, a `train_step` may
    also drop the new averages that `stateless_call` returns.

    Reads `"normalization/averages_moved"` and, to know which layers are trainable,
    `"normalization/mean_lag"`. It is silent on frozen layers, and on averages that were trained
    before: pretrained layers are often run in inference mode on purpose.

    Args:
        history: The history of the run.
        steps: Number of steps after which the averages must have moved, at least 1.

    Returns:
        One WARNING for all layers that do not update; empty if all do.

    Raises:
        ValueError: If `steps` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> for step in (0, 20):
        ...     history.append(Measurement(step, 0, "normalization/mean_lag", "bn", 3.0))
        ...     history.append(Measurement(step, 0, "normalization/averages_moved", "bn", 0.0))
        >>> batch_norm_not_updating(history)[0].target
        'bn'

    Reference:
        Ioffe and Szegedy, arXiv:1502.03167, section 3.1; Keras, "BatchNormalization layer",
        argument `training`.
    """
    require_count("steps", steps)
    still = [
        name
        for name in history.targets("normalization/averages_moved")
        if _is_still(history, name, steps)
    ]
    if not still:
        return []
    last = int(history.series("normalization/averages_moved", still[0]).steps[-1])
    others = {1: "", 2: " and of one other layer"}.get(
        len(still), f" and of {len(still) - 1} other layers"
    )
    return [
        Finding(
            rule="batch_norm_not_updating",
            severity=Severity.WARNING,
            target=still[0],
            message=f"The moving averages of {quoted(still[:1])}{others} are still 0 and 1 after "
            f"{last:,} steps. {_cause(history)}",
            evidence={"layers": still[:10], "count": len(still), "steps": last},
            remedies=(_IN_TRAINING_MODE, *([_KEEP_AVERAGES] if _may_drop(history) else [])),
            reference="Ioffe and Szegedy, arXiv:1502.03167, section 3.1",
        )
    ]


def _may_drop(history: History) -> bool:
    """Return whether the training step itself carries the averages to the next step."""
    return history.facts.backend == "jax" and bool(history.facts.has_own_step)


def _cause(history: History) -> str:
    if _may_drop(history):
        return "The training step runs batch normalization in inference mode, or drops the updates."
    return "Training runs batch normalization in inference mode."


def _is_still(history: History, name: str, steps: int) -> bool:
    moved = history.series("normalization/averages_moved", name)
    is_trainable = len(history.series("normalization/mean_lag", name)) > 0
    return is_trainable and bool(moved.steps[-1] >= steps) and not moved.values.any()
