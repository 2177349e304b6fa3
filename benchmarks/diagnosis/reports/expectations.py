"""What a right answer on each report names, written before the first monitored run.

`names` are the conditions of which one is a right answer. `symptoms` are true as well, but do not
lead to the cause. `wrong` are words of remedies that do nothing for the program or harm it.
"""

from benchmarks.diagnosis.reports.expectation import (
    CLIP,
    FASTER,
    LONGER,
    MORE,
    REGULARIZE,
    SLOWER,
    START,
    Expectation,
)
from benchmarks.diagnosis.reports.second.expectations import SECOND_EXPECTED

EXPECTED: dict[str, Expectation] = {
    # ---------------------------------------------------------- output and loss
    "softmax-of-one-unit": Expectation(
        ("output_loss_mismatch",), ("stuck", "shrunk"), MORE + LONGER + FASTER + SLOWER
    ),
    "softmax-twice": Expectation(
        ("output_loss_mismatch",), ("stuck", "rate_too_low"), MORE + REGULARIZE
    ),
    "softmax-for-independent-values": Expectation(
        ("output_loss_mismatch", "labels_out_of_range"), ("stuck",), MORE + LONGER + FASTER
    ),
    "poisson-of-a-linear-output": Expectation(
        ("output_loss_mismatch", "edge_of_a_function"),
        ("blown_up", "stuck", "unstable"),
        SLOWER + CLIP + MORE + START,
    ),
    "several-labels-with-a-softmax": Expectation(
        ("output_loss_mismatch", "labels_out_of_range"),
        ("stuck", "rare_not_learnt"),
        MORE + LONGER + FASTER,
    ),
    "labels-of-minus-one-and-one": Expectation(
        ("labels_out_of_range", "loss_unbounded", "output_loss_mismatch"),
        ("blown_up", "stuck", "loss_against_metric"),
        MORE + LONGER + SLOWER,
    ),
    "relu-before-the-crossentropy": Expectation(
        ("output_loss_mismatch",), ("stuck", "dead", "shrunk", "blown_up"), MORE + LONGER
    ),
    "many-classes-in-a-binary-loss": Expectation(
        ("labels_out_of_range", "loss_unbounded", "output_loss_mismatch"),
        ("blown_up", "stuck", "loss_against_metric"),
        MORE + LONGER + SLOWER,
    ),
    # ------------------------------------------------------------------ own loss
    "loss-broadcasts": Expectation(
        ("loss_mixes_examples",), ("stuck", "not_paired"), MORE + LONGER + FASTER
    ),
    "loss-summed-over-the-batch": Expectation(
        ("loss_not_a_mean",),
        ("rate_too_high", "blown_up", "unstable", "dead", "stuck", "shrunk"),
        MORE + LONGER + FASTER,
        note_counts=True,
    ),
    "arccos-of-one": Expectation(
        ("edge_of_a_function", "first_bad_value"), ("blown_up",), SLOWER + START + MORE
    ),
    "crossentropy-arguments-swapped": Expectation(
        ("loss_misses_the_truth", "loss_against_metric"),
        ("stuck", "dead", "loss_unbounded", "blown_up"),
        MORE + LONGER + FASTER,
    ),
    "distance-of-equal-inputs": Expectation(
        ("edge_of_a_function", "first_bad_value"), ("blown_up",), SLOWER + START + MORE
    ),
    "contrastive-labels-reversed": Expectation(
        ("loss_against_metric", "loss_misses_the_truth"), ("stuck",), MORE + LONGER + FASTER
    ),
    "logarithm-of-a-tiny-density": Expectation(
        ("edge_of_a_function", "first_bad_value"), ("blown_up", "stuck"), START + MORE
    ),
    # --------------------------------------------------------- own training step
    "step-without-training-flag": Expectation(
        ("batch_norm_not_trained",), ("stuck", "shrunk", "rate_too_low"), MORE + LONGER + FASTER
    ),
    "loss-broadcasts-in-own-step": Expectation(
        ("loss_mixes_examples",), ("stuck", "not_paired"), MORE + LONGER + FASTER
    ),
    "penalties-left-out-of-own-step": Expectation(
        ("penalty_without_effect",), ("gap",), ("regularizer", "l2(", "stronger penalty")
    ),
    # ---------------------------------------------------------- data preparation
    "validation-prepared-differently": Expectation(
        ("validation_differs",), ("gap",), (*REGULARIZE, "early stopping", "earlystopping")
    ),
    "labels-in-folder-order": Expectation(
        ("not_paired",), ("stuck", "gap"), MORE + LONGER + FASTER + REGULARIZE
    ),
    "image-and-mask-flipped-apart": Expectation(
        ("not_paired",), ("stuck", "gap"), MORE + LONGER + FASTER
    ),
    "validation-split-of-sorted-data": Expectation(
        ("classes_unseen",), ("gap", "not_shuffled", "validation_differs"), REGULARIZE + MORE
    ),
    "byte-arithmetic-wraps": Expectation(
        ("integer_arithmetic",), ("gap", "stuck"), REGULARIZE + MORE
    ),
    "divided-by-255-twice": Expectation(
        ("inputs_not_scaled",), ("stuck", "rate_too_low", "shrunk"), MORE + LONGER
    ),
    "targets-not-normalized": Expectation(
        ("targets_not_scaled",), ("stuck", "blown_up", "rate_too_low"), MORE + REGULARIZE
    ),
    "reshaped-instead-of-transposed": Expectation(
        ("axes_mixed",), ("not_paired", "stuck", "gap"), MORE + LONGER
    ),
    "generator-starts-over": Expectation(("data_repeats",), ("gap",), REGULARIZE[:-1]),
    "sorted-batches-in-shuffled-order": Expectation(
        ("not_shuffled",), ("stuck", "unstable", "blown_up", "rate_too_high", "dead"), MORE
    ),
    # ------------------------------------------------------------------- leakage
    "fold-without-a-fresh-model": Expectation(
        ("trained_before", "validation_among_training"),
        ("reversed_gap",),
        REGULARIZE + MORE,
        note_counts=True,
    ),
    "oversampled-before-the-split": Expectation(
        ("validation_among_training", "near_copies"), ("reversed_gap",), REGULARIZE + MORE
    ),
    "slices-of-a-patient-on-both-sides": Expectation(
        ("near_copies",), ("reversed_gap",), REGULARIZE + MORE
    ),
    "label-among-the-features": Expectation(("target_among_inputs",), (), REGULARIZE + MORE),
    "smoothed-with-the-future": Expectation(
        ("future_seen", "target_among_inputs"), (), REGULARIZE + MORE
    ),
    # ------------------------------------------------------- sequences and masks
    "mask-hides-data": Expectation(("mask_hides_data",), ("stuck",), MORE + LONGER + FASTER),
    "padding-in-the-score": Expectation(("padding_counts",), ("rare_not_learnt",), MORE),
    "padding-at-the-end": Expectation(
        ("padding_read_last",),
        ("padding_counts", "stuck", "shrunk", "not_paired"),
        MORE + LONGER + FASTER,
    ),
    "states-of-shuffled-batches": Expectation(
        ("stateful_shuffled",), ("stuck", "not_paired"), MORE + LONGER + FASTER
    ),
    "time-axis-of-one-step": Expectation(("one_step",), ("stuck",), MORE + LONGER + FASTER),
    "relu-in-a-recurrent-layer": Expectation(
        ("recurrent_activation",),
        ("blown_up", "rate_too_high", "dead", "unstable", "stuck"),
        REGULARIZE + MORE + LONGER,
    ),
    "echo-of-the-last-value": Expectation(
        ("persistence",), ("stuck", "rate_too_low"), MORE, note_counts=True
    ),
    # ----------------------------------------------------------------- attention
    "attention-without-positions": Expectation(
        ("order_not_seen",), ("stuck", "not_paired"), MORE + LONGER + FASTER
    ),
    "no-causal-mask": Expectation(("future_seen",), (), MORE + REGULARIZE),
    "deep-post-norm-without-warm-up": Expectation(
        ("no_warm_up", "rate_too_high"),
        ("stuck", "blown_up", "unstable", "shrunk", "not_paired"),
        MORE + LONGER + FASTER,
    ),
    # --------------------------------------------------------------- fine-tuning
    "frozen-base-wrong-inputs": Expectation(
        ("base_does_not_fit",),
        ("inputs_not_scaled", "stuck", "blown_up", "shrunk", "rate_too_low", "dead"),
        START + MORE + LONGER,
    ),
    "unfrozen-at-the-full-rate": Expectation(
        ("base_destroyed", "rate_too_high"),
        ("blown_up", "dead", "unstable", "stuck", "shrunk"),
        MORE + LONGER + FASTER,
    ),
    "pretrained-weights-not-loaded": Expectation(
        ("base_not_pretrained",), ("stuck", "shrunk", "rate_too_low"), MORE + START
    ),
    "adapters-frozen-with-the-base": Expectation(
        ("frozen_by_mistake",), ("stuck", "not_paired"), MORE + LONGER + FASTER
    ),
    # ------------------------------------------------------- batch normalization
    "few-updates-of-the-averages": Expectation(("batch_norm_lags",), ("gap",), REGULARIZE),
    "batches-of-two": Expectation(
        ("batch_norm_tiny_batch",),
        ("batch_norm_lags", "unstable", "gap", "stuck", "reversed_gap"),
        MORE + REGULARIZE,
    ),
    # ------------------------------------------------------- settings of the run
    "plateau-callback-lowers-the-rate": Expectation(
        ("rate_driven_down",), ("stuck", "rate_too_low", "not_paired"), MORE + LONGER
    ),
    "early-stopping-in-the-wrong-direction": Expectation(
        ("wrong_direction", "stopped_early"), ("stuck",), MORE + FASTER
    ),
    "stopped-by-the-default-patience": Expectation(
        ("stopped_early",), ("stuck", "rate_too_low"), MORE
    ),
    "decay-counted-in-steps": Expectation(
        ("rate_driven_down",), ("stuck", "rate_too_low"), MORE + LONGER
    ),
    "cosine-schedule-ends-early": Expectation(
        ("rate_driven_down",), ("stuck", "rate_too_low"), MORE + LONGER
    ),
    "clipped-at-every-step": Expectation(
        ("clipping_sets_steps",), ("stuck", "rate_too_low", "shrunk"), MORE
    ),
    "compiled-again-before-every-epoch": Expectation(
        ("optimizer_reset",), ("stuck", "rate_too_low"), MORE
    ),
    # ------------------------------------------------------------- class weights
    "class-weights-of-unknown-keys": Expectation(
        ("weights_without_effect",), ("rare_not_learnt", "stuck"), MORE + LONGER
    ),
    "class-weights-all-equal": Expectation(
        ("weights_without_effect",), ("rare_not_learnt", "stuck", "rate_too_high"), MORE + LONGER
    ),
    "weights-on-top-of-oversampling": Expectation(
        ("weights_doubled",), ("stuck", "rare_not_learnt"), MORE + LONGER
    ),
    # ----------------------------------------------------------- several outputs
    "one-head-dominates": Expectation(
        ("head_dominates",), ("targets_not_scaled", "stuck"), MORE + LONGER + FASTER
    ),
    "head-without-a-loss": Expectation(("head_without_loss",), ("stuck",), MORE + LONGER),
    "small-targets-on-a-large-background": Expectation(
        ("rare_not_learnt",), ("stuck",), MORE + REGULARIZE
    ),
    "rare-tags-never-given": Expectation(("rare_not_learnt",), ("stuck",), MORE + REGULARIZE),
    # -------------------------------------------- generative and metric learning
    "code-of-an-autoencoder-ignored": Expectation(
        ("code_ignored", "penalty_wins"), ("stuck", "shrunk", "not_paired"), MORE + LONGER + FASTER
    ),
    "embeddings-collapse-to-a-point": Expectation(
        ("embeddings_collapse",),
        ("stuck", "rate_too_high", "shrunk", "dead", "blown_up"),
        MORE + LONGER + FASTER,
    ),
    "discriminator-wins": Expectation(
        ("discriminator_won",), ("dead", "shrunk", "rate_too_low", "stuck", "rate_too_high"), MORE
    ),
    "generator-makes-one-sample": Expectation(
        ("samples_collapse",),
        ("stuck", "rate_too_high", "dead", "blown_up", "unstable"),
        MORE + LONGER + FASTER,
    ),
    "sparsity-penalty-wins": Expectation(
        ("penalty_wins",), ("stuck", "dead", "shrunk"), MORE + LONGER + FASTER + SLOWER + START
    ),
    # ----------------------------------------------------------------- precision
    "adam-in-half-precision": Expectation(
        ("epsilon_underflows",), ("blown_up", "first_bad_value"), SLOWER + CLIP + START
    ),
    "updates-below-bfloat16": Expectation(
        ("updates_lost",), ("stuck", "rate_too_low"), MORE + LONGER
    ),
    "overflow-in-half-precision": Expectation(
        ("overflow", "targets_not_scaled"),
        ("blown_up", "first_bad_value"),
        SLOWER + CLIP + START + MORE,
    ),
} | SECOND_EXPECTED
"""Expectations by name of the report."""
