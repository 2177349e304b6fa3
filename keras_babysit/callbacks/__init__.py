"""Callbacks for `model.fit`: the `Babysitter`, and one callback for each of four conditions."""

from keras_babysit.callbacks.babysitter import Babysitter
from keras_babysit.callbacks.dead_units import DeadUnits
from keras_babysit.callbacks.loss_explosion import LossExplosion
from keras_babysit.callbacks.saturation import Saturation
from keras_babysit.callbacks.train_val_gap import TrainValGap

__all__ = ["Babysitter", "DeadUnits", "LossExplosion", "Saturation", "TrainValGap"]
