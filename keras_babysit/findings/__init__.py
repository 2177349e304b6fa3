"""What was found in a run: findings, the journal that reports each once, and the verdict.

`finding` is one item, `condition` what is known of its kind, `causes` the order of root causes and
symptoms, `verdict` the whole answer that every sink shows.
"""

from keras_babysit.findings.causes import Cause, Group, causes_of, explain, moments
from keras_babysit.findings.condition import CONDITIONS, Condition, Conditions, alternatives
from keras_babysit.findings.finding import Finding, Remedy, Severity
from keras_babysit.findings.finding_list import FindingList
from keras_babysit.findings.journal import MAX_EPISODES, Change, Event, Journal
from keras_babysit.findings.tried import Outcome, Tried
from keras_babysit.findings.verdict import Verdict, measured_as_a_whole, verdict_of, verdict_on

__all__ = [
    "CONDITIONS",
    "MAX_EPISODES",
    "Cause",
    "Change",
    "Condition",
    "Conditions",
    "Event",
    "Finding",
    "FindingList",
    "Group",
    "Journal",
    "Outcome",
    "Remedy",
    "Severity",
    "Tried",
    "Verdict",
    "alternatives",
    "causes_of",
    "explain",
    "measured_as_a_whole",
    "moments",
    "verdict_of",
    "verdict_on",
]
