"""Output logits that drift away from log probabilities."""

import math

from keras_babysit.actions import OWN_CODE, SetLayerArguments
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above, require_count
from keras_babysit.rules._texts import layer_shape, number
from keras_babysit.rules.effects import BLOWN_UP
from keras_babysit.rules.outputs import outputs
from keras_babysit.rules.rule import rule

COARSE = 128.0
"""Size of a logit from which on bfloat16, with 8 significant bits, has steps of 1: probabilities
that differ by a factor of e are the same then."""

GROWS = 2.0
"""Factor by which they must have grown since the middle of the measurements: what drifts goes on
to, and logits that were large from the start are a matter of scale."""

MIN_CLASSES = 3
"""Classes from which on the mean of the logits says how far all of them have moved together."""


@rule(
    title="Output logits diverge",
    explains=BLOWN_UP,
    needs=("outputs/std",),
    silent=(
        "unless the loss is a categorical crossentropy from logits",
        "if the logits no longer grow",
    ),
)
def output_logits_diverge(
    history: History, *, size: float = COARSE, patience: int = 3
) -> list[Finding]:
    """Report output logits whose common mean drifts, which a softmax does not notice.

    A softmax does not change if the same number is added to all logits, so nothing holds their mean
    where it is. In long trainings of large models it drifts to minus several hundred; in half
    precision the differences between the logits are then rounded away, and the loss diverges.

    Reads `"outputs/mean"` and `"outputs/std"` of each output with a categorical crossentropy from
    logits, over all examples and classes. It is silent if the size of the mean has not doubled
    since the middle of the measurements.

    Args:
        history: The history of the run.
        size: Absolute mean logit from which on it is reported, above 0.
        patience: Number of latest measurements that must all show it, at least 1.

    Returns:
        One WARNING per output in half precision, one NOTE in float32.

    Raises:
        ValueError: If `size` is not above 0 or `patience` is below 1.

    Example:
        >>> output_logits_diverge(History())
        []

    Reference:
        Wortsman et al., "Small-scale proxies for large-scale Transformer training instabilities",
        arXiv:2309.14322, section 3.1.2; Chowdhery et al., "PaLM", arXiv:2204.02311, for the loss
        that holds log Z near 0.
    """
    require_above("size", size, 0.0)
    require_count("patience", patience)
    is_half = "16" in (history.facts.dtype_policy or "")
    found = []
    for index, output in enumerate(outputs(history)):
        if output.form != "categorical" or not output.from_logits:
            continue
        if (output.columns or 0) < MIN_CLASSES:
            continue
        means = history.series("outputs/mean", f"outputs[{index}]").values
        if len(means) < 2 * patience or not all(map(math.isfinite, means.tolist())):
            continue
        middle = abs(float(means[len(means) // 2 - 1]))
        latest = abs(means[-patience:]).min()
        if latest < size or latest < GROWS * middle:
            continue
        severity = Severity.WARNING if is_half else Severity.NOTE
        found.append(_finding(history, output.target, severity, float(means[-1])))
    return found


def _finding(history: History, target: str, severity: Severity, mean: float) -> Finding:
    name, units = layer_shape(history.layer(target))
    decay = SetLayerArguments((target,), name, (("kernel_regularizer", "l2"),), first=f"{units}")
    return Finding(
        rule="output_logits_diverge",
        severity=severity,
        target=target,
        message=f'The mean of the logits of "{target}" has drifted to {number(mean)} '
        "and is still drifting.",
        evidence={"mean_logit": mean},
        remedies=(
            Remedy(
                "Add a z-loss: 1e-4 times the square of the log-sum-exp of the logits.",
                "def with_z_loss(y_true, y_pred):\n"
                "    entropy = keras.losses.sparse_categorical_crossentropy(\n"
                "        y_true, y_pred, from_logits=True\n"
                "    )\n"
                "    return entropy + 1e-4 * keras.ops.square(\n"
                "        keras.ops.logsumexp(y_pred, axis=-1)\n"
                "    )\n\n"
                "model.compile(model.optimizer, with_z_loss)",
                no_change_because=OWN_CODE,
            ),
            Remedy("Penalize the weights of the output layer.", change=decay),
        ),
        reference="Wortsman et al., arXiv:2309.14322, section 3.1.2",
    )
