"""What a finding on a report can be about, in words, and the rules that report it.

The expectations name conditions, not rules, because they were written before some of the rules
existed. Rules are matched to a condition by its words alone, by what their titles and docstrings
say, and never by what they found. A condition without a rule is one that no rule reports.
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
        ("validation_prepared_differently",),
    ),
    "not_paired": Meaning(
        "inputs and targets do not belong together; the inputs do not predict the targets",
        ("uninformative_inputs",),
    ),
    "axes_mixed": Meaning("a reshape has mixed the axes of the inputs"),
    "integer_arithmetic": Meaning(
        "the inputs come from integer arithmetic that wrapped around", ("wrapped_integers",)
    ),
    "inputs_not_scaled": Meaning("inputs are far too large or too small", ("unscaled_inputs",)),
    "targets_not_scaled": Meaning("targets are far from 0 and 1 in scale", ("unscaled_targets",)),
    "classes_unseen": Meaning(
        "validation data has classes that training data has not", ("unseen_classes",)
    ),
    "not_shuffled": Meaning("training data is not shuffled", ("unshuffled_data",)),
    "data_repeats": Meaning("the same few batches come again and again", ("repeated_batches",)),
    "validation_among_training": Meaning(
        "validation rows are among the training rows", ("leakage",)
    ),
    "near_copies": Meaning(
        "validation examples are near copies of training examples, as of one person or group",
        ("leakage",),
    ),
    "target_among_inputs": Meaning("an input is the target, or contains it", ("target_in_inputs",)),
    "trained_before": Meaning(
        "the loss before the first step is lower than untrained weights explain",
        ("trained_on_validation_data",),
    ),
    "labels_out_of_range": Meaning(
        "labels or targets are not what the loss expects", ("labels_out_of_range",)
    ),
    # ------------------------------------------------------------------ loss
    "output_loss_mismatch": Meaning(
        "the output layer and the loss do not belong together",
        ("output_loss_mismatch", "classes_as_numbers"),
    ),
    "loss_not_a_mean": Meaning("the loss is a sum over the batch, not a mean", ("summed_loss",)),
    "loss_mixes_examples": Meaning(
        "the loss of one example depends on the targets of others, as after broadcasting",
        ("loss_mixes_examples", "shapes_broadcast"),
    ),
    "loss_unbounded": Meaning("the loss falls below any bound", ("inverted_loss",)),
    "loss_misses_the_truth": Meaning(
        "the loss is not smallest where outputs equal targets",
        ("inverted_loss", "swapped_loss_arguments"),
    ),
    "loss_against_metric": Meaning(
        "the loss falls while the metric that it stands for gets worse", ("reversed_answers",)
    ),
    "edge_of_a_function": Meaning(
        "a logarithm, root or arccos is evaluated at its edge", ("loss_at_limit",)
    ),
    "first_bad_value": Meaning(
        "the layer, weight or batch in which the first NaN or infinity arose",
        (
            "flight_recorder",
            "non_finite_values",
        ),
    ),
    "penalty_wins": Meaning(
        "a penalty (of weights, activities, a divergence) outweighs the loss of the data",
        ("regularization_dominates",),
    ),
    "penalty_without_effect": Meaning(
        "the penalties of the layers do not reach the loss", ("penalties_left_out",)
    ),
    # --------------------------------------------------- sequences, attention
    "mask_hides_data": Meaning("a mask hides steps that hold data", ("masked_data",)),
    "padding_counts": Meaning(
        "most positions are padding and count in loss and accuracy", ("padding_in_loss",)
    ),
    "padding_read_last": Meaning(
        "a recurrent layer reads padding after the data, without a mask", ("unmasked_padding",)
    ),
    "one_step": Meaning("the time axis of a recurrent layer has one step", ("single_time_step",)),
    "order_not_seen": Meaning(
        "the model does not see the order of its sequence", ("order_ignored",)
    ),
    "future_seen": Meaning(
        "the model sees the step that it is to predict, or later ones", ("sees_later_steps",)
    ),
    "persistence": Meaning(
        "the forecast is no better than the last value", ("no_better_than_last_value",)
    ),
    "stateful_shuffled": Meaning("a stateful layer gets shuffled batches", ("shuffled_state",)),
    "recurrent_activation": Meaning(
        "the activation of a recurrent layer does not bound its state", ("unbounded_recurrence",)
    ),
    "no_warm_up": Meaning("the learning rate needs a warm-up", ("missing_warm_up",)),
    # -------------------------------------------------- fine-tuning, batch norm
    "base_does_not_fit": Meaning(
        "what reaches a frozen base does not fit what it was trained on (its moving averages)",
        ("frozen_norm_mismatch",),
    ),
    "base_destroyed": Meaning(
        "the learning rate destroys what was learnt before", ("pretrained_weights_lost",)
    ),
    "base_not_pretrained": Meaning(
        "the weights of a frozen base are those of a fresh initialization",
        ("untrained_frozen_layers",),
    ),
    "frozen_by_mistake": Meaning(
        "weights that should train are frozen, such as adapters", ("frozen_adapters",)
    ),
    "batch_norm_lags": Meaning(
        "the averages of batch norms lag behind the batches", ("batch_norm_mismatch",)
    ),
    "batch_norm_not_trained": Meaning(
        "batch norms run in inference mode: their averages never moved",
        ("batch_norm_not_updating",),
    ),
    "batch_norm_tiny_batch": Meaning("batches are too small for batch norms"),
    # --------------------------------------------------------------- settings
    "rate_driven_down": Meaning(
        "a callback or schedule lowers the learning rate before much is learnt",
        ("learning_rate_decays_early",),
    ),
    "stopped_early": Meaning(
        "a callback stopped the training while the losses still fell", ("stopped_early",)
    ),
    "wrong_direction": Meaning(
        "a callback waits for the wrong direction of its metric", ("wrong_monitor_direction",)
    ),
    "clipping_sets_steps": Meaning("clipping sets the size of every step", ("clipping_too_tight",)),
    "optimizer_reset": Meaning(
        "the state of the optimizer is reset again and again, as by `compile`",
        ("optimizer_reset",),
    ),
    "rate_too_high": Meaning(
        "the learning rate is too high",
        (
            "learning_rate_too_high",
            "update_ratio",
        ),
    ),
    "rate_too_low": Meaning("the learning rate is too low", ("learning_rate_too_low",)),
    # ----------------------------------------------- classes, outputs, collapse
    "weights_without_effect": Meaning(
        "class or sample weights change nothing: keys of no class, or all equal",
        ("weights_without_effect",),
    ),
    "weights_doubled": Meaning(
        "weights double a resampling: the weighted classes are far from even",
        ("weights_without_effect",),
    ),
    "rare_not_learnt": Meaning(
        "the rare class, label or pixel is not learnt", ("class_imbalance",)
    ),
    "head_dominates": Meaning(
        "the loss or gradient of one output outweighs that of another", ("dominant_output",)
    ),
    "head_without_loss": Meaning(
        "an output has no loss, and its layer receives no gradient", ("no_gradient",)
    ),
    "code_ignored": Meaning(
        "the code of an autoencoder is ignored: its divergence is 0", ("regularization_dominates",)
    ),
    "embeddings_collapse": Meaning("all embeddings are one point", ("collapsed_embeddings",)),
    "discriminator_won": Meaning("the discriminator is always right", ("discriminator_won",)),
    "samples_collapse": Meaning("generated samples have no spread", ("samples_alike",)),
    # -------------------------------------------------------------- precision
    "updates_lost": Meaning("updates are lost in the rounding of the weights", ("lost_updates",)),
    "epsilon_underflows": Meaning(
        "the epsilon of the optimizer is 0 in the precision of the weights", ("epsilon_too_small",)
    ),
    "overflow": Meaning("values exceed the range of float16"),
    # ----------------------------------------------------------- the second set
    "output_out_of_reach": Meaning(
        "the activation of the output layer cannot return the targets", ("output_loss_mismatch",)
    ),
    "loss_divides_by_zero": Meaning("the loss divides by targets that are 0, or nearly"),
    "non_finite_data": Meaning("inputs or targets hold NaN or infinity", ("non_finite_inputs",)),
    "class_left_out": Meaning(
        "a class has weight 0, or the weights distort the classes", ("weights_without_effect",)
    ),
    "symmetric": Meaning("all units of a layer are the same", ("symmetric_units",)),
    "penalty_wrong_sign": Meaning("a term of the loss falls below any bound"),
    "no_gradient_reaches": Meaning(
        "no gradient reaches weights that should train", ("no_gradient",)
    ),
    "gradients_add_up": Meaning("gradients of earlier steps are never cleared"),
    "weights_not_updated": Meaning(
        "the step leaves out weights that should train", ("unmoved_weights",)
    ),
    "gradients_underflow": Meaning(
        "gradients in half precision are rounded to 0, without a loss scale",
        ("missing_loss_scale",),
    ),
    "weights_not_tracked": Meaning(
        "the model computes with weights that do not belong to it", ("untracked_weights",)
    ),
    "depends_on_the_batch": Meaning(
        "the answer for an example depends on the others of its batch", ("batch_dependence",)
    ),
    "mask_inverted": Meaning("a mask shows padding and hides data"),
    "averages_of_single_batches": Meaning("the averages of batch norms follow single batches"),
    "labels_numbered_differently": Meaning(
        "validation labels are numbered otherwise than training labels", ("validation_not_paired",)
    ),
    "signal_scaled_away": Meaning("scaling each example by itself removes what tells them apart"),
    "data_changes": Meaning(
        "the training data changes from one epoch or run to the next", ("data_stream_changes",)
    ),
    "forgets": Meaning("what earlier runs taught is forgotten in the latest one"),
    "copies_in_a_batch": Meaning("the examples of a batch are copies of one"),
    "warm_up_too_long": Meaning("the warm-up is longer than the training"),
    "epsilon_too_large": Meaning("the epsilon of the optimizer is above its gradients"),
    "dropout_too_strong": Meaning("dropout removes most of the signal", ("dropout_too_high",)),
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
    "dead": Meaning(
        "units are dead or saturated",
        (
            "dead_units",
            "saturated_units",
        ),
    ),
    "shrunk": Meaning(
        "the signal or gradient vanishes",
        (
            "vanishing_gradients",
            "collapsed_activations",
            "no_gradient",
        ),
    ),
    "gap": Meaning("training is better than validation", ("overfitting",)),
    "reversed_gap": Meaning(
        "validation is better than training", ("validation_better_than_train",)
    ),
}


def rules_of(*names: str) -> frozenset[str]:
    """Return the rules of some conditions."""
    return frozenset(rule for name in names for rule in CONDITIONS[name].rules)
