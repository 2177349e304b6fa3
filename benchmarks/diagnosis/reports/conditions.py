"""What a finding on a report can be about, in words, and the rules that report it.

The expectations name conditions, not rules, because they were written before some of the rules
existed. The rules are matched to a condition by its words alone, never by what was found. A rule
that does not exist never counts.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Meaning:
    """A condition in words.

    Args:
        words: What a finding that names it says.
        rules: Rules that say so.
    """

    words: str
    rules: tuple[str, ...] = ()


CONDITIONS: dict[str, Meaning] = {
    # ------------------------------------------------------------------ data
    "validation_differs": Meaning(
        "validation inputs have another scale, offset or preparation than training inputs",
        ("validation_data_differs", "validation_differs", "data_shift", "validation_shift"),
    ),
    "not_paired": Meaning(
        "inputs and targets do not belong together; the inputs do not predict the targets",
        ("uninformative_inputs",),
    ),
    "axes_mixed": Meaning("a reshape has mixed the axes of the inputs"),
    "integer_arithmetic": Meaning(
        "the inputs come from integer arithmetic that wrapped around",
        ("integer_arithmetic", "wrapped_integers"),
    ),
    "inputs_not_scaled": Meaning("inputs are far too large or too small", ("unscaled_inputs",)),
    "targets_not_scaled": Meaning("targets are far from 0 and 1 in scale", ("unscaled_targets",)),
    "classes_unseen": Meaning(
        "validation data has classes that training data has not", ("unseen_classes",)
    ),
    "not_shuffled": Meaning("training data is not shuffled", ("unshuffled_data",)),
    "data_repeats": Meaning(
        "the same few batches come again and again",
        ("repeated_batches", "data_repeats", "repeating_data"),
    ),
    "validation_among_training": Meaning(
        "validation rows are among the training rows",
        ("validation_leakage", "leakage", "duplicate_rows", "data_leakage"),
    ),
    "near_copies": Meaning(
        "validation examples are near copies of training examples, as of one person or group",
        ("near_duplicates", "near_copies", "validation_leakage", "leakage", "data_leakage"),
    ),
    "target_among_inputs": Meaning(
        "an input is the target, or contains it",
        ("target_leakage", "target_in_features", "target_in_inputs", "leaked_target"),
    ),
    "trained_before": Meaning(
        "the loss before the first step is lower than untrained weights explain",
        ("trained_before", "already_trained", "pretrained_on_validation"),
    ),
    "labels_out_of_range": Meaning(
        "labels or targets are not what the loss expects", ("labels_out_of_range",)
    ),
    # ------------------------------------------------------------------ loss
    "output_loss_mismatch": Meaning(
        "the output layer and the loss do not belong together", ("output_loss_mismatch",)
    ),
    "loss_not_a_mean": Meaning(
        "the loss is a sum over the batch, not a mean",
        ("loss_not_mean", "loss_not_a_mean", "summed_loss", "loss_sums_examples"),
    ),
    "loss_mixes_examples": Meaning(
        "the loss of one example depends on the targets of others, as after broadcasting",
        ("loss_mixes_examples", "broadcast_loss", "loss_broadcasts"),
    ),
    "loss_unbounded": Meaning(
        "the loss falls below any bound",
        ("inverted_loss", "loss_unbounded", "unbounded_loss", "negative_loss"),
    ),
    "loss_misses_the_truth": Meaning(
        "the loss is not smallest where outputs equal targets",
        ("inverted_loss", "loss_misses_the_truth", "loss_not_minimal", "loss_arguments_swapped"),
    ),
    "loss_against_metric": Meaning(
        "the loss falls while the metric that it stands for gets worse",
        ("loss_metric_disagree", "loss_against_metric", "metric_gets_worse", "loss_misleads"),
    ),
    "edge_of_a_function": Meaning(
        "a logarithm, root or arccos is evaluated at its edge",
        ("loss_at_limit", "edge_of_domain", "function_edge", "loss_edge", "out_of_domain"),
    ),
    "first_bad_value": Meaning(
        "the layer, weight or batch in which the first NaN or infinity arose",
        ("flight_recorder", "non_finite_values"),
    ),
    "penalty_wins": Meaning(
        "a penalty (of weights, activities, a divergence) outweighs the loss of the data",
        ("regularization_dominates", "penalty_dominates"),
    ),
    "penalty_without_effect": Meaning(
        "the penalties of the layers do not reach the loss",
        ("penalties_ignored", "penalty_without_effect", "unused_losses"),
    ),
    # --------------------------------------------------- sequences, attention
    "mask_hides_data": Meaning(
        "a mask hides steps that hold data", ("mask_hides_data", "masked_data", "data_masked")
    ),
    "padding_counts": Meaning(
        "most positions are padding and count in loss and accuracy",
        ("padding_counts", "unmasked_padding", "padding_in_loss", "padding_dominates"),
    ),
    "padding_read_last": Meaning(
        "a recurrent layer reads padding after the data, without a mask",
        ("padding_read_last", "unmasked_padding", "trailing_padding", "padding_at_the_end"),
    ),
    "one_step": Meaning(
        "the time axis of a recurrent layer has one step",
        ("single_time_step", "one_time_step", "time_axis_of_one", "single_step_sequences"),
    ),
    "order_not_seen": Meaning(
        "the model does not see the order of its sequence",
        ("order_not_seen", "order_ignored", "order_invariant", "missing_positions"),
    ),
    "future_seen": Meaning(
        "the model sees the step that it is to predict, or later ones",
        ("future_leak", "sees_future", "future_seen", "future_leakage", "missing_causal_mask"),
    ),
    "persistence": Meaning(
        "the forecast is no better than the last value",
        ("persistence", "no_better_than_persistence", "persistence_forecast", "repeats_last_value"),
    ),
    "stateful_shuffled": Meaning(
        "a stateful layer gets shuffled batches",
        ("stateful_shuffled", "shuffled_stateful", "stateful_layer_shuffled"),
    ),
    "recurrent_activation": Meaning(
        "the activation of a recurrent layer does not bound its state",
        ("recurrent_activation", "unbounded_recurrence", "relu_in_recurrent"),
    ),
    "no_warm_up": Meaning(
        "the learning rate needs a warm-up", ("no_warmup", "missing_warmup", "needs_warmup")
    ),
    # -------------------------------------------------- fine-tuning, batch norm
    "base_does_not_fit": Meaning(
        "what reaches a frozen base does not fit what it was trained on (its moving averages)",
        (
            "frozen_base_mismatch",
            "base_mismatch",
            "batch_norm_inputs",
            "frozen_batch_norm_mismatch",
        ),
    ),
    "base_destroyed": Meaning(
        "the learning rate destroys what was learnt before",
        ("pretrained_destroyed", "forgetting", "catastrophic_forgetting", "rate_destroys"),
    ),
    "base_not_pretrained": Meaning(
        "the weights of a frozen base are those of a fresh initialization",
        ("not_pretrained", "pretrained_not_loaded", "frozen_random_layers", "frozen_untrained"),
    ),
    "frozen_by_mistake": Meaning(
        "weights that should train are frozen, such as adapters",
        ("frozen_adapters", "frozen_weights", "nothing_trainable", "adapters_frozen"),
    ),
    "batch_norm_lags": Meaning(
        "the averages of batch norms lag behind the batches", ("batch_norm_mismatch",)
    ),
    "batch_norm_not_trained": Meaning(
        "batch norms run in inference mode: their averages never moved",
        ("batch_norm_frozen", "batch_norm_never_updated", "batch_norm_inference_mode"),
    ),
    "batch_norm_tiny_batch": Meaning(
        "batches are too small for batch norms",
        ("batch_norm_small_batch", "batch_norm_tiny_batch", "small_batch_norm"),
    ),
    # --------------------------------------------------------------- settings
    "rate_driven_down": Meaning(
        "a callback or schedule lowers the learning rate before much is learnt",
        ("rate_driven_down", "learning_rate_driven_down", "rate_decayed_early", "rate_collapsed"),
    ),
    "stopped_early": Meaning(
        "a callback stopped the training while the losses still fell",
        ("stopped_early", "stopped_too_early", "early_stop"),
    ),
    "wrong_direction": Meaning(
        "a callback waits for the wrong direction of its metric",
        ("monitor_direction", "wrong_monitor_direction", "wrong_mode", "monitor_wrong_direction"),
    ),
    "clipping_sets_steps": Meaning(
        "clipping sets the size of every step",
        ("clipping_dominates", "gradient_clipping", "tight_clipping", "clipped_every_step"),
    ),
    "optimizer_reset": Meaning(
        "the state of the optimizer is reset again and again, as by `compile`",
        ("optimizer_reset", "optimizer_state_reset", "recompiled"),
    ),
    "rate_too_high": Meaning(
        "the learning rate is too high", ("learning_rate_too_high", "update_ratio")
    ),
    "rate_too_low": Meaning("the learning rate is too low", ("learning_rate_too_low",)),
    # ----------------------------------------------- classes, outputs, collapse
    "weights_without_effect": Meaning(
        "class or sample weights change nothing: keys of no class, or all equal",
        ("weights_without_effect", "class_weights_without_effect", "unused_class_weights"),
    ),
    "weights_doubled": Meaning(
        "weights double a resampling: the weighted classes are far from even",
        (
            "weights_doubled",
            "weights_on_resampling",
            "overweighted_class",
            "class_weight_imbalance",
        ),
    ),
    "rare_not_learnt": Meaning(
        "the rare class, label or pixel is not learnt",
        ("class_imbalance", "rare_positives", "rare_labels", "rare_class_not_learned"),
    ),
    "head_dominates": Meaning(
        "the loss or gradient of one output outweighs that of another",
        (
            "dominant_output",
            "head_dominates",
            "output_dominates",
            "loss_scale_imbalance",
            "unbalanced_losses",
        ),
    ),
    "head_without_loss": Meaning(
        "an output has no loss, and its layer receives no gradient",
        ("output_without_loss", "head_without_loss", "no_gradient"),
    ),
    "code_ignored": Meaning(
        "the code of an autoencoder is ignored: its divergence is 0",
        ("posterior_collapse", "code_ignored", "latent_ignored", "kl_collapse"),
    ),
    "embeddings_collapse": Meaning(
        "all embeddings are one point",
        ("embedding_collapse", "embeddings_collapse", "collapsed_embeddings"),
    ),
    "discriminator_won": Meaning(
        "the discriminator is always right", ("discriminator_won", "discriminator_wins", "gan_won")
    ),
    "samples_collapse": Meaning(
        "generated samples have no spread", ("mode_collapse", "samples_collapse", "sample_collapse")
    ),
    # -------------------------------------------------------------- precision
    "updates_lost": Meaning(
        "updates are lost in the rounding of the weights",
        ("lost_updates", "updates_round_to_zero", "updates_lost", "low_precision_updates"),
    ),
    "epsilon_underflows": Meaning(
        "the epsilon of the optimizer is 0 in the precision of the weights",
        ("epsilon_underflow", "optimizer_epsilon", "epsilon_too_small"),
    ),
    "overflow": Meaning(
        "values exceed the range of float16", ("half_overflow", "float16_overflow", "overflow")
    ),
    # --------------------------------------------------------------- symptoms
    "stuck": Meaning(
        "the loss does not fall, or the fit is poor",
        ("loss_not_decreasing", "plateau", "underfitting", "constant_output", "not_learning"),
    ),
    "blown_up": Meaning(
        "values explode",
        (
            "loss_explosion",
            "non_finite_values",
            "exploding_activations",
            "exploding_gradients",
            "flight_recorder",
        ),
    ),
    "unstable": Meaning("the loss oscillates", ("oscillating_loss",)),
    "dead": Meaning("units are dead or saturated", ("dead_units", "saturated_units")),
    "shrunk": Meaning(
        "the signal or gradient vanishes",
        ("vanishing_gradients", "collapsed_activations", "no_gradient"),
    ),
    "gap": Meaning("training is better than validation", ("overfitting",)),
    "reversed_gap": Meaning(
        "validation is better than training", ("validation_better_than_train",)
    ),
}


def rules_of(*names: str) -> frozenset[str]:
    """Return the rules of some conditions."""
    return frozenset(rule for name in names for rule in CONDITIONS[name].rules)
