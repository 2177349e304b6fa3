"""Whether a score says anything: a model that has diverged may still get a finite one."""

import math

import keras
import numpy as np

from keras_babysit.backends import to_array
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.probes.loss_facts import describe_loss, has_own_step
from keras_babysit.probes.lost_outputs import outputs_are_lost
from keras_babysit.probes.weight_penalties import without_weight_penalties
from keras_babysit.search.predictions import predictions

ROUNDING = 1e-6
"""How far below 0 rounding can take a mean of float32 that are not negative."""


def find_flaw(model, examples, metrics, objective):
    """Return why a score says nothing, None if it does.

    A network whose weights or predictions are not finite has diverged, whatever a metric makes of
    it: the class of a row of NaN is 0, so that its accuracy is the fraction of that class. And a
    loss that cannot be negative is, if targets are outside the range that it is made for.

    Args:
        model: The trained model.
        examples: `(x, y, sample_weight)` on which it was evaluated.
        metrics: What `Objective.evaluate` returned.
        objective: The `Objective`.
    """
    name, score = objective.name, metrics[objective.key]
    diverged = find_divergence(model, examples[0], predicts=not _would_show(model, metrics))
    if diverged:
        return flaw(f"{diverged}, so that the {name} of {score:.4g} is not a result.")
    if not math.isfinite(score):
        return flaw(f"The {name} is {score}.")
    if objective.key == "loss" and score < -ROUNDING:
        return _negative_loss(model, examples, name, score)
    return None


def find_divergence(model, x, *, predicts=True):
    """Return which numbers of a trained model are not finite, as a clause; None if all are.

    Args:
        model: The trained model.
        x: Inputs.
        predicts: Whether to look at the predictions too.
    """
    broken = [w.path for w in model.trainable_weights if not np.isfinite(to_array(w)).all()]
    if broken:
        more = f" and {len(broken) - 1} more weights contain" if broken[1:] else " contains"
        return f'"{broken[0]}"{more} NaN or infinity after the training'
    if predicts and _predicts_nan(model, x):
        return "The predictions contain NaN or infinity after the training"
    return None


def flaw(message, rule="non_finite_score", remedies=()):
    """Return the finding that says why a score says nothing."""
    return Finding(rule, Severity.ERROR, "", message, remedies=remedies)


def _would_show(model, metrics):
    """Return whether the loss is finite, and would not be if a prediction were NaN or infinite."""
    if has_own_step(model) or _computes_own_loss(model):
        return False
    forms = {describe_loss(loss).form for loss in keras.tree.flatten(model.loss)}
    is_known = forms <= {"categorical", "binary", "distance"}
    return is_known and math.isfinite(metrics.get("loss", math.nan))


def _computes_own_loss(model):
    kind = type(model)
    return (kind.compute_loss, kind.test_step) != (keras.Model.compute_loss, keras.Model.test_step)


def _predicts_nan(model, x):
    try:
        return any(outputs_are_lost(part) for part in predictions(model, x))
    except Exception:  # a model of which only its own `test_step` knows how to call it
        return False


def _negative_loss(model, examples, name, score):
    """Return the finding for a negative loss of a kind that cannot be; None if it may be."""
    x, y, sample_weight = examples
    loss = model.loss
    if _computes_own_loss(model) or not isinstance(loss, str | keras.losses.Loss):
        return None
    if describe_loss(loss).form == "other" or _may_be_weighted(model, sample_weight):
        return None
    with without_weight_penalties(model):
        list(predictions(model, keras.tree.map_structure(lambda leaf: leaf[:2], x)))
        if model.losses:  # of activity regularizers and `add_loss`
            return None
    kind = loss if isinstance(loss, str) else loss.name
    y = np.asarray(y)
    return flaw(
        f'The {name} is {score:.4g}, but "{kind}" is never negative for targets that it is made '
        f"for. The targets range from {y.min():.4g} to {y.max():.4g}.",
        "impossible_score",
        (Remedy("Use targets of the kind that the loss expects, or another loss."),),
    )


def _may_be_weighted(model, sample_weight):
    """Return whether negative weights may turn the sign of the loss."""
    weights = keras.tree.flatten((model.get_compile_config() or {}).get("loss_weights"))
    given = [] if sample_weight is None else keras.tree.flatten(sample_weight)
    return any(one is not None and np.min(one) < 0 for one in (*weights, *given))
