"""The schedule: when to measure, and what measuring may cost.

`Schedule` decides for each task; `pace`, `score_plan` and `gradient_turns` are pure parts of it. A
new task gets its fraction of the budget in `schedule.FRACTIONS`.
"""

from keras_babysit.schedule.schedule import Schedule

__all__ = ["Schedule"]
