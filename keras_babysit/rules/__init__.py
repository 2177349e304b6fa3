"""Rules: pure functions of the history that say what is wrong.

To add one: a file here named after the condition, one function of the same name, and its place in
`DEFAULT_RULES` (see CONTRIBUTING.md).
"""

from collections.abc import Iterable

from keras_babysit.rules.dead_units import dead_units
from keras_babysit.rules.loss_explosion import loss_explosion
from keras_babysit.rules.non_finite_values import non_finite_values
from keras_babysit.rules.overfitting import overfitting
from keras_babysit.rules.rule import Rule, Rules, rule_name
from keras_babysit.rules.saturated_units import saturated_units
from keras_babysit.rules.underfitting import underfitting

DEFAULT_RULES = Rules(
    [
        non_finite_values,
        loss_explosion,
        dead_units,
        saturated_units,
        overfitting,
        underfitting,
    ]
)
"""What `Babysitter` looks for, causes before their effects."""


def read_rules(rules: Iterable[Rule | str]) -> Rules:
    """Return rules from rules, names of rules of `DEFAULT_RULES`, or both.

    Raises:
        ValueError: If a name is unknown or two rules have the same name.
        TypeError: If an entry is neither a name nor callable.
    """
    if isinstance(rules, str):
        rules = [rules]
    found: list[Rule] = []
    for rule in rules:
        if isinstance(rule, str):
            found.append(DEFAULT_RULES[rule])
        elif callable(rule):
            found.append(rule)
        else:
            raise TypeError(
                "Argument `rules` must hold functions or names of rules. Received: "
                f"{type(rule).__name__}"
            )
    return Rules(found)


__all__ = [
    "DEFAULT_RULES",
    "Rule",
    "Rules",
    "dead_units",
    "loss_explosion",
    "non_finite_values",
    "overfitting",
    "read_rules",
    "rule_name",
    "saturated_units",
    "underfitting",
]
