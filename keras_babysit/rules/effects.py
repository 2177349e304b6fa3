"""Groups of conditions that follow from many others, for `explains` of a rule."""

POOR_FIT = (
    "constant_output",
    "loss_not_decreasing",
    "not_learning",
    "oscillating_loss",
    "plateau",
    "underfitting",
    "uninformative_inputs",
    "validation_better_than_train",
)
"""The network fits its data poorly, or not at all."""

BLOWN_UP = ("loss_explosion", "non_finite_values", "exploding_gradients", "exploding_activations")
"""A value has become too large."""

STUCK = (
    "dead_units",
    "saturated_units",
    "collapsed_activations",
    "vanishing_gradients",
    "no_gradient",
)
"""The signal or the gradient is lost on its way."""

LONG_STEPS = ("learning_rate_too_high", "update_ratio")
"""Each step changes the weights too much."""

SHORT_STEPS = ("learning_rate_too_low",)
"""Each step hardly changes the weights."""
