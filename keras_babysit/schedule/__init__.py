"""The schedule: when to measure, and what measuring may cost."""

from keras_babysit.schedule.schedule import Schedule

__all__ = ["Schedule"]
