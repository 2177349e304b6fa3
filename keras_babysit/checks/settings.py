"""Checks what is set in the layers and the model, and needs no training to be seen."""

from keras_babysit.checks._facts import renamed
from keras_babysit.checks.case import Case
from keras_babysit.checks.result import CheckResult
from keras_babysit.rules.dominant_token import dominant_token
from keras_babysit.rules.dropout_on_output import dropout_on_output
from keras_babysit.rules.dropout_too_high import dropout_too_high
from keras_babysit.rules.epsilon_too_small import epsilon_too_small
from keras_babysit.rules.fractional_indices import fractional_indices
from keras_babysit.rules.frozen_adapters import frozen_adapters
from keras_babysit.rules.hidden_softmax import hidden_softmax
from keras_babysit.rules.image_axes import image_axes
from keras_babysit.rules.label_smoothing_too_high import label_smoothing_too_high
from keras_babysit.rules.missing_loss_scale import missing_loss_scale
from keras_babysit.rules.normalized_alone import normalized_alone
from keras_babysit.rules.optimizers_overlap import optimizers_overlap
from keras_babysit.rules.penalties_left_out import penalties_left_out
from keras_babysit.rules.untracked_weights import untracked_weights
from keras_babysit.rules.untrained_frozen_layers import untrained_frozen_layers
from keras_babysit.samples.data_facts import describe_data

RULES = (
    image_axes,
    frozen_adapters,
    penalties_left_out,
    optimizers_overlap,
    hidden_softmax,
    dropout_too_high,
    dropout_on_output,
    label_smoothing_too_high,
    fractional_indices,
    normalized_alone,
    untrained_frozen_layers,
    untracked_weights,
    epsilon_too_small,
    dominant_token,
)
"""Rules of a run that see their fault in the first measurement."""


def settings(case: Case) -> CheckResult:
    """Report settings of layers, optimizers and precision that keep a network from learning.

    The rules in `RULES` judge what one measurement shows. That gradients are too small for float16
    and the loss is not scaled is judged from that measurement alone.
    """
    _ = case.known  # measures once what the layers get, and the gradients
    case.history.note(data=describe_data(case.data.batch))
    found = [one for rule in RULES for one in rule(case.history)]
    found += missing_loss_scale(case.history, patience=1)
    facts = case.history.facts
    return CheckResult(
        f"{len(facts.layers)} layers, precision {facts.dtype_policy or 'not known'}",
        renamed(found, "settings"),
    )
