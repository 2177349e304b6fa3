"""All conditions of a run in the rank of causes: a rule is added by its line here.

The data come first, then the structure of the network, then the learning rate, then their effects.
Each line imports a rule and exports it, for people and for type checkers; the order of the lines is
the rank.
"""

# ruff: noqa: E501, I001
# fmt: off
from keras_babysit.findings import Condition as _Condition
from keras_babysit.rules.rule import Rule as _Rule

from keras_babysit.rules.non_finite_inputs import non_finite_inputs as non_finite_inputs
from keras_babysit.rules.other_conditions import FLIGHT_RECORDER as FLIGHT_RECORDER
from keras_babysit.rules.labels_out_of_range import labels_out_of_range as labels_out_of_range
from keras_babysit.rules.constant_targets import constant_targets as constant_targets
from keras_babysit.rules.weights_without_effect import weights_without_effect as weights_without_effect
from keras_babysit.rules.wrapped_integers import wrapped_integers as wrapped_integers
from keras_babysit.rules.output_loss_mismatch import output_loss_mismatch as output_loss_mismatch
from keras_babysit.rules.dropout_on_output import dropout_on_output as dropout_on_output
from keras_babysit.rules.shapes_broadcast import shapes_broadcast as shapes_broadcast
from keras_babysit.rules.classes_as_numbers import classes_as_numbers as classes_as_numbers
from keras_babysit.rules.inverted_loss import inverted_loss as inverted_loss
from keras_babysit.rules.reversed_answers import reversed_answers as reversed_answers
from keras_babysit.rules.swapped_loss_arguments import swapped_loss_arguments as swapped_loss_arguments
from keras_babysit.rules.loss_mixes_examples import loss_mixes_examples as loss_mixes_examples
from keras_babysit.rules.loss_at_limit import loss_at_limit as loss_at_limit
from keras_babysit.rules.repeated_batches import repeated_batches as repeated_batches
from keras_babysit.rules.data_stream_changes import data_stream_changes as data_stream_changes
from keras_babysit.rules.validation_prepared_differently import validation_prepared_differently as validation_prepared_differently
from keras_babysit.rules.image_axes import image_axes as image_axes
from keras_babysit.rules.validation_not_paired import validation_not_paired as validation_not_paired
from keras_babysit.rules.sees_later_steps import sees_later_steps as sees_later_steps
from keras_babysit.rules.batch_dependence import batch_dependence as batch_dependence
from keras_babysit.rules.unshuffled_data import unshuffled_data as unshuffled_data
from keras_babysit.rules.shuffled_state import shuffled_state as shuffled_state
from keras_babysit.rules.unseen_classes import unseen_classes as unseen_classes
from keras_babysit.rules.unvalidated_classes import unvalidated_classes as unvalidated_classes
from keras_babysit.rules.target_in_inputs import target_in_inputs as target_in_inputs
from keras_babysit.rules.inputs_from_later_steps import inputs_from_later_steps as inputs_from_later_steps
from keras_babysit.rules.leakage import leakage as leakage
from keras_babysit.rules.related_examples import related_examples as related_examples
from keras_babysit.rules.trained_on_validation_data import trained_on_validation_data as trained_on_validation_data
from keras_babysit.rules.masked_data import masked_data as masked_data
from keras_babysit.rules.padding_in_loss import padding_in_loss as padding_in_loss
from keras_babysit.rules.unmasked_padding import unmasked_padding as unmasked_padding
from keras_babysit.rules.single_time_step import single_time_step as single_time_step
from keras_babysit.rules.constant_features import constant_features as constant_features
from keras_babysit.rules.missing_value_markers import missing_value_markers as missing_value_markers
from keras_babysit.rules.untrained_frozen_layers import untrained_frozen_layers as untrained_frozen_layers
from keras_babysit.rules.frozen_adapters import frozen_adapters as frozen_adapters
from keras_babysit.rules.frozen_norm_mismatch import frozen_norm_mismatch as frozen_norm_mismatch
from keras_babysit.rules.unscaled_inputs import unscaled_inputs as unscaled_inputs
from keras_babysit.rules.dominant_output import dominant_output as dominant_output
from keras_babysit.rules.unscaled_targets import unscaled_targets as unscaled_targets
from keras_babysit.rules.untracked_weights import untracked_weights as untracked_weights
from keras_babysit.rules.symmetric_units import symmetric_units as symmetric_units
from keras_babysit.rules.linear_stack import linear_stack as linear_stack
from keras_babysit.rules.summed_loss import summed_loss as summed_loss
from keras_babysit.rules.penalties_left_out import penalties_left_out as penalties_left_out
from keras_babysit.rules.missing_zero_grad import missing_zero_grad as missing_zero_grad
from keras_babysit.rules.repeated_noise import repeated_noise as repeated_noise
from keras_babysit.rules.constant_time_step import constant_time_step as constant_time_step
from keras_babysit.rules.optimizers_overlap import optimizers_overlap as optimizers_overlap
from keras_babysit.rules.unmoved_weights import unmoved_weights as unmoved_weights
from keras_babysit.rules.optimizer_reset import optimizer_reset as optimizer_reset
from keras_babysit.rules.missing_loss_scale import missing_loss_scale as missing_loss_scale
from keras_babysit.rules.epsilon_too_small import epsilon_too_small as epsilon_too_small
from keras_babysit.rules.lost_updates import lost_updates as lost_updates
from keras_babysit.rules.batch_norm_not_updating import batch_norm_not_updating as batch_norm_not_updating
from keras_babysit.rules.unbounded_recurrence import unbounded_recurrence as unbounded_recurrence
from keras_babysit.rules.pretrained_weights_lost import pretrained_weights_lost as pretrained_weights_lost
from keras_babysit.rules.learning_rate_too_high import learning_rate_too_high as learning_rate_too_high
from keras_babysit.rules.update_ratio import update_ratio as update_ratio
from keras_babysit.rules.missing_warm_up import missing_warm_up as missing_warm_up
from keras_babysit.rules.output_logits_diverge import output_logits_diverge as output_logits_diverge
from keras_babysit.rules.exploding_activations import exploding_activations as exploding_activations
from keras_babysit.rules.exploding_gradients import exploding_gradients as exploding_gradients
from keras_babysit.rules.dead_units import dead_units as dead_units
from keras_babysit.rules.saturated_units import saturated_units as saturated_units
from keras_babysit.rules.attention_collapse import attention_collapse as attention_collapse
from keras_babysit.rules.collapsed_embeddings import collapsed_embeddings as collapsed_embeddings
from keras_babysit.rules.vanishing_gradients import vanishing_gradients as vanishing_gradients
from keras_babysit.rules.collapsed_activations import collapsed_activations as collapsed_activations
from keras_babysit.rules.no_gradient import no_gradient as no_gradient
from keras_babysit.rules.order_ignored import order_ignored as order_ignored
from keras_babysit.rules.dropout_too_high import dropout_too_high as dropout_too_high
from keras_babysit.rules.hidden_softmax import hidden_softmax as hidden_softmax
from keras_babysit.rules.samples_alike import samples_alike as samples_alike
from keras_babysit.rules.discriminator_won import discriminator_won as discriminator_won
from keras_babysit.rules.clipping_too_tight import clipping_too_tight as clipping_too_tight
from keras_babysit.rules.wrong_monitor_direction import wrong_monitor_direction as wrong_monitor_direction
from keras_babysit.rules.learning_rate_decays_early import learning_rate_decays_early as learning_rate_decays_early
from keras_babysit.rules.stopped_early import stopped_early as stopped_early
from keras_babysit.rules.learning_rate_too_low import learning_rate_too_low as learning_rate_too_low
from keras_babysit.rules.too_few_steps import too_few_steps as too_few_steps
from keras_babysit.rules.non_finite_values import non_finite_values as non_finite_values
from keras_babysit.rules.loss_explosion import loss_explosion as loss_explosion
from keras_babysit.rules.regularization_dominates import regularization_dominates as regularization_dominates
from keras_babysit.rules.negative_slope_out_of_range import negative_slope_out_of_range as negative_slope_out_of_range
from keras_babysit.rules.dead_pieces import dead_pieces as dead_pieces
from keras_babysit.rules.batch_norm_mismatch import batch_norm_mismatch as batch_norm_mismatch
from keras_babysit.rules.class_imbalance import class_imbalance as class_imbalance
from keras_babysit.rules.no_better_than_last_value import no_better_than_last_value as no_better_than_last_value
from keras_babysit.rules.uninformative_inputs import uninformative_inputs as uninformative_inputs
from keras_babysit.rules.oscillating_loss import oscillating_loss as oscillating_loss
from keras_babysit.rules.plateau import plateau as plateau
from keras_babysit.rules.underfitting import underfitting as underfitting
from keras_babysit.rules.loss_not_decreasing import loss_not_decreasing as loss_not_decreasing
from keras_babysit.rules.constant_output import constant_output as constant_output
from keras_babysit.rules.not_zero_centered import not_zero_centered as not_zero_centered
from keras_babysit.rules.overfitting import overfitting as overfitting
from keras_babysit.rules.validation_better_than_train import validation_better_than_train as validation_better_than_train
from keras_babysit.rules.metric_mismatch import metric_mismatch as metric_mismatch
from keras_babysit.rules.not_learning import not_learning as not_learning
from keras_babysit.rules.other_conditions import RESCUE as RESCUE
from keras_babysit.rules.other_conditions import NOT_WATCHED as NOT_WATCHED
from keras_babysit.rules.other_conditions import NOT_DONE as NOT_DONE

RANKED: list[_Rule[...] | _Condition] = [
    entry for entry in list(globals().values()) if isinstance(entry, _Rule | _Condition)
]
