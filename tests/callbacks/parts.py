"""What the tests of the parts of a session have in common."""

from types import SimpleNamespace

from keras_babysit.callbacks.bad_batch_search import BadBatchSearch
from keras_babysit.callbacks.judging import Judging
from keras_babysit.callbacks.recorder_link import RecorderLink
from keras_babysit.callbacks.rule_runner import RuleRunner
from keras_babysit.callbacks.settings import Settings
from keras_babysit.callbacks.step_counter import StepCounter
from keras_babysit.callbacks.stopping import Stopping
from keras_babysit.findings import Finding, Severity
from keras_babysit.history import History
from keras_babysit.recorder.health import RunHealth
from keras_babysit.schedule import Schedule


class Clock:
    """Tells the seconds that it is given."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Rule:
    """Finds what the test asks for."""

    __name__ = "made_up"

    def __init__(self):
        self.findings = []

    def __call__(self, history):
        return self.findings


class Recorder:
    """Notes the calls that a flight recorder receives."""

    def __init__(self):
        self.findings, self.are_good = [], []

    def measured(self, is_good):
        self.are_good.append(is_good)


class Run:
    """The parts of a made-up run that a judgement connects."""

    def __init__(self, *, health=None, stop_on=None, recorder=None, workers=1, sinks=()):
        self.model = SimpleNamespace(stop_training=False)
        self.history, self.health = History(), health or RunHealth()
        self.rule = Rule()
        self.runner = RuleRunner(self.history, [self.rule], sinks)
        self.runner.open()
        self.steps = StepCounter(self.model, {"epochs": 2, "steps": 5})
        self.search = BadBatchSearch(self.health, 5)
        settings = Settings(rules=[self.rule], stop_on=stop_on)
        self.recorder = RecorderLink(recorder, self.history, self.health, self.steps)
        self.judging = Judging(
            self.history,
            self.runner,
            self.steps,
            health=self.health,
            search=self.search,
            stopping=Stopping(self.model, settings, workers),
            recorder=self.recorder,
        )

    def judge(self, *findings):
        """Let the rule find this; return the rules of all findings so far."""
        self.rule.findings = list(findings)
        self.judging.judge_and_publish()
        return [finding.rule for finding in self.runner.findings]


def finding(rule="dead_units", severity=Severity.WARNING, **options):
    return Finding(rule, severity, "", f"It is {rule}.", **options)


def started(every="auto", **options):
    """Return a started schedule whose clock stands still."""
    schedule = Schedule(every, clock=Clock(), **options)
    schedule.start(planned_steps=100)
    return schedule
