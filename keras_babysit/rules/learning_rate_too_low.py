"""Steps that are too short."""

import numpy as np

from keras_babysit.actions import ScaleLearningRate, WarmUp
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._headroom import Headroom, compared, headrooms, in_evidence
from keras_babysit.rules._learning_rate import (
    HEALTHY_RATIO,
    LEAST_FACTOR,
    one_digit,
    raising_factor,
    set_rate,
)
from keras_babysit.rules._network import median_ratios
from keras_babysit.rules._progress import (
    THREE_QUARTERS,
    fraction_done,
    planned_steps,
    training_loss,
)
from keras_babysit.rules._scores import training_errors
from keras_babysit.rules._sequences import explains_little
from keras_babysit.rules._texts import FIND_RATE, change_rate, update_size
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule

MIN_STEPS = 20
"""Steps before which the slope of the loss cannot be seen."""

FIRST_TENTH = 0.1
"""Fraction of the run after which its pace shows where it will end."""

MIN_FALL = 0.25
"""Fraction of the first loss that a run should lose by its end, at its pace so far."""

MIN_MOVE = 1e-3
"""Fraction of their size by which kernels should move in a run."""

MAX_ERROR_LEARNED = 0.5
"""Error, as a fraction of that of a constant prediction, below which the network has learned its
task already: short steps are right for fine-tuning."""

LEAST_ROOM = 4.0
"""Headroom of the learning rate up to which it is not too low: a quarter of what the network bears
is half of the rate at which a step lowers a quadratic loss most."""

RISES = 2.0
"""Factor by which a learning rate rises in a warm-up, at least, as in `missing_warm_up`."""

STILL_RISES = 1.01
"""Factor by which it has risen since two thirds of the run if the warm-up is not over."""


@rule(
    title="Learning rate too low",
    explains=POOR_FIT,
    needs=("updates/ratio", "loss/start"),
    silent=("in the first tenth of a run", "during a warm-up that ends", "when fine-tuning"),
)
def learning_rate_too_low(
    history: History, *, ratio: float = 0.1 * HEALTHY_RATIO, patience: int = 2
) -> list[Finding]:
    """Report steps that are too short while the loss hardly falls.

    Two conditions must hold. The median update ratio of the kernels, ‖Δw‖ / ‖w‖ of one step, has
    never reached `ratio`. And at its pace so far the loss will have lost less than a quarter by the
    end of the run, or the kernels will have moved by less than a thousandth of their size.

    A warm-up that is longer than the run is reported as well: the learning rate still rises when
    three quarters of the run are over, and half of the error of a constant prediction is left. A
    warm-up of 4,000 steps is one of a run of 100,000.

    Reads `"updates/ratio"`, `"loss/start"`, `"loss/batch"`, `"score/loss"` and
    `"optimizer/learning_rate"`; and `"optimizer/headroom"` where it was measured: then it is silent
    if the network bears less than four times the learning rate. It is silent in the first tenth of
    a run, while the learning rate rises (warm-up), and on networks that have learned their task
    already (fine-tuning). A learning rate that was lowered by a schedule is no problem: earlier
    steps were longer.

    The suggested learning rate brings the update ratio to 1e-2, as the first steps of networks that
    train best have it. It is at most 1000 times the present one, and at most a tenth of what the
    network bears.

    Args:
        history: The history of the run.
        ratio: Update ratio below which steps are too short, in (0, 1]. The default is a tenth of
            the healthy ratio.
        patience: Smallest number of measured steps, at least 1.

    Returns:
        One WARNING with the factor by which to raise the learning rate; empty if the steps are not
        too short.

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
        1000.0

    Reference:
        CS231n, "Babysitting the learning process": updates of about 1e-3 of the weights.
    """
    require_fraction("ratio", ratio)
    require_count("patience", patience)
    _, ratios = median_ratios(history)
    start, loss = history.last("loss/start"), training_loss(history)
    planned = planned_steps(history)
    if len(ratios) < patience or start is None or loss is None or not start > 0:
        return []
    room = next(reversed(headrooms(history)), None)
    if room is not None and room.high < LEAST_ROOM:
        return []
    if _warms_up_too_long(history):
        return [_about_warm_up(history, loss)]
    is_early = history.step < max(MIN_STEPS, FIRST_TENTH * (planned or 0))
    if is_early or not 0 < ratios.max() < ratio or _is_rising(history) or _has_learned(history):
        return []
    left = max(1.0, planned / history.step) if planned else 1.0
    stands_still = planned is not None and ratios.max() * planned < MIN_MOVE
    if not stands_still and not (start - loss) * left < MIN_FALL * start:
        return []
    return [_finding(history, float(np.median(ratios)), start, loss, room)]


