"""The schedule: when to look, and what looking may cost."""

from keras_babysit.schedule.schedule import Schedule

__all__ = ["Schedule"]
