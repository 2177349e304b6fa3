"""Whether turning the weight penalty on raises the loss, and by how much."""

import contextlib
import math

import keras

from keras_babysit.advice import Advice, Remedy, Severity
from keras_babysit.checks._untouched import same_random_numbers
from keras_babysit.checks.case import to_array
from keras_babysit.checks.finding import Finding
from keras_babysit.probes.probe import compute_loss, stateless, weight_penalty

DOMINANT = 10.0
"""Times the data loss from which the penalty is called dominant: of the loss that `fit` shows less
than a tenth then comes from the data, and its curve says nothing of how well they are fitted."""

REFERENCE = "CS231n, sanity checks: increasing the regularization strength should increase the loss"


def penalty(case):
    """Advise if the weight penalty does not reach the loss, lowers it, or drowns the data loss."""
    case.need_loss()
    if all(v.regularizer is None for v in case.model.trainable_variables):
        return Finding("no weight has a penalty")
    with_it, amount = _loss(case)
    with _no_penalty(case.model):
        without, _ = _loss(case)
    case.record("loss/penalty_on", with_it)
    case.record("loss/penalty_off", without)
    return Finding(
        f"loss {without:.3g} without, {with_it:.3g} with the penalty of {amount:.3g}",
        judge(with_it, without, amount),
    )


def judge(with_it, without, amount):
    """Return what is wrong with a loss with and without its penalty, and the penalty by itself."""
    evidence = {"loss_without": without, "loss_with": with_it, "penalty": amount}
    rise = with_it - without
    smallest = 1e-3 * abs(amount) + 1e-6 * abs(without)  # what float32 can tell apart
    if not all(map(math.isfinite, evidence.values())):
        return []  # non_finite_values says more
    if amount < 0 or rise < -smallest:
        return [
            _advice(
                Severity.ERROR,
                f"The penalty lowers the loss, from {without:.3g} to {with_it:.3g}.",
                evidence,
                Remedy(
                    "Give the penalty a positive factor.",
                    "kernel_regularizer=keras.regularizers.L2(1e-4)",
                ),
            )
        ]
    if amount > smallest and abs(rise - amount) > 0.5 * amount + smallest:
        return [
            _advice(
                Severity.WARNING,
                f"A penalty of {amount:.3g} changes the loss by {rise:.3g}: it does not count "
                "as it should.",
                evidence,
                Remedy(
                    "Add the penalties in your own compute_loss, once.",
                    "loss = loss + keras.ops.sum(self.losses)",
                ),
            )
        ]
    if without > 0 and amount > DOMINANT * without:
        return [
            _advice(
                Severity.WARNING,
                f"The penalty of {amount:.3g} is {amount / without:.0f} times the loss on the "
                f"data, {without:.3g}.",
                evidence,
                Remedy("Lower its factor.", "kernel_regularizer=keras.regularizers.L2(1e-5)"),
            )
        ]
    return []


def _loss(case):
    """Return the loss as `fit` computes it, and the sum of the penalties, in training mode."""
    x, y, sample_weight = keras.tree.map_structure(
        lambda a: None if a is None else keras.ops.convert_to_tensor(a), case.batch
    )
    same_random_numbers()
    with stateless(case.model, *case.state[:2]):
        y_pred = case.model(x, training=True)
        loss = compute_loss(case.model, x, y, y_pred, sample_weight, training=True)
        amount = weight_penalty(case.model)
    return float(to_array(loss)), float(to_array(amount))


@contextlib.contextmanager
def _no_penalty(model):
    kept = [(v, v.regularizer) for v in model.trainable_variables]
    try:
        for variable, _ in kept:
            variable.regularizer = None
        yield
    finally:
        for variable, regularizer in kept:
            variable.regularizer = regularizer


def _advice(severity, message, evidence, remedy):
    return Advice("penalty", severity, "", message, evidence, (remedy,), REFERENCE)
