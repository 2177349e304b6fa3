"""Any history is tolerated: by every rule, and on the way to JSON lines and back.

Hundreds of histories in every run; `make soak` takes as many as fit into its minutes.
"""

import os

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keras_babysit import rules
from keras_babysit.facts import RunFacts
from keras_babysit.findings import Finding, Journal
from keras_babysit.history import History, Measurement
from tests.rules.table import TABLE

EXAMPLES = 10 * int(os.environ.get("BABYSIT_EXAMPLES", "30"))
MADE = [made for _, made, _ in TABLE.values()]
ODD = (0.0, -0.0, 1.0, -1.0, 1e-38, 1e38, np.nan, np.inf, -np.inf)


@st.composite
def histories(draw):
    """Draw a history that a rule knows how to read, and spoil it: values, lengths, facts."""
    made, other = draw(st.sampled_from(MADE)), draw(st.sampled_from(MADE))
    history = History(max_points=draw(st.sampled_from([8, 1024])))
    mine, others = made.facts.to_json(), other.facts.to_json()
    facts = dict(draw(st.sampled_from([mine, others, mine | others])))
    for fact in draw(st.lists(st.sampled_from(sorted(facts) or ["layers"]), max_size=3)):
        facts.pop(fact, None)
    history.facts = RunFacts.from_json(facts)
    points = [*made, *(other if draw(st.booleans()) else ())]
    points.sort(key=lambda point: point.step)  # as a run brings them
    keep = draw(st.floats(0.3, 1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    spoilt = draw(st.sampled_from([0.0, 0.1, 1.0]))
    for point in points:
        if rng.random() < keep:
            value = np.array(point.value, np.float32)
            odd = rng.random(value.shape) < spoilt
            value = np.where(odd, rng.choice(ODD, value.shape), value)
            value = value.astype(np.float32) if value.ndim else float(value)
            history.append(
                Measurement(point.step, point.epoch, point.quantity, point.target, value)
            )
    return history


def as_texts(findings):
    return sorted(str(one.to_json()) for one in findings)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="BABYSIT_EXAMPLES" not in os.environ,
)
@given(histories())
def test_every_rule_tolerates_every_history_and_says_the_same_of_its_copy(history):
    again = History.from_jsonl(history.to_jsonl())
    assert sorted(again.to_jsonl().splitlines()) == sorted(history.to_jsonl().splitlines())
    for rule in rules.DEFAULT_RULES:
        with np.errstate(all="ignore"):  # as the session asks it
            found, twin = rule(history), rule(again)
        assert all(isinstance(finding, Finding) for finding in found)
        assert as_texts(found) == as_texts(twin)
        for event in Journal().update(found, step=1, epoch=0):
            Finding.from_json(event.to_json())
