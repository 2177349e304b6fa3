"""The ranked list of conditions, in which a rule is one line."""

import importlib
import pkgutil

from keras_babysit import rules
from keras_babysit.rules import DEFAULT_RULES, RANKED, Rule

FILES = [found.name for found in pkgutil.iter_modules(rules.__path__)]


def test_the_rule_of_each_file_is_listed_once():
    modules = {name: importlib.import_module(f"{rules.__name__}.{name}") for name in FILES}
    own = {name for name, module in modules.items() if isinstance(getattr(module, name, 0), Rule)}
    listed = [entry.condition.name for entry in RANKED if isinstance(entry, Rule)]
    assert sorted(listed) == sorted(own)
    assert DEFAULT_RULES.names == listed


def test_a_rule_is_reached_by_its_name():
    for entry in DEFAULT_RULES:
        assert getattr(rules, entry.condition.name) is entry
