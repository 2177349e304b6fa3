"""Groups of conditions that follow from many others, as `explains` of a rule names them."""

POOR_FIT = (
    "constant_output",
    "loss_not_decreasing",
    "oscillating_loss",
    "plateau",
    "underfitting",
    "uninformative_inputs",
    "validation_better_than_train",
)
"""The network does not fit its data, or does so badly."""

BLOWN_UP = ("loss_explosion", "non_finite_values", "exploding_gradients", "exploding_activations")
"""Something has become too large."""

STUCK = (
    "dead_units",
    "saturated_units",
    "collapsed_activations",
    "vanishing_gradients",
    "no_gradient",
)
"""Signal or gradient does not get through."""

LONG_STEPS = ("learning_rate_too_high", "update_ratio")
"""The weights move too far in a step."""

SHORT_STEPS = ("learning_rate_too_low",)
"""The weights hardly move."""
