"""Reasons for misses and false alarms, one line per program.

The results do not depend on them. A line can be removed once its program is judged correctly.
"""

_LEARNED = "the network learns the rare class: it is better than always predicting the others"

WHYS: dict[str, str] = {
    "too-small-digits-autoencoder-1-unit": (
        "3 % of the variance is explained, which is significant, and an autoencoder has no "
        "nearest-neighbour baseline; noise in the targets would look the same"
    ),
    "at-circle-46edb7df": (
        "fits in part: 32 % errors on training data, the nearest-neighbour baseline has 20 %; the "
        "interval of the difference includes the margin of 10 points required while the loss falls"
    ),
    "rate-low-digits-mlp-sgd-30th": (
        "updates are 2e-4 of the weights, above the rule's threshold of a tenth of the healthy "
        "1e-3; underfitting suggests longer training"
    ),
    "misaligned-series-gru-a": (
        "by chance: trained on shuffled labels it has 35 % errors on validation data, a constant "
        "prediction 50 %; the rule takes that for something learned"
    ),
    "oscillates-digits-mlp-momentum-batch-2": (
        "reported by its effect: 87 % dead units, with a lower learning rate as remedy; the loss "
        "varies no more than expected for batches of 2"
    ),
    "grows-digits-resnet-bn-no-norm-20": (
        "the standard deviation of the units grows 13-fold with depth, below the threshold, and "
        "one step fixes it: the final validation accuracy is 98 %"
    ),
    "grows-digits-mlp-elu-exponential-6": (
        "overflows in the first pass: reported by its symptom, non_finite_values of the layer"
    ),
    "not-centred-spirals-tanh-sigmoid-4": (
        "reported by its effect, vanishing_gradients; the first sigmoids use both halves of their "
        "range, so their mean is below two standard deviations"
    ),
    "overfits-labels-mlp-100": (
        "the gap of 7 points is below the margin of 10, and the validation loss rises by less than "
        "the rule requires"
    ),
    "too-small-friedman-mlp-1-unit": (
        "one unit leaves 0.41 of the variance unexplained, the nearest-neighbour baseline 0.30, "
        "and the loss still falls: the interval includes the margin"
    ),
    "too-short-words-mean-2-epochs": (
        "two epochs are nearly enough: 7 % errors on training data, a constant prediction has 41 %"
    ),
    "features-constant-labels-mlp-half": (
        "7 of 15 columns are 0; less than half of the columns at 0 may be background"
    ),
    "features-constant-digits-mlp-momentum-80": (
        "the constant pixels are at the border of the value range, where they may be background; "
        "reported by its effect, uninformative_inputs"
    ),
    "class-rare-cancer-mlp-2": _LEARNED,
    "class-rare-rare-mlp-half-percent": _LEARNED,
}
"""Reasons by id of the program."""
