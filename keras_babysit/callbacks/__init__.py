"""Callbacks for `model.fit`: the `Babysitter`, and one callback for each of four conditions.

`session` wires one monitored run. Each of its parts has a file: `step_counter` and `stepping`,
`measuring`, `judging` with `rule_runner`, `bad_batch_search`, `recorder_link`, `stopping`,
`fork` with `fork_training` for remedies that are tried, `delivery` to the sinks. A new task of a
run is a new part that `session` constructs and calls.
"""

from keras_babysit.callbacks.babysitter import Babysitter
from keras_babysit.callbacks.dead_units import DeadUnits
from keras_babysit.callbacks.loss_explosion import LossExplosion
from keras_babysit.callbacks.saturation import Saturation
from keras_babysit.callbacks.train_val_gap import TrainValGap
from keras_babysit.callbacks.watch import watch

__all__ = ["Babysitter", "DeadUnits", "LossExplosion", "Saturation", "TrainValGap", "watch"]
