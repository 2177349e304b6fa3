"""Rules: pure functions of the history that find what is wrong with a run.

To add one: a file here named after the condition, one function of the same name under the decorator
`rule`, and its line in `ranked.py` (see CONTRIBUTING.md).
"""

from keras_babysit.findings import CONDITIONS as _CONDITIONS
from keras_babysit.rules.collection import Rules as Rules
from keras_babysit.rules.other_conditions import FLIGHT_RECORDER as _FLIGHT_RECORDER
from keras_babysit.rules.other_conditions import NOT_DONE as _NOT_DONE
from keras_babysit.rules.other_conditions import NOT_WATCHED as _NOT_WATCHED
from keras_babysit.rules.other_conditions import RESCUE as _RESCUE
from keras_babysit.rules.ranked import *  # noqa: F403 - the rules and their order, one line each
from keras_babysit.rules.ranked import RANKED as RANKED
from keras_babysit.rules.rule import Rule as Rule
from keras_babysit.rules.rule import RuleLike as RuleLike
from keras_babysit.rules.rule import ask as ask
from keras_babysit.rules.rule import rule as rule
from keras_babysit.rules.rule import rule_name as rule_name

DEFAULT_RULES: Rules[RuleLike] = Rules(entry for entry in RANKED if isinstance(entry, Rule))
"""The rules that `Babysitter` applies by default."""

for _name in DEFAULT_RULES.names:
    _CONDITIONS.add(
        _CONDITIONS[_name], silence=f'kb.Babysitter(rules=kb.DEFAULT_RULES.without("{_name}"))'
    )
_CONDITIONS.add(_FLIGHT_RECORDER, silence="kb.Babysitter(record=None)")
_CONDITIONS.add(_RESCUE, silence="kb.Babysitter(rescue=False)")
_CONDITIONS.add(_NOT_WATCHED)
_CONDITIONS.add(_NOT_DONE)
_CONDITIONS.put_first(
    entry.condition.name if isinstance(entry, Rule) else entry.name for entry in RANKED
)
