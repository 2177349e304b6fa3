"""Checks that there is an activation between the layers."""

from keras_babysit.checks._facts import renamed
from keras_babysit.checks.case import Case
from keras_babysit.checks.result import CheckResult
from keras_babysit.history import History
from keras_babysit.probes.linear_map import linear_layers
from keras_babysit.rules.linear_stack import linear_stack


def linearity(case: Case) -> CheckResult:
    """Report layers without activation, which are together a single linear map.

    The rule `linear_stack` judges the layers of the model. Nothing is measured.
    """
    layers = linear_layers(case.model)
    history = History()
    history.note(linear_layers=layers)
    words = f"{len(layers)} layers are a single linear layer" if layers else "no linear stack"
    return CheckResult(words, renamed(linear_stack(history), "linearity"))
