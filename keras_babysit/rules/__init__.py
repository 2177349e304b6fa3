"""Rules: pure functions of the history that find what is wrong with a run.

To add one: a file here named after the condition, one function of the same name under the decorator
`rule`, and its line in `RANKED` (see CONTRIBUTING.md).
"""

from keras_babysit.findings import CONDITIONS, Condition, Severity
from keras_babysit.rules.attention_collapse import attention_collapse
from keras_babysit.rules.batch_dependence import batch_dependence
from keras_babysit.rules.batch_norm_mismatch import batch_norm_mismatch
from keras_babysit.rules.batch_norm_not_updating import batch_norm_not_updating
from keras_babysit.rules.class_imbalance import class_imbalance
from keras_babysit.rules.clipping_too_tight import clipping_too_tight
from keras_babysit.rules.collapsed_activations import collapsed_activations
from keras_babysit.rules.collapsed_embeddings import collapsed_embeddings
from keras_babysit.rules.collection import Rules
from keras_babysit.rules.constant_features import constant_features
from keras_babysit.rules.constant_output import constant_output
from keras_babysit.rules.data_stream_changes import data_stream_changes
from keras_babysit.rules.dead_pieces import dead_pieces
from keras_babysit.rules.dead_units import dead_units
from keras_babysit.rules.dominant_output import dominant_output
from keras_babysit.rules.effects import BLOWN_UP, POOR_FIT
from keras_babysit.rules.epsilon_too_small import epsilon_too_small
from keras_babysit.rules.exploding_activations import exploding_activations
from keras_babysit.rules.exploding_gradients import exploding_gradients
from keras_babysit.rules.frozen_norm_mismatch import frozen_norm_mismatch
from keras_babysit.rules.inverted_loss import inverted_loss
from keras_babysit.rules.labels_out_of_range import labels_out_of_range
from keras_babysit.rules.leakage import leakage
from keras_babysit.rules.learning_rate_decays_early import learning_rate_decays_early
from keras_babysit.rules.learning_rate_too_high import learning_rate_too_high
from keras_babysit.rules.learning_rate_too_low import learning_rate_too_low
from keras_babysit.rules.loss_at_limit import loss_at_limit
from keras_babysit.rules.loss_explosion import loss_explosion
from keras_babysit.rules.loss_mixes_examples import loss_mixes_examples
from keras_babysit.rules.loss_not_decreasing import loss_not_decreasing
from keras_babysit.rules.lost_updates import lost_updates
from keras_babysit.rules.masked_data import masked_data
from keras_babysit.rules.negative_slope_out_of_range import negative_slope_out_of_range
from keras_babysit.rules.no_better_than_last_value import no_better_than_last_value
from keras_babysit.rules.no_gradient import no_gradient
from keras_babysit.rules.non_finite_inputs import non_finite_inputs
from keras_babysit.rules.non_finite_values import non_finite_values
from keras_babysit.rules.not_zero_centered import not_zero_centered
from keras_babysit.rules.order_ignored import order_ignored
from keras_babysit.rules.oscillating_loss import oscillating_loss
from keras_babysit.rules.output_loss_mismatch import output_loss_mismatch
from keras_babysit.rules.overfitting import overfitting
from keras_babysit.rules.padding_in_loss import padding_in_loss
from keras_babysit.rules.plateau import plateau
from keras_babysit.rules.pretrained_weights_lost import pretrained_weights_lost
from keras_babysit.rules.regularization_dominates import regularization_dominates
from keras_babysit.rules.rule import Rule, RuleLike, ask, rule, rule_name
from keras_babysit.rules.saturated_units import saturated_units
from keras_babysit.rules.sees_later_steps import sees_later_steps
from keras_babysit.rules.shuffled_state import shuffled_state
from keras_babysit.rules.single_time_step import single_time_step
from keras_babysit.rules.stopped_early import stopped_early
from keras_babysit.rules.summed_loss import summed_loss
from keras_babysit.rules.symmetric_units import symmetric_units
from keras_babysit.rules.target_in_inputs import target_in_inputs
from keras_babysit.rules.trained_on_validation_data import trained_on_validation_data
from keras_babysit.rules.unbounded_recurrence import unbounded_recurrence
from keras_babysit.rules.underfitting import underfitting
from keras_babysit.rules.uninformative_inputs import uninformative_inputs
from keras_babysit.rules.unmasked_padding import unmasked_padding
from keras_babysit.rules.unmoved_weights import unmoved_weights
from keras_babysit.rules.unscaled_inputs import unscaled_inputs
from keras_babysit.rules.unscaled_targets import unscaled_targets
from keras_babysit.rules.unseen_classes import unseen_classes
from keras_babysit.rules.unshuffled_data import unshuffled_data
from keras_babysit.rules.untracked_weights import untracked_weights
from keras_babysit.rules.untrained_frozen_layers import untrained_frozen_layers
from keras_babysit.rules.unvalidated_classes import unvalidated_classes
from keras_babysit.rules.update_ratio import update_ratio
from keras_babysit.rules.validation_better_than_train import validation_better_than_train
from keras_babysit.rules.validation_prepared_differently import validation_prepared_differently
from keras_babysit.rules.vanishing_gradients import vanishing_gradients
from keras_babysit.rules.weights_without_effect import weights_without_effect
from keras_babysit.rules.wrong_monitor_direction import wrong_monitor_direction

