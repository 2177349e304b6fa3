"""Why a program is missed, or alarmed on by mistake: one line each, by somebody who looked.

The figures do not depend on it. A line whose program is right by now can go.
"""

_LEARNT = "the network learns the rare class: it errs less often than one that never names it"

WHYS: dict[str, str] = {
    "too-small-digits-autoencoder-1-unit": (
        "3 % of the variance is explained, surely more than nothing, and an autoencoder has no "
        "neighbours to say how much more there is: noise in the targets looks the same"
    ),
    "at-circle-46edb7df": (
        "it fits in part: 32 % errors on training data where the neighbours have 20 %; the "
        "interval of the difference reaches below the margin of 10 points asked of a falling loss"
    ),
    "rate-low-digits-mlp-sgd-30th": (
        "updates are 2e-4 of the weights, above the tenth of the healthy 1e-3 where the rule "
        "begins; underfitting says to train longer"
    ),
    "misaligned-series-gru-a": (
        "by luck: trained on labels in a random order it errs on 35 % of the validation data, "
        "where a constant answer has 50 %; the rule takes that for something learnt"
    ),
    "oscillates-digits-mlp-momentum-batch-2": (
        "told by its effect, 87 % dead units with a lower rate as the remedy; the loss itself "
        "wavers no more than batches of 2 explain"
    ),
    "grows-digits-resnet-bn-no-norm-20": (
        "units deviate 13 times as much at the end as at the start, below the limit, and one step "
        "mends it: it ends at 98 % of the validation data"
    ),
    "grows-digits-mlp-elu-exponential-6": (
        "it overflows in the first pass: told as non_finite_values of the layer, its symptom"
    ),
    "not-centred-spirals-tanh-sigmoid-4": (
        "told by what it does, vanishing_gradients; the first sigmoids use both halves of their "
        "range, so that their mean is below two deviations"
    ),
    "overfits-labels-mlp-100": (
        "a gap of 7 points, below the margin of 10, and a validation loss that rises by less than "
        "the rule asks for"
    ),
    "too-small-friedman-mlp-1-unit": (
        "one unit has 0.41 of the variance left where the neighbours have 0.30, and still falls: "
        "the interval reaches below the margin"
    ),
    "too-short-words-mean-2-epochs": (
        "two epochs are enough for most of it: 7 % errors on training data, where a constant "
        "answer has 41 %"
    ),
    "features-constant-labels-mlp-half": (
        "7 of 15 columns are 0; less than half of a table at 0 may be background"
    ),
    "features-constant-digits-mlp-momentum-80": (
        "the columns are at the edge of the range of pixels, where they may be background; told by "
        "what it does, uninformative_inputs"
    ),
    "class-rare-cancer-mlp-2": _LEARNT,
    "class-rare-rare-mlp-half-percent": _LEARNT,
}
"""The reason by the id of the program."""
