"""Steps so short that the run ends before it has begun."""

import math

import numpy as np

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_share
from keras_babysit.rules._learning_rate import HEALTHY_RATIO, one_digit, set_rate
from keras_babysit.rules._network import median_ratios
from keras_babysit.rules._progress import planned_steps, training_loss
from keras_babysit.rules._scores import training_errors
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule

WARM = 20
"""Steps before which a loss has no slope to speak of."""

EARLY = 0.1
"""Share of the run from which on its pace tells where it will end."""

LITTLE = 0.25
"""Share of the starting loss that the run would lose at its pace so far: less is no training."""

STANDING = 1e-3
"""Share of their size by which kernels must move in a run to end elsewhere than they began."""

LEARNT = 0.5
"""Share of the constant answer's error below which a network knows its task already: fine-tuning
wants short steps."""

LARGEST_FACTOR = 1000


@rule(
    title="Learning rate too low",
    explains=POOR_FIT,
    needs=("updates/ratio", "loss/start"),
    silent=("in the first tenth of a run", "during a warm-up", "fine-tuning"),
)
def learning_rate_too_low(
    history: History, *, ratio: float = 0.1 * HEALTHY_RATIO, patience: int = 2
) -> list[Finding]:
    """Advise a higher learning rate when the weights hardly move and the loss hardly falls.

    Both must hold. The median update ratio of the kernels, ‖Δw‖ / ‖w‖ of one step, has never
    reached `ratio`; and at its pace so far the loss would lose less than a quarter of its start by
    the end of the run, or the kernels would move by less than a thousandth of their size.

    Reads `"updates/ratio"`, `"loss/start"`, `"loss/batch"`, `"score/loss"` and
    `"optimizer/learning_rate"`. It stays silent in the first tenth of a run, while the rate rises
    (warm-up), and on networks that know their task already (fine-tuning). A rate that has fallen
    by schedule is no fault: earlier steps were longer.

    Args:
        history: What the probes recorded so far.
        ratio: Update ratio below which steps are too short, in (0, 1]: a tenth of the healthy one.
        patience: Number of measured steps that it takes, at least 1.

    Returns:
        One WARNING that names the factor to raise the rate by, or nothing.

    Raises:
        ValueError: If `ratio` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.note(epochs=10, steps_per_epoch=20)
        >>> history.append(Measurement(0, 0, "loss/start", "", 2.3))
        >>> for step in range(0, 50, 5):
        ...     history.append(Measurement(step, 0, "updates/ratio", "dense/kernel", 1e-6))
        ...     history.append(Measurement(step, 0, "loss/batch", "", 2.3))
        >>> learning_rate_too_low(history)[0].evidence["factor"]
        1000

    Reference:
        CS231n, "Babysitting the learning process": updates of about 1e-3 of the weights.
    """
    require_share("ratio", ratio)
    require_count("patience", patience)
    _, ratios = median_ratios(history)
    start, loss = history.last("loss/start"), training_loss(history)
    planned = planned_steps(history)
    if len(ratios) < patience or start is None or loss is None or not start > 0:
        return []
    is_early = history.step < max(WARM, EARLY * (planned or 10 * WARM))
    if is_early or not 0 < ratios.max() < ratio or _is_rising(history) or _knows_already(history):
        return []
    left = max(1.0, planned / history.step) if planned else 1.0
    stands_still = planned is not None and ratios.max() * planned < STANDING
    if not stands_still and not (start - loss) * left < LITTLE * start:
        return []
    return [_finding(history, float(np.median(ratios)), start, loss)]


def _is_rising(history: History) -> bool:
    rates = history.series("optimizer/learning_rate").values
    return bool(len(rates) > 1 and rates[-1] > 1.01 * rates[0])


def _knows_already(history: History) -> bool:
    errors = training_errors(history)
    constant = history.last("reference/constant_error", "train")
    return bool(errors and constant is not None and errors[-1].value < LEARNT * constant)


def _finding(history: History, ratio: float, start: float, loss: float) -> Finding:
    rate = history.last("optimizer/learning_rate")
    wanted = HEALTHY_RATIO / ratio if ratio > 0 else math.inf
    factor = 10 ** round(math.log10(min(wanted, LARGEST_FACTOR)))
    return Finding(
        rule="learning_rate_too_low",
        severity=Severity.WARNING,
        target="",
        message=f"A step moves the weights by {ratio:.1g} of their size, where {HEALTHY_RATIO:g} "
        f"is healthy; the loss went from {start:.4g} to {loss:.4g} in {history.step:,} steps.",
        evidence={"update_ratio": ratio, "loss_start": start, "loss": loss, "factor": factor}
        | ({} if rate is None else {"learning_rate": rate}),
        remedies=(
            Remedy(
                f"Raise the learning rate by a factor of {factor:,}.",
                set_rate(one_digit(rate * factor) if rate else None),
            ),
            Remedy(
                "Or find it by a sweep.",
                "keras_babysit.lr_range_test(model, x, y).plot()",
            ),
        ),
        reference="CS231n, Babysitting the learning process: updates of about 1e-3 of the weights",
    )