FLIGHT_RECORDER = Condition(
    "flight_recorder",
    title="First bad value",
    explains=(*BLOWN_UP, *POOR_FIT),
    severity=Severity.ERROR,
)
RESCUE = Condition("rescue", title="Run rescued", severity=Severity.NOTE)
NOT_WATCHED = Condition("not_watched", title="Not measured", severity=Severity.NOTE, is_notice=True)
NOT_DONE = Condition("not_done", title="Option disabled", is_notice=True)
"""Conditions that the recorder and the callbacks report, not a rule."""

RANKED: list[Rule[...] | Condition] = [
    non_finite_inputs,
    FLIGHT_RECORDER,
    labels_out_of_range,
    weights_without_effect,
    output_loss_mismatch,
    inverted_loss,
    loss_mixes_examples,
    loss_at_limit,
    data_stream_changes,
    validation_prepared_differently,
    sees_later_steps,
    batch_dependence,
    unshuffled_data,
    shuffled_state,
    unseen_classes,
    unvalidated_classes,
    target_in_inputs,
    leakage,
    trained_on_validation_data,
    masked_data,
    padding_in_loss,
    unmasked_padding,
    single_time_step,
    constant_features,
    untrained_frozen_layers,
    frozen_norm_mismatch,
    unscaled_inputs,
    dominant_output,
    unscaled_targets,
    untracked_weights,
    symmetric_units,
    summed_loss,
    unmoved_weights,
    epsilon_too_small,
    lost_updates,
    batch_norm_not_updating,
    unbounded_recurrence,
    pretrained_weights_lost,
    learning_rate_too_high,
    update_ratio,
    exploding_activations,
    exploding_gradients,
    dead_units,
    saturated_units,
    attention_collapse,
    collapsed_embeddings,
    vanishing_gradients,
    collapsed_activations,
    no_gradient,
    order_ignored,
    clipping_too_tight,
    wrong_monitor_direction,
    learning_rate_decays_early,
    stopped_early,
    learning_rate_too_low,
    non_finite_values,
    loss_explosion,
    regularization_dominates,
    negative_slope_out_of_range,
    dead_pieces,
    batch_norm_mismatch,
    class_imbalance,
    no_better_than_last_value,
    uninformative_inputs,
    oscillating_loss,
    plateau,
    underfitting,
    loss_not_decreasing,
    constant_output,
    not_zero_centered,
    overfitting,
    validation_better_than_train,
    RESCUE,
    NOT_WATCHED,
    NOT_DONE,
]
"""All conditions of a run in the rank of causes: the data first, then the structure of the network,
then the learning rate, then their effects. A rule is added by its line here."""

DEFAULT_RULES: Rules[RuleLike] = Rules(entry for entry in RANKED if isinstance(entry, Rule))
"""The rules that `Babysitter` applies by default."""

for _name in DEFAULT_RULES.names:
    CONDITIONS.add(
        CONDITIONS[_name], silence=f'kb.Babysitter(rules=kb.DEFAULT_RULES.without("{_name}"))'
    )
CONDITIONS.add(FLIGHT_RECORDER, silence="kb.Babysitter(record=None)")
CONDITIONS.add(RESCUE, silence="kb.Babysitter(rescue=False)")
CONDITIONS.add(NOT_WATCHED)
CONDITIONS.add(NOT_DONE)
CONDITIONS.put_first(
    entry.condition.name if isinstance(entry, Rule) else entry.name for entry in RANKED
)

__all__ = [
    "DEFAULT_RULES",
    "Rule",
    "RuleLike",
    "Rules",
    "ask",
    "attention_collapse",
    "batch_dependence",
    "batch_norm_mismatch",
    "batch_norm_not_updating",
    "class_imbalance",
    "clipping_too_tight",
    "collapsed_activations",
    "collapsed_embeddings",
    "constant_features",
    "constant_output",
    "data_stream_changes",
    "dead_pieces",
    "dead_units",
    "dominant_output",
    "epsilon_too_small",
    "exploding_activations",
    "exploding_gradients",
    "frozen_norm_mismatch",
    "inverted_loss",
    "labels_out_of_range",
    "leakage",
    "learning_rate_decays_early",
    "learning_rate_too_high",
    "learning_rate_too_low",
    "loss_at_limit",
    "loss_explosion",
    "loss_mixes_examples",
    "loss_not_decreasing",
    "lost_updates",
    "masked_data",
    "negative_slope_out_of_range",
    "no_better_than_last_value",
    "no_gradient",
    "non_finite_inputs",
    "non_finite_values",
    "not_zero_centered",
    "order_ignored",
    "oscillating_loss",
    "output_loss_mismatch",
    "overfitting",
    "padding_in_loss",
    "plateau",
    "pretrained_weights_lost",
    "regularization_dominates",
    "rule",
    "rule_name",
    "saturated_units",
    "sees_later_steps",
    "shuffled_state",
    "single_time_step",
    "stopped_early",
    "summed_loss",
    "symmetric_units",
    "target_in_inputs",
    "trained_on_validation_data",
    "unbounded_recurrence",
    "underfitting",
    "uninformative_inputs",
    "unmasked_padding",
    "unmoved_weights",
    "unscaled_inputs",
    "unscaled_targets",
    "unseen_classes",
    "unshuffled_data",
    "untracked_weights",
    "untrained_frozen_layers",
    "unvalidated_classes",
    "update_ratio",
    "validation_better_than_train",
    "validation_prepared_differently",
    "vanishing_gradients",
    "weights_without_effect",
    "wrong_monitor_direction",
]
