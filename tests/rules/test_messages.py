"""docs/messages.md is what `make messages` makes of the rules and the checks.

The messages of the checks are compared in `tests/checks/test_pairs.py`, which makes them.
"""

import pytest

from keras_babysit.checks import DEFAULT_CHECKS
from keras_babysit.findings import CONDITIONS
from keras_babysit.rules import DEFAULT_RULES
from tools.messages_page import PAGE, committed_checks, page


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(committed_checks()), "run `make messages`"


@pytest.mark.parametrize("name", [*DEFAULT_RULES.names, *DEFAULT_CHECKS.names])
def test_every_rule_and_check_has_a_section_with_messages_and_remedies(name):
    section = PAGE.read_text(encoding="utf-8").split(f"\n`{name}`, turned off by ")[1]
    section = section.split("\n## ")[0]
    assert "\n- " in section
    assert "\n1. " in section
    assert "\nReference: " in section
    assert CONDITIONS.silence(name) in section