def _is_rising(history: History) -> bool:
    rates = history.series("optimizer/learning_rate").values
    return bool(len(rates) and rates[-1] > 1.01 * rates[0])


def _warms_up_too_long(history: History) -> bool:
    """Return whether the learning rate has only risen, still does, and little was learned."""
    rates = history.series("optimizer/learning_rate").values
    if len(rates) < 3 or not fraction_done(history) >= THREE_QUARTERS:
        return False
    rises = bool((np.diff(rates) >= 0).all()) and rates[-1] >= RISES * rates[0] > 0
    return (
        rises and rates[-1] > STILL_RISES * rates[-1 - len(rates) // 3] and explains_little(history)
    )


def _about_warm_up(history: History, loss: float) -> Finding:
    rates = history.series("optimizer/learning_rate").values
    first, last = float(rates[0]), float(rates[-1])
    highest = one_digit(last * (raising_factor(history) or LEAST_FACTOR))
    optimizer = history.facts.optimizer or "Adam"
    return Finding(
        rule="learning_rate_too_low",
        severity=Severity.WARNING,
        target="",
        message="The warm-up of the learning rate is as long as the run: it still rises after "
        f"{history.step:,} steps, from {first:.2g} to {last:.2g}. The network has learned little.",
        evidence={"first_rate": first, "learning_rate": last, "loss": loss},
        remedies=(
            Remedy(
                f"Shorten the warm-up to a tenth of the steps, and raise the learning rate to "
                f"{highest:g} in it.",
                change=WarmUp(highest, optimizer),
            ),
            FIND_RATE,
        ),
        reference="Vaswani et al., arXiv:1706.03762, section 5.3: 4,000 of 100,000 steps",
    )


def _has_learned(history: History) -> bool:
    errors = training_errors(history)
    constant = history.last("reference/constant_error", "train")
    return bool(errors and constant is not None and errors[-1].value < MAX_ERROR_LEARNED * constant)


def _finding(
    history: History, ratio: float, start: float, loss: float, room: Headroom | None
) -> Finding:
    rate = history.last("optimizer/learning_rate")
    factor = raising_factor(history) or LEAST_FACTOR
    beside = "" if room is None else f"{compared(room)} "
    return Finding(
        rule="learning_rate_too_low",
        severity=Severity.WARNING,
        target="",
        message=f"{update_size(ratio).capitalize()}. {beside}"
        f"The loss went from {start:.4g} to {loss:.4g} in {history.step:,} steps.",
        evidence={"update_ratio": ratio, "loss_start": start, "loss": loss, "factor": factor}
        | ({} if rate is None else {"learning_rate": rate})
        | in_evidence(room),
        remedies=(_raise(history, rate, factor), FIND_RATE),
        reference="CS231n, Babysitting the learning process: updates of about 1e-3 of the weights",
    )


def _raise(history: History, rate: float | None, factor: float) -> Remedy:
    if not rate:
        change = ScaleLearningRate(factor)
        return Remedy(f"Raise the learning rate by a factor of {factor:,.0f}.", change=change)
    higher = one_digit(rate * factor)
    if history.facts.learning_rate_schedule is not None:
        return change_rate(history, "Raise", higher)
    return Remedy(
        f"Raise the learning rate from {rate:g} to {higher:g}.",
        change=set_rate(history, "Raise", higher),
    )
