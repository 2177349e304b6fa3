"""The schedule: when to measure, how deep, and on how many examples.

All of that follows from the step, the planned steps and a `CostEstimate` of the network, never from
the clock: the same script is measured at the same steps on a busy machine. `plan_run` decides,
`Schedule` holds its decision for one run and reports what measuring really took.
"""

from keras_babysit.schedule.account import Account, account_of
from keras_babysit.schedule.cost_estimate import CostEstimate, Mode
from keras_babysit.schedule.looks import Ends, Looks
from keras_babysit.schedule.plan import Plan, plan_run
from keras_babysit.schedule.schedule import Schedule

__all__ = [
    "Account",
    "CostEstimate",
    "Ends",
    "Looks",
    "Mode",
    "Plan",
    "Schedule",
    "account_of",
    "plan_run",
]
