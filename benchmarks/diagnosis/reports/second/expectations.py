"""What a right answer on each report of the second set names, in the words of `CONDITIONS`.

Written before the first monitored run of these programs.
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

SECOND_EXPECTED: dict[str, Expectation] = {
    # ------------------------------------------------------------------- outputs
    "relu-output-of-negative-targets": Expectation(
        ("output_out_of_reach", "output_loss_mismatch"),
        ("stuck", "dead", "shrunk", "targets_not_scaled"),
        MORE + LONGER + FASTER + START,
    ),
    "sigmoid-rebuilds-larger-values": Expectation(
        ("output_out_of_reach", "output_loss_mismatch", "targets_not_scaled"),
        ("stuck", "dead", "shrunk"),
        MORE + LONGER + FASTER + START,
    ),
    "percentage-of-targets-that-are-zero": Expectation(
        ("loss_divides_by_zero", "labels_out_of_range"),
        ("stuck", "blown_up", "unstable", "dead", "rate_too_high"),
        MORE + LONGER + FASTER + SLOWER + CLIP,
    ),
    "overlap-of-logits": Expectation(
        ("output_loss_mismatch", "loss_unbounded", "loss_misses_the_truth", "edge_of_a_function"),
        ("blown_up", "stuck", "unstable", "loss_against_metric", "rate_too_high", "dead"),
        MORE + LONGER + SLOWER + CLIP,
    ),
    "missing-labels-as-nan": Expectation(
        ("non_finite_data",), ("blown_up", "first_bad_value"), SLOWER + CLIP + START + MORE
    ),
    "frequent-class-at-weight-zero": Expectation(
        ("class_left_out",), ("stuck", "rare_not_learnt"), MORE + LONGER + FASTER
    ),
    "all-weights-start-at-zero": Expectation(
        ("symmetric",), ("stuck", "shrunk", "dead", "rate_too_low"), MORE + LONGER + FASTER
    ),
    # -------------------------------------------------------------------- losses
    "divergence-with-the-wrong-sign": Expectation(
        ("loss_unbounded", "penalty_wrong_sign"), ("blown_up", "penalty_wins"), MORE + LONGER
    ),
    "rounded-before-the-comparison": Expectation(
        ("no_gradient_reaches",), ("stuck", "rate_too_low", "shrunk"), MORE + LONGER + FASTER
    ),
    "survival-of-raw-features": Expectation(
        ("inputs_not_scaled",),
        ("blown_up", "first_bad_value", "stuck", "dead", "rate_too_high", "unstable"),
        MORE + LONGER + START,
    ),
    # --------------------------------------------------------- own training step
    "gradients-never-cleared": Expectation(
        ("gradients_add_up",),
        ("rate_too_high", "unstable", "blown_up", "dead", "stuck"),
        MORE + LONGER + FASTER,
    ),
    "encoder-left-out-of-the-update": Expectation(
        ("weights_not_updated",), ("stuck", "rate_too_low"), MORE + LONGER + FASTER
    ),
    "gradients-too-small-for-half": Expectation(
        ("gradients_underflow",), ("stuck", "shrunk", "rate_too_low"), MORE + LONGER
    ),
    "features-cut-off-the-gradient": Expectation(
        ("no_gradient_reaches",), ("stuck", "rate_too_low"), MORE + LONGER + FASTER
    ),
    # ------------------------------------------- own layers, attention, batch norm
    "layers-that-nobody-tracks": Expectation(
        ("weights_not_tracked",), ("stuck", "rate_too_low"), MORE + LONGER + FASTER
    ),
    "softmax-over-the-batch": Expectation(
        ("depends_on_the_batch",),
        ("stuck", "gap", "not_paired", "unstable"),
        MORE + LONGER + REGULARIZE,
    ),
    "attends-to-the-padding": Expectation(
        ("mask_hides_data", "mask_inverted"), ("stuck", "not_paired"), MORE + LONGER + FASTER
    ),
    "momentum-of-another-library": Expectation(
        ("averages_of_single_batches", "batch_norm_lags"),
        ("gap", "unstable", "stuck"),
        (*REGULARIZE, "lower momentum", "smaller momentum", "lower the momentum"),
    ),
    "averages-that-never-move": Expectation(
        ("batch_norm_not_trained", "batch_norm_lags"), ("gap", "stuck"), REGULARIZE + MORE
    ),
    # ---------------------------------------------------------------------- data
    "classes-numbered-differently": Expectation(
        ("labels_numbered_differently",), ("gap",), (*REGULARIZE, "early stopping")
    ),
    "loudness-scaled-away": Expectation(
        ("signal_scaled_away", "not_paired"), ("stuck",), MORE + LONGER + FASTER
    ),
    "one-file-after-the-other": Expectation(
        ("not_shuffled", "data_changes", "forgets"),
        ("blown_up", "unstable", "gap", "stuck", "trained_before", "optimizer_reset"),
        MORE + REGULARIZE,
    ),
    "divided-by-a-maximum-of-zero": Expectation(
        ("non_finite_data",), ("blown_up", "first_bad_value", "dead"), SLOWER + CLIP + START + MORE
    ),
    "one-example-fills-the-batch": Expectation(
        ("copies_in_a_batch", "data_repeats"),
        ("not_shuffled", "batch_norm_lags", "stuck", "gap", "unstable", "shrunk"),
        MORE + LONGER + FASTER,
    ),
    # ------------------------------------------------------------------- leakage
    "split-drawn-again-every-epoch": Expectation(
        ("validation_among_training", "trained_before"), ("reversed_gap",), REGULARIZE + MORE
    ),
    "scaled-target-among-the-covariates": Expectation(
        ("target_among_inputs",), (), REGULARIZE + MORE
    ),
    "normalized-over-the-steps": Expectation(("future_seen",), (), REGULARIZE + MORE),
    # ------------------------------------------------------- settings of the run
    "warm-up-longer-than-the-training": Expectation(
        ("rate_too_low", "warm_up_too_long"), ("stuck",), MORE
    ),
    "rate-of-adadelta-from-another-optimizer": Expectation(("rate_too_low",), ("stuck",), MORE),
    "epsilon-of-one": Expectation(("epsilon_too_large", "rate_too_low"), ("stuck", "shrunk"), MORE),
    "fraction-to-keep-is-dropped": Expectation(
        ("dropout_too_strong",), ("stuck", "reversed_gap", "dead"), MORE + LONGER + FASTER
    ),
    "weight-penalty-too-strong": Expectation(
        ("penalty_wins",), ("stuck", "shrunk", "dead"), MORE + LONGER + FASTER + START
    ),
}
"""Expectations by name of the report."""
