"""Rules: pure functions of the history that say what is wrong.

To add one: a file here named after the condition, one function of the same name, and its place in
`DEFAULT_RULES` (see CONTRIBUTING.md).
"""

from collections.abc import Iterable

from keras_babysit.rules.batch_norm_mismatch import batch_norm_mismatch
from keras_babysit.rules.causes import explain
from keras_babysit.rules.class_imbalance import class_imbalance
from keras_babysit.rules.collapsed_activations import collapsed_activations
from keras_babysit.rules.constant_features import constant_features
from keras_babysit.rules.constant_output import constant_output
from keras_babysit.rules.dead_pieces import dead_pieces
from keras_babysit.rules.dead_units import dead_units
from keras_babysit.rules.exploding_activations import exploding_activations
from keras_babysit.rules.exploding_gradients import exploding_gradients
from keras_babysit.rules.labels_out_of_range import labels_out_of_range
from keras_babysit.rules.learning_rate_too_high import learning_rate_too_high
from keras_babysit.rules.learning_rate_too_low import learning_rate_too_low
from keras_babysit.rules.loss_explosion import loss_explosion
from keras_babysit.rules.loss_not_decreasing import loss_not_decreasing
from keras_babysit.rules.negative_slope_out_of_range import negative_slope_out_of_range
from keras_babysit.rules.no_gradient import no_gradient
from keras_babysit.rules.non_finite_inputs import non_finite_inputs
from keras_babysit.rules.non_finite_values import non_finite_values
from keras_babysit.rules.not_zero_centered import not_zero_centered
from keras_babysit.rules.oscillating_loss import oscillating_loss
from keras_babysit.rules.output_loss_mismatch import output_loss_mismatch
from keras_babysit.rules.overfitting import overfitting
from keras_babysit.rules.plateau import plateau
from keras_babysit.rules.regularization_dominates import regularization_dominates
from keras_babysit.rules.rule import Rule, Rules, rule_name
from keras_babysit.rules.saturated_units import saturated_units
from keras_babysit.rules.symmetric_units import symmetric_units
from keras_babysit.rules.underfitting import underfitting
from keras_babysit.rules.uninformative_inputs import uninformative_inputs
from keras_babysit.rules.unscaled_inputs import unscaled_inputs
from keras_babysit.rules.unscaled_targets import unscaled_targets
from keras_babysit.rules.unseen_classes import unseen_classes
from keras_babysit.rules.unshuffled_data import unshuffled_data
from keras_babysit.rules.update_ratio import update_ratio
from keras_babysit.rules.validation_better_than_train import validation_better_than_train
from keras_babysit.rules.vanishing_gradients import vanishing_gradients

DEFAULT_RULES = Rules(
    [
        non_finite_inputs,
        labels_out_of_range,
        output_loss_mismatch,
        constant_features,
        class_imbalance,
        unshuffled_data,
        unseen_classes,
        unscaled_inputs,
        unscaled_targets,
        symmetric_units,
        no_gradient,
        non_finite_values,
        loss_explosion,
        learning_rate_too_high,
        learning_rate_too_low,
        update_ratio,
        exploding_activations,
        collapsed_activations,
        exploding_gradients,
        vanishing_gradients,
        dead_units,
        dead_pieces,
        saturated_units,
        negative_slope_out_of_range,
        not_zero_centered,
        batch_norm_mismatch,
        regularization_dominates,
        constant_output,
        oscillating_loss,
        loss_not_decreasing,
        plateau,
        uninformative_inputs,
        validation_better_than_train,
        overfitting,
        underfitting,
    ]
)
"""What `Babysitter` looks for. What explains what stands in `causes`."""


def read_rules(rules: Iterable[Rule | str]) -> Rules:
    """Return rules from rules, names of rules of `DEFAULT_RULES`, or both.

    Raises:
        ValueError: If a name is unknown or two rules have the same name.
        TypeError: If an entry is neither a name nor callable.
    """
    if isinstance(rules, str):
        rules = [rules]
    found: list[Rule] = []
    for rule in rules:
        if isinstance(rule, str):
            found.append(DEFAULT_RULES[rule])
        elif callable(rule):
            found.append(rule)
        else:
            raise TypeError(
                "Argument `rules` must hold functions or names of rules. Received: "
                f"{type(rule).__name__}"
            )
    return Rules(found)


__all__ = [
    "DEFAULT_RULES",
    "Rule",
    "Rules",
    "batch_norm_mismatch",
    "class_imbalance",
    "collapsed_activations",
    "constant_features",
    "constant_output",
    "dead_pieces",
    "dead_units",
    "explain",
    "exploding_activations",
    "exploding_gradients",
    "labels_out_of_range",
    "learning_rate_too_high",
    "learning_rate_too_low",
    "loss_explosion",
    "loss_not_decreasing",
    "negative_slope_out_of_range",
    "no_gradient",
    "non_finite_inputs",
    "non_finite_values",
    "not_zero_centered",
    "oscillating_loss",
    "output_loss_mismatch",
    "overfitting",
    "plateau",
    "read_rules",
    "regularization_dominates",
    "rule_name",
    "saturated_units",
    "symmetric_units",
    "underfitting",
    "uninformative_inputs",
    "unscaled_inputs",
    "unscaled_targets",
    "unseen_classes",
    "unshuffled_data",
    "update_ratio",
    "validation_better_than_train",
    "vanishing_gradients",
]
